"""What is said of a model's performance in one window: numbers with bands, and why they are what they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Final

CONFIDENCE: Final = 0.95
"""Of every band."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric with its band. NaN: it cannot be said, and `why` tells the reason."""

    value: float
    low: float = nan
    high: float = nan
    why: str = ""

    @property
    def known(self) -> bool:
        """Whether there is a number."""
        return isfinite(self.value)


Measures = Mapping[str, Measure]
"""Metric → measure, in the order in which people read them."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What one column has to do with a change of the loss against the reference."""

    column: str
    composition: float
    """Change of the mean loss that follows from other values of this column coming: Σ(p_b − q_b)·ℓ_b of the reference.
    In the loss's unit: share of wrong classes, or of the label's unit. Positive is worse."""
    within: float
    """Change within the bins: Σ p_b·(ℓ_b of the window − ℓ_b of the reference). NaN: not known."""
    z: float
    """`composition` in standard errors."""
    weight: float = 1.0
    """Importance of the column to the model, 0–1, where it was given."""


@dataclass(frozen=True, slots=True)
class Gap:
    """How unlike a metric is between the groups of a sensitive attribute."""

    attribute: str
    metric: str
    difference: float
    """Largest minus smallest."""
    ratio: float
    """Smallest by largest; NaN where that cannot be."""
    low: float = nan
    high: float = nan
    """Band of the difference."""
    null: float = nan
    """The difference that groups of these sizes show with 95 % probability at most where nothing is unlike."""
    worst: str = ""
    best: str = ""
    """The groups."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the traffic that is worse off than the rest."""

    where: tuple[tuple[str, str], ...]
    """(column, bin) of each condition."""
    rows: int
    loss: float
    """Mean loss within."""
    rest: float
    """Mean loss of all others."""
    p_value: float
    """After correction for all slices looked at."""


@dataclass(frozen=True, slots=True)
class Delay:
    """How long labels of one class took from their predictions."""

    name: str
    """The class; empty for regression."""
    labels: int
    median: float
    """Seconds; known to within a factor of 2."""
    most: float
    """Seconds within which nine in ten came."""


@dataclass(frozen=True, slots=True)
class Performance:
    """Of one segment of one window."""

    estimated: Measures = field(default_factory=dict)
    realized: Measures = field(default_factory=dict)
    reference: Measures = field(default_factory=dict)
    """The same metrics on the reference."""
    assumption: str = ""
    """What an estimate takes for granted, in one sentence."""
    predicted: int = 0
    joined: int = 0
    """Predictions with a label, explicit or implied."""
    coverage: float = nan
    """Share of predictions that can be labelled and are, 0–1."""
    mature: bool = False
    """Whether labels have had the time that they need."""
    confusion: tuple[tuple[int, ...], ...] = ()
    """[true][predicted] joined ones by class; empty for regression."""
    causes: tuple[Cause, ...] = ()
    """Worst first."""
    gaps: tuple[Gap, ...] = ()
    slices: tuple[Slice, ...] = ()
    delays: tuple[Delay, ...] = ()
    """Of labels that came; of the whole traffic only."""
    conflicts: int = 0
    """Labels that said otherwise than one before; of the whole traffic only."""
    summary: str = ""
    """What changed, since when, for whom, what it costs: for a person."""
