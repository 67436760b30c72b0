"""The outbox: each notice once, in order within its stream, and noted by one of those that deliver it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from time import perf_counter

import pytest
from sqlalchemy import text

from drift.core.alert import Notice, NoticeState
from drift.core.clock import DAY, MINUTE
from drift.core.errors import Conflict, NotFound
from drift.store import Store
from drift.store.rows import OutboxCount
from tests.rig.alerted import NOW, notice, put


def keys(found: list[Notice]) -> list[str]:
    return [one.key for one in found]


def due(store: Store, now: int = NOW, receiver: str = "oncall", limit: int = 100) -> list[str]:
    return keys(store.waiting(receiver, now, limit))


@pytest.fixture
def ids(store: Store) -> dict[str, int]:
    """Three of incident 1, two of incident 2, one of another receiver: key → id."""
    given = [
        notice("a1"), notice("b1", "incident:2"), notice("a2"), notice("a3"), notice("b2", "incident:2"),
        notice("c1", receiver="chat"),
    ]  # fmt: skip
    put(store, notices=given)
    return {one.key: one.id for one in store.notices()}


class TestOrder:
    def test_they_come_back_as_they_were_given(self, store: Store) -> None:
        given = notice("a", body=b"\x00{}\xff", not_before=NOW)
        put(store, notices=[given])
        (found,) = store.waiting("oncall", NOW)
        assert found == replace(given, id=found.id)
        assert store.notice(found.id) == found

    def test_the_oldest_of_each_stream(self, store: Store, ids: dict[str, int]) -> None:
        assert due(store) == ["a1", "b1"]
        assert due(store, receiver="chat") == ["c1"]
        assert due(store, receiver="nobody") == []
        assert due(store, limit=1) == ["a1"]

    def test_the_next_one_once_the_first_is_done(self, store: Store, ids: dict[str, int]) -> None:
        assert store.sent(ids["a1"], NOW + 1)
        assert due(store) == ["b1", "a2"]
        assert store.given_up(ids["a2"], "410 Gone", NOW + 2)
        assert due(store) == ["b1", "a3"]
        assert store.sent(ids["a3"], NOW + 3)
        assert due(store) == ["b1"]

    def test_a_head_that_backs_off_holds_its_stream_up_and_no_other(self, store: Store, ids: dict[str, int]) -> None:
        assert store.failed(ids["a1"], "503", NOW + MINUTE)
        assert due(store) == ["b1"]
        assert due(store, NOW + MINUTE - 1) == ["b1"]
        assert due(store, NOW + MINUTE) == ["a1", "b1"]

    def test_one_that_comes_later_waits_its_turn(self, store: Store, ids: dict[str, int]) -> None:
        store.failed(ids["a1"], "503", NOW + MINUTE)
        put(store, notices=[notice("a4"), notice("d1", "digest")])
        assert due(store) == ["b1", "d1"]

    def test_a_key_is_queued_once_also_after_it_was_sent(self, store: Store, ids: dict[str, int]) -> None:
        store.sent(ids["a1"], NOW)
        put(store, notices=[notice("a1", body=b"again"), notice("a4"), notice("a4", body=b"again")])
        assert keys(store.notices(incident_id=1, receiver="oncall")) == ["a4", "a3", "a2", "a1"]
        assert store.notice(ids["a1"]).state is NoticeState.SENT
        assert store.notices(limit=1)[0].body == notice("a4").body


class TestAttempts:
    def test_sent(self, store: Store, ids: dict[str, int]) -> None:
        store.failed(ids["a1"], "503", NOW + 1)
        assert store.sent(ids["a1"], NOW + 2)
        found = store.notice(ids["a1"])
        assert (found.state, found.tries, found.done_at, found.error) == (NoticeState.SENT, 2, NOW + 2, "")

    def test_failed(self, store: Store, ids: dict[str, int]) -> None:
        assert store.failed(ids["a1"], "connection refused\0", NOW + 1)
        assert store.failed(ids["a1"], "503", NOW + 5)
        found = store.notice(ids["a1"])
        assert (found.state, found.tries, found.not_before) == (NoticeState.WAITING, 2, NOW + 5)
        assert (found.error, found.done_at) == ("503", None)

    def test_given_up(self, store: Store, ids: dict[str, int]) -> None:
        assert store.given_up(ids["a1"], "410 Gone", NOW + 1)
        found = store.notice(ids["a1"])
        assert (found.state, found.tries, found.done_at) == (NoticeState.DEAD, 1, NOW + 1)
        assert found.error == "410 Gone"

    def test_what_is_done_is_not_done_again(self, store: Store, ids: dict[str, int]) -> None:
        store.sent(ids["a1"], NOW)
        before = store.notice(ids["a1"])
        assert not store.sent(ids["a1"], NOW + 1)
        assert not store.failed(ids["a1"], "503", NOW + 1)
        assert not store.given_up(ids["a1"], "503", NOW + 1)
        assert store.notice(ids["a1"]) == before
        assert not store.sent(99, NOW)

    def test_of_those_that_deliver_one_at_once_one_notes_it(self, store: Store, ids: dict[str, int]) -> None:
        barrier = Barrier(4)

        def deliver(n: int) -> bool:
            barrier.wait(10)
            return store.sent(ids["a1"], NOW + n) if n % 2 else store.given_up(ids["a1"], "410", NOW + n)

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(deliver, range(4))) == [False, False, False, True]
        assert store.notice(ids["a1"]).tries == 1


class TestDead:
    def test_sent_again_in_its_old_place(self, store: Store, ids: dict[str, int]) -> None:
        store.failed(ids["a1"], "503", NOW + MINUTE)
        store.given_up(ids["a1"], "410 Gone", NOW)
        found = store.resend(ids["a1"], "ada", NOW + 1)
        assert (found.id, found.state, found.tries, found.not_before) == (ids["a1"], NoticeState.WAITING, 0, 0)
        assert found.done_at is None
        assert due(store) == ["a1", "b1"]
        (entry,) = store.audit_entries()
        assert (entry.who, entry.action, entry.target) == ("ada", "notice.resend", f"notice {ids['a1']}")

    @pytest.mark.parametrize("finish", [lambda store, one: None, lambda store, one: store.sent(one, NOW)])
    def test_only_dead_ones(self, store: Store, ids: dict[str, int], finish: Callable[[Store, int], object]) -> None:
        finish(store, ids["a1"])
        with pytest.raises(Conflict, match=r"is (waiting|sent); only one that was given up"):
            store.resend(ids["a1"], "ada", NOW)
        with pytest.raises(NotFound, match="no notice 99"):
            store.resend(99, "ada", NOW)
        assert store.audit_entries() == []

    def test_of_routes_that_are_no_more(self, store: Store, ids: dict[str, int]) -> None:
        store.sent(ids["a1"], NOW)
        assert store.expire_notices({"chat", "mail"}, NOW + 9) == 4
        assert due(store) == []
        assert due(store, receiver="chat") == ["c1"]
        found = store.notice(ids["a2"])
        assert (found.state, found.done_at, found.error) == (NoticeState.DEAD, NOW + 9, "no such route any more")
        assert store.notice(ids["a1"]).state is NoticeState.SENT
        assert store.expire_notices(set(), NOW + 9) == 1


class TestListed:
    def test_pages_and_filters(self, store: Store, ids: dict[str, int]) -> None:
        store.sent(ids["a1"], NOW)
        store.given_up(ids["b1"], "no", NOW)
        first = store.notices(limit=2)
        rest = store.notices(before=first[-1].id)
        assert keys([*first, *rest]) == ["c1", "b2", "a3", "a2", "b1", "a1"]
        assert keys(store.notices(receiver="chat")) == ["c1"]
        assert keys(store.notices(state=NoticeState.DEAD)) == ["b1"]
        assert keys(store.notices(state=NoticeState.SENT, receiver="oncall")) == ["a1"]
        assert keys(store.notices(incident_id=2)) == ["b2", "b1"]
        assert store.notices(incident_id=22) == []

    def test_what_has_not_arrived(self, store: Store, ids: dict[str, int]) -> None:
        put(store, notices=[notice("later", created_at=NOW + 5), notice("done", receiver="mail")])
        assert store.sent(store.notices(receiver="mail")[0].id, NOW)
        store.sent(ids["a1"], NOW)
        store.given_up(ids["c1"], "no", NOW)
        assert store.outbox() == [OutboxCount("chat", 0, 1, None), OutboxCount("oncall", 5, 0, NOW)]

    def test_a_clock_that_was_set_back_holds_nothing_up(self, store: Store, ids: dict[str, int]) -> None:
        store.failed(ids["c1"], "no", NOW + 365 * DAY)
        assert due(store, receiver="chat") == ["c1"]
        store.failed(ids["c1"], "no", NOW + DAY)
        assert due(store, receiver="chat") == []

    def test_what_was_given_up_counts_until_a_later_one_arrives(self, store: Store, ids: dict[str, int]) -> None:
        """It cannot be sent again then: an incident about it would never end."""
        for key in ("a1", "a2", "b1"):
            store.given_up(ids[key], "no", NOW)
        assert store.outbox()[1].dead == 3
        store.sent(ids["a3"], NOW)
        assert store.outbox()[1].dead == 1
        assert keys(store.notices(state=NoticeState.DEAD)) == ["a2", "b1", "a1"]


MANY = """
    WITH RECURSIVE numbers(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i < :n - 1)
    INSERT INTO notices (receiver, stream, key, state, tries, created_at, not_before, error, body)
    SELECT 'oncall', 'incident:' || (i % :streams), :state || i, :state, 1, :now, 0, '', :body FROM numbers
"""


def test_many_that_were_sent_cost_nothing(store: Store) -> None:
    """100,000 sent, 10,000 waiting in 500 streams: 3 ms on SQLite, 10 ms on PostgreSQL, and far more on a busy machine.

    That the waiting ones have an index of their own is tested with the plans of all common questions.
    """
    many = {"body": b"{}" * 500, "now": NOW}
    store._write(lambda c: c.execute(text(MANY), many | {"n": 100_000, "streams": 5_000, "state": "sent"}))
    store._write(lambda c: c.execute(text(MANY), many | {"n": 10_000, "streams": 500, "state": "waiting"}))
    assert due(store, limit=10) == [f"waiting{n}" for n in range(10)]
    assert due(store, limit=999) == [f"waiting{n}" for n in range(500)]
    assert min(_seconds(lambda: store.waiting("oncall", NOW, 10)) for _ in range(5)) < 0.1
    assert min(_seconds(store.outbox) for _ in range(5)) < 0.1


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start
