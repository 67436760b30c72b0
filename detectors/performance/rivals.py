"""Two versions of a model over the same time: which one does better, and whether they saw the same traffic. Pure.

A canary or a shadow is no worse if its metric is above the champion's less a margin, with 95 % certainty: the interval
of the difference lies beyond −margin (non-inferiority, Piaggio et al. 2012, JAMA 308:2594). The interval is made of
those of the two (Newcombe 1998, Stat. Med. 17:873, method 10), which are taken for independent: that is right for a
canary, and cautious for a shadow, whose errors go together with the champion's.

Realised metrics decide where both versions have mature labels, estimated ones otherwise.

The traffic is alike if no shared feature differs by more than chance and more than 0.1 standard deviations (numbers) or
2 points (shares of values) between the two: a canary that was given other customers proves nothing about the model.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from math import hypot, isfinite, nan, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np

from detectors.performance.fairness import LOWER_IS_BETTER
from detectors.wording import number
from drift.core.performance import Measure, Performance
from drift.core.profile import Profile
from drift.core.schema import Kind, Role

FEWEST: Final = 100
"""Predictions of each version below which nothing is decided."""
SHIFT: Final = 0.1
"""Standard deviations …"""
SHARE: Final = 0.02
"""… and share of rows that traffic may differ by."""


class Verdict(StrEnum):
    """On the challenger."""

    BETTER = "better"
    """The interval of the difference lies above 0."""
    NO_WORSE = "no_worse"
    """It lies above −margin: it may be promoted."""
    WORSE = "worse"
    """It lies below −margin."""
    UNDECIDED = "undecided"
    """It holds −margin: more rows are needed."""


@dataclass(frozen=True, slots=True)
class Contest:
    """One metric of both."""

    metric: str
    realized: bool
    """From labels; otherwise estimated."""
    champion: Measure
    challenger: Measure
    gain: Measure
    """By how much the challenger is better, in the metric's unit; negative: worse."""
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Difference:
    """A feature whose values the two versions saw otherwise."""

    column: str
    amount: float
    """Standard deviations, or share of rows."""
    what: str
    """`mean`, `missing`, or the value whose share differs most."""


@dataclass(frozen=True, slots=True)
class Rivalry:
    """What there is to say of two versions."""

    verdict: Verdict
    sentence: str
    contests: tuple[Contest, ...]
    differences: tuple[Difference, ...]
    """Largest first; empty: both saw the same traffic."""
    shared: int
    """Features that were compared."""


def rivalry(
    champion: Performance, challenger: Performance, seen: tuple[Profile, Profile], *, metric: str = "",
    margin: float = 0.02,
) -> Rivalry:  # fmt: skip
    """Compare two versions over one stretch of time.

    Args:
        champion: how the present version did.
        challenger: how the other did.
        seen: what the two saw, champion first; their grids may differ.
        metric: that decides; empty: accuracy, or the mean absolute error.
        margin: by how much the challenger may be worse, in the metric's unit; of an error, a share of the champion's.
    """
    realized = champion.mature and challenger.mature and bool(champion.realized) and bool(challenger.realized)
    one, other = (part.realized if realized else part.estimated for part in (champion, challenger))
    names = [name for name in one if name in other]
    contests = tuple(_contest(name, realized, one[name], other[name], margin) for name in names)
    differences, shared = traffic(*seen)
    chosen = metric or ("accuracy" if "accuracy" in names or "mae" not in names else "mae")
    deciding = next((one for one in contests if one.metric == chosen), None)
    few = min(champion.predicted, challenger.predicted) < FEWEST
    verdict = Verdict.UNDECIDED if few or deciding is None else deciding.verdict
    return Rivalry(verdict, _sentence(verdict, deciding, chosen, differences, few), contests, differences, shared)


def _contest(name: str, realized: bool, champion: Measure, challenger: Measure, margin: float) -> Contest:
    lower = name in LOWER_IS_BETTER or name.startswith("pinball")
    more, less = (champion, challenger) if lower else (challenger, champion)
    gain = more.value - less.value
    below = hypot(more.value - more.low, less.high - less.value)
    above = hypot(more.high - more.value, less.value - less.low)
    measure = Measure(gain, gain - below, gain + above) if isfinite(gain) else Measure(nan, why="not known of both")
    borne = margin * (abs(champion.value) if lower else 1.0)
    return Contest(name, realized, champion, challenger, measure, _verdict(measure, borne))


def _verdict(gain: Measure, margin: float) -> Verdict:
    if not (isfinite(gain.low) and isfinite(gain.high)):
        return Verdict.UNDECIDED
    if gain.low > 0:
        return Verdict.BETTER
    if gain.low > -margin:
        return Verdict.NO_WORSE
    return Verdict.WORSE if gain.high < -margin else Verdict.UNDECIDED


def traffic(one: Profile, other: Profile) -> tuple[tuple[Difference, ...], int]:
    """Features that the two saw otherwise, largest first; and how many both have. O(bins)."""
    shared = [
        (at, other.grid.index[grid.name]) for at, grid in enumerate(one.grid.columns)
        if grid.column.role is Role.FEATURE and not grid.sketch and grid.name in other.grid.index
        and other.grid.columns[other.grid.index[grid.name]].column.kind is grid.column.kind
    ]  # fmt: skip
    z = NormalDist().inv_cdf(1 - 0.05 / (4 * max(len(shared), 1)))
    found = [found for at, to in shared for found in _differs(one, other, at, to, z)]
    return tuple(sorted(found, key=lambda each: -abs(each.amount))), len(shared)


def _differs(one: Profile, other: Profile, at: int, to: int, z: float) -> Iterator[Difference]:
    name, n, m = one.grid.columns[at].name, one.rows(), other.rows()
    if min(n, m) <= 0:
        return
    lost = int(other.missing()[to]) / m - int(one.missing()[at]) / n
    if _sure(lost, int(other.missing()[to]) + int(one.missing()[at]), n, m, z):
        yield Difference(name, lost, "missing")
    if one.grid.columns[at].column.kind in (Kind.NUMERIC, Kind.ORDINAL):
        (k, mean, variance), (j, now, spread) = one.moments(at), other.moments(to)
        sd = sqrt(max((variance + spread) / 2, 0.0))
        if min(k, j) > 1 and sd > 0 and abs(now - mean) > max(SHIFT * sd, z * sqrt(variance / k + spread / j)):
            yield Difference(name, (now - mean) / sd, "mean")
        return
    keys = [
        dict(zip(p.grid.columns[i].keys, p.bin_counts(i).tolist(), strict=False)) for p, i in ((one, at), (other, to))
    ]
    changes = {
        key: keys[1].get(key, 0) / m - keys[0].get(key, 0) / n for key in keys[0].keys() & keys[1].keys()
    }  # fmt: skip
    key = max(changes, key=lambda each: abs(changes[each]), default=None)
    if key is not None and _sure(changes[key], keys[0][key] + keys[1][key], n, m, z):
        yield Difference(name, changes[key], key)


def _by_key(profile: Profile, at: int) -> dict[str, int]:
    return dict(zip(profile.grid.columns[at].keys, profile.bin_counts(at).tolist(), strict=False))


def _sure(change: float, count: int, n: int, m: int, z: float) -> bool:
    pooled = np.clip(count / (n + m), 0.0, 1.0)
    return abs(change) > max(SHARE, z * sqrt(float(pooled * (1 - pooled)) * (1 / n + 1 / m)))


def _sentence(
    verdict: Verdict, deciding: Contest | None, metric: str, differences: tuple[Difference, ...], few: bool
) -> str:
    if few:
        return f"Nothing can be said yet: each version needs {FEWEST} predictions."
    if deciding is None or not deciding.gain.known:
        return f"Nothing can be said: {metric.replace('_', ' ')} is not known of both versions."
    gain, how = deciding.gain, "realised" if deciding.realized else "estimated"
    side = "better" if gain.value >= 0 else "worse"
    said = {
        Verdict.BETTER: "The challenger is better and can be promoted",
        Verdict.NO_WORSE: "The challenger is no worse than is borne and can be promoted",
        Verdict.WORSE: "The challenger is worse: do not promote it",
        Verdict.UNDECIDED: "It is not decided yet; more rows are needed",
    }[verdict]
    span = (
        f"{how} {metric.replace('_', ' ')} {number(abs(gain.value))} {side} ({number(gain.low)} to {number(gain.high)})"
    )
    other = f"; the two saw other traffic ({', '.join(one.column for one in differences[:3])})" if differences else ""
    return f"{said}: {span}{other}."
