"""How good a binary model turned out to be, from its predictions with labels; equal to scikit-learn on the same rows.

| metric | what, range | interval, 95 % |
|---|---|---|
| accuracy, precision, recall, specificity | shares, 0–1 | Wilson |
| f1 | 2J/(1+J), J = TP/(TP+FP+FN), 0–1 | Wilson's of J, which is a share |
| auroc | area under the ROC curve, 0–1 | DeLong on counts, on the logit scale |
| average_precision | Σ (R_i − R_{i−1})·P_i, 0–1 | bootstrap of counts, seeded |
| log_loss | mean −ln of the true class's probability, nats, ≥ 0 | Student's t |
| brier | mean (score − y)², 0–1 | Student's t |
| calibration_error | root of the mean squared calibration error, debiased, 0–1 | delta method |
| value | mean of what a decision brings, in the user's unit per prediction | normal |

Shares are exact, log loss and Brier to 1e-11; AUROC and average precision see cells, not scores: they differ from the
rows' own by at most `bounds`: with 200 class-conditional cells typically .0005 and .003, at a prevalence of 0.5 % too.
Only rows whose predicted and true class are both known count; ranks and losses need a score and a known true class.
Weights: Σw instead of n, (Σw)²/Σw² rows for the intervals; to 2**-20. O(K) and 200 bootstraps of O(8·K).
"""

from dataclasses import dataclass
from math import nan, sqrt
from typing import Final

import numpy as np

from detectors.contract import Floats
from detectors.performance import ranking
from detectors.performance.cells import Cells
from detectors.performance.intervals import Z, kish, logit_band, plain_band, wilson
from detectors.performance.means import Mean
from detectors.performance.options import Payoff, PerformanceOptions
from drift.core.outcome.layout import PLAIN_BITS, SQUARE_BITS
from drift.core.outcome.sums import Outcomes
from drift.core.performance import Measure, Measures

SHARES: Final = ("accuracy", "precision", "recall", "f1", "specificity")
RANKS: Final = ("auroc", "average_precision")
LOSSES: Final = ("log_loss", "brier")
NAMES: Final = (*SHARES, *RANKS, *LOSSES, "calibration_error")
NO_LABEL: Final = "no prediction has a label yet"
NO_SCORE: Final = "the model has no score"
NO_POSITIVE: Final = "no label is positive"
NO_NEGATIVE: Final = "no label is negative"
NO_PREDICTED: Final = "nothing was predicted positive"
CALIBRATION_BINS: Final = 15


@dataclass(frozen=True, slots=True)
class Joined:
    """Predictions with labels of one segment."""

    weight: Floats
    """(K+1, 3, 3) Σw by cell, predicted class and true class; n where nothing is weighted."""
    squared: Floats
    """The same of Σw²."""

    @staticmethod
    def of(outcomes: Outcomes, segment: int = 0) -> "Joined":
        """Those of one segment."""
        if outcomes.outcome.weight:
            weight = outcomes.block("joined_w", segment) / float(1 << PLAIN_BITS)
            return Joined(weight, outcomes.block("joined_w2", segment) / float(1 << SQUARE_BITS))
        counts = outcomes.block("joined", segment).astype(np.float64)
        return Joined(counts, counts)


@dataclass(frozen=True, slots=True)
class Table:
    """A confusion matrix: Σw and Σw² of each field."""

    tp: float
    fp: float
    fn: float
    tn: float
    squared: tuple[float, float, float, float]

    @staticmethod
    def of(joined: Joined) -> "Table":
        """Over all cells."""
        (tn, fn), (fp, tp) = joined.weight[:, :2, :2].sum(axis=0).tolist()
        (tn2, fn2), (fp2, tp2) = joined.squared[:, :2, :2].sum(axis=0).tolist()
        return Table(tp, fp, fn, tn, (tp2, fp2, fn2, tn2))

    def shares(self) -> dict[str, Measure]:
        """Accuracy, precision, recall, F1 and specificity with Wilson's intervals."""
        tp, fp, fn, tn = self.tp, self.fp, self.fn, self.tn
        tp2, fp2, fn2, tn2 = self.squared
        return {
            "accuracy": _share(tp + tn, fp + fn, tp2 + fp2 + fn2 + tn2, NO_LABEL),
            "precision": _share(tp, fp, tp2 + fp2, NO_PREDICTED),
            "recall": _share(tp, fn, tp2 + fn2, NO_POSITIVE),
            "f1": _f1(_share(tp, fp + fn, tp2 + fp2 + fn2, "no positive, neither predicted nor true")),
            "specificity": _share(tn, fp, tn2 + fp2, NO_NEGATIVE),
        }

    def value(self, payoff: Payoff) -> Measure:
        """What a decision brings on average."""
        weights = np.array([self.tp, self.fp, self.fn, self.tn])
        brings = np.array([payoff.tp, payoff.fp, payoff.fn, payoff.tn])
        total = float(weights.sum())
        if total <= 0:
            return Measure(nan, why=NO_LABEL)
        mean = float(weights @ brings) / total
        sd = sqrt(float((np.array(self.squared) * (brings - mean) ** 2).sum())) / total
        return Measure(mean, *plain_band(mean, sd, float(brings.min()), float(brings.max())))


def measures(outcomes: Outcomes, segment: int = 0, options: PerformanceOptions | None = None) -> Measures:
    """Realised metrics of one segment's predictions that have labels.

    Args:
        outcomes: sums on a binary model's grid.
        segment: its index; 0 is the whole traffic.
        options: for the business value.
    """
    joined = Joined.of(outcomes, segment)
    table = Table.of(joined)
    found = table.shares()
    if not outcomes.outcome.scores:
        found |= {name: Measure(nan, why=NO_SCORE) for name in NAMES if name not in SHARES}
    elif joined.weight[:-1, :, :2].sum() <= 0:
        found |= {name: Measure(nan, why=NO_LABEL) for name in NAMES if name not in SHARES}
    else:
        cells = Cells.of(outcomes.grid)
        found |= _ranks(joined, cells)
        means = _losses(outcomes, segment, joined)
        found |= {name: _bounded(means[name], 1.0 if name == "brier" else np.inf) for name in LOSSES}
        found["calibration_error"] = _calibration(joined, cells, means["score"].value)
    if options is not None and options.value is not None:
        found["value"] = table.value(options.value)
    return found


def bounds(outcomes: Outcomes, segment: int = 0) -> dict[str, tuple[float, float]]:
    """Where AUROC and average precision of the rows themselves lie for certain, whatever their order within cells."""
    p, n = (part[:, 0] for part in _classes(Joined.of(outcomes, segment)))
    atoms = Cells.of(outcomes.grid).atoms
    found = ranking.auroc(p, n, (p, n), atoms)
    return {
        "auroc": (found.value - found.bound, found.value + found.bound),
        "average_precision": ranking.average_precision_bounds(p, n, atoms),
    }


def _share(hits: float, misses: float, squared: float, why: str) -> Measure:
    return wilson(hits, hits + misses, kish(hits + misses, squared), why=why)


def _f1(jaccard: Measure) -> Measure:
    value, low, high = (2 * x / (1 + x) for x in (jaccard.value, jaccard.low, jaccard.high))
    return Measure(value, low, high, jaccard.why)


def _classes(joined: Joined) -> tuple[Floats, Floats]:
    """(K, 2) of positives and of negatives: Σw and Σw² by cell."""
    both = np.stack((joined.weight, joined.squared), axis=-1)[:-1].sum(axis=1)
    return both[:, 1], both[:, 0]


def _ranks(joined: Joined, cells: Cells) -> dict[str, Measure]:
    p, n = (part * cells.ranked[:, None] for part in _classes(joined))
    if p[:, 0].sum() <= 0 or n[:, 0].sum() <= 0:
        return dict.fromkeys(RANKS, Measure(nan, why=NO_POSITIVE if p[:, 0].sum() <= 0 else NO_NEGATIVE))
    weight, squared = (p[:, 0], n[:, 0]), (p[:, 1], n[:, 1])
    precision = float(ranking.average_precision(*weight, cells.atoms))
    low, high = ranking.average_precision_band(*weight, squared, cells.atoms)
    return {
        "auroc": auroc_measure(*weight, squared, cells),
        "average_precision": Measure(precision, min(low, precision), max(high, precision)),
    }


def auroc_measure(positives: Floats, negatives: Floats, squared: tuple[Floats, Floats], cells: Cells) -> Measure:
    """AUROC with its interval; where all pairs are ranked alike, the one that Wilson's gives the rarer class."""
    found = ranking.auroc(positives, negatives, squared, cells.atoms)
    if 0 < found.value < 1:
        return Measure(found.value, *logit_band(found.value, found.sd))
    rows = min(
        kish(float(one.sum()), float(two.sum())) for one, two in zip((positives, negatives), squared, strict=True)
    )
    return wilson(found.value * rows, rows)


def _losses(outcomes: Outcomes, segment: int, joined: Joined) -> dict[str, Mean]:
    weight, squared = (float(part[:-1, :, :2].sum()) for part in (joined.weight, joined.squared))
    if outcomes.outcome.weight:
        found = outcomes.weighted(segment)
        return {name: Mean.weighted(weight, squared, *found[name]) for name in (*LOSSES, "score")}
    plain = outcomes.losses(segment)
    return {name: Mean.plain(round(weight), *plain[name]) for name in (*LOSSES, "score")}


def _bounded(mean: Mean, most: float) -> Measure:
    found = mean.measure()
    return Measure(found.value, max(found.low, 0.0), min(found.high, most))


def _calibration(joined: Joined, cells: Cells, mean: float) -> Measure:
    """Root of Σ_b w_b·[(ȳ_b − s̄_b)² − ȳ_b(1−ȳ_b)/(n_b−1)] over 15 bins of about equal weight.

    Debiased as by Kumar, Liang and Ma 2019 (NeurIPS): without the second term a perfectly calibrated model would show
    an error of √(0.15·15/n). A cell's scores are taken from its middle, all moved so that their mean is the true one.
    """
    p, n = _classes(joined)
    weight = p + n
    total = float(weight[:, 0].sum())
    scores = cells.centres + mean - float(weight[:, 0] @ cells.centres) / total
    bins = ((np.cumsum(weight[:, 0]) - weight[:, 0] / 2) * CALIBRATION_BINS / total).astype(np.int64)
    w, squared, hits, scored = (
        np.bincount(bins, x, CALIBRATION_BINS).astype(np.float64)
        for x in (weight[:, 0], weight[:, 1], p[:, 0], weight[:, 0] * scores)
    )
    rows = np.where(squared > 0, w**2 / np.maximum(squared, 1e-300), 0.0)
    usable = rows >= 2
    if not usable.any():
        return Measure(nan, why="too few labels")
    w, rows, hits, scored = w[usable], rows[usable], hits[usable] / w[usable], scored[usable] / w[usable]
    noise, off, part = hits * (1 - hits) / (rows - 1), hits - scored, w / w.sum()
    square = float((part * (off**2 - noise)).sum())
    sd = sqrt(float((part**2 * (4 * off**2 * noise + 2 * noise**2)).sum()))
    value, low, high = (sqrt(max(x, 0.0)) for x in (square, square - Z * sd, square + Z * sd))
    return Measure(value, low, high)
