"""What a model predicts and how its outcomes are counted. Part of a reference's grid, and as immutable."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MOST_CLASSES: Final = 20
"""Labels with more classes than this are not judged."""
MOST_CAUSES: Final = 64
"""Losses are summed by the bins of at most so many columns."""
MOST_CROSSED: Final = 6
"""Losses are summed by the pairs of at most so many of them: 15 tables of 8×8."""


class Task(StrEnum):
    """What a model predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


@dataclass(frozen=True, slots=True)
class OutcomeGrid:
    """How predictions and their labels are counted. A score's cells are the bins of its column's grid."""

    task: Task
    label: str
    """The column with the truth."""
    prediction: str = ""
    """The column with the predicted class or number; empty (binary): the score against `threshold`."""
    classes: tuple[str, ...] = ()
    """Canonical keys; binary: the negative, then the positive class. Empty for regression."""
    scores: tuple[str, ...] = ()
    """Columns with probabilities: binary one, of the positive class; multiclass one a class, in order, or none."""
    calibrated: tuple[tuple[float, ...], ...] = ()
    """For each score: the probability that each of its cells stands for, isotonic on the reference. What is summed a
    row (a class's share, a bin's loss) uses it; all else can be calibrated anew afterwards."""
    threshold: float = 0.5
    """Scores from here on predict the positive class, where no column says what was predicted."""
    weight: str = ""
    """Column with a row's weight; empty: all weigh 1."""
    causes: tuple[str, ...] = ()
    """Columns by whose bins losses are summed."""
    crossed: tuple[str, ...] = ()
    """Those of them by whose pairs losses are summed, too; see `pairs`."""
    centre: float = 0.0
    """Regression: labels are counted from here …"""
    unit: float = 1.0
    """… in this, a power of two: about the reference's central range."""
    losses: tuple[float, ...] = ()
    """Regression: edges, in the label's own unit, of the cells of absolute errors."""
    quantiles: tuple[float, ...] = ()
    """Regression: levels of the pinball loss, each for the prediction itself."""

    @property
    def outcomes(self) -> int:
        """Classes, and one more for what is none of them or unknown; 1 for regression."""
        return len(self.classes) + 1 if self.classes else 1
