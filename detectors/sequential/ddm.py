"""DDM by river: the error rate plus its deviation beyond the lowest seen by three deviations (Gama and others 2004).

Made for a classifier's errors. Fed 1 where the whole window differs from the reference at p < 0.1 and 0 elsewhere, one
stationary window in ten; a share (`of: outside`) is taken as well, though its deviation is then overstated. It finds
increases only. Measured: docs/detectors.md.
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
        "warm_start": "windows before the first look; 30",
        "drift_threshold": "deviations above the lowest rate; 3",
    }
)


def watch(context: Context) -> Watch:
    """River's DDM, drift detection method on every column.

    Raises:
        ConfigError: river is not installed, or an option is unknown or cannot be read.
    """
    settings = Settings.of("ddm", context.options, OPTIONS)
    made = fed.river("ddm", "river.drift.binary", "DDM")
    about = {
        "warm_start": settings.count("warm_start", 30),
        "drift_threshold": settings.number("drift_threshold", 3.0, 0.0),
    }
    return fed.watch(context, settings, "error", fed.replay(lambda: made(**about)), about)


DETECTOR = SequentialDetector(
    name="ddm",
    title="River's DDM, drift detection method; false alarms as measured in docs/detectors.md",
    watch=watch,
    options=OPTIONS,
    needs="river",
)
