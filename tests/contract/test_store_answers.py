"""Answers with who and why, and the sums they keep, come back as they were given."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from drift.core.answer import Action, Answer
from drift.core.baseline import Stretch, only
from drift.core.errors import Conflict, NotFound
from drift.core.result import WindowState
from drift.store import Store
from tests.rig.alarming import commit, hour, result
from tests.rig.storing import T0, Feed, feed, model, profile, reference


@pytest.fixture
def fed(store: Store) -> Feed:
    return feed(store)


def answer(fed: Feed, **changes: object) -> Answer:
    base = Answer(
        0, fed.model.id, fed.reference.id, "", "n0", None, Action.ACCEPT, "ada", "new price list", T0 + 5,
        hour(2).start, hour(5).end, hour(5).end,
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def stretch(fed: Feed, n: int) -> Stretch:
    grid = fed.reference.grid
    return Stretch(hour(n), only(grid, profile(grid, n).sums, [0]))


def assert_same(found: Sequence[Stretch], expected: list[Stretch]) -> None:
    assert [one.window for one in found] == [one.window for one in expected]
    for one, other in zip(found, expected, strict=True):
        for name in ("ints", "low", "high"):
            np.testing.assert_array_equal(getattr(one.sums, name), getattr(other.sums, name))


def test_an_answer_comes_back_with_its_id(fed: Feed) -> None:
    given = answer(fed, segment=1, spec="1h")
    kept = fed.store.answer(given)
    assert kept.id > 0
    assert kept == replace(given, id=kept.id)
    snoozed = fed.store.answer(answer(fed, action=Action.SNOOZE, column=""))
    assert fed.store.answers(fed.model.id) == [kept, snoozed]
    assert snoozed.action is Action.SNOOZE
    assert fed.store.answers(model(fed.store, "other").id) == []


def test_the_sums_come_back_to_the_bit(fed: Feed) -> None:
    by_hour, by_day = [stretch(fed, n) for n in (2, 3, 4)], [stretch(fed, 30)]
    kept = fed.store.answer(answer(fed), {"1h": by_hour, "1d": by_day})
    other = fed.store.answer(answer(fed), {"1h": by_day})
    assert_same(fed.store.answer_stretches(kept.id, "1h"), by_hour)
    assert_same(fed.store.answer_stretches(kept.id, "1d"), by_day)
    assert_same(fed.store.answer_stretches(other.id, "1h"), by_day)
    assert list(fed.store.answer_stretches(other.id, "1w")) == []
    assert fed.store.answer_windows(fed.model.id) == {kept.id: {"1h": 3, "1d": 1}, other.id: {"1h": 1}}
    with pytest.raises(NotFound, match="no answer 99"):
        fed.store.answer_stretches(99, "1h")


def test_sums_of_many_columns_are_put_together_from_their_blocks(fed: Feed) -> None:
    wide = replace(fed, reference=reference(fed.store, fed.model, columns=150, version="wide"))
    kept = [stretch(wide, n) for n in (2, 3)]
    found = fed.store.answer(answer(wide), {"1h": kept})
    assert_same(fed.store.answer_stretches(found.id, "1h"), kept)


def test_taking_an_answer_back_leaves_it_there_with_a_date(fed: Feed) -> None:
    kept = fed.store.answer(answer(fed))
    commit(fed, result(fed, 9))
    gone = fed.store.withdraw(kept.id, "bob")
    assert gone == replace(kept, withdrawn_at=gone.withdrawn_at, withdrawn_from=hour(9).end, withdrawn_by="bob")
    assert gone.withdrawn_at is not None
    assert fed.store.answers(fed.model.id) == [gone]
    with pytest.raises(Conflict, match="taken back before, by bob"):
        fed.store.withdraw(kept.id, "eve")
    with pytest.raises(NotFound, match="no answer 99"):
        fed.store.withdraw(99, "bob")


def test_what_people_answer_applies_after_the_latest_final_window(fed: Feed) -> None:
    commit(fed, result(fed, 6), result(fed, 8, spec="1d"), replace(result(fed, 9), state=WindowState.PROVISIONAL))
    assert fed.store.answer(answer(fed)).applies_from == hour(8).end
    assert fed.store.answer(answer(fed, spec="1h")).applies_from == hour(6).end
    assert fed.store.answer(answer(fed, applies_from=hour(20).end)).applies_from == hour(20).end
    assert fed.store.answer(answer(fed, action=Action.LEARN)).applies_from == hour(5).end


def test_an_answer_holds_from_its_window_on(fed: Feed) -> None:
    given = answer(fed)
    assert [given.holds(hour(n).end) for n in (4, 5, 6)] == [False, False, True]
    snooze = answer(fed, action=Action.SNOOZE, until=hour(7).end)
    assert [snooze.holds(hour(n).end) for n in (5, 6, 7, 8)] == [False, True, True, False]
    gone = replace(given, withdrawn_at=1, withdrawn_from=hour(8).end)
    assert [gone.holds(hour(n).end) for n in (5, 6, 8, 9)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("changes", "covered"),
    [
        ({}, [True, True, True, False]),
        ({"column": ""}, [True, True, True, True]),
        ({"segment": 0}, [True, False, True, False]),
        ({"spec": "1d"}, [False, False, True, False]),
    ],
)
def test_an_answer_covers_what_it_names(fed: Feed, changes: dict[str, object], covered: list[bool]) -> None:
    given = answer(fed, **changes)
    asked = [("1h", "n0", 0), ("1h", "n0", 1), ("1d", "n0", 0), ("1h", "n1", 0)]
    assert [given.covers(*one) for one in asked] == covered
