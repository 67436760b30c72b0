"""Retrain runs: one in flight for each model, whoever asks, and each step is taken once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import numpy as np
import pytest

from drift.core.alert import AuditEntry, Event, Happening, Run, RunState
from drift.core.errors import Conflict, NotFound
from drift.store import Store
from tests.rig.alerted import MODEL, NOW, incident, notice, put, run

IN_FLIGHT = [state for state in RunState if state.in_flight]
ENDED = [state for state in RunState if not state.in_flight]


def states(store: Store) -> list[tuple[str, RunState]]:
    return [(one.key, one.state) for one in store.runs()]


class TestAsked:
    def test_it_comes_back_as_it_was_given(self, store: Store) -> None:
        given = run(started_at=1, ended_at=2, external_id="x", url="https://a", error="e", why="w", tries=3)
        kept = store.put_run(given)
        assert kept == replace(given, id=kept.id)
        assert store.run(kept.id) == kept
        assert store.runs() == [kept]
        with pytest.raises(NotFound, match="no run 99"):
            store.run(99)

    def test_numbers_of_numpy(self, store: Store) -> None:
        assert store.put_run(run(conf={"psi": np.float64(0.5), "rows": np.int64(4)})).conf == {"psi": 0.5, "rows": 4}

    def test_by_a_person_with_event_and_audit(self, store: Store) -> None:
        kept = store.put_run(run(who="ada", why="new prices", incident_id=0), Event(0, Happening.RUN, "asked", NOW))
        (event,) = store.model_events(MODEL, NOW, NOW + 1)
        assert (event.happening, event.why) == (Happening.RUN, "asked")
        (entry,) = store.audit_entries()
        assert entry == AuditEntry(NOW, "ada", "run.request", f"run {kept.id}", "new prices", entry.id)

    def test_the_same_key_again_is_the_same_run(self, store: Store) -> None:
        kept = store.put_run(run(who="ada"))
        assert store.put_run(run(who="bob"), Event(1, Happening.RUN, "asked", NOW)) == kept
        assert len(store.audit_entries()) == 1
        assert store.events() == []

    @pytest.mark.parametrize("state", IN_FLIGHT)
    def test_a_model_has_one_in_flight(self, store: Store, state: RunState) -> None:
        first = store.put_run(run(state=state))
        with pytest.raises(Conflict, match=rf"run {first.id} is {state} in flight"):
            store.put_run(run("r2", state=RunState.ASKED, who="ada"))
        assert store.audit_entries() == []
        assert store.put_run(run("r3", model_id=8)).key == "r3"
        put(store, runs=[run("r4"), run("r5", model_id=9)], notices=[notice("a")], incidents=[incident()])
        assert [key for key, _ in states(store)] == ["r5", "r3", "r1"]
        assert [one.key for one in store.notices()] == ["a"]

    @pytest.mark.parametrize("state", ENDED)
    def test_one_that_ended_holds_up_none(self, store: Store, state: RunState) -> None:
        store.put_run(run(state=state))
        put(store, runs=[run("r2"), run("r3")])
        assert [key for key, _ in states(store)] == ["r2", "r1"]
        put(store, runs=[run()])
        assert len(store.runs()) == 2

    def test_many_ask_at_once_and_one_gets_it(self, store: Store) -> None:
        barrier = Barrier(6)

        def ask(n: int) -> bool:
            barrier.wait(10)
            try:
                return store.put_run(run(f"r{n}", state=IN_FLIGHT[n % 3])).id > 0
            except Conflict:
                return False

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(ask, range(6))) == 1
        assert len(store.runs()) == 1


class TestAdvance:
    @pytest.fixture
    def asked(self, store: Store) -> Run:
        put(store, incidents=[incident()])
        return store.put_run(run(state=RunState.ASKED))

    def test_what_changes_is_written(self, store: Store, asked: Run) -> None:
        moved = replace(
            asked, state=RunState.RUNNING, changed_at=NOW + 1, external_id="manual__1", url="https://a/1", tries=2,
            not_before=NOW + 3, error="503", who="ada", why="fine", started_at=NOW + 2, ended_at=NOW + 9,
        )  # fmt: skip
        assert store.advance_run(moved, RunState.ASKED)
        assert store.run(asked.id) == moved
        fixed = replace(moved, key="other", trigger="other", model_id=99, incident_id=9, created_at=1, conf={})
        assert store.advance_run(fixed, RunState.RUNNING)
        assert store.run(asked.id) == moved

    def test_with_event_and_audit_or_not_at_all(self, store: Store, asked: Run) -> None:
        event = Event(1, Happening.RUN, "approved", NOW, who="ada")
        entry = AuditEntry(NOW, "ada", "run.approve", f"run {asked.id}")
        approved = replace(asked, state=RunState.REQUESTED)
        assert store.advance_run(approved, RunState.ASKED, event, entry)
        assert not store.advance_run(replace(asked, state=RunState.DENIED), RunState.ASKED, event, entry)
        assert store.run(asked.id) == approved
        assert [(one.why, one.who) for one in store.events(1)] == [("approved", "ada")]
        assert [one.why for one in store.model_events(MODEL, NOW, NOW + 1)] == ["approved"]
        assert [one.action for one in store.audit_entries()] == ["run.approve"]
        assert not store.advance_run(replace(approved, id=99), RunState.REQUESTED)

    def test_of_those_that_decide_at_once_one_does(self, store: Store, asked: Run) -> None:
        barrier = Barrier(4)

        def decide(n: int) -> bool:
            barrier.wait(10)
            to = RunState.REQUESTED if n % 2 else RunState.DENIED
            return store.advance_run(replace(asked, state=to, who=str(n)), RunState.ASKED)

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(decide, range(4))) == [False, False, False, True]

    def test_one_that_ended_cannot_start_beside_another(self, store: Store, asked: Run) -> None:
        failed = replace(asked, state=RunState.FAILED)
        assert store.advance_run(failed, RunState.ASKED)
        again = replace(asked, state=RunState.REQUESTED)
        other = store.put_run(run("r2"))
        assert not store.advance_run(again, RunState.FAILED)
        assert store.advance_run(replace(other, state=RunState.SUCCEEDED), RunState.REQUESTED)
        assert store.advance_run(again, RunState.FAILED)
        assert states(store) == [("r2", RunState.SUCCEEDED), ("r1", RunState.REQUESTED)]


def test_pages_and_filters(store: Store) -> None:
    given = [
        run("a", 1), run("b", 2, RunState.ASKED, incident_id=4), run("c", 1, RunState.FAILED, trigger="jenkins"),
        run("d", 3, RunState.RUNNING),
    ]  # fmt: skip
    put(store, runs=given)
    listed = store.runs

    def keys(found: list[Run]) -> str:
        return "".join(one.key for one in found)

    first = listed(limit=2)
    assert keys([*first, *listed(before=first[-1].id)]) == "dcba"
    assert keys(listed(model_id=1)) == "ca"
    assert keys(listed(states={RunState.REQUESTED, RunState.RUNNING})) == "da"
    assert keys(listed(trigger="airflow", states=[RunState.FAILED])) == ""
    assert keys(listed(trigger="jenkins")) == "c"
    assert keys(listed(incident_id=4)) == "b"
    assert listed(states=[]) == []
