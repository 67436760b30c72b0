"""Metrics of a classifier before its labels come: confidence-based performance estimation (CBPE) from counts.

What a score is worth is learnt from the reference (`calibration`) and applied to the window's counts by cell and
predicted class. Nothing of a row is needed, so that an estimate can be made anew with another calibrator at any time.

Band, 95 %: V = Σ labels' own chance (Poisson-binomial) + the calibrator's error + ω²·(1 + 1/C). ω² is the variance of
realised − estimated between C chunks of the reference beyond what the first two explain: without it coverage falls to
half where the intercept wanders by a tenth of a logit. Student's t with Satterthwaite's degrees of freedom; on the
logit scale for metrics in 0–1. The share of rows outside the reference's support may be all right or all wrong.
Realised − estimated that stands all through the chunks, as of a segment whose scores rank otherwise, is added.

An estimate assumes that P(y|score) is what it was: concept drift is invisible to it. `assumption` says so each time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, nan, sqrt
from typing import Final, Protocol

import numpy as np

from detectors.performance.calibration import ENOUGH
from detectors.performance.intervals import Z, logit_band, plain_band
from detectors.performance.options import PerformanceOptions
from detectors.wording import moment
from drift.core.errors import ProfileMismatch
from drift.core.outcome.grid import Task
from drift.core.outcome.sums import Outcomes
from drift.core.performance import CONFIDENCE, Measure, Measures

Estimates = Mapping[str, tuple[float, float]]
"""Metric → (value, variance without ω²); undefined ones are not there."""
TOO_FEW: Final = f"not estimated: the reference has fewer than {ENOUGH} labels of one class here"
FEWEST: Final = 30
"""Labels in a chunk, below which it says nothing of ω²."""


class Estimating(Protocol):
    """CBPE of one task."""

    @property
    def names(self) -> tuple[str, ...]:
        """Metrics that it estimates, in order."""

    def enough(self, segment: int) -> str:
        """Why a segment is not estimated; empty: it is."""

    def estimate(self, window: Outcomes, segment: int) -> Estimates:
        """Of a window's predictions."""

    def residual(self, chunk: Outcomes, segment: int) -> Estimates:
        """Realised − estimated of a chunk's predictions with labels, and what variance their own chance gives it."""

    def limits(self, name: str) -> tuple[float, float]:
        """The least and the most that rows of unknown outcome can be worth to a metric."""


@dataclass(frozen=True, slots=True)
class Wander:
    """How much realised and estimated part between chunks, by more than chance."""

    variance: float = 0.0
    """ω²"""
    chunks: int = 0
    bias: float = 0.0
    """By how much realised is more than estimated all through the reference, shrunk: of segments whose scores mean
    something else than an offset can tell."""


@dataclass(frozen=True, slots=True)
class Estimator:
    """CBPE of one model. Made once per reference, O(chunks·segments·K); an estimate is O(K) for each metric."""

    task: Estimating
    options: PerformanceOptions
    wander: Mapping[tuple[int, str], Wander] = field(default_factory=dict)

    @staticmethod
    def of(reference: Outcomes, chunks: Sequence[Outcomes], options: PerformanceOptions | None = None) -> "Estimator":
        """Learn from a reference with labels.

        Args:
            reference: held-out rows with labels; or recent mature windows, to calibrate anew.
            chunks: the same rows by stretches of time, each about as long as a window; none: ω² is taken for 0, and
                the band for too narrow.
            options: of the model.

        Raises:
            ProfileMismatch: the model predicts numbers; `dle` estimates their error.
        """
        options = options or PerformanceOptions()
        if reference.outcome.task is Task.REGRESSION or not reference.outcome.scores:
            raise ProfileMismatch(
                "there is no score to estimate performance from; give one, or use dle for a regression"
            )
        return Estimator.made(_task(reference, options), range(len(reference.grid.segments)), chunks, options)

    @staticmethod
    def made(
        task: Estimating, segments: Iterable[int], chunks: Sequence[Outcomes], options: PerformanceOptions
    ) -> "Estimator":
        """Of a calibrated task, with ω² from these chunks."""
        wander: dict[tuple[int, str], Wander] = {}
        for segment in segments:
            if not task.enough(segment):
                parts = [task.residual(chunk, segment) for chunk in chunks if chunk.joined(segment) >= FEWEST]
                wander |= {(segment, name): _wander(name, parts) for name in task.names}
        return Estimator(task, options, wander)

    def measures(self, window: Outcomes, segment: int = 0, outside: float = 0.0) -> Measures:
        """Estimated metrics of a window with their bands, without looking at its labels.

        Args:
            window: its outcomes.
            segment: its index; 0 is the whole traffic.
            outside: share of its rows outside the reference's support, 0–1.
        """
        why = self.task.enough(segment)
        if not why and window.predicted(segment) <= 0:
            why = "no prediction"
        found = {} if why else self.task.estimate(window, segment)
        return {
            name: self._measure(name, *found[name], segment, outside)
            if name in found
            else Measure(nan, why=why or "not defined for these predictions")
            for name in self.task.names
        }

    def assumption(self) -> str:
        """What every estimate takes for granted, in one sentence."""
        since = "the reference" if self.options.since is None else moment(self.options.since, self.options.zone)
        checked = self.options.checked
        last = "never" if checked is None else moment(checked, self.options.zone)
        return (
            f"Assumes that what a score means, P(label | score), has not changed since {since}; "
            f"last compared with labels: {last}."
        )

    def _measure(self, name: str, value: float, variance: float, segment: int, outside: float) -> Measure:
        wander = self.wander.get((segment, name), Wander())
        least, most = self.task.limits(name)
        value = min(max(value + wander.bias, least), most)
        whole = variance + wander.variance * (1 + 1 / max(wander.chunks, 1))
        t = _quantile(whole, wander)
        low, high = logit_band(value, sqrt(whole), t) if (least, most) == (0.0, 1.0) else (nan, nan)
        if not isfinite(low):
            low, high = plain_band(value, sqrt(whole), least, most, t)
        share = min(max(outside, 0.0), 1.0)
        return Measure(value, low + share * (least - low), high + share * (most - high))


def _wander(name: str, parts: Sequence[Estimates]) -> Wander:
    """ω² by moments: the residuals' variance, less what their own chance gives; and their mean r̄.

    r̄ counts for 1 − Var(r̄)/r̄², where that is positive (James and Stein 1961, Fourth Berkeley Symposium).
    """
    found = np.array([part[name] for part in parts if name in part])
    if len(found) < 2:
        return Wander()
    residuals, variance = found.T
    spread, mean = float(residuals.var(ddof=1)), float(residuals.mean())
    share = max(1 - spread / len(found) / max(mean**2, 1e-300), 0.0)
    return Wander(max(spread - float(variance.mean()), 0.0), len(found), mean * share)


def _quantile(whole: float, wander: Wander) -> float:
    """Student's t for a sum of which ω² is known by C − 1 degrees of freedom (Satterthwaite 1946, Biometrics 2)."""
    if wander.chunks < 2 or wander.variance <= 0:
        return Z
    from scipy import special

    freedom = (wander.chunks - 1) * (whole / wander.variance) ** 2
    return float(special.stdtrit(freedom, (1 + CONFIDENCE) / 2))


def _task(reference: Outcomes, options: PerformanceOptions) -> Estimating:
    if reference.outcome.task is Task.BINARY:
        from detectors.performance.cbpe_binary import BinaryEstimate

        return BinaryEstimate.of(reference, options)
    from detectors.performance.cbpe_multiclass import MulticlassEstimate

    return MulticlassEstimate.of(reference)
