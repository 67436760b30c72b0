"""How good a model of several classes turned out to be; equal to scikit-learn on the same rows.

| metric | what, range | interval, 95 % |
|---|---|---|
| accuracy, recall_weighted | share, 0–1 | Wilson |
| precision, recall, f1: _macro, _weighted | means over classes, plain or by support, 0–1 | delta method, logit scale |
| auroc_ovr | mean over classes of the AUROC of its score against all others, 0–1 | DeLong, see below |
| log_loss | mean −ln of the true class's probability, nats, ≥ 0 | Student's t |
| brier | mean Σ_c (p_c − 1{y=c})², 0–2 | Student's t |

Classes share rows, so that their AUROCs go together: the interval takes them to go together entirely, the widest that
can be. Rows count whose predicted and true class are both known; AUROC sees cells (its bound is the mean of the
classes' own, see `ranking`) and is not kept for weighted rows. O(C³ + C·K).
"""

from math import nan
from typing import Final

import numpy as np

from detectors.contract import Floats
from detectors.performance import confusion, ranking
from detectors.performance.binary import NO_LABEL, NO_SCORE
from detectors.performance.cells import Cells
from detectors.performance.intervals import delta, kish, logit_band, wilson
from detectors.performance.means import Mean
from drift.core.outcome.layout import PLAIN_BITS, SQUARE_BITS
from drift.core.outcome.sums import Outcomes
from drift.core.performance import Measure, Measures

NAMES: Final = (*confusion.NAMES, "auroc_ovr", "log_loss", "brier")
SHARES: Final = ("accuracy", "recall_weighted")
WORST_BRIER: Final = 2.0
WEIGHTED: Final = "not kept for weighted rows"


def measures(outcomes: Outcomes, segment: int = 0) -> Measures:
    """Realised metrics of one segment's predictions that have labels."""
    weight, squared = tables(outcomes, segment)
    found = {name: Measure(nan, why=NO_LABEL) for name in confusion.NAMES}
    for name, (value, gradient) in confusion.metrics(weight).items():
        found[name] = _measure(name, value, delta(gradient, squared), kish(float(weight.sum()), float(squared.sum())))
    found["auroc_ovr"] = auroc(outcomes, segment)
    return found | _losses(outcomes, segment)


def tables(outcomes: Outcomes, segment: int = 0) -> tuple[Floats, Floats]:
    """(C, C) [predicted][true] Σw and Σw² of rows whose classes are both known; counts where nothing is weighted."""
    if outcomes.outcome.weight:
        weight = outcomes.block("joined_w", segment)[0, :-1, :-1] / float(1 << PLAIN_BITS)
        return weight, outcomes.block("joined_w2", segment)[0, :-1, :-1] / float(1 << SQUARE_BITS)
    counts = outcomes.block("joined", segment)[0, :-1, :-1].astype(np.float64)
    return counts, counts


def met(outcomes: Outcomes, segment: int, number: int) -> tuple[Floats, Cells]:
    """(K+1, 2) labelled rows by cell of one class's score, and whether the class was the true one; and the cells."""
    cells = Cells.of(outcomes.grid, number)
    return outcomes.block("met", segment)[number, : cells.size + 1].astype(np.float64), cells


def auroc(outcomes: Outcomes, segment: int = 0) -> Measure:
    """One-versus-rest AUROC, the plain mean over classes; not defined unless each class was true for some row."""
    if not outcomes.outcome.scores or outcomes.outcome.weight:
        return Measure(nan, why=WEIGHTED if outcomes.outcome.scores else NO_SCORE)
    found = []
    for number, name in enumerate(outcomes.outcome.classes):
        counts, cells = met(outcomes, segment, number)
        n, p = (counts[:-1] * cells.ranked[:, None]).T
        if p.sum() <= 0 or n.sum() <= 0:
            return Measure(nan, why=NO_LABEL if counts.sum() <= 0 else f"no label is {name!r}, or all are")
        found.append(ranking.auroc(p, n, (p, n), cells.atoms))
    value = float(np.mean([one.value for one in found]))
    return Measure(value, *logit_band(value, float(np.mean([one.sd for one in found]))))


def _measure(name: str, value: float, sd: float, rows: float) -> Measure:
    if name in SHARES or not 0 < value < 1:
        return wilson(value * rows, rows)
    return Measure(value, *logit_band(value, sd))


def _losses(outcomes: Outcomes, segment: int) -> dict[str, Measure]:
    if not outcomes.outcome.scores:
        return {name: Measure(nan, why=NO_SCORE) for name in ("log_loss", "brier")}
    means = _means(outcomes, segment)
    if not means["brier"].rows:
        return {name: Measure(nan, why=NO_LABEL) for name in ("log_loss", "brier")}
    found = {name: means[name].measure() for name in ("log_loss", "brier")}
    most = {"log_loss": np.inf, "brier": WORST_BRIER}
    return {name: Measure(m.value, max(m.low, 0.0), min(m.high, most[name])) for name, m in found.items()}


def _means(outcomes: Outcomes, segment: int) -> dict[str, Mean]:
    if outcomes.outcome.weight:
        w, ww = (outcomes.block(name, segment)[0, :, :-1].sum() for name in ("joined_w", "joined_w2"))
        weight, squared = float(w) / (1 << PLAIN_BITS), float(ww) / (1 << SQUARE_BITS)
        return {name: Mean.weighted(weight, squared, *sums) for name, sums in outcomes.weighted(segment).items()}
    parts = [met(outcomes, segment, number)[0] for number in range(len(outcomes.outcome.classes))]
    # a row without the true class's score has no log loss, one without any of them no Brier score
    rows = {"log_loss": sum(int(one[:-1, 1].sum()) for one in parts)}
    true = int(outcomes.block("joined", segment)[0, :, :-1].sum())
    rows["brier"] = true - max(int(one[-1].sum()) for one in parts)
    return {name: Mean.plain(rows[name], *sums) for name, sums in outcomes.losses(segment).items()}
