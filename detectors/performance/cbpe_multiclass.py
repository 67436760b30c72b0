"""CBPE of models of several classes.

π_ic = ĉ_c(s_ic)/Σ_c ĉ_c(s_ic), one-versus-rest calibrators frozen in the grid; E[ŷ, c] = Σ_i π_ic·1{ŷ_i = ŷ} is summed
as predictions come. On the reference, E is compared with what labels said, J: fields are corrected by (J + a)/(E + a),
Clayton and Kaldor's (1987, Biometrics 43) empirical Bayes for ratios of counts, 1/a being the variance of the true
ratios: 1 for the whole traffic, which always has rows enough; by moments over all segments of a column for these.

Variance: given ŷ, a label is drawn with E's shares; Σπ(1−π), which is summed too, says how much less it varies since
rows differ. The calibrators' error is that of as many labels as the reference has of this ŷ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.contract import Floats
from detectors.performance import confusion, multiclass
from detectors.performance.calibration import ENOUGH, Calibrator, Counts
from detectors.performance.cbpe import TOO_FEW, Estimates
from detectors.performance.cells import Cells
from detectors.performance.expected import Expected
from drift.core.outcome.layout import SHARE_BITS
from drift.core.outcome.sums import Outcomes

UNIT: Final = float(1 << SHARE_BITS)


@dataclass(frozen=True, slots=True)
class MulticlassEstimate:
    """What the reference taught of a model and its segments."""

    corrections: Mapping[int, Floats]
    """(C, C) [predicted][true] by segment; no key: it has too few labels."""
    calibrators: tuple[Calibrator, ...]
    """Of each class's score, for AUROC."""
    learnt: Mapping[int, Floats]
    """(C,) labelled rows of the reference by predicted class, by segment."""

    @staticmethod
    def of(reference: Outcomes) -> "MulticlassEstimate":
        """Compare with the reference's labels."""
        labels = {one.index: multiclass.tables(reference, one.index)[0] for one in reference.grid.segments}
        expected = {index: _rows_of(_expected(reference, index), label) for index, label in labels.items()}
        whole = (labels[0] + 1) / (expected[0] + 1)
        known = bool(reference.outcome.calibrated) and _enough(labels[0], len(labels[0]))
        corrections = {0: whole} if known else {}
        columns: dict[str, list[int]] = {}
        for segment in reference.grid.segments[1:]:
            if corrections and _enough(labels[segment.index], 2):
                columns.setdefault(segment.name, []).append(segment.index)
        for indices in columns.values():
            ours = [_rows_of(expected[index] * whole, labels[index]) for index in indices]
            ratios = _ratios([labels[index] for index in indices], ours)
            corrections |= {index: whole * ratio for index, ratio in zip(indices, ratios, strict=True)}
        made = [_calibrator(reference, number) for number in range(len(labels[0]))]
        return MulticlassEstimate(corrections, tuple(made), {i: one.sum(axis=1) for i, one in labels.items()})

    @property
    def names(self) -> tuple[str, ...]:
        """Metrics that it estimates, in order."""
        return (*confusion.NAMES, "auroc_ovr")

    def enough(self, segment: int) -> str:
        """Why a segment is not estimated; empty: it is."""
        return "" if segment in self.corrections else TOO_FEW

    def estimate(self, window: Outcomes, segment: int) -> Estimates:
        """Of a window's predictions."""
        rows = window.block("predicted", segment)[0, :-1].astype(np.float64)
        found = self._estimated(window, segment, rows, learnt=True)
        cells = window.block("cells", segment).astype(np.float64)
        ranks = [self._rank(window, number, cells[number]) for number in range(len(self.calibrators))]
        return found | _average(ranks)

    def residual(self, chunk: Outcomes, segment: int) -> Estimates:
        """Realised − estimated of a chunk's predictions with labels, and what variance their own chance gives it."""
        labels, _ = multiclass.tables(chunk, segment)
        found = dict(self._estimated(chunk, segment, labels.sum(axis=1), learnt=False))
        counts = chunk.block("met", segment).sum(axis=2).astype(np.float64)
        found |= _average([self._rank(chunk, number, one) for number, one in enumerate(counts)])
        real = {name: value for name, (value, _) in confusion.metrics(labels).items()}
        real["auroc_ovr"] = multiclass.auroc(chunk, segment).value
        return {
            name: (real[name] - value, variance) for name, (value, variance) in found.items() if np.isfinite(real[name])
        }

    def limits(self, name: str) -> tuple[float, float]:
        """The least and the most that rows of unknown outcome can be worth to a metric."""
        return 0.0, 1.0

    def _estimated(
        self, window: Outcomes, segment: int, rows: Floats, *, learnt: bool
    ) -> dict[str, tuple[float, float]]:
        raw = _expected(window, segment)
        table = _rows_of(raw * self.corrections[segment], rows)
        share = table / np.maximum(rows, 1e-300)[:, None]
        spread = _spread(raw, window.block("doubt", segment)[:-1] / UNIT)
        per_row = rows + learnt * rows**2 / np.maximum(self.learnt[segment], 1.0)
        return {
            name: (value, float((_variance(gradient, share) * spread) @ per_row))
            for name, (value, gradient) in confusion.metrics(table).items()
        }

    def _rank(self, window: Outcomes, number: int, totals: Floats) -> tuple[float, float]:
        """AUROC of one class against all others, and its variance."""
        calibrator, cells = self.calibrators[number], Cells.of(window.grid, number)
        chance, rows = calibrator.chance, totals[: cells.size + 1]
        whole, positives = np.zeros((rows.size, 3)), np.zeros((rows.size, 3))
        whole[:, 0], positives[:, 0] = rows, rows * chance
        with np.errstate(divide="ignore", invalid="ignore"):
            value, gradient = Expected(positives, whole, cells).ranks()["auroc"]
        own = float((gradient[:, 0] ** 2 * rows * chance) @ (1 - chance))
        return value, own + float(calibrator.variance_of(gradient[None, :, 0] * rows)[0])


def _expected(outcomes: Outcomes, segment: int) -> Floats:
    """(C, C) [predicted][true] Σπ."""
    found: Floats = outcomes.block("expected", segment)[:, :-1].T / UNIT
    return found


def _rows_of(table: Floats, like: Floats) -> Floats:
    """The table with each predicted class's row scaled to as many rows; `like` (C,), or a table."""
    rows = like.sum(axis=1) if like.ndim > 1 else like
    scaled: Floats = table * (rows / np.maximum(table.sum(axis=1), 1e-300))[:, None]
    return scaled


def _enough(labels: Floats, classes: int) -> bool:
    """Whether so many classes have 50 labels."""
    return int((labels.sum(axis=0) >= ENOUGH).sum()) >= classes


def _ratios(labels: list[Floats], expected: list[Floats]) -> list[Floats]:
    seen, thought = np.array(labels), np.array(expected)
    excess = np.where(thought > 0, (seen - thought) ** 2 / np.maximum(thought, 1e-300) - 1, 0.0)
    variance = max(float(excess.sum() / max(thought.sum(), 1e-300)), 1e-9)
    return list((seen + 1 / variance) / (thought + 1 / variance))


def _calibrator(reference: Outcomes, number: int) -> Calibrator:
    counts, cells = multiclass.met(reference, 0, number)
    totals = counts.sum(axis=1)
    return Calibrator.of(Counts(counts[:, 1], totals, totals), cells)


def _spread(raw: Floats, doubt: Floats) -> Floats:
    """(C,) by predicted class: Σπ(1−π) of that class, to what it would be if all its rows had the mean π; 0–1."""
    rows = raw.sum(axis=1)
    share = np.diagonal(raw) / np.maximum(rows, 1e-300)
    alike = rows * share * (1 - share)
    return np.where(alike > 0, np.clip(doubt / np.maximum(alike, 1e-300), 0.0, 1.0), 1.0)


def _variance(gradient: Floats, share: Floats) -> Floats:
    """(C,) variance of what one row of each predicted class adds."""
    mean = (gradient * share).sum(axis=1)
    found: Floats = np.maximum((gradient**2 * share).sum(axis=1) - mean**2, 0.0)
    return found


def _average(ranks: list[tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """The mean of classes that share rows: taken to go together entirely."""
    values, variances = np.array(ranks).T
    if not np.isfinite(values).all():
        return {}
    return {"auroc_ovr": (float(values.mean()), float(np.sqrt(variances).mean() ** 2))}
