"""Page–Hinkley by river: the running sum of x − x̄ − δ above its minimum, and the mirrored one (Page 1954).

Fed the window's mean in the reference's standard deviations. `threshold` is in the unit of that number times windows:
river's 50 is a shift of 1 for 50 windows. It learns its own mean and reads no baseline but the scale. Measured:
docs/detectors.md.
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
        "min_instances": "windows before the first look; 30",
        "delta": "what is borne in each window; 0.005",
        "threshold": "sum at which it alarms; 50",
        "alpha": "forgetting factor of the sum; 0.9999",
        "mode": "`up`, `down` or `both`; both",
    }
)


def watch(context: Context) -> Watch:
    """River's Page–Hinkley test on every column.

    Raises:
        ConfigError: river is not installed, or an option is unknown or cannot be read.
    """
    settings = Settings.of("page_hinkley", context.options, OPTIONS)
    made = fed.river("page_hinkley", "river.drift", "PageHinkley")
    about = {
        "min_instances": settings.count("min_instances", 30),
        "delta": settings.number("delta", 0.005, 0.0),
        "threshold": settings.number("threshold", 50.0, 0.0),
        "alpha": settings.number("alpha", 0.9999, 0.0, 1.0),
        "mode": settings.word("mode", "both", ("up", "down", "both")),
    }
    return fed.watch(context, settings, "mean", fed.replay(lambda: made(**about)), about)


DETECTOR = SequentialDetector(
    name="page_hinkley",
    title="River's Page–Hinkley test; false alarms as measured in docs/detectors.md",
    watch=watch,
    options=OPTIONS,
    needs="river",
)
