"""Binary metrics as functions of how many positives each cell holds, with their gradients.

One set of formulas serves expected positives (an estimate) and counted ones (a chunk of the reference that the estimate
is compared with). A gradient says by how much a metric moves with one more positive among a cell's rows, the rows
themselves being as they are; from it follow all variances.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from detectors.contract import Floats
from detectors.performance.cells import Cells
from detectors.performance.options import Payoff
from drift.core.outcome.counting import EPSILON

Metric = tuple[float, Floats]
"""Its value, and (K+1, 3) its gradient."""


@dataclass(frozen=True)
class Expected:
    """Rows by cell and predicted class (negative, positive, unknown), and how many of them are positive."""

    positives: Floats
    """(K+1, 3)"""
    totals: Floats
    """(K+1, 3)"""
    cells: Cells

    def metrics(self, payoff: Payoff | None = None) -> dict[str, Metric]:
        """Every metric that is defined. O(K)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found = self._shares(payoff) | self.ranks() | self._losses()
        return {name: (value, gradient) for name, (value, gradient) in found.items() if np.isfinite(value)}

    def _shares(self, payoff: Payoff | None) -> dict[str, Metric]:
        n0, n1 = self.totals[:, 0].sum(), self.totals[:, 1].sum()
        tp, fn, n = self.positives[:, 1].sum(), self.positives[:, 0].sum(), n0 + n1
        tn, p, negatives, union = n0 - fn, tp + fn, n - tp - fn, n1 + tp + fn
        made: dict[str, Callable[[], tuple[np.float64, np.float64, np.float64]]] = {
            "accuracy": lambda: ((tp + tn) / n, 1 / n, -1 / n),
            "precision": lambda: (tp / n1, 1 / n1, 0 * n1),
            "recall": lambda: (tp / p, fn / p**2, -tp / p**2),
            "f1": lambda: (2 * tp / union, 2 * (n1 + fn) / union**2, -2 * tp / union**2),
            "specificity": lambda: (tn / negatives, tn / negatives**2, (tn - negatives) / negatives**2),
        }
        if payoff is not None:
            a, b, c, d = payoff.tp, payoff.fp, payoff.fn, payoff.tn
            brought = a * tp + b * (n1 - tp) + c * fn + d * tn
            made["value"] = lambda: (brought / n, (a - b) / n, (c - d) / n)
        return {name: self._of_table(*make()) for name, make in made.items()}

    def _of_table(self, value: np.float64, of_tp: np.float64, of_fn: np.float64) -> Metric:
        gradient = np.zeros_like(self.totals)
        gradient[:, 1], gradient[:, 0] = of_tp, of_fn
        return float(value), gradient

    def _spread(self, value: float, by_cell: Floats) -> Metric:
        """A gradient that is the same whatever was predicted, and 0 for rows without a score."""
        return value, np.append(by_cell, 0.0)[:, None] * np.ones(3)

    def ranks(self) -> dict[str, Metric]:
        """AUROC and average precision, a cell's rows being in no order.

        AP = Σ_k P_k·T_k/(M_k·P): T and M are positives and all rows above the middle of cell k.
        """
        ranked = self.cells.ranked
        p = np.where(ranked, self.positives[:-1].sum(axis=1), 0.0)
        m = np.where(ranked, self.totals[:-1].sum(axis=1), 0.0)
        n, total = m - p, p.sum()
        negatives_below, positives_above = np.cumsum(n) - n / 2, total - np.cumsum(p) + p / 2
        auroc = float((p @ negatives_below) / (total * n.sum()))
        of_auroc = (negatives_below - positives_above) / (total * n.sum()) - auroc * (1 / total - 1 / n.sum())
        above = np.maximum(m.sum() - np.cumsum(m) + m / 2, 1e-300)
        precision, per_row = np.where(m > 0, positives_above / above, 0.0), np.where(m > 0, p / above, 0.0)
        average = float((p @ precision) / total)
        of_average = (precision + per_row / 2 + np.cumsum(per_row) - per_row - average) / total
        return {
            "auroc": self._spread(auroc, np.where(ranked, of_auroc, 0.0)),
            "average_precision": self._spread(average, np.where(ranked, of_average, 0.0)),
        }

    def _losses(self) -> dict[str, Metric]:
        """Of scores in the middle of their cells; what that leaves out is `BinaryEstimate.excess`."""
        p, m, s = self.positives[:-1].sum(axis=1), self.totals[:-1].sum(axis=1), self.cells.centres
        rows, inner = m.sum(), np.clip(s, EPSILON, 1 - EPSILON)
        log_negative, log_positive = -np.log1p(-inner), -np.log(inner)
        return {
            "log_loss": self._linear(log_negative, log_positive, p, m, rows),
            "brier": self._linear(s**2, (1 - s) ** 2, p, m, rows),
        }

    def _linear(self, negative: Floats, positive: Floats, p: Floats, m: Floats, rows: np.float64) -> Metric:
        """A mean loss, from what a negative and a positive of each cell cost."""
        more = positive - negative
        return self._spread(float((m @ negative + p @ more) / rows), more / rows)
