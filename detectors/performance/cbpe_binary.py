"""CBPE of binary models.

TP = Σ n_{k1}ĉ_k, FP = Σ n_{k1}(1−ĉ_k), FN = Σ n_{k0}ĉ_k, TN = Σ n_{k0}(1−ĉ_k), and from them all else (`expected`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import log
from typing import Final

import numpy as np

from detectors.contract import Floats
from detectors.performance.binary import LOSSES, Joined, measures
from detectors.performance.calibration import Calibrator, Counts, of_segments
from detectors.performance.cbpe import TOO_FEW, Estimates
from detectors.performance.cells import Cells
from detectors.performance.expected import Expected
from detectors.performance.options import PerformanceOptions
from drift.core.outcome.counting import EPSILON
from drift.core.outcome.sums import Outcomes

NAMES: Final = (
    "accuracy", "precision", "recall", "f1", "specificity", "auroc", "average_precision", "log_loss", "brier",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BinaryEstimate:
    """Calibrators of a model and of its segments."""

    calibrators: Mapping[int, Calibrator | None]
    """By segment; None: it has too few labels."""
    cells: Cells
    options: PerformanceOptions
    excess: Mapping[str, float] = field(default_factory=dict)
    """Loss → by how much the reference's own is more than scores in the middle of their cells give."""

    @staticmethod
    def of(reference: Outcomes, options: PerformanceOptions) -> "BinaryEstimate":
        """Calibrate on the reference's labelled rows."""
        cells = Cells.of(reference.grid)
        pooled = Calibrator.of(Counts.of(reference), cells)
        return BinaryEstimate(of_segments(reference, pooled), cells, options, _excess(reference, cells))

    def recalibrated(self, recent: Outcomes) -> "BinaryEstimate":
        """As labels of recent mature windows have it, see `Calibrator.recalibrated`; segments keep their offsets."""
        pooled = self.calibrators[0]
        if pooled is None:
            return BinaryEstimate.of(recent, self.options)
        new = pooled.recalibrated(Counts.of(recent), self.cells)
        moved = {index: one and _like(new, one) for index, one in self.calibrators.items()}
        return replace(self, calibrators={**moved, 0: new})

    @property
    def names(self) -> tuple[str, ...]:
        """Metrics that it estimates, in order."""
        return NAMES if self.options.value is None else (*NAMES, "value")

    def enough(self, segment: int) -> str:
        """Why a segment is not estimated; empty: it is."""
        found = self.calibrators[segment]
        return "" if found is not None and found.enough else TOO_FEW

    def estimate(self, window: Outcomes, segment: int) -> Estimates:
        """Of a window's predictions."""
        totals = window.block("predicted", segment).astype(np.float64)
        found = self._estimated(self._calibrator(segment), totals, totals, learnt=True)
        return {
            name: (estimated + self.excess.get(name, 0.0), variance) for name, (estimated, variance) in found.items()
        }

    def residual(self, chunk: Outcomes, segment: int) -> Estimates:
        """Realised − estimated of a chunk's predictions with labels, and what variance their own chance gives it."""
        joined = Joined.of(chunk, segment)
        totals, squared = (part[:, :, :2].sum(axis=2) for part in (joined.weight, joined.squared))
        realised = Expected(joined.weight[:, :, 1], totals, self.cells).metrics(self.options.value)
        found = self._estimated(self._calibrator(segment), totals, squared, learnt=False)
        return {
            name: (realised[name][0] - estimated, variance)
            for name, (estimated, variance) in found.items()
            if name in realised
        }

    def limits(self, name: str) -> tuple[float, float]:
        """The least and the most that rows of unknown outcome can be worth to a metric."""
        payoff = self.options.value
        if name == "value" and payoff is not None:
            brings = (payoff.tp, payoff.fp, payoff.fn, payoff.tn)
            return min(brings), max(brings)
        if name == "log_loss":
            surest = np.minimum(self.cells.centres, 1 - self.cells.centres).min(initial=0.5)
            return 0.0, -log(max(float(surest), EPSILON))
        return 0.0, 1.0

    def _calibrator(self, segment: int) -> Calibrator:
        found = self.calibrators[segment]
        if found is None:
            raise AssertionError("a segment that is not estimated has no calibrator")
        return found

    def _estimated(self, calibrator: Calibrator, totals: Floats, squared: Floats, *, learnt: bool) -> Estimates:
        """Values, and variances: Σ g²·n·c(1−c) of labels; where `learnt`, the calibrator's blocks' and its offset's."""
        chance = calibrator.chance[:, None]
        found = Expected(totals * chance, totals, self.cells).metrics(self.options.value)
        if not found:
            return {}
        gradients = np.stack([gradient for _, gradient in found.values()])
        variances = np.tensordot(gradients**2, squared * chance * (1 - chance), 2)
        if learnt:
            variances += calibrator.variance_of((gradients * totals).sum(axis=2))
        return {name: (found[name][0], variance) for name, variance in zip(found, variances.tolist(), strict=True)}


def _excess(reference: Outcomes, cells: Cells) -> dict[str, float]:
    joined = Joined.of(reference)
    made = Expected(joined.weight[:, :, 1], joined.weight[:, :, :2].sum(axis=2), cells).metrics()
    own = measures(reference)
    return {name: own[name].value - made[name][0] for name in LOSSES if name in made and own[name].known}


def _like(pooled: Calibrator, segment: Calibrator) -> Calibrator:
    """The new pooled calibrator, moved as this segment's was."""
    moved = pooled.moved(segment.offset, segment.offset_variance + pooled.offset_variance)
    return replace(moved, rarer=segment.rarer)
