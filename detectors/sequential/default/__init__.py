"""The default detector: a tolerance band, an e-detector and a false-alarm budget.

1. `streams`     what is watched of a column: location, spread, skew, kurtosis; shares of bins, of what is missing, …
2. `series`      the baseline's windows, as means of the streams
3. `season`      which hours and days are expected to differ
4. `wander`      how far the means wander by themselves
5. `learned`     the tolerance that follows
6. `selfcheck`   the baseline replayed: whatever alarms there is false
7. `process`     one window's bets (`betting`), added up to evidence
8. `watch`       alarms that latch and end

The user states one number: windows in which one false alarm is allowed. Source: Shin, Ramdas and Rinaldo 2024,
'E-detectors: a nonparametric framework for sequential change detection', NEJSDS 2(2), doi 10.51387/23-NEJSDS51.
"""

from typing import Final

from detectors.sequential.contract import SequentialDetector
from detectors.sequential.default.options import OPTIONS
from detectors.sequential.default.watch import DefaultWatch

DETECTOR: Final = SequentialDetector(
    name="default",
    title="tolerance band with a false-alarm budget (e-detector)",
    watch=DefaultWatch,
    options=OPTIONS,
)
