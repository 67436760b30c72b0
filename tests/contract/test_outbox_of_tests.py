"""What delivery asks of the store is answered alike by the store and by the outbox in memory that its tests use."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from alerts.delivery import LEASE, Delivery, Duty
from alerts.message import Message
from alerts.routes.contract import Fate, Outcome
from drift.core.alert import AlertCommit, Notice, NoticeState
from drift.core.clock import SECOND, ManualClock, SystemClock
from tests.rig.delivering import T0, MemoryOutbox, ScriptedRoute, Tally, message, queued

if TYPE_CHECKING:
    from drift.store import Store

Put = Callable[..., None]


@pytest.fixture(params=["memory", "store"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> "Iterator[tuple[MemoryOutbox | Store, Put]]":
    """An outbox and how to queue."""
    if request.param == "memory":
        memory = MemoryOutbox(ManualClock(T0))
        yield memory, memory.put
        return
    from drift.store import open_store

    store = open_store(f"sqlite:///{tmp_path / 'drift.db'}", SystemClock())

    def put(*notices: Notice) -> None:
        lease = store.lease("evaluation", "test", 60)
        assert lease is not None
        store.commit_alerting(lease, AlertCommit(notices=notices))

    yield store, put
    store.close()


def keys(outbox: "MemoryOutbox | Store", now: int = T0, receiver: str = "r", limit: int = 10) -> list[str]:
    return [notice.key for notice in outbox.waiting(receiver, now, limit)]


def test_heads_of_streams(both: "tuple[MemoryOutbox | Store, Put]") -> None:
    outbox, put = both
    put(queued(message(nth=1)), queued(message(nth=2)), queued(message(incident=8)), queued(message(nth=3), "other"))
    first, second, eighth = message(nth=1).key, message(nth=2).key, message(incident=8).key
    assert keys(outbox) == [first, eighth]
    assert keys(outbox, limit=1) == [first]
    [head, _] = outbox.waiting("r", T0, 10)
    assert (head.tries, head.error, head.state) == (0, "", NoticeState.WAITING)
    assert Message.load(head.body).key == first

    assert outbox.failed(head.id, "503", T0 + SECOND)
    assert keys(outbox) == [eighth]
    assert keys(outbox, T0 + SECOND) == [first, eighth]
    [head, _] = outbox.waiting("r", T0 + SECOND, 10)
    assert (head.tries, head.error) == (1, "503")

    assert outbox.sent(head.id, T0)
    assert keys(outbox) == [second, eighth]
    assert not outbox.sent(head.id, T0)
    assert not outbox.failed(head.id, "late", T0)
    assert not outbox.given_up(head.id, "late", T0)
    [head, _] = outbox.waiting("r", T0, 10)
    assert outbox.given_up(head.id, "404", T0)
    assert keys(outbox) == [eighth]


def test_a_key_is_queued_once(both: "tuple[MemoryOutbox | Store, Put]") -> None:
    outbox, put = both
    put(queued(message()))
    put(queued(message()))
    assert keys(outbox) == [message().key]
    [head] = outbox.waiting("r", T0, 10)
    assert outbox.sent(head.id, T0)
    put(queued(message()))
    assert keys(outbox) == []


def test_the_lease(both: "tuple[MemoryOutbox | Store, Put]") -> None:
    outbox, _ = both
    mine = outbox.lease(LEASE, "me", 60)
    assert mine is not None
    assert outbox.lease(LEASE, "me", 60) is not None
    assert outbox.lease(LEASE, "you", 60) is None
    outbox.release_lease(mine)
    assert outbox.lease(LEASE, "you", 60) is not None


def test_delivery_runs_on_both(both: "tuple[MemoryOutbox | Store, Put]") -> None:
    outbox, put = both
    put(*(queued(message(nth=nth, incident=incident)) for nth in (1, 2, 3) for incident in (1, 2)))
    clock, fates = ManualClock(T0), iter([Fate.AGAIN, Fate.SENT, Fate.REFUSED, *[Fate.SENT] * 10])
    route = ScriptedRoute(lambda text: Outcome(next(fates), "why"))
    delivery = Delivery(outbox, "r", route, Duty(outbox, "me"), clock, Tally(), Random(0))
    for _ in range(10):
        delivery.step()
        clock.advance(5.0)
    nths = [(text.incident, int(text.key[-1])) for text in route.got]
    assert nths == [(1, 1), (2, 1), (1, 1), (2, 2), (1, 2), (2, 3), (1, 3)]
    assert keys(outbox, clock.now()) == []
