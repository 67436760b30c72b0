"""The pieces of work that two processes share."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.quality.checks import checks
from benchmarks.quality.registry import METHODS
from benchmarks.quality.running import Observed, replicate
from benchmarks.quality.scenarios import FAMILIES, SIZES


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be measured."""

    families: Sequence[str]
    rows: Sequence[int]
    replications: int
    methods: Sequence[str]
    seed: int


@dataclass(frozen=True, slots=True)
class Job:
    """One process's piece of work; names only, so that it travels."""

    family: str
    n: int
    replication: int
    methods: Sequence[str]
    seed: int

    def run(self) -> tuple[Observed, float]:
        """What was observed, and the processor's seconds that it took."""
        started = time.process_time()
        family = next(family for family in FAMILIES if family.name == self.family)
        methods = [method for method in METHODS if method.name in self.methods]
        observed = replicate(family, self.n, self.replication, methods, self.seed)
        return observed, time.process_time() - started


Work = Callable[[], tuple[Observed | tuple[str, str], float]]


def jobs(asked: Asked) -> Iterator[Job]:
    """The longest first, so that both processes end together."""
    for n in sorted(asked.rows, key=lambda n: -n):
        for replication in range(min(SIZES[n].replications, asked.replications)):
            for family in FAMILIES:
                if family.name in asked.families and n in family.rows:
                    yield Job(family.name, n, replication, asked.methods, asked.seed)


def check(number: int, names: Sequence[str], seed: int) -> tuple[tuple[str, str], float]:
    """One of the checks: its name and what it found, and the processor's seconds that it took."""
    started = time.process_time()
    name, call = checks(tuple(method for method in METHODS if method.name in names), seed)[number]
    return (name, call()), time.process_time() - started
