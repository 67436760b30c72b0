"""HDDM-A by river: the mean since the start against the lowest mean so far, by Hoeffding's bound (Frías-Blanco 2014).

Right for numbers between 0 and 1. Fed 1 where the whole window differs from the reference at p < 0.1 and 0 elsewhere; a
share (`of: outside`) is bounded too, but moves too little for the bound. Measured: docs/detectors.md.
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
        "drift_confidence": "confidence of an alarm; 0.001",
        "two_sided_test": "also where errors grow fewer; false",
    }
)


def watch(context: Context) -> Watch:
    """River's HDDM-A, averages under Hoeffding's bound on every column.

    Raises:
        ConfigError: river is not installed, or an option is unknown or cannot be read.
    """
    settings = Settings.of("hddm_a", context.options, OPTIONS)
    made = fed.river("hddm_a", "river.drift.binary", "HDDMA")
    about = {
        "drift_confidence": settings.rate("drift_confidence", 0.001),
        "two_sided_test": settings.flag("two_sided_test", False),
    }
    return fed.watch(context, settings, "error", fed.replay(lambda: made(**about)), about)


DETECTOR = SequentialDetector(
    name="hddm_a",
    title="River's HDDM-A, averages under Hoeffding's bound; false alarms as measured in docs/detectors.md",
    watch=watch,
    options=OPTIONS,
    needs="river",
)
