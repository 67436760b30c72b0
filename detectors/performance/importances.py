"""What columns matter to the model: a mapping, or a fitted InterpretML EBM. They weigh causes and the alarm budget."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final, Protocol, runtime_checkable

from drift.core.errors import ConfigError

FLOOR: Final = 0.5
"""This part of the alarm budget is shared equally; the rest goes by importance."""


@runtime_checkable
class Explained(Protocol):
    """What is asked of an explainable boosting machine, `ExplainableBoostingClassifier` or `…Regressor`."""

    @property
    def feature_names_in_(self) -> Sequence[str]:
        """Columns."""
        ...

    @property
    def term_features_(self) -> Sequence[tuple[int, ...]]:
        """Positions of each term's columns: one, or two that interact."""
        ...

    def term_importances(self) -> Sequence[float]:
        """One a term: mean absolute contribution to the score; for several classes, a mean over them."""
        ...


def importances_of(given: Mapping[str, float] | Explained) -> Mapping[str, float]:
    """Importance of each column, 0–1, the largest is 1; empty where nothing matters. O(terms).

    An EBM's interactions are split evenly over their columns. What is not named weighs nothing.

    Args:
        given: column → importance, any non-negative unit (gain, mean |SHAP|, permutation); or a fitted EBM.

    Raises:
        ConfigError: an importance is negative or no number, or this is neither a mapping nor an EBM.
    """
    if isinstance(given, Mapping):
        raw = {str(name): _number(name, value) for name, value in given.items()}
    elif isinstance(given, Explained):
        raw = _terms(given)
    else:
        raise ConfigError(
            f"importances are a {type(given).__name__}; give a mapping of columns to numbers, or a fitted EBM of "
            "InterpretML"
        )
    top = max(raw.values(), default=0.0)
    return {name: value / top for name, value in raw.items()} if top > 0 else {}


def _terms(model: Explained) -> dict[str, float]:
    names = [str(name) for name in model.feature_names_in_]
    found = dict.fromkeys(names, 0.0)
    for features, value in zip(model.term_features_, model.term_importances(), strict=True):
        for feature in features:
            found[names[feature]] += _number(names[feature], value) / len(features)
    return found


def _number(name: Any, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not isfinite(number) or number < 0:
        raise ConfigError(f"the importance of {name!r} is {value!r}; give a number of at least 0")
    return number


def budget_shares(importances: Mapping[str, float], columns: Sequence[str]) -> Mapping[str, float]:
    """Each column's share of a model's false-alarm budget: they add up to 1, so that the budget holds as it is.

    Where A·F would be the limit of each of F columns, A/share is: for a weighted union bound (Genovese, Roeder &
    Wasserman 2006) any shares do. Half of it is shared equally, so that no column is ever blind: it costs at most a
    factor of 2 in evidence. Without importances, or where none of these columns has any, all have 1/F.
    """
    total = sum(importances.get(name, 0.0) for name in columns)
    equal = 1 / max(len(columns), 1)
    if total <= 0:
        return dict.fromkeys(columns, equal)
    return {name: FLOOR * equal + (1 - FLOOR) * importances.get(name, 0.0) / total for name in columns}
