"""How unlike a model treats the groups of a sensitive attribute: a segment column of the grid.

Differences (largest − smallest) and ratios (smallest ÷ largest) are those of Fairlearn's `MetricFrame` and of its
`demographic_parity_difference` and `equalized_odds_difference` (Agarwal et al. 2018; Hardt et al. 2016) on equal rows.

| metric | what |
|---|---|
| demographic_parity | selection rate: share predicted positive, of all predictions (weighted: of those with a label) |
| equalized_odds | the larger of the gaps of recall and false positive rate; its ratio: the smaller of both |
| accuracy, precision, recall, specificity, false_positive_rate | shares of predictions with labels |
| all others | as measured by segment: AUROC, F1, losses, errors … |

Groups of equal quality differ, too: eight of 2,000 rows by .07 on average where 1 in 6 is positive and recall is .7. A
gap says something beyond its **null**, the 95 % quantile of gaps where all groups share one rate: by bootstrap of
counts (seeded), x ~ Binomial(rows, pooled rate) in each group, for shares; with a normal error of the group's own size
for others. The **band** is that of the difference between the two groups shown, by bootstrap of their own counts; as
the ones furthest apart they are shown too far apart, so judge by the null. O(draws · groups) a metric.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Final

import numpy as np

from detectors.contract import Floats
from detectors.performance.binary import Joined
from detectors.performance.intervals import Z, kish
from drift.core.errors import ConfigError
from drift.core.grid import Grid, Segment
from drift.core.outcome.grid import Task
from drift.core.outcome.sums import Outcomes
from drift.core.performance import CONFIDENCE, Gap, Measures

LEAST: Final = 30
"""Groups of fewer predictions are left out."""
DRAWS: Final = 2_000
PARITY: Final = "demographic_parity"
ODDS: Final = "equalized_odds"
LOWER_IS_BETTER: Final = frozenset(
    ("false_positive_rate", "log_loss", "brier", "calibration_error", "mae", "rmse", "mape")
)
SIGNED: Final = frozenset(("bias", "r2", "value"))
"""These have no ratio."""
_SEED: Final = 20261123


@dataclass(frozen=True, slots=True)
class _Groups:
    """One metric of several groups, and how it scatters."""

    names: tuple[str, ...]
    value: Floats
    """(groups,)"""
    null: Floats
    """(draws, groups) as if all had one rate."""
    own: Floats
    """(draws, groups) around each group's own."""
    lower_is_better: bool

    def gap(self, attribute: str, metric: str) -> Gap:
        """Largest against smallest."""
        first, last = int(self.value.argmin()), int(self.value.argmax())
        low, high = float(self.value[first]), float(self.value[last])
        band = np.quantile(self.own[:, last] - self.own[:, first], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        ends = (last, first) if self.lower_is_better else (first, last)
        worst, best = (self.names[at] for at in ends)
        ratio = low / high if low >= 0 and high > 0 and metric not in SIGNED else nan
        null = float(np.quantile(np.ptp(self.null, axis=1), CONFIDENCE))
        return Gap(attribute, metric, high - low, ratio, float(band[0]), float(band[1]), null, worst, best)


def gaps(
    outcomes: Outcomes,
    attributes: Sequence[str],
    measured: Sequence[Measures] = (),
    *,
    realized: bool = True,
    least: int = LEAST,
    draws: int = DRAWS,
) -> tuple[Gap, ...]:
    """Gaps between the groups of each attribute, metric by metric; only where two groups or more have the metric.

    Args:
        outcomes: of one window, with implied labels joined where there are such (`implied.matured`).
        attributes: segment columns of the grid.
        measured: (segments,) realised metrics of each segment, as the grid numbers them. Empty: shares alone.
        realized: whether labels that came stand for those that did not; not so while a class is implied by absence and
            the window is not mature. Then demographic parity alone is told.
        least: predictions (for all but demographic parity: with labels) that a group needs.
        draws: of the bootstrap.

    Raises:
        ConfigError: an attribute is no segment column.
    """
    found = list[Gap]()
    for attribute in attributes:
        groups = groups_of(outcomes.grid, attribute)
        rng = np.random.default_rng(_SEED)
        shares = dict(_shares(outcomes, groups, least, draws, rng)) if outcomes.outcome.classes else {}
        shares = shares if realized else {name: one for name, one in shares.items() if name == PARITY}
        metrics: Mapping[str, _Groups | None] = shares | dict(
            _others(outcomes, groups, measured if realized else (), frozenset(shares), least, draws, rng)
        )
        found += [one.gap(attribute, name) for name, one in metrics.items() if one is not None]
        found += _odds(attribute, shares)
    return tuple(found)


def groups_of(grid: Grid, attribute: str) -> tuple[Segment, ...]:
    """The groups that are counted apart, `other` among them.

    Raises:
        ConfigError: the attribute is no segment column.
    """
    found = tuple(segment for segment in grid.segments if segment.name == attribute)
    if not found:
        known = ", ".join(one.name for one in grid.segment_grids) or "none"
        raise ConfigError(
            f"the sensitive attribute {attribute!r} is no segment column ({known}); add it to `segments:` and register "
            "the reference again"
        )
    return found


def _shares(
    outcomes: Outcomes, groups: Sequence[Segment], least: int, draws: int, rng: np.random.Generator
) -> Iterable[tuple[str, _Groups | None]]:
    """Metrics that are hits of trials."""
    names = [segment.value for segment in groups]
    joined = [Joined.of(outcomes, segment.index) for segment in groups]
    enough = np.array([outcomes.joined(segment.index) >= least for segment in groups])
    hits, squares = (_tables(part) for part in ([j.weight for j in joined], [j.squared for j in joined]))
    if outcomes.outcome.task is Task.BINARY:
        yield PARITY, _selection(outcomes, groups, least, draws, rng)
    for name, (hit, trial) in _fields(outcomes.outcome.task, hits.shape[1] - 1).items():
        x, d = (np.einsum("gpt,pt->g", hits, mask) for mask in (hit, trial))
        rows = kish_of(d, np.einsum("gpt,pt->g", squares, trial))
        yield name, _drawn(names, x, d, np.where(enough, rows, 0.0), draws, rng, name in LOWER_IS_BETTER)


def _tables(blocks: Sequence[Floats]) -> Floats:
    """(groups, o, o) by predicted and true class."""
    return np.stack([block.sum(axis=0) for block in blocks])


def _fields(task: Task, classes: int) -> dict[str, tuple[Floats, Floats]]:
    """Metric → hits and trials, as masks on [predicted, true]; the last class, none of the known ones, counts never."""
    known = np.zeros((classes + 1, classes + 1))
    known[:classes, :classes] = 1
    found = {"accuracy": (known * np.eye(classes + 1), known)}
    if task is not Task.BINARY:
        return found
    cell = np.zeros((2, 2, 3, 3))
    for guess in range(2):
        for true in range(2):
            cell[guess, true, guess, true] = 1
    return found | {
        "precision": (cell[1, 1], cell[1, 1] + cell[1, 0]),
        "recall": (cell[1, 1], cell[1, 1] + cell[0, 1]),
        "specificity": (cell[0, 0], cell[0, 0] + cell[1, 0]),
        "false_positive_rate": (cell[1, 0], cell[0, 0] + cell[1, 0]),
    }


def _selection(
    outcomes: Outcomes, groups: Sequence[Segment], least: int, draws: int, rng: np.random.Generator
) -> _Groups | None:
    """Share predicted positive; labels do not matter, but only rows with one have their weight counted."""
    if outcomes.outcome.weight:
        tables = [Joined.of(outcomes, segment.index) for segment in groups]
        by_class = np.stack([one.weight.sum(axis=(0, 2)) for one in tables])
        squared = np.stack([one.squared.sum(axis=(0, 2)) for one in tables])[:, :2].sum(axis=1)
    else:
        by_class = np.stack([outcomes.block("predicted", one.index).sum(axis=0) for one in groups]).astype(np.float64)
        squared = by_class[:, :2].sum(axis=1)
    x, d = by_class[:, 1], by_class[:, :2].sum(axis=1)
    rows = kish_of(d, squared)
    names = [segment.value for segment in groups]
    return _drawn(names, x, d, np.where(rows >= least, rows, 0.0), draws, rng, lower=False)


def kish_of(weight: Floats, squared: Floats) -> Floats:
    """(groups,) how many rows the weights are worth."""
    return np.array([kish(*both) for both in zip(weight.tolist(), squared.tolist(), strict=True)])


def _drawn(
    names: Sequence[str], x: Floats, d: Floats, rows: Floats, draws: int, rng: np.random.Generator, lower: bool
) -> _Groups | None:
    """Groups with x of d hits that stand for so many rows; None: fewer than two have any."""
    at = np.flatnonzero((d > 0) & (rows >= 1))
    if at.size < 2:
        return None
    n, value = np.rint(rows[at]).astype(np.int64), np.clip(x[at] / d[at], 0, 1)
    pooled = float(np.clip(x[at].sum() / d[at].sum(), 0, 1))
    null = rng.binomial(n, pooled, (draws, at.size)) / n
    own = rng.binomial(n, (value * n + 0.5) / (n + 1), (draws, at.size)) / n
    return _Groups(tuple(names[i] for i in at.tolist()), value, null, own, lower)


def _others(
    outcomes: Outcomes,
    groups: Sequence[Segment],
    measured: Sequence[Measures],
    known: frozenset[str],
    least: int,
    draws: int,
    rng: np.random.Generator,
) -> Iterable[tuple[str, _Groups | None]]:
    """Metrics that were measured elsewhere, with the error that their band tells."""
    mine = [s for s in groups if measured and outcomes.joined(s.index) >= least]
    for name in dict.fromkeys(name for segment in mine for name in measured[segment.index]):
        there = [(s.value, measured[s.index][name]) for s in mine if name in measured[s.index]]
        there = [(value, one) for value, one in there if one.known and np.isfinite(one.high - one.low)]
        if name in known or len(there) < 2:
            continue
        value = np.array([one.value for _, one in there])
        error = np.array([(one.high - one.low) / (2 * Z) for _, one in there])
        noise = rng.standard_normal((2, draws, len(there))) * error
        lower = name in LOWER_IS_BETTER or name.startswith("pinball")
        yield name, _Groups(tuple(group for group, _ in there), value, noise[0], value + noise[1], lower)


def _odds(attribute: str, shares: Mapping[str, _Groups | None]) -> list[Gap]:
    """Equalised odds: of recall and false positive rate the one further apart; null of the larger of both gaps."""
    both = [(name, shares.get(name)) for name in ("recall", "false_positive_rate")]
    there = [(name, one) for name, one in both if one is not None]
    if len(there) < 2:
        return []
    found = [one.gap(attribute, ODDS) for _, one in there]
    widest = max(found, key=lambda gap: gap.difference)
    null = np.maximum(*(np.ptp(one.null, axis=1) for _, one in there))
    ratio = min(gap.ratio for gap in found)
    return [
        Gap(
            attribute, ODDS, widest.difference, ratio, widest.low, widest.high,
            float(np.quantile(null, CONFIDENCE)), widest.worst, widest.best,
        )
    ]  # fmt: skip
