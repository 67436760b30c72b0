"""Tests over row samples by name: `classifier`, and Evidently's as `evidently:ks`, `evidently:wasserstein`, …"""

from detectors.sampled import classifier, evidently
from detectors.sampled.contract import LEVEL, Finding
from drift.core.errors import ConfigError
from drift.core.sample import RowSample


def check(name: str) -> str:
    """The name, if there is such a test. Imports Evidently (some seconds) only for names that begin with its own.

    Raises:
        ConfigError: there is none; lists those that there are.
    """
    if name == classifier.NAME or (name.startswith(evidently.PREFIX) and name in evidently.names()):
        return name
    listed = evidently.names() if name.startswith(evidently.PREFIX) else (f"{evidently.PREFIX}ks",)
    known = ", ".join((classifier.NAME, *listed))
    raise ConfigError(f"{name!r} is no test over row samples; there are {known} and Evidently's others")


def measure(name: str, window: RowSample, reference: RowSample, level: float = LEVEL) -> tuple[Finding, ...]:
    """What a test says; one finding for all columns together, or one for each column.

    Args:
        name: see `check`.
        window: the window's sample.
        reference: the reference's.
        level: false-alarm rate of the classifier test; Evidently's have thresholds of their own.

    Raises:
        ConfigError: there is no such test.
        ProfileMismatch: the samples are of other columns.
    """
    if check(name) == classifier.NAME:
        return (classifier.measure(window, reference, level),)
    return evidently.measure(name, window, reference)
