"""Sequential detectors by name: every module or package of `detectors/sequential/` that holds a `DETECTOR`."""

from collections.abc import Mapping
from functools import cache

import detectors.sequential as package
from detectors.sequential.contract import SequentialDetector
from drift.core.plugins import held


@cache
def detectors() -> Mapping[str, SequentialDetector]:
    """Every detector, in alphabetical order."""
    return held(package, "DETECTOR", SequentialDetector)
