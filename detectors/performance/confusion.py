"""Metrics of a confusion matrix of C classes, with their gradients: realised counts and expected ones alike.

Equal to scikit-learn's with `zero_division=0`: an average is over the classes that were predicted or true at all; a
class that was never predicted has a precision of 0, one that was never true a recall of 0.
"""

from typing import Final

import numpy as np

from detectors.contract import Floats

Metric = tuple[float, Floats]
"""Its value, and (C, C) by how much it moves with one more row of a field."""
NAMES: Final = (
    "accuracy", "precision_macro", "recall_macro", "f1_macro", "precision_weighted", "recall_weighted", "f1_weighted",
)  # fmt: skip


def metrics(table: Floats) -> dict[str, Metric]:
    """All of `NAMES` of a table (C, C) [predicted][true] of counts or weights; none of an empty one. O(C³)."""
    total = table.sum()
    if total <= 0:
        return {}
    guessed, true, hits, one = table.sum(axis=1), table.sum(axis=0), np.diagonal(table), np.eye(len(table))
    row, column, hit = one[:, :, None], one[:, None, :], one[:, :, None] * one[:, None, :]
    there = ((guessed + true) > 0).astype(np.float64)
    parts = {
        "precision": _ratio(hits, guessed, hit, row),
        "recall": _ratio(hits, true, hit, column),
        "f1": _ratio(2 * hits, guessed + true, 2 * hit, row + column),
    }
    share = true / total
    of_share = (column - share[:, None, None]) / total
    found = {"accuracy": (float(hits.sum() / total), (one - hits.sum() / total) / total)}
    for name, (values, gradients) in parts.items():
        found[f"{name}_macro"] = _mean(there / there.sum(), values, gradients)
        value, gradient = _mean(share, values, gradients)
        found[f"{name}_weighted"] = value, gradient + np.tensordot(values, of_share, 1)
    return {name: found[name] for name in NAMES}


def _ratio(over: Floats, under: Floats, of_over: Floats, of_under: Floats) -> tuple[Floats, Floats]:
    """(C,) ratios and (C, C, C) their gradients; 0 where there is nothing below the line."""
    safe = np.where(under > 0, under, 1.0)
    values = np.where(under > 0, over / safe, 0.0)
    gradients = (of_over - values[:, None, None] * of_under) / safe[:, None, None]
    return values, np.where((under > 0)[:, None, None], gradients, 0.0)


def _mean(weights: Floats, values: Floats, gradients: Floats) -> Metric:
    return float(weights @ values), np.tensordot(weights, gradients, 1)
