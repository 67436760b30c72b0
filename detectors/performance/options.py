"""What a model's settings say about its performance."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

MAX_DROP: Final = 0.02


@dataclass(frozen=True, slots=True)
class Payoff:
    """What each decision of a binary model brings, in the user's own unit; costs are negative."""

    tp: float = 0.0
    fp: float = 0.0
    fn: float = 0.0
    tn: float = 0.0


@dataclass(frozen=True, slots=True)
class PerformanceOptions:
    """Settings of one model. All have defaults with which nothing is implied, valued or weighed."""

    absent: str | None = None
    """The class that a prediction without a label has once its window is mature; None: it has none."""
    value: Payoff | None = None
    """None: no business value is measured."""
    max_drop: float = MAX_DROP
    """Fall of a metric, 0–1, from which performance counts as affected."""
    sensitive: tuple[str, ...] = ()
    """Segment columns between whose groups metrics are compared."""
    importances: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Column → importance to the model, ≥ 0."""
    since: int | None = None
    """End of the reference, event time in microseconds: since then P(y|score) is taken for unchanged."""
    checked: int | None = None
    """Event time of the last window whose labels were compared with the estimate."""
    zone: str = "UTC"
    """Time zone in which times are said."""
