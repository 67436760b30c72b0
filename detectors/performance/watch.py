"""Performance over time: e-detectors on the loss that is estimated, on the one that came true, on what scores mean.

    estimated    mean expected loss of a window's predictions, without a label
    realized     mean loss of a window's labels, once they are mature
    concept      whether labels are what scores stand for, see `concept`

Each is a mixture of bets on a mean that is borne (Shin, Ramdas, Rinaldo 2024, 10.51387/23-NEJSDS51): R ← (1 + R)·e, an
alarm when the mean of R reaches A·F, A the windows of the budget, F the streams. Its expected run to the first false
alarm is at least A without any independence between windows.

A loss x̄ in 0–1 of n rows is bet on by the chord of log(1 + θ(x − μ₀)), exact for a loss of 0 or 1 and a lower bound for
any other: log e = n_eff·(x̄·log(p₁/μ₀) + (1−x̄)·log((1−p₁)/(1−μ₀))). μ₀ = the reference's loss + what is borne +
z·√(its own variance) + 2ω; n_eff = 1/(1/n + ω²·IF/(μ₀(1−μ₀))), ω² what the loss wanders by between the reference's own
windows, IF the inflation that their autocorrelation brings. An absolute error is counted in the grid's unit, about the
label's range.

An alarm stands until three windows in a row are within what is borne.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from detectors.performance.concept import Concept
from detectors.performance.dle import Dle
from detectors.sequential.default import betting
from drift.core.outcome.grid import Task
from drift.core.outcome.sums import Outcomes
from drift.core.profile import Profile

Floats = npt.NDArray[np.float64]
State = Mapping[str, npt.NDArray[Any]]

DROPS: Final = (0.01, 0.02, 0.05, 0.1, 0.2)
"""Bets: so far beyond what is borne, at most half of the way to 1."""
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
    """Mean loss of the window; for `concept`, by how much the share of positives is above what scores stand for."""
    n: int
    sentence: str = ""
    """What a concept's labels say."""


class PerformanceWatch:
    """Of one reference and window length. Pure: the same state and sums give the same bytes."""

    def __init__(
        self, reference: Outcomes, chunks: Sequence[Outcomes], *, max_drop: float, alarm_windows: float,
        dle: Dle | None = None,
    ) -> None:  # fmt: skip
        """
        Args:
            reference: predictions with labels, held out.
            chunks: the same by stretches of about a window.
            max_drop: growth of the loss that is borne, 0–1; of an error in standard deviations of the label.
            alarm_windows: windows in which one false alarm is allowed.
            dle: a regression's estimate.
        """
        self._outcome = reference.outcome
        self._scale, self._dle = reference.outcome.unit, dle
        max_drop *= _spread(reference)
        self.max_drop, self.limit = max_drop, log(max(alarm_windows, 1.0) * len(STREAMS))
        self.borne: dict[str, Borne | None] = {
            name: _borne(reference, chunks, lambda one, s=name: self._loss(s, one), max_drop)
            for name in (ESTIMATED, REALIZED)
        }
        if dle is not None and dle.rows >= FEWEST:
            self.borne[ESTIMATED] = _bound(
                float(dle.mean[0]), dle.rows, float(dle.wander[0]), 1.0, dle.chunks, max_drop
            )
        self.concept = _concept(reference, chunks)

    def start(self) -> State:
        """Before the first window."""
        sizes = {ESTIMATED: len(DROPS), REALIZED: len(DROPS), CONCEPT: 4 * betting.THETAS.size}
        state: dict[str, npt.NDArray[Any]] = {
            "matured": np.full(1, -1, np.int64), "compared": np.full(1, -1, np.int64),
        }  # fmt: skip
        for name, size in sizes.items():
            state[f"{name}.log"] = np.full(size, -np.inf)
            state[f"{name}.latch"] = np.zeros(3, np.int64)
        return state

    def step(
        self, state: State, stream: str, start: int, outcomes: Outcomes, profile: Profile | None = None
    ) -> tuple[State, Reading | None]:
        """The state after one more window of a stream; None: it says nothing about it.

        Args:
            state: as after the window before.
            stream: `estimated` of every final window, the others of those that became mature.
            start: of the window, microseconds.
            outcomes: its predictions and labels.
            profile: its bins, which a regression's estimate reads.
        """
        found = self._evidence(stream, outcomes, profile)
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
        look = self.concept.look(outcomes) if stream == CONCEPT and self.concept is not None else None
        return changed, Reading(
            stream, now, raised, ended, onset or start, level, mean, n, look.sentence() if look else ""
        )

    def forget(self, state: State) -> State:
        """As at the start, but for what was seen: somebody answered."""
        fresh = dict(self.start())
        return fresh | {name: state[name] for name in ("matured", "compared")}

    def metric(self, stream: str) -> str:
        """What a stream is called by."""
        if stream == CONCEPT:
            return "what scores mean"
        return f"{stream} {'error' if self._outcome.task is Task.REGRESSION else 'accuracy'}"

    def unit(self, stream: str) -> float:
        """One of the stream's losses in the unit that people know: the label's; 1 for shares."""
        return self._scale if stream != CONCEPT and self._outcome.task is Task.REGRESSION else 1.0

    def _evidence(
        self, stream: str, outcomes: Outcomes, profile: Profile | None
    ) -> tuple[Floats, float, int, bool] | None:
        """log e, the window's mean, its rows, and whether it is beyond what is borne."""
        if stream == CONCEPT:
            look = self.concept.look(outcomes) if self.concept is not None else None
            if self.concept is None or look is None or look.rows < FEWEST:
                return None
            off = bool((np.abs(look.means) > self.concept.delta).any())
            return self.concept.bets(self.concept.counts(outcomes)).ravel(), look.found - look.expected, look.rows, off
        borne, found = self.borne[stream], self._loss(stream, outcomes, profile)
        if borne is None or found is None or found[1] < FEWEST:
            return None
        mean, n = found
        return borne.evidence(mean, n), mean, n, mean > borne.bound

    def _loss(self, stream: str, outcomes: Outcomes, profile: Profile | None = None) -> tuple[float, int] | None:
        """Mean loss, 0–1, and over how many rows."""
        if stream == ESTIMATED and self._dle is not None:
            return _by_dle(self._dle, profile, self._scale)
        if stream == ESTIMATED:
            return _expected(outcomes)
        if self._outcome.task is Task.REGRESSION:
            n = outcomes.joined()
            absolute = outcomes.losses()["absolute"][0] * self._outcome.unit
            return (min(absolute / n / self._scale, 1.0), n) if n > 0 else None
        table = outcomes.block("joined").sum(axis=0)[:-1, :-1]
        n = int(table.sum())
        return (1 - float(np.trace(table)) / n, n) if n > 0 else None


def _spread(reference: Outcomes) -> float:
    """What growth of the loss is measured in: 1; for a regression the label's standard deviation, in units."""
    n = reference.joined()
    if reference.outcome.task is not Task.REGRESSION or n <= 1:
        return 1.0
    losses = reference.losses()
    return sqrt(max(losses["label_squared"][0] / n - (losses["label"][0] / n) ** 2, 0.0)) or 1.0


def _by_dle(dle: Dle, profile: Profile | None, unit: float) -> tuple[float, int] | None:
    """Mean absolute error that is expected, in units; None: nothing was learnt, or nobody asked for it."""
    if profile is None:
        return None
    found = dle.measures(profile)["mae"]
    return (min(found.value / unit, 1.0), profile.rows()) if found.known else None


def _expected(outcomes: Outcomes) -> tuple[float, int] | None:
    """Mean expected loss of the window's predictions by the reference's frozen calibrator; None: it has none."""
    if not outcomes.outcome.calibrated or not outcomes.outcome.causes:
        return None
    # each prediction counts once under every cause
    n, total = outcomes.by_cause("cause_rows")[0].sum(), outcomes.by_cause("cause_expected")[0].sum()
    return (float(total) / float(n), int(n)) if n > 0 else None


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
    return _bound(whole[0], whole[1], omega, inflation, len(parts), max_drop)


def _bound(mean: float, n: int, omega: float, inflation: float, parts: int, max_drop: float) -> Borne:
    own = mean * (1 - mean) / n + omega * inflation / max(parts, 1)
    bound = min(max(mean + max_drop + _Z * sqrt(own) + 2 * sqrt(omega), 1e-3), 0.99)
    return Borne(mean, bound, omega * inflation)


def _concept(reference: Outcomes, chunks: Sequence[Outcomes]) -> Concept | None:
    """None: the task has no single score, or there are too few labels."""
    if reference.outcome.task is not Task.BINARY or not reference.outcome.scores:
        return None
    return Concept.of(reference, chunks)
