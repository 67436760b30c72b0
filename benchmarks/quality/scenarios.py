"""What is tried: families of streams, what changes in each, and how long we look."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from benchmarks.quality import changes
from benchmarks.quality.bases import (
    KEY_SHARES,
    Categories,
    Clustered,
    Correlated,
    Daily,
    Discrete,
    HeavyTails,
    Normal,
    Wandering,
    Weekend,
)
from benchmarks.quality.changes import Changed, Course, Shape
from benchmarks.quality.streams import Base, Stream, by_the_hour, steady, unchanged

ROWS: Final = (50, 200, 2_000, 50_000)
BY_THE_HOUR: Final = 0
"""Stands for 50 to 5,000 rows, by the hour."""
QUIET: Final = 24
"""Windows of production before a change begins."""
RAMP: Final = 90
SINGLE_HORIZON: Final = 3
"""Windows in which something that lasts for one may be seen: some only look back."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is looked at, with windows of some number of rows."""

    reference: int
    """Windows of the reference."""
    production: int
    """Windows in which nothing is wrong."""
    horizon: int
    """Windows from the onset on, at most."""
    replications: int


SIZES: Final[Mapping[int, Size]] = {
    50: Size(720, 720, 480, 2),
    200: Size(720, 720, 480, 2),
    2_000: Size(720, 720, 240, 1),
    50_000: Size(504, 96, 24, 1),
    BY_THE_HOUR: Size(720, 720, 240, 2),
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One change."""

    name: str
    title: str
    shape: Shape
    course: Course = changes.step
    quiet: int = QUIET
    at_least: int = 0
    """Windows from the onset on, where the size's are fewer."""
    offset: bool = False
    """Production differs from the reference from its first window on: it is to be said once."""
    single: bool = False
    """It is gone after one window: what counts is whether it is seen at all."""

    def horizon(self, n: int) -> int:
        """Windows from the onset on."""
        return SINGLE_HORIZON if self.single else max(SIZES[n].horizon, self.at_least)

    def stream(self, family: "Family", n: int, seed: int, first: int) -> Stream:
        """Production with this change; `first` is production's first hour."""
        return family.stream(n, seed, Changed(self.shape, self.course), first + self.quiet)


@dataclass(frozen=True, slots=True)
class Family:
    """Streams with the same behaviour while nothing is wrong, and what may change in them."""

    name: str
    title: str
    base: Callable[[int, int], Base]
    """Seed and hours → base."""
    scenarios: tuple[Scenario, ...] = ()
    rows: tuple[int, ...] = ROWS

    def stream(self, n: int, seed: int, change: changes.Changed | None = None, onset: int = 0) -> Stream:
        """A stream of n rows an hour. The base depends on what the seed is built on, not on the change."""
        size = SIZES[n]
        hours = size.reference + max(size.production, QUIET + max(size.horizon, RAMP))
        rows = by_the_hour() if n == BY_THE_HOUR else steady(n)
        return Stream(self.base(seed // SEEDS, hours), rows, seed, change or unchanged, onset)


SEEDS: Final = 100
"""Seeds of one replication: the base is the same for all of them, what is drawn is not."""


def _always(base: Base) -> Callable[[int, int], Base]:
    return lambda _seed, _hours: base


def _means(*sizes: float) -> tuple[Scenario, ...]:
    return tuple(Scenario(f"mean-{by:g}", f"mean +{by:g} sd", changes.mean(by)) for by in sizes)


def _single(by: float) -> Scenario:
    return Scenario(
        f"single-{by:g}", f"mean +{by:g} sd in a single window", changes.mean(by), changes.once, single=True
    )


ON_NORMAL: Final = (
    *_means(0.1, 0.25, 0.5),
    Scenario("spread", "spread × 1.25", changes.spread(1.25)),
    Scenario("tail", "2 % of the rows five times as large", changes.tail(0.02, 5.0)),
    Scenario("missing-2", "missing 0 → 2 %", changes.missing(0.02)),
    Scenario("missing-5", "missing 0 → 5 %", changes.missing(0.05)),
    Scenario("correlation", "correlation of pairs 0 → 0.6, nothing else", changes.correlated(0.6)),
    _single(0.25),
    _single(0.5),
    Scenario(
        "ramp", f"mean +0.5 sd, gradually over {RAMP} windows", changes.mean(0.5), changes.ramp(RAMP), at_least=RAMP
    ),
    Scenario(
        "offset",
        "mean +0.25 sd from production's first window on",
        changes.mean(0.25),
        quiet=0,
        offset=True,
        at_least=RAMP,
    ),
)
MOVED: Final = Scenario(
    "category", "10 % of the rows go from one category to another", changes.moved(0.1, float(KEY_SHARES[0]))
)
FAMILIES: Final = (
    Family("stationary", "stationary N(0, 1)", _always(Normal()), ON_NORMAL),
    Family("wandering", "means wander, AR(1), ρ = 0.7, sd 0.1", Wandering, _means(0.25, 0.5)),
    Family(
        "slow-wandering", "means wander, AR(1), ρ = 0.95, sd 0.1", partial(Wandering, rho=0.95), _means(0.5)
    ),
    Family("daily", "daily season, amplitude 0.5 sd", _always(Daily()), _means(0.25, 0.5)),
    Family("weekend", "weekends 0.3 sd higher", _always(Weekend()), _means(0.25, 0.5)),
    Family("correlated", "columns correlated, 0.6", _always(Correlated()), _means(0.25)),
    Family("heavy", "heavy tails: lognormal, t₃, Pareto 2.5", _always(HeavyTails())),
    Family("discrete", "0.1 % boolean, zero-inflated counts, grades", _always(Discrete())),
    Family("categories", "categories of twelve values", _always(Categories()), (MOVED,)),
    Family(
        "clustered", "ten rows per user with one value", _always(Clustered()), _means(0.25, 0.5),
        (BY_THE_HOUR,),
    ),
)  # fmt: skip
