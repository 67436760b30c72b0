"""When a field counts as new, and when a column's leaving and a field's coming are one rename."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from drift.core.catalogue import Reference
from drift.core.clock import HOUR
from drift.core.fields import FieldsSeen, FieldSums
from drift.core.profile import Profile, Sums
from drift.core.window import Window
from drift.evaluation.forms import Forms
from tests.unit.grids import grid, numeric

ROWS = 1_000
LAST = 10
VALUES = np.random.default_rng(0).normal(size=ROWS)
GRID = grid(numeric("income", VALUES), numeric("age", VALUES))
REFERENCE = Reference(7, 1, "1", "", GRID.schema, GRID, ROWS, 0, 0)


@dataclass(frozen=True, slots=True)
class Total:
    profile: Profile | None
    rows: int = 0
    straddles: bool = False


@dataclass
class Hours:
    """A store of hours: what was looked at and seen in each, and which of them lack `income`."""

    looked: Mapping[int, tuple[int, Mapping[str, int]]]
    gone: range = range(0)
    reads: list[tuple[int, int]] = field(default_factory=list)

    def fields(self, reference_id: int, start: int, end: int) -> FieldsSeen:
        self.reads.append((start, end))
        mine = {n: seen for n, seen in self.looked.items() if start <= n * HOUR < end}
        sums = FieldSums.merge(
            FieldSums(k, {name: {"number": times} for name, times in seen.items()}) for k, seen in mine.values()
        )
        hours = {name: [n for n, (_, seen) in mine.items() if name in seen] for name in sums.seen}
        first = {name: min(some) * HOUR for name, some in hours.items()}
        return FieldsSeen(sums, first, {name: (max(some) + 1) * HOUR for name, some in hours.items()})

    def profile(self, reference: Reference, start: int, end: int) -> Total:
        return Total(profile(start // HOUR in self.gone), ROWS)


def profile(gone: bool) -> Profile:
    from drift.core.counting import Counter
    from drift.core.rows import Rows

    numbers = np.stack([np.full(ROWS, np.nan) if gone else VALUES, VALUES])
    rows = Rows(np.zeros(ROWS, np.int64), numbers, {})
    (sums,) = Counter(GRID).count(rows, np.zeros(ROWS, np.int64), 1)
    assert isinstance(sums, Sums)
    return Profile(GRID, sums)


def named(store: Hours, hour: int = LAST, forms: Forms | None = None) -> list[tuple[str, str, str]]:
    window = Window(hour * HOUR, (hour + 1) * HOUR)
    found = (forms or Forms(store)).changes(REFERENCE, window, profile(hour in store.gone), profile(gone=False))
    return [(change.kind.value, change.column, change.other) for change in found]


def hours(before: Mapping[str, int], now: Mapping[str, int], *, looked: int = 40, at: int = LAST) -> Hours:
    return Hours({n: (looked, before if n < at else now) for n in range(LAST + 3)})


def test_a_new_field_is_told_once() -> None:
    store = hours({}, {"device": 40})
    forms = Forms(store)
    assert named(store, forms=forms) == [("new", "device", "")]
    assert named(store, LAST + 1, forms) == []
    assert named(store, LAST, forms) == [("new", "device", "")], "a revision says the same"
    assert named(store, LAST + 1) == [], "after a restart as well"


@pytest.mark.parametrize(("seen", "expected"), [(1, []), (2, []), (3, [("new", "rare", "")])])
def test_a_rare_field_that_was_not_looked_at_before_is_no_news(seen: int, expected: list[object]) -> None:
    # it had one chance in (40 / 440) ** seen to be seen now and never before
    assert named(hours({}, {"rare": seen})) == expected


def test_nothing_is_new_in_the_first_window() -> None:
    store = Hours({LAST: (40, {"request": 40})})
    assert named(store) == []


def test_fields_known_to_be_old_cost_no_look_into_the_past() -> None:
    store = hours({"request": 40}, {"request": 40})
    forms = Forms(store)
    for hour in range(1, 6):
        assert named(store, hour, forms) == []
    assert [read for read in store.reads if read[0] == 0] == [(0, HOUR)]


def test_a_rename_goes_on_being_one() -> None:
    store = hours({"request": 40}, {"request": 40, "salary": 40})
    store.gone = range(LAST, LAST + 3)
    assert [named(store, hour) for hour in (LAST, LAST + 1)] == [[("renamed", "income", "salary")]] * 2


def test_a_field_that_came_at_another_time_took_nobodys_place() -> None:
    store = hours({}, {"other": 40}, at=LAST - 4)
    store.gone = range(LAST, LAST + 3)
    assert named(store) == [("vanished", "income", "")]
    store = hours({}, {"income_eur": 40}, at=LAST - 4)
    store.gone = range(LAST, LAST + 3)
    assert named(store) == [("renamed", "income", "income_eur")], "but its name may say so"


def test_a_column_that_left_long_ago_has_no_heir_now() -> None:
    store = hours({}, {"other": 40})
    store.gone = range(2, LAST + 3)
    assert sorted(named(store)) == [("new", "other", ""), ("vanished", "income", "")]


def test_of_nothing_looked_at_nothing_is_said() -> None:
    assert named(Hours({})) == []
