"""From what was seen to what is said: rates with exact intervals, delays with their censoring, verdicts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isinf
from statistics import median
from typing import Final

CONFIDENCE: Final = 0.95
SLOWER: Final = 1.5
"""A delay is as good as another one if it is at most so many times as long."""
ONCE: Final = 0.1
"""'Paged once' allows for so many alarms more or less a column."""


class Budget(StrEnum):
    """Whether false alarms stayed within what is allowed."""

    KEPT = "kept"
    """No more than the expectation."""
    UNDECIDED = "undecided"
    """More, but the interval still holds the allowed rate."""
    BROKEN = "broken"
    """More, and the whole interval lies above."""


def interval(k: int, n: int) -> tuple[float, float]:
    """The exact interval of a proportion (Clopper and Pearson 1934), 95 %, of k in n trials."""
    from scipy.stats import beta

    if not 0 <= k <= n or n == 0:
        raise ValueError(f"{k} of {n} is no proportion")
    out = (1 - CONFIDENCE) / 2
    low = 0.0 if k == 0 else float(beta.ppf(out, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf(1 - out, k + 1, n - k))
    return low, high


@dataclass(frozen=True, slots=True)
class Count:
    """Alarms of one method where nothing was wrong. Adds."""

    windows: int = 0
    """Of the whole model."""
    column_windows: int = 0
    alarms: int = 0
    """Fresh ones: a column that fires, and did not in the window before."""
    firing: int = 0
    """Column-windows in which it fired, or an alarm stood."""

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.windows + other.windows, self.column_windows + other.column_windows,
            self.alarms + other.alarms, self.firing + other.firing,
        )  # fmt: skip

    def per(self, windows: float) -> float:
        """Fresh alarms of the whole model in so many windows."""
        return self.alarms / self.windows * windows

    def interval_per(self, windows: float) -> tuple[float, float]:
        """Exact interval of `per`; each column-window is a trial."""
        low, high = interval(self.alarms, self.column_windows)
        scale = self.column_windows / self.windows * windows
        return low * scale, high * scale

    def budget(self, alarm_windows: float) -> Budget:
        """One alarm of the whole model is allowed in so many windows."""
        if self.alarms <= self.windows / alarm_windows:
            return Budget.KEPT
        return Budget.UNDECIDED if self.interval_per(alarm_windows)[0] <= 1 else Budget.BROKEN


@dataclass(frozen=True, slots=True)
class Delays:
    """When one method saw one change, once for each column and replication. Adds."""

    seen: tuple[float, ...] = ()
    """Windows from the onset to the alarm; 1 is the very window of the onset; inf: not within the horizon."""
    horizon: int = 0
    """Windows that were looked at."""
    standing: int = 0
    """Columns left out: an alarm stood already when the change began."""

    def __add__(self, other: "Delays") -> "Delays":
        horizon = min(filter(None, (self.horizon, other.horizon)), default=0)
        return Delays(self.seen + other.seen, horizon, self.standing + other.standing)

    @property
    def within(self) -> tuple[float, ...]:
        """Delays with all that is beyond the horizon as inf: runs of unequal length add to the shortest."""
        return tuple(delay if delay <= self.horizon else inf for delay in self.seen)

    @property
    def median(self) -> float:
        """Median delay; inf where half of them or more are not seen; NaN where there is nothing."""
        return median(self.within) if self.seen else float("nan")

    @property
    def noticed(self) -> int:
        """How many were seen within the horizon."""
        return sum(not isinf(delay) for delay in self.within)

    @property
    def detected(self) -> float:
        """Share seen within the horizon, 0–1; NaN where there is nothing."""
        return self.noticed / len(self.seen) if self.seen else float("nan")


class Verdict(StrEnum):
    """Ours beside the best peer that keeps the same false-alarm rate."""

    ALONE = "only ours"
    """Ours sees it, and no such peer does."""
    GOOD = "as good"
    """Within 1.5 times the best one's delay."""
    LOST = "lost"
    UNDECIDED = "cannot be told"
    """Behind, but the exact intervals of the two shares overlap."""
    NOBODY = "nobody sees it"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A verdict, and the peer that it was measured by."""

    verdict: Verdict
    best: str = ""
    ratio: float = float("nan")
    """Our delay ÷ its delay; or its share ÷ ours."""


def by_delay(ours: Delays, peers: Mapping[str, Delays]) -> Comparison:
    """Compare median delays. `peers`: those that keep the budget."""
    found = {name: delays.median for name, delays in peers.items() if delays.seen and not isinf(delays.median)}
    if not found:
        return Comparison(Verdict.NOBODY if isinf(ours.median) else Verdict.ALONE)
    best = min(found, key=lambda name: found[name])
    ratio = ours.median / found[best]
    return Comparison(Verdict.GOOD if ratio <= SLOWER else Verdict.LOST, best, ratio)


def by_share(ours: Delays, peers: Mapping[str, Delays]) -> Comparison:
    """Compare how many are seen at all: for what is gone after one window."""
    found = {name: delays.detected for name, delays in peers.items() if delays.seen and delays.detected > 0}
    if not found:
        return Comparison(Verdict.ALONE if ours.detected > 0 else Verdict.NOBODY)
    best = max(found, key=lambda name: found[name])
    ratio = found[best] / ours.detected if ours.detected > 0 else inf
    if ratio <= SLOWER:
        return Comparison(Verdict.GOOD, best, ratio)
    apart = interval(peers[best].noticed, len(peers[best].seen))[0] > interval(ours.noticed, len(ours.seen))[1]
    return Comparison(Verdict.LOST if apart else Verdict.UNDECIDED, best, ratio)


def once(alarms: int, columns: int) -> bool:
    """Whether columns were paged once each."""
    return abs(alarms / columns - 1) <= ONCE


def total(counts: Iterable[Count]) -> Count:
    """All together."""
    return sum(counts, Count())


def joined(delays: Sequence[Delays]) -> Delays:
    """All together."""
    return sum(delays, Delays())
