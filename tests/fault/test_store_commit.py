"""A COMMIT whose reply is lost: nobody knows whether it happened, until the position is read again."""

import sqlite3
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from drift.core.errors import Fenced, StoreUnavailable
from drift.store import Store
from tests.rig.storing import PARTITION, Feed, delta, feed


def lose_the_reply(store: Store, monkeypatch: pytest.MonkeyPatch, *, arrived: bool) -> list[str]:
    """The next COMMITs reach the database (or do not), and then the connection breaks."""
    dialect, error = store._database._writer.dialect, psycopg.OperationalError("server closed the connection")
    lost: Exception = sqlite3.OperationalError("disk I/O error") if store.dialect == "sqlite" else error
    commit: Callable[[Any], None] = dialect.do_commit
    calls: list[str] = []

    def broken(connection: Any) -> None:
        calls.append("commit")
        if arrived:
            commit(connection)
        raise lost

    monkeypatch.setattr(dialect, "do_commit", broken)
    return calls


@pytest.mark.parametrize("arrived", [True, False])
def test_the_position_tells(store: Store, monkeypatch: pytest.MonkeyPatch, arrived: bool) -> None:
    fed = feed(store)
    batch = fed.batch(delta(fed.reference, 1))
    with monkeypatch.context() as patch:
        calls = lose_the_reply(store, patch, arrived=arrived)
        with pytest.raises(StoreUnavailable, match="did not confirm a commit"):
            store.commit(batch)
    assert calls == ["commit"]  # never sent twice
    if arrived:
        with pytest.raises(Fenced):
            store.commit(batch)
    claim = store.acquire(PARTITION, "w1")
    assert claim.next == (10 if arrived else None)
    again = Feed(store, fed.model, fed.reference, claim, claim.next)
    if not arrived:
        again.commit(delta(fed.reference, 1))
    assert store.totals().rows == store.totals().records == 10
