"""Whether a model's performance is affected: what the harm gate of rules and `/metrics` go by."""

from typing import Final

from detectors.performance.options import MAX_DROP
from detectors.performance.summary import Standing, change
from drift.core.performance import Measure, Performance

HEADLINES: Final = ("accuracy", "mae")
"""The metrics that speak for a task: the share of right classes, or the mean absolute error."""
DETECTORS: Final = frozenset(("estimated_performance", "realized_performance", "concept"))
"""Names of those whose alarms are about performance itself."""


def headline(performance: Performance) -> str:
    """The metric that speaks for a model; empty: it has none."""
    measured = {**performance.reference, **performance.estimated, **performance.realized}
    return next((name for name in HEADLINES if name in measured), "")


def affected(performance: Performance, max_drop: float = MAX_DROP) -> bool | None:
    """Whether one window is worse than the reference by more than is borne, and its 95 % band excludes that nothing
    changed: by labels where they are mature, else as estimated; None: it cannot be told.

    Args:
        performance: of one segment of one window.
        max_drop: as in `change`.
    """
    metric = headline(performance)
    if not metric:
        return None
    found = change(performance, metric, max_drop)
    if found.standing is Standing.UNKNOWN:
        return None
    return found.standing is Standing.WORSE


def known(performance: Performance, kind: str, metric: str) -> Measure | None:
    """A metric as a rule may use it: realised only once labels are mature; None: it is not known."""
    if kind == "realized" and not performance.mature:
        return None
    found = (performance.realized if kind == "realized" else performance.estimated).get(metric)
    return found if found is not None and found.known else None
