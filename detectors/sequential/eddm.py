"""EDDM by river: the distance between errors, in windows, shrinking against its largest (Baena-García and others 2006).

Fed 1 where the whole window differs from the reference at p < 0.1 and 0 elsewhere; other numbers than 1 are no errors
to it. It looks once it has seen `warm_start` errors, about 300 stationary windows. Measured: docs/detectors.md.
"""

from types import MappingProxyType
from typing import Final

from detectors.sequential import fed
from detectors.sequential.contract import Context, SequentialDetector, Watch
from detectors.sequential.settings import Settings

OPTIONS: Final = MappingProxyType(
    {
        **fed.COMMON,
        "of": f"{fed.COMMON['of']}; error",
        "warm_start": "errors before the first look; 30",
        "alpha": "level below which it would warn; 0.95",
        "beta": "level below which it alarms, not above alpha; 0.9",
    }
)


def watch(context: Context) -> Watch:
    """River's EDDM, early drift detection method on every column.

    Raises:
        ConfigError: river is not installed, or an option is unknown or cannot be read.
    """
    settings = Settings.of("eddm", context.options, OPTIONS)
    made = fed.river("eddm", "river.drift.binary", "EDDM")
    about = {
        "warm_start": settings.count("warm_start", 30),
        "alpha": settings.number("alpha", 0.95, 0.0, 1.0),
        "beta": settings.number("beta", 0.9, 0.0, 1.0),
    }
    if about["alpha"] < about["beta"]:
        raise settings.wrong("beta", f"above alpha {about['alpha']:g}; write a smaller one")
    return fed.watch(context, settings, "error", fed.replay(lambda: made(**about)), about)


DETECTOR = SequentialDetector(
    name="eddm",
    title="River's EDDM, early drift detection method; false alarms as measured in docs/detectors.md",
    watch=watch,
    options=OPTIONS,
    needs="river",
)
