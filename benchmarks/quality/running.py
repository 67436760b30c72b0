"""One replication of one family at one size: every method is fitted on one reference, then all see the same hours."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from math import inf

import numpy as np

from benchmarks.quality.methods import Fitted, Method, Reference, Run
from benchmarks.quality.scenarios import SEEDS, SIZES, Family, Scenario
from benchmarks.quality.streams import COLUMNS, Block
from benchmarks.quality.summary import Count, Delays


@dataclass(frozen=True, slots=True)
class Seen:
    """What one method did in one replication."""

    quiet: Count = field(default_factory=Count)
    """Where nothing was wrong."""
    delays: Mapping[str, Delays] = field(default_factory=dict)
    """Scenario → when it was seen."""
    changed: Mapping[str, Count] = field(default_factory=dict)
    """Scenario → how often it fired from the onset on."""
    unreliable: int = 0
    """Columns that the method itself calls unreliable."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One replication."""

    family: str
    n: int
    replication: int
    methods: Mapping[str, Seen]


def replicate(family: Family, n: int, replication: int, methods: Sequence[Method], seed: int) -> Observed:
    """Everything of one family, size and replication."""
    size, seed = SIZES[n], seed_of(seed, family, n, replication)
    reference = Reference(family.stream(n, seed), range(size.reference))
    rows = max(reference.stream.rows(hour) for hour in range(24))
    used = {m.name: m for m in methods if m.most_windows(rows) and (not m.once or replication == 0)}
    most = {name: method.most_windows(rows) for name, method in used.items()}
    fitted = {name: method.fit(reference) for name, method in used.items()}
    reference.held.clear()
    reference.sampled.clear()
    quiet = _quiet(family, n, seed, fitted, most)
    seen = {name: Seen(quiet[name], {}, {}, int((~fitted[name].reliable).sum())) for name in used}
    looking = {name: fit for name, fit in fitted.items() if used[name].changes}
    for at, scenario in enumerate(family.scenarios):
        for name, (delays, count) in _changed(family, scenario, n, seed + 2 + at, looking, most).items():
            had = seen[name]
            seen[name] = replace(
                had,
                delays={**had.delays, scenario.name: delays},
                changed={**had.changed, scenario.name: count},
            )
    return Observed(family.name, n, replication, seen)


def seed_of(seed: int, family: Family, n: int, replication: int) -> int:
    """A seed of its own for each family, size and replication; the hundred seeds from it on are this replication's."""
    text = f"{seed} {family.name} {n} {replication}".encode()
    return SEEDS * int.from_bytes(blake2b(text, digest_size=6).digest())


def _quiet(
    family: Family, n: int, seed: int, fitted: Mapping[str, Fitted], most: Mapping[str, int]
) -> Mapping[str, Count]:
    size = SIZES[n]
    hours = range(size.reference, size.reference + size.production)
    watched = {name: Watched(fit.start(), most[name]) for name, fit in fitted.items()}
    follow(watched.values(), family.stream(n, seed + 1).blocks(hours))
    return {name: one.count for name, one in watched.items()}


def _changed(
    family: Family, scenario: Scenario, n: int, seed: int, fitted: Mapping[str, Fitted], most: Mapping[str, int]
) -> Mapping[str, tuple[Delays, Count]]:
    size = SIZES[n]
    horizon = scenario.horizon(n)
    stream = scenario.stream(family, n, seed, size.reference)
    hours = range(size.reference, stream.onset + horizon)
    watched = {
        name: Watched(fit.start(), min(most[name], horizon), stream.onset, until_seen=not scenario.offset)
        for name, fit in fitted.items()
    }
    follow(watched.values(), stream.blocks(hours))
    return {name: (one.delays, one.count) for name, one in watched.items()}


def follow(watched: Iterable["Watched"], blocks: Iterable[Block]) -> None:
    """Show every window to all who still look."""
    looking = list(watched)
    for block in blocks:
        for one in looking:
            one.see(block)
        looking = [one for one in looking if not one.done]
        if not looking:
            return


class Watched:
    """A run, and what it did: until so many windows are seen, or every column has been."""

    def __init__(self, run: Run, most: int, onset: int = 0, *, until_seen: bool = False) -> None:
        self._run, self._most, self._onset, self._until_seen = run, most, onset, until_seen
        self._before = np.zeros(COLUMNS, np.bool_)
        self._standing = np.zeros(COLUMNS, np.bool_)
        self._first = np.full(COLUMNS, inf)
        self._windows = self._alarms = self._firing = self._last = 0

    @property
    def done(self) -> bool:
        seen_all = self._until_seen and bool(np.isfinite(self._first[~self._standing]).all())
        return self._windows >= self._most or (self._windows > 0 and seen_all)

    def see(self, block: Block) -> None:
        fired = self._run.alarm(block)
        if block.hour >= self._onset:
            if not self._windows:
                self._standing = self._before
            self._windows += 1
            self._alarms += int((fired & ~self._before).sum())
            self._firing += int(fired.sum())
            self._first = np.where(fired & np.isinf(self._first), self._windows, self._first)
        self._before = fired

    @property
    def count(self) -> Count:
        """From the onset on."""
        return Count(self._windows, self._windows * COLUMNS, self._alarms, self._firing)

    @property
    def delays(self) -> Delays:
        """Of the columns that were quiet when the change began."""
        seen = self._first[~self._standing]
        return Delays(tuple(seen.tolist()), self._most, int(self._standing.sum()))
