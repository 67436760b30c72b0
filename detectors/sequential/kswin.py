"""KSWIN by river: the newest numbers against as many drawn from those before, by Kolmogorov–Smirnov (Raab 2020).

Fed the window's mean in the reference's standard deviations; the test knows no unit. It tests at every window, so that
at river's alpha one test in 200 would err on independent numbers and more where numbers overlap. The lots are drawn by
the window's start and the column, hence alike in every replay. A test costs 0.4 ms. Measured: docs/detectors.md.
"""

from types import MappingProxyType
from typing import Final

from detectors.contract import Floats
from detectors.sequential import fed
from detectors.sequential.contract import Context, SequentialDetector, Watch
from detectors.sequential.settings import Settings

OPTIONS: Final = MappingProxyType(
    {
        **fed.COMMON,
        "of": f"{fed.COMMON['of']}; mean",
        "alpha": "p-value at which it alarms; 0.005",
        "window_size": "numbers remembered, in windows; 100",
        "stat_size": "newest of them that are compared; 30",
    }
)


def watch(context: Context) -> Watch:
    """River's KSWIN, Kolmogorov–Smirnov windowing on every column.

    Raises:
        ConfigError: river is not installed, or an option is unknown or cannot be read.
    """
    settings = Settings.of("kswin", context.options, OPTIONS)
    made = fed.river("kswin", "river.drift", "KSWIN")
    about = {
        "alpha": settings.rate("alpha", 0.005),
        "window_size": settings.count("window_size", 100, 4),
        "stat_size": settings.count("stat_size", 30, 2),
    }
    size = settings.count("window_size", 100, 4)
    if settings.count("stat_size", 30, 2) * 2 > size:
        raise settings.wrong("stat_size", f"more than half of window_size {size}; write a smaller one")

    def make(past: Floats, seed: int) -> fed.RiverDetector:
        detector: fed.RiverDetector = made(**about, seed=seed, window=past[1 - size :].tolist())
        return detector

    return fed.watch(context, settings, "mean", make, about, fed.Size(2 * size, size, memo=False))


DETECTOR = SequentialDetector(
    name="kswin",
    title="River's KSWIN, Kolmogorov–Smirnov windowing; false alarms as measured in docs/detectors.md",
    watch=watch,
    options=OPTIONS,
    needs="river",
)
