"""What the web page asks of many models and windows at once, on both databases."""

from dataclasses import replace

import numpy as np
import pytest

from drift.core.alarm import Severity
from drift.core.catalogue import Model, Reference
from drift.core.clock import HOUR, MINUTE
from drift.core.commit import AlarmChange, Detection, EvaluationCommit, Lease, WindowResult
from drift.core.errors import NotFound
from drift.core.grid import BLOCK_COLUMNS
from drift.core.profile import Profile
from drift.core.result import Judgement, Outcome, WindowState
from drift.core.window import Window
from drift.store import Store
from drift.store.viewing import Standing
from tests.rig.alarming import alarm, hour
from tests.rig.storing import PANE, T0, Feed, delta, feed, model, profile, reference


@pytest.fixture
def fed(store: Store) -> Feed:
    return feed(store, columns=BLOCK_COLUMNS + 6)


@pytest.fixture
def lease(store: Store) -> Lease:
    taken = store.lease("evaluation", "tester", 60)
    assert taken is not None
    return taken


def judged(
    of: Model, on: Reference, n: int, state: WindowState = WindowState.FINAL, *, revision: int = 1, value: float = 0.1,
    changes: tuple[AlarmChange, ...] = (),
) -> WindowResult:  # fmt: skip
    one = Judgement(
        10, Outcome.NO_DRIFT, ("n0",), ("psi",), np.array([[value]]), np.zeros(1, np.int8), np.array([[0.2]])
    )
    found = Detection(b"s", snapshot=True, changes=changes) if changes else None
    return WindowResult(of.id, on.id, "1h", hour(n), revision, state, 10 + n, T0, {0: one, 1: one}, detection=found)


def test_the_newest_final_window_of_each_cut(store: Store, fed: Feed, lease: Lease) -> None:
    other = model(store, "churn")
    second, third = reference(store, fed.model, version="2"), reference(store, other)
    batch = (
        judged(fed.model, fed.reference, 1),
        judged(fed.model, second, 2),
        judged(fed.model, second, 3, WindowState.PROVISIONAL),
        judged(other, third, 0),
        judged(other, third, 1, WindowState.INCOMPLETE),
    )
    store.commit_evaluation(EvaluationCommit(lease, (), batch))
    cuts = [(fed.model.id, "1h"), (fed.model.id, "1d"), (other.id, "1h"), (99, "1h")]
    found = store.newest_final(cuts)
    assert {key: (row.window, row.reference_id, row.rows) for key, row in found.items()} == {
        (fed.model.id, "1h"): (hour(2), second.id, 12),
        (other.id, "1h"): (hour(0), third.id, 10),
    }
    assert found[fed.model.id, "1h"] == store.window(found[fed.model.id, "1h"].id)
    assert store.newest_final([]) == {}


def test_the_last_windows_of_a_page_of_models(store: Store, fed: Feed, lease: Lease) -> None:
    store.commit_evaluation(EvaluationCommit(lease, (), tuple(judged(fed.model, fed.reference, n) for n in range(5))))
    untouched = (fed.model.id, fed.reference.id, "1h", hour(9), 4)
    store.mark_stale(lease, [], [untouched])
    found = store.recent_windows([(fed.model.id, "1h"), (fed.model.id, "1d")], 3)
    assert [row.window for row in found[fed.model.id, "1h"]] == [hour(4), hour(3), hour(2)]
    assert found[fed.model.id, "1d"] == []


def test_alarms_that_stand_are_counted_by_model(store: Store, fed: Feed, lease: Lease) -> None:
    def raised(column: str, **changes: object) -> AlarmChange:
        return AlarmChange("raised", alarm(column=column, **changes))

    ended = AlarmChange("ended", alarm(column="gone"), "back", hour(4).end)
    changes = (
        raised("n0"), raised("n1", severity=Severity.WARNING, onset=hour(1).start),
        raised("k", severity=Severity.WARNING), raised("quiet", snoozed=True), raised("gone"), ended,
    )  # fmt: skip
    store.commit_evaluation(EvaluationCommit(lease, (), (judged(fed.model, fed.reference, 3, changes=changes),)))
    assert store.standing_by_model() == {fed.model.id: Standing(1, 2, hour(1).start)}


def test_judgements_of_many_windows_are_of_the_latest_revision(store: Store, fed: Feed, lease: Lease) -> None:
    for batch in (
        (judged(fed.model, fed.reference, 1), judged(fed.model, fed.reference, 2)),
        (judged(fed.model, fed.reference, 1, revision=2, value=0.7),),
    ):
        store.commit_evaluation(EvaluationCommit(lease, (), batch))
    ids = [row.id for row in store.windows(fed.model.id)]
    found = store.judged([*ids, 999])
    assert {at: one.value("n0", "psi") for at, one in found.items()} == {ids[1]: 0.7, ids[0]: 0.1}
    assert store.judged(ids, segment=2) == {}
    assert store.judged([]) == {}


def of_block(whole: Profile, at: int) -> tuple[list[int], str]:
    """Counts, and moments as text: there is a NaN that equals itself."""
    return whole.column_counts(at).tolist(), str(whole.moments(at))


@pytest.mark.parametrize("at", [0, BLOCK_COLUMNS - 1, BLOCK_COLUMNS, BLOCK_COLUMNS + 5])
def test_one_column_over_windows_is_what_the_whole_profiles_say(store: Store, fed: Feed, at: int) -> None:
    for n, start in enumerate((T0, T0 + PANE, T0 + HOUR, T0 + HOUR + PANE, T0 + 3 * HOUR)):
        fed.commit(delta(fed.reference, n, start=start))
    fed.commit(delta(fed.reference, 77, start=T0))
    windows = [hour(n) for n in range(4)]
    found = store.column_profiles(fed.reference, at, windows)
    for one, window in zip(found, windows, strict=True):
        whole = store.profile(fed.reference, window.start, window.end).profile
        assert (one is None) == (whole is None)
        if one is not None and whole is not None:
            assert of_block(one, at % BLOCK_COLUMNS) == of_block(whole, at)
            assert one.rows() == whole.rows()
            assert one.bounds(at % BLOCK_COLUMNS) == whole.bounds(at)
    assert [one is None for one in found] == [False, False, True, False]
    assert store.column_profiles(fed.reference, at, []) == []


def test_windows_that_slide_share_their_panes(store: Store, fed: Feed) -> None:
    for n in range(4):
        fed.commit(delta(fed.reference, n, start=T0 + n * 15 * MINUTE))
    windows = [Window(T0 + n * 15 * MINUTE, T0 + (n + 2) * 15 * MINUTE) for n in range(3)]
    for one, window in zip(store.column_profiles(fed.reference, 1, windows), windows, strict=True):
        whole = store.profile(fed.reference, window.start, window.end).profile
        assert one is not None
        assert whole is not None
        assert of_block(one, 1) == of_block(whole, 1)


@pytest.mark.parametrize("at", [0, BLOCK_COLUMNS + 5])
def test_one_column_of_the_reference(store: Store, fed: Feed, at: int) -> None:
    whole = store.reference_profile(fed.reference.id)
    assert of_block(store.reference_column(fed.reference, at), at % BLOCK_COLUMNS) == of_block(whole, at)
    assert whole.sums.ints.shape == profile(fed.reference.grid, 1).sums.ints.shape
    with pytest.raises(NotFound, match="keeps no sums of its columns"):
        store.reference_column(replace(fed.reference, id=99), at)
