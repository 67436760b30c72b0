"""From what was observed to what `make bench-quality` says."""

from math import inf, isnan

import numpy as np
import pytest
from scipy.stats import binomtest

from benchmarks.quality.methods import Bools
from benchmarks.quality.report import Facts, render
from benchmarks.quality.running import Observed, Seen, Watched, follow, seed_of
from benchmarks.quality.scenarios import FAMILIES, SEEDS
from benchmarks.quality.streams import COLUMNS, Block
from benchmarks.quality.summary import (
    Budget,
    Comparison,
    Count,
    Delays,
    Verdict,
    by_delay,
    by_share,
    interval,
    joined,
    once,
    total,
)


class Scripted:
    """A run that fires on column 0 in the given hours, on column 1 always."""

    def __init__(self, hours: set[int]) -> None:
        self._hours = hours
        self.seen: list[int] = []

    def alarm(self, block: Block) -> Bools:
        self.seen.append(block.hour)
        fired = np.zeros(COLUMNS, np.bool_)
        fired[0], fired[1] = block.hour in self._hours, True
        return fired


def blocks(first: int, last: int) -> list[Block]:
    return [Block(hour, np.zeros((COLUMNS, 1))) for hour in range(first, last)]


def test_alarms_are_fresh_ones_and_delays_begin_with_one() -> None:
    quiet = Watched(Scripted({3, 4, 7}), most=9)
    follow([quiet], blocks(0, 20))
    assert quiet.count == Count(windows=9, column_windows=9 * COLUMNS, alarms=3, firing=12)
    late = Watched(Scripted({12, 13}), most=5, onset=10)
    follow([late], blocks(5, 30))
    assert late.delays.standing == 1
    assert sorted(late.delays.seen) == [3, *[inf] * (COLUMNS - 2)]
    assert late.delays.horizon == 5


def test_looking_ends_when_every_column_was_seen() -> None:
    class All(Scripted):
        def alarm(self, block: Block) -> Bools:
            super().alarm(block)
            return np.full(COLUMNS, block.hour >= 12)

    run = All(set())
    one = Watched(run, most=100, onset=10, until_seen=True)
    follow([one], blocks(8, 60))
    assert (one.delays.seen, run.seen[-1]) == ((3.0,) * COLUMNS, 12)


def test_replications_have_seeds_of_their_own() -> None:
    seeds = {seed_of(1, family, n, r) for family in FAMILIES for n in family.rows for r in range(4)}
    assert len(seeds) == 4 * sum(len(family.rows) for family in FAMILIES)
    assert all(seed % SEEDS == 0 for seed in seeds)


def test_intervals_are_exact() -> None:
    for k, n in ((0, 10), (3, 40), (10, 10), (5, 14_400)):
        found = binomtest(k, n).proportion_ci(0.95, "exact")
        assert interval(k, n) == pytest.approx((found.low, found.high))
    with pytest.raises(ValueError, match="no proportion"):
        interval(3, 2)


def test_counts_add_and_are_judged_by_the_budget() -> None:
    count = total([Count(720, 14_400, 1, 4), Count(720, 14_400, 1, 0)])
    assert count == Count(1_440, 28_800, 2, 4)
    assert (count.per(720), count.budget(720)) == (1, Budget.KEPT)
    low, high = count.interval_per(720)
    assert (low, high) == pytest.approx((14_400 * interval(2, 28_800)[0], 14_400 * interval(2, 28_800)[1]))
    assert Count(1_440, 28_800, 4, 4).budget(720) is Budget.UNDECIDED
    assert Count(1_440, 28_800, 9, 9).budget(720) is Budget.BROKEN


def test_delays_are_censored_at_the_shortest_horizon() -> None:
    delays = joined([Delays((1, 4, inf), 10), Delays((2, 8), 5, 1)])
    assert (delays.horizon, delays.standing, delays.within) == (5, 1, (1, 4, inf, 2, inf))
    assert delays.median == 4
    assert delays.detected == pytest.approx(0.6)
    assert Delays((1, inf, inf), 5).median == inf
    assert isnan(Delays().median)


def test_verdicts_by_delay() -> None:
    fast, slow, never = Delays((2,), 9), Delays((3,), 9), Delays((inf,), 9)
    assert by_delay(slow, {"a": fast, "b": slow}) == Comparison(Verdict.GOOD, "a", 1.5)
    assert by_delay(Delays((4,), 9), {"a": fast}) == Comparison(Verdict.LOST, "a", 2)
    assert by_delay(never, {"a": fast}) == Comparison(Verdict.LOST, "a", inf)
    assert by_delay(slow, {"a": never}).verdict is Verdict.ALONE
    assert by_delay(slow, {}).verdict is Verdict.ALONE
    assert by_delay(never, {"a": never, "b": Delays()}).verdict is Verdict.NOBODY


def test_verdicts_by_share() -> None:
    def seen(k: int, n: int) -> Delays:
        return Delays((1.0,) * k + (inf,) * (n - k), 3)

    assert by_share(seen(8, 10), {"a": seen(10, 10)}) == Comparison(Verdict.GOOD, "a", 1.25)
    assert by_share(seen(10, 100), {"a": seen(90, 100)}) == Comparison(Verdict.LOST, "a", 9)
    assert by_share(seen(0, 20), {"a": seen(1, 20)}).verdict is Verdict.UNDECIDED
    assert by_share(seen(5, 20), {"a": seen(0, 20)}).verdict is Verdict.ALONE
    assert by_share(seen(0, 20), {}).verdict is Verdict.NOBODY


def test_said_once() -> None:
    assert once(20, 20)
    assert once(21, 20)
    assert not once(25, 20)
    assert not once(0, 20)


def observed(alarms: int, delay: float, unreliable: int = 0) -> list[Observed]:
    """Two replications on correlated columns: PSI is quiet and sees the change in two windows, NannyML is loud."""
    ours = Seen(Count(720, 14_400, alarms, alarms), {"mean-0.25": Delays((delay,) * 20, 480)}, {}, unreliable)
    psi = Seen(Count(720, 14_400, 0, 0), {"mean-0.25": Delays((2.0,) * 20, 480)}, {})
    loud = Seen(Count(720, 14_400, 60, 70), {"mean-0.25": Delays((1.0,) * 20, 480)}, {})
    return [Observed("correlated", 200, r, {"ours": ours, "psi": psi, "nannyml": loud}) for r in (0, 1)]


def line(text: str, start: str) -> list[str]:
    return [cell.strip() for row in text.splitlines() if row.startswith(start) for cell in row.split("|")[1:-1]]


def test_the_document_says_what_was_observed() -> None:
    facts = Facts("2026-11-23", 12.0, 7, {"psi": "alike"})
    good = render(observed(alarms=1, delay=3.0), facts)
    quiet = line(good, "| columns correlated, 0.6, n = 200 |")
    assert quiet[1:7] == ["2.0", "2 in 28,800", "1 (0.12–3.6)", "kept", "0 (0–1.8); 0 %", "60 (50–72); 0.49 %"]
    change = line(good, "| columns correlated, 0.6: mean +0.25 sd, n = 200 |")
    assert change[1:4] == ["3; 100 %", "2; 100 %", "(1; 100 %)"]
    assert change[-1] == "as good: 1.5 × PSI > 0.2"
    assert "Nowhere in these tables." in good


def test_the_document_says_where_we_lose_and_what_cannot_be_judged() -> None:
    facts = Facts("2026-11-23", 12.0, 7, {})
    lost = render(observed(alarms=20, delay=inf), facts)
    where = lost.split("## Where we lose")[1].split("\n## ")[0]
    assert "- the budget: columns correlated, 0.6, n = 200: 20 (14–27) per 30 days" in where
    assert "n = 200: **lost**: ∞ × PSI > 0.2" in where
    marked = render(observed(alarms=0, delay=2.0, unreliable=5), facts)
    assert line(marked, "| columns correlated, 0.6, n = 200 |")[4] == "kept † 10 of 40"
    assert line(marked, "| columns correlated, 0.6: mean +0.25 sd, n = 200 |")[1] == "2; 100 % †"
