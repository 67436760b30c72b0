"""Whether scores still mean what they meant: P(y|score), whatever inputs do.

Of each labelled row y − ĉ_k, k the cell of its score, has a mean of 0 as long as the concept stands, wherever scores
move. Two streams are watched: its *level*, and its *slope*, the same weighted by the cell's rank in the reference, made
orthogonal to the level; both in standard deviations of a reference row. A label and a cell are one bin of 2(K+1), so
that the e-detector of `detectors.sequential.default` bets on counts: valid for any distribution whose mean is borne.

What is borne, δ: 0.05 standard deviations, the calibrator's own error at 95 % over all streams, and 2ω, ω² being what
the mean wanders between chunks of the reference beyond chance (statistics.md 3). Cost: O(K) a window.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.contract import Floats
from detectors.performance.calibration import ENOUGH, Calibrator, Counts
from detectors.performance.cbpe import FEWEST
from detectors.performance.cells import Cells
from detectors.sequential.default import betting
from detectors.wording import percent, points
from drift.core.outcome.grid import Task
from drift.core.outcome.sums import Outcomes

STREAMS: Final = ("level", "slope")
USER: Final = 0.05
"""Standard deviations that are always borne."""
MOST_INFLATED: Final = 10.0
"""Chunks that follow each other are taken for at most so many times fewer than they are."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one window's labels say of the concept."""

    rows: int
    means: Floats
    """(2,) means of both streams, standard deviations."""
    z: Floats
    """(2,) these in standard errors; the calibrator's error and what the reference wanders are among them."""
    expected: float
    """Share of positives that the scores stood for, 0–1."""
    found: float
    """Share of positives."""

    @property
    def leader(self) -> int:
        """The stream that is further off."""
        return int(np.abs(self.z).argmax())

    @property
    def direction(self) -> int:
        """1 more positives than scores stand for (or scores that tell more apart), −1 fewer (less)."""
        return int(np.sign(self.z[self.leader]))

    def sentence(self, what: str = "positives") -> str:
        """What has happened, for a person."""
        if self.leader == 1:
            side = "more" if self.direction > 0 else "less"
            return (
                f"Scores tell {what} apart {side} than they did: high ones and low ones are off in opposite directions."
            )
        more = "more" if self.direction > 0 else "fewer"
        return (
            f"At the same scores there are {points(self.found - self.expected)} {more} {what} than there were: "
            f"{percent(self.found)}, where {percent(self.expected)} were to be expected."
        )


@dataclass(frozen=True, slots=True)
class Concept:
    """What the reference taught of one score's meaning in one segment."""

    number: int
    """Which class's score; 1 for binary models."""
    calibrator: Calibrator
    heights: Floats
    """(2, K+1) by what y − ĉ is multiplied, over the stream's standard deviation."""
    omega: Floats
    """(2,) standard deviation of the chunks' means beyond chance."""
    inflation: Floats
    """(2,) (1+ρ)/(1−ρ), ρ the chunks' lag-1 autocorrelation."""
    delta: Floats
    """(2,) what is borne."""

    @staticmethod
    def of(
        reference: Outcomes, chunks: Sequence[Outcomes], segment: int = 0, number: int = 1, streams: int = 1
    ) -> "Concept | None":
        """Learn from a reference with labels; None where it has fewer than 50 of either kind.

        Args:
            reference: held-out rows with labels.
            chunks: the same by stretches of time about as long as a window, in order.
            segment: its index; 0 is the whole traffic.
            number: the class whose score is looked at; binary models have one score.
            streams: how many such watches share a false-alarm budget.
        """
        table = labelled(reference, segment, number)
        totals = table.sum(axis=1)
        cells = Cells.of(reference.grid, 0 if reference.outcome.task is Task.BINARY else number)
        calibrator = Calibrator.of(Counts(table[:, 1], totals, totals), cells)
        if calibrator.rarer < ENOUGH:
            return None
        heights = _heights(totals, calibrator.chance)
        none = np.zeros(2)
        bare = Concept(number, calibrator, heights, none, none + 1, none)
        omega, inflation = bare.wander([labelled(one, segment, number) for one in chunks])
        error = bare.own_error(totals) + omega**2 * inflation / max(len(chunks), 1)
        delta = USER + _normal_quantile(1 - 0.05 / (4 * streams)) * np.sqrt(error) + 2 * omega
        return Concept(number, calibrator, heights, omega, inflation, delta)

    @property
    def scores(self) -> Floats:
        """(2, 2(K+1)) each stream's score of each bin: first those of negatives by cell, then of positives."""
        chance = self.calibrator.chance
        found: Floats = np.concatenate((-self.heights * chance, self.heights * (1 - chance)), axis=1)
        return found

    def counts(self, window: Outcomes, segment: int = 0) -> Floats:
        """(2(K+1),) labelled rows by bin, as `scores` has them."""
        return labelled(window, segment, self.number).T.ravel()

    def bets(self, counts: Floats) -> Floats:
        """(2, 2, T) log e of each stream, upwards and downwards, for each stake; `betting.advance` adds them up.

        Rows count for n_eff/n, 1/n_eff = 1/n + IF·ω².
        """
        n = float(counts.sum())
        if n <= 0:
            return np.zeros((2, 2, betting.THETAS.size))
        scores, every = self.scores[None], np.ones(counts.size, np.bool_)
        logs = betting.factors(scores, every, np.zeros((1, 2)), self.delta[None])[0].astype(np.float64)
        weight = 1 / (1 + n * self.inflation * self.omega**2)
        bets: Floats = (logs @ counts) * weight[:, None, None]
        return bets

    def look(self, window: Outcomes, segment: int = 0) -> Look | None:
        """What one window's labels say; None where there are none."""
        table = labelled(window, segment, self.number)
        totals = table.sum(axis=1)
        n = float(totals.sum())
        if n <= 0:
            return None
        means, own = self.means(table), self.chance_variance(totals) + self.own_error(totals)
        z = means / np.sqrt(own + self.inflation * self.omega**2)
        expected = float(totals @ self.calibrator.chance) / n
        return Look(round(n), means, z, expected, float(table[:, 1].sum()) / n)

    def means(self, table: Floats) -> Floats:
        """(2,) means of both streams; table (K+1, 2) labelled rows."""
        totals = table.sum(axis=1)
        found: Floats = self.heights @ (table[:, 1] - totals * self.calibrator.chance) / max(float(totals.sum()), 1.0)
        return found

    def chance_variance(self, totals: Floats) -> Floats:
        """(2,) variance of the means that labels have by themselves."""
        chance = self.calibrator.chance
        found: Floats = self.heights**2 @ (totals * chance * (1 - chance)) / max(float(totals.sum()), 1.0) ** 2
        return found

    def own_error(self, totals: Floats) -> Floats:
        """(2,) variance of the means that follows from the calibrator's error, for rows that lie so."""
        share = self.heights * totals / max(float(totals.sum()), 1.0)
        return self.calibrator.variance_of(share)

    def wander(self, chunks: Sequence[Floats]) -> tuple[Floats, Floats]:
        """(2,) ω and IF from chunks in order; (0, 1) where there are fewer than two with 30 labels."""
        usable = [one for one in chunks if one.sum() >= FEWEST]
        if len(usable) < 2:
            return np.zeros(2), np.ones(2)
        means = np.array([self.means(one) for one in usable])
        noise = np.array([self.chance_variance(one.sum(axis=1)) for one in usable]).mean(axis=0)
        square = np.maximum(means.var(axis=0, ddof=1) - noise, 0.0)
        off = means - means.mean(axis=0)
        lagged = (off[1:] * off[:-1]).sum(axis=0) / len(usable)
        rho = np.clip(np.where(square > 0, lagged / np.maximum(square, 1e-300), 0.0), 0.0, 1.0)
        worst = (MOST_INFLATED - 1) / (MOST_INFLATED + 1)
        rho = np.minimum(rho, worst)
        omega: Floats = np.sqrt(square)
        return omega, (1 + rho) / (1 - rho)


def labelled(outcomes: Outcomes, segment: int, number: int = 1) -> Floats:
    """(K+1, 2) labelled rows by cell of a score, and whether its class was the true one."""
    if outcomes.outcome.task is Task.BINARY:
        by_class: Floats = outcomes.block("joined", segment)[:, :, :2].sum(axis=1).astype(np.float64)
        return by_class
    size = Cells.of(outcomes.grid, number).size
    return outcomes.block("met", segment)[number, : size + 1].astype(np.float64)


def _heights(totals: Floats, chance: Floats) -> Floats:
    """(2, K+1) 1, and a cell's rank less its mean; over the standard deviation that each gives y − ĉ there."""
    weight = totals * chance * (1 - chance)
    rank = np.append((np.cumsum(totals[:-1]) - totals[:-1] / 2) / max(float(totals[:-1].sum()), 1.0), 0.0)
    rank[:-1] -= (weight[:-1] @ rank[:-1]) / max(float(weight[:-1].sum()), 1e-300)
    raw = np.stack((np.ones(totals.size), rank))
    sd = np.sqrt(raw**2 @ weight / max(float(totals.sum()), 1.0))
    found: Floats = raw / np.maximum(sd, 1e-12)[:, None]
    return found


def _normal_quantile(p: float) -> float:
    from scipy import special

    return float(special.ndtri(p))
