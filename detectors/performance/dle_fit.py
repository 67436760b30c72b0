"""Fitting an additive model of the loss on sums: ridge regression, judged on folds left out."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.contract import Floats
from detectors.performance.dle_sums import FOLDS, DleSums

PENALTIES: Final = (3.0, 30.0, 300.0, 3_000.0, 1e9)
"""A group's effect is drawn to 0 as if so many rows of the mean were in it; the last leaves nothing but the mean."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Models of |e| and e²; a model is a, then one effect a group."""

    whole: Floats
    """(2, 1 + groups) of all rows."""
    without: Floats
    """(folds, 2, 1 + groups) of all but one fold's."""
    scatter: Floats
    """(2,) mean squared error on folds left out."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Sums over some rows."""

    n: float
    pairs: Floats
    crossed: Floats
    totals: Floats

    def fitted(self, penalty: float) -> Floats:
        """(2, 1 + groups) ridge on centred groups; groups without rows have no effect."""
        from scipy import linalg

        count, mean = np.diagonal(self.pairs), self.totals[:, 0] / self.n
        centred = self.pairs - np.outer(count, count) / self.n
        centred[np.diag_indices_from(centred)] += penalty
        effects: Floats = linalg.solve(centred, self.crossed - np.outer(count, mean), assume_a="pos").T
        return np.column_stack((mean - effects @ (count / self.n), effects))

    def squared_error(self, model: Floats) -> Floats:
        """(2,) Σ(loss − model)² over these rows."""
        a, f = model[:, 0], model[:, 1:]
        count, (first, second) = np.diagonal(self.pairs), self.totals.T
        linear = (f * self.crossed.T).sum(axis=1)
        quadratic = np.einsum("ki,ij,kj->k", f, self.pairs, f, optimize=True)
        error: Floats = second - 2 * a * first - 2 * linear + self.n * a**2 + 2 * a * (f @ count) + quadratic
        return np.maximum(error, 0.0)


def fit(sums: DleSums) -> Fit:
    """All models, with the penalty of the least error on folds left out. O(folds · penalties · groups³)."""
    used = np.flatnonzero(sums.rows)
    total = _part(sums, used)
    rests = {fold: _part(sums, used[used != fold]) for fold in used.tolist()} if used.size > 1 else {}
    errors, models = np.zeros((len(PENALTIES), 2)), list[dict[int, Floats]]()
    for at, penalty in enumerate(PENALTIES):
        models.append({fold: rest.fitted(penalty) for fold, rest in rests.items()})
        for fold, model in models[-1].items():
            errors[at] += _part(sums, np.array([fold])).squared_error(model)
    best = np.argmin(errors, axis=0) if rests else np.full(2, len(PENALTIES) - 1)
    whole = np.stack([total.fitted(PENALTIES[at])[loss] for loss, at in enumerate(best)])
    without = np.repeat(whole[None], FOLDS, axis=0)
    for fold in rests:
        without[fold] = np.stack([models[at][fold][loss] for loss, at in enumerate(best)])
    scatter = errors[best, [0, 1]] if rests else total.squared_error(whole)
    return Fit(whole, without, scatter / total.n)


def _part(sums: DleSums, folds: np.ndarray[tuple[int], np.dtype[np.int64]]) -> _Part:
    return _Part(
        float(sums.rows[folds].sum()), sums.pairs[folds].sum(axis=0, dtype=np.float64),
        sums.crossed[folds].sum(axis=0), sums.totals[folds].sum(axis=0),
    )  # fmt: skip


def wandering(sums: DleSums, found: Fit) -> tuple[Floats, int]:
    """(2,) ω², and the number of chunks: the variance between chunks of mean loss − model, beyond its rows' scatter.

    DerSimonian & Laird (1986), *Controlled Clinical Trials* 7. Each chunk is judged by models that have not seen it.
    """
    by_chunk = dict[int, Floats]()
    for (chunk, fold), values in sums.chunks.items():
        counts, n, losses = values[: sums.width], values[sums.width], values[sums.width + 1 :]
        model = found.without[fold]
        rest = losses - n * model[:, 0] - model[:, 1:] @ counts
        by_chunk[chunk] = by_chunk.get(chunk, np.zeros(3)) + np.array([n, *rest])
    table = np.array(list(by_chunk.values())).reshape(-1, 3)
    n, chunks = table[:, :1], len(table)
    if chunks < 2:
        return np.zeros(2), chunks
    weight = n / np.maximum(found.scatter, 1e-300)
    mean = table[:, 1:] / n
    centre = (weight * mean).sum(axis=0) / weight.sum(axis=0)
    q = (weight * (mean - centre) ** 2).sum(axis=0)
    scale = weight.sum(axis=0) - (weight**2).sum(axis=0) / weight.sum(axis=0)
    return np.maximum((q - (chunks - 1)) / scale, 0.0), chunks
