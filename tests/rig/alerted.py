"""Alerts, incidents, notices and runs, made up for tests of the store."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from drift.core.alert import (
    Alert,
    AlertCommit,
    AlertKey,
    AlertState,
    Incident,
    Notice,
    Run,
    RunState,
    Told,
    Urgency,
)  # fmt: skip
from drift.core.clock import MINUTE
from drift.core.commit import Lease
from drift.store import Store
from tests.rig.alarming import hour
from tests.rig.storing import T0

MODEL = 7
NOW = T0 + 1_000 * MINUTE
"""A moment of the clock."""


def key(column: str = "n0", **changes: Any) -> AlertKey:
    """Of the rule `drift` on a column of the hours."""
    return replace(AlertKey(MODEL, "drift", 3, "1h", 0, column, "default"), **changes)


def alert(column: str = "n0", state: AlertState = AlertState.FIRING, **changes: Any) -> Alert:
    """A page that fired in the fourth hour, in incident 1; a pending one never fired and is in none."""
    base = Alert(
        key(column), state, Urgency.PAGE, since=hour(2).start, seen_at=hour(3).end, value=0.41, threshold=0.2,
        direction="increase", sentence="n0 is higher", reason="three windows in a row", raised=hour(3), held=3,
    )  # fmt: skip
    if state is not AlertState.PENDING:
        base = replace(base, fired_at=hour(3).end, incident_id=1)
    if state is AlertState.RESOLVED:
        base = replace(base, resolved_at=hour(5).end)
    return replace(base, **changes)


def incident(number: int = 1, **changes: Any) -> Incident:
    """Open, about two columns, told to one receiver."""
    base = Incident(
        number, MODEL, "drift", Urgency.PAGE, since=hour(2).start, opened_at=hour(3).end, opened_on=NOW + number,
        reference_id=3, title="credit: n0 is higher", columns=("n0", "k"), alerts=2, seen_at=hour(3).end,
        told=(Told("oncall", "firing", Urgency.PAGE, NOW, 1, 2),),
    )  # fmt: skip
    return replace(base, **changes)


def resolved(number: int = 1, on: int = NOW, **changes: Any) -> Incident:
    """One that recovered."""
    return incident(number, alerts=0, resolved_at=hour(5).end, resolved_on=on, resolution="recovered", **changes)


def notice(name: str, stream: str = "incident:1", receiver: str = "oncall", **changes: Any) -> Notice:
    """One that waits; `name` is its key."""
    return replace(Notice(receiver, stream, name, f'{{"key":"{name}"}}'.encode(), NOW), **changes)


def run(name: str = "r1", model_id: int = MODEL, state: RunState = RunState.REQUESTED, **changes: Any) -> Run:
    """One of the trigger `airflow`; `name` is its key."""
    conf = {"model": "credit", "window": [T0, NOW], "evidence": [{"column": "n0", "psi": 0.31}]}
    return replace(Run("airflow", model_id, 1, name, state, NOW, NOW, conf), **changes)


def evaluator(store: Store) -> Lease:
    """The evaluation lease."""
    lease = store.lease("evaluation", "tester", 600)
    assert lease is not None
    return lease


def put(store: Store, **parts: Any) -> None:
    """Commit these parts of an `AlertCommit` as the evaluator."""
    store.commit_alerting(evaluator(store), AlertCommit(**{name: tuple(part) for name, part in parts.items()}))


def meanwhile(store: Store, first: Callable[[Connection], object], second: Callable[[], object]) -> None:
    """Run `second` in another thread while the transaction of `first` is not yet committed, and wait for both."""
    with ThreadPoolExecutor(1) as pool:

        def hold(c: Connection) -> "Future[object]":
            first(c)
            other = pool.submit(second)
            assert not wait([other], 0.3).done, "it did not wait for the transaction"
            return other

        store._write(hold).result(20)
