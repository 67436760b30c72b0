"""Realised metrics of any task."""

from math import nan
from typing import Final

from detectors.performance.implied import matured
from detectors.performance.options import PerformanceOptions
from drift.core.outcome.grid import Task
from drift.core.outcome.sums import Outcomes
from drift.core.performance import Measure, Measures

IMMATURE: Final = "predictions without a label do not count yet as {absent}: their time has not passed"


def realized(outcomes: Outcomes, segment: int, options: PerformanceOptions, mature: bool) -> Measures:
    """Realised metrics of one segment, with 95 % intervals; see `binary`, `multiclass` and `regression`.

    Where a class is implied by absence, a window says nothing before it is mature: labels of the other classes come
    first, and would make the model look as it is not. Otherwise what has a label is measured.

    Args:
        outcomes: as counted, without implied labels.
        segment: its index; 0 is the whole traffic.
        options: of the model.
        mature: whether labels have had the time that they need.
    """
    if options.absent is None or outcomes.outcome.task is Task.REGRESSION:
        return _measures(outcomes, segment, options)
    if mature:
        return _implied(_measures(matured(outcomes, options.absent, [segment]), segment, options), outcomes)
    why = IMMATURE.format(absent=repr(options.absent))
    return {name: Measure(nan, why=why) for name in _measures(Outcomes.empty(outcomes.grid), 0, options)}


def _measures(outcomes: Outcomes, segment: int, options: PerformanceOptions) -> Measures:
    match outcomes.outcome.task:
        case Task.BINARY:
            from detectors.performance import binary

            return binary.measures(outcomes, segment, options)
        case Task.MULTICLASS:
            from detectors.performance import multiclass

            return multiclass.measures(outcomes, segment)
        case _:
            from detectors.performance import regression

            return regression.measures(outcomes, segment)


def _implied(found: Measures, outcomes: Outcomes) -> Measures:
    """Without the losses that implied labels do not have."""
    if outcomes.outcome.task is Task.BINARY:
        return found
    why = "not kept for predictions whose label is implied"
    return {name: Measure(nan, why=why) if name in ("log_loss", "brier") else one for name, one in found.items()}
