"""ADWIN by river: drops the older part of a growing window where the two parts' means differ (Bifet, Gavaldà 2007).

Fed the window's mean in the reference's standard deviations. ADWIN's bound supposes numbers between 0 and 1, so that
a shift has to reach about half of that scale: it is calm on means (`of: mean`) and keener on `of: z`.
`clock` is 1 here and 32 in river: ours is one number per window, not per row. Measured: docs/detectors.md.
"""

from types import MappingProxyType
from typing import Final

from detectors.sequential import fed
from detectors.sequential.contract import Context, SequentialDetector, Watch
from detectors.sequential.settings import Settings

OPTIONS: Final = MappingProxyType(
    {
        **fed.COMMON,
        "of": f"{fed.COMMON['of']}; mean",
        "delta": "confidence; 0.002",
        "clock": "looks at every so many windows; 1",
        "min_window_length": "shortest part compared, in windows; 5",
        "grace_period": "windows before the first look; 10",
    }
)


def watch(context: Context) -> Watch:
    """River's ADWIN, adaptive windowing on every column.

    Raises:
        ConfigError: river is not installed, or an option is unknown or cannot be read.
    """
    settings = Settings.of("adwin", context.options, OPTIONS)
    made = fed.river("adwin", "river.drift", "ADWIN")
    about = {
        "delta": settings.rate("delta", 0.002),
        "clock": settings.count("clock", 1),
        "min_window_length": settings.count("min_window_length", 5),
        "grace_period": settings.count("grace_period", 10),
    }
    return fed.watch(context, settings, "mean", fed.replay(lambda: made(**about)), about)


DETECTOR = SequentialDetector(
    name="adwin",
    title="River's ADWIN, adaptive windowing; false alarms as measured in docs/detectors.md",
    watch=watch,
    options=OPTIONS,
    needs="river",
)
