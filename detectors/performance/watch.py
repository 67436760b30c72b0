"""Performance over time: e-detectors on the loss that is estimated, on the one that came true, on what scores mean.

    estimated    mean expected loss of a window's predictions, without a label
    realized     mean loss of a window's labels, once they are mature
    concept      Σ(y − ĉ_k) over the score's cells: whether labels are what the reference's calibrator says

Each is a mixture of bets on a mean that is borne (Shin, Ramdas, Rinaldo 2024, 10.51387/23-NEJSDS51): R ← (1 + R)·e, an
alarm when the mean of R reaches A·F, A the windows of the budget, F the streams. Its expected run to the first false
alarm is at least A without any independence between windows.

A loss x̄ in 0–1 of n rows is bet on by the chord of log(1 + θ(x − μ₀)), exact for a loss of 0 or 1 and a lower bound for
any other: log e = n_eff·(x̄·log(p₁/μ₀) + (1−x̄)·log((1−p₁)/(1−μ₀))). μ₀ = the reference's loss + what is borne + z·√(its
own variance) + 2ω; n_eff = 1/(1/n + ω²·IF/(μ₀(1−μ₀))), ω² what the loss wanders by between the reference's own windows, IF
the inflation that their autocorrelation brings. An absolute error is counted in shares of the largest error of the
reference's 99.9 %.

An alarm stands until three windows in a row are within what is borne.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from detectors.performance.calibration import Calibrator, Counts
from detectors.performance.cells import Cells
from drift.core.outcome.grid import Task
from drift.core.outcome.sums import Outcomes

Floats = npt.NDArray[np.float64]
State = Mapping[str, npt.NDArray[Any]]

DROPS: Final = (0.01, 0.02, 0.05, 0.1, 0.2)
"""Bets: so far beyond what is borne, at most half of the way to 1."""
THETAS: Final = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
CLEAR: Final = 3
FEWEST: Final = 30
"""Rows below which a window says nothing about performance."""
_Z: Final = 2.13
"""z of 0.05/3: three streams."""
ESTIMATED, REALIZED, CONCEPT = "estimated", "realized", "concept"
STREAMS: Final = (ESTIMATED, REALIZED, CONCEPT)


@dataclass(frozen=True, slots=True)
class Borne:
    """What one mean loss may be."""

    reference: float
    """The reference's, 0–1."""
    bound: float
    """μ₀"""
    wander: float
    """ω²·IF"""

    def evidence(self, mean: float, n: float) -> Floats:
        """(bets,) log e of n rows whose mean loss is `mean`."""
        room = self.bound * (1 - self.bound)
        effective = 1 / (1 / n + (self.wander / room if room > 0 else 0.0))
        bets = np.minimum(self.bound + np.array(DROPS), (1 + self.bound) / 2)
        found: Floats = effective * (
            mean * np.log(bets / self.bound) + (1 - mean) * np.log((1 - bets) / (1 - self.bound))
        )
        return found


@dataclass(frozen=True, slots=True)
class Meaning:
    """What scores mean: ĉ of each cell, and by how much labels may be off."""

    chance: Floats
    """(K,)"""
    shapes: Floats
    """(2, K) level and slope, at most 1 in size."""
    borne: Floats
    """(2,) of the mean of each shape times (y − ĉ)."""
    wander: Floats
    """(2,) ω²·IF"""

    def means(self, hits: Floats, misses: Floats) -> Floats:
        """(2,) mean of each shape times (y − ĉ_k); counts of positives and negatives by cell."""
        n = (hits + misses).sum()
        found: Floats = self.shapes @ (hits * (1 - self.chance) - misses * self.chance) / max(n, 1.0)
        return found

    def evidence(self, hits: Floats, misses: Floats) -> Floats:
        """(2 · 2 · bets,) log e, upwards and downwards, of each shape."""
        n = float((hits + misses).sum())
        found = []
        for shape, borne, wander in zip(self.shapes, self.borne, self.wander, strict=True):
            spread = float((hits + misses) @ (shape**2 * self.chance * (1 - self.chance))) / max(n, 1.0)
            share = 1 / (1 + n * wander / spread) if spread > 0 else 0.0
            for sign in (1.0, -1.0):
                for theta in THETAS:
                    up = np.log(np.maximum(1 + theta * (sign * shape * (1 - self.chance) - borne), 0.1))
                    down = np.log(np.maximum(1 + theta * (-sign * shape * self.chance - borne), 0.1))
                    found.append(share * float(hits @ up + misses @ down))
        return np.array(found)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one stream says of one window."""

    stream: str
    standing: bool
    raised: bool
    ended: bool
    onset: int
    """Start of the window from which evidence grew, microseconds."""
    level: float
    """Natural logarithm of the mixture."""
    mean: float
    """Mean loss of the window, or how far labels are off."""
    n: int


class PerformanceWatch:
    """Of one reference and window length. Pure: the same state and sums give the same bytes."""

    def __init__(
        self, reference: Outcomes, chunks: Sequence[Outcomes], *, max_drop: float, alarm_windows: float
    ) -> None:
        """
        Args:
            reference: predictions with labels, held out.
            chunks: the same by stretches of about a window.
            max_drop: growth of the loss that is borne, 0–1.
            alarm_windows: windows in which one false alarm is allowed.
        """
        self._outcome = reference.outcome
        self._scale = _scale(reference)
        self.max_drop, self.limit = max_drop, log(max(alarm_windows, 1.0) * len(STREAMS))
        self.borne: dict[str, Borne | None] = {
            name: _borne(reference, chunks, lambda one, s=name: self._loss(s, one), max_drop)
            for name in (ESTIMATED, REALIZED)
        }
        self.meaning = _meaning(reference, chunks, max_drop)

    def start(self) -> State:
        """Before the first window."""
        sizes = {ESTIMATED: len(DROPS), REALIZED: len(DROPS), CONCEPT: 4 * len(THETAS)}
        state: dict[str, npt.NDArray[Any]] = {"matured": np.full(1, -1, np.int64)}
        for name, size in sizes.items():
            state[f"{name}.log"] = np.full(size, -np.inf)
            state[f"{name}.latch"] = np.zeros(3, np.int64)
        return state

    def step(self, state: State, stream: str, start: int, outcomes: Outcomes) -> tuple[State, Reading | None]:
        """The state after one more window of a stream; None: it says nothing about it.

        Args:
            state: as after the window before.
            stream: `estimated` of every final window, the others of those that became mature.
            start: of the window, microseconds.
            outcomes: its predictions and labels.
        """
        found = self._evidence(stream, outcomes)
        if found is None:
            return state, None
        evidence, mean, n, over = found
        before, (standing, clear, onset) = state[f"{stream}.log"], state[f"{stream}.latch"].tolist()
        # log(1 + R) + log e
        after = np.maximum(np.logaddexp(0.0, before) + evidence, -700.0)
        level = float(np.logaddexp.reduce(after) - log(after.size))
        onset = start if not standing and not (level > 0 and onset) else onset
        raised = not standing and level >= self.limit
        clear = 0 if over or not standing else clear + 1
        ended = bool(standing) and clear >= CLEAR
        if ended:
            after, onset = np.full_like(before, -np.inf), 0
        now = bool(standing or raised) and not ended
        latch = np.array([now, 0 if ended else clear, onset], np.int64)
        changed = {**state, f"{stream}.log": after, f"{stream}.latch": latch}
        return changed, Reading(stream, now, raised, ended, onset or start, level, mean, n)

    def forget(self, state: State) -> State:
        """As at the start, but for what was seen: somebody answered."""
        fresh = dict(self.start())
        fresh["matured"] = state["matured"]
        return fresh

    def metric(self, stream: str) -> str:
        """What a stream is called by."""
        if stream == CONCEPT:
            return "what scores mean"
        return f"{stream} {'error' if self._outcome.task is Task.REGRESSION else 'accuracy'}"

    def unit(self, stream: str) -> float:
        """One of the stream's losses in the unit that people know: the label's; 1 for shares."""
        return self._scale if stream != CONCEPT and self._outcome.task is Task.REGRESSION else 1.0

    def _evidence(self, stream: str, outcomes: Outcomes) -> tuple[Floats, float, int, bool] | None:
        """log e, the window's mean, its rows, and whether it is beyond what is borne."""
        if stream == CONCEPT:
            if self.meaning is None:
                return None
            hits, misses = _labels(outcomes)
            n = int((hits + misses).sum())
            if n < FEWEST:
                return None
            means = self.meaning.means(hits, misses)
            return (
                self.meaning.evidence(hits, misses),
                float(means[0]),
                n,
                bool((abs(means) > self.meaning.borne).any()),
            )
        borne, found = self.borne[stream], self._loss(stream, outcomes)
        if borne is None or found is None or found[1] < FEWEST:
            return None
        mean, n = found
        return borne.evidence(mean, n), mean, n, mean > borne.bound

    def _loss(self, stream: str, outcomes: Outcomes) -> tuple[float, int] | None:
        """Mean loss, 0–1, and over how many rows."""
        if stream == ESTIMATED:
            return _expected(outcomes)
        if self._outcome.task is Task.REGRESSION:
            n = outcomes.joined()
            absolute = outcomes.losses()["absolute"][0] * self._outcome.unit
            return (min(absolute / n / self._scale, 1.0), n) if n > 0 and self._scale > 0 else None
        table = outcomes.block("joined").sum(axis=0)[:-1, :-1]
        n = int(table.sum())
        return (1 - float(np.trace(table)) / n, n) if n > 0 else None


def _scale(reference: Outcomes) -> float:
    """Regression: the error that counts as 1."""
    edges = reference.outcome.losses
    return float(edges[-1]) * 2 if edges else 0.0


def _expected(outcomes: Outcomes) -> tuple[float, int] | None:
    """Mean expected loss of the window's predictions by the reference's frozen calibrator; None: it has none."""
    if not outcomes.outcome.calibrated or not outcomes.outcome.causes:
        return None
    # each prediction counts once under every cause
    n, total = outcomes.by_cause("cause_rows")[0].sum(), outcomes.by_cause("cause_expected")[0].sum()
    return (float(total) / float(n), int(n)) if n > 0 else None


def _labels(outcomes: Outcomes) -> tuple[Floats, Floats]:
    """(K,) positives and negatives by cell, of predictions with a score."""
    table = outcomes.block("joined").sum(axis=1)[:-1].astype(np.float64)
    return table[:, 1], table[:, 0]


def _wander(means: Floats, sampling: Floats) -> tuple[float, float]:
    """ω² between windows beyond what sampling explains, and IF of their lag-1 autocorrelation (moments)."""
    if means.size < 3:
        return 0.0, 1.0
    omega = max(float(means.var(ddof=1) - sampling.mean()), 0.0)
    centred = means - means.mean()
    rho = float(centred[1:] @ centred[:-1]) / max(float(centred @ centred), 1e-300)
    rho = min(max(rho * float(means.var(ddof=1)) / omega, 0.0), 0.9) if omega > 0 else 0.0
    return omega, (1 + rho) / (1 - rho)


def _borne(reference: Outcomes, chunks: Sequence[Outcomes], loss: Any, max_drop: float) -> Borne | None:
    whole = loss(reference)
    if whole is None or whole[1] < FEWEST:
        return None
    parts = [found for chunk in chunks if (found := loss(chunk)) is not None and found[1] >= FEWEST]
    means, sizes = np.array([mean for mean, _ in parts]), np.array([n for _, n in parts], float)
    omega, inflation = _wander(means, means * (1 - means) / sizes) if parts else (0.0, 1.0)
    mean, n = whole
    own = mean * (1 - mean) / n + omega * inflation / max(len(parts), 1)
    bound = min(max(mean + max_drop + _Z * sqrt(own) + 2 * sqrt(omega), 1e-3), 0.99)
    return Borne(mean, bound, omega * inflation)


def _meaning(reference: Outcomes, chunks: Sequence[Outcomes], max_drop: float) -> Meaning | None:
    """What scores mean in the reference; None: the task has no single score, or there are too few labels."""
    if reference.outcome.task is not Task.BINARY or not reference.outcome.scores:
        return None
    calibrator = Calibrator.of(Counts.of(reference), Cells.of(reference.grid))
    if not calibrator.enough:
        return None
    chance = np.asarray(calibrator.chance, np.float64)[:-1]
    hits, misses = _labels(reference)
    rows = hits + misses
    rank = (np.cumsum(rows) - rows / 2) / rows.sum()
    shapes = np.stack((np.ones_like(rank), 2 * rank - 1))
    bare = Meaning(chance, shapes, np.zeros(2), np.zeros(2))
    spread = np.array([rows @ (s**2 * chance * (1 - chance)) for s in shapes]) / rows.sum()
    found, sizes = [], []
    for chunk in chunks:
        up, down = _labels(chunk)
        if (n := float((up + down).sum())) >= FEWEST:
            found.append(bare.means(up, down))
            sizes.append(n)
    borne, wander = np.zeros(2), np.zeros(2)
    for at in range(2):
        means = np.array([one[at] for one in found])
        omega, inflation = _wander(means, spread[at] / np.array(sizes)) if found else (0.0, 1.0)
        own = spread[at] / rows.sum() + omega * inflation / max(len(found), 1)
        borne[at], wander[at] = max_drop + _Z * sqrt(own) + 2 * sqrt(omega), omega * inflation
    return Meaning(chance, shapes, borne, wander)
