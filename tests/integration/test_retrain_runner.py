"""Runs of a trigger from their request to their end, on both stores, against the stubs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from random import Random
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest

from alerts.backoff import Backoff
from alerts.delivery import LEASE_SECONDS, Duty
from alerts.retrain.reporting import HANDED_OVER, report
from alerts.retrain.runner import LEASE, UNKNOWN_MOST, Runner
from alerts.retrain.target import UNKNOWN
from drift.core.alert import AlertCommit, Event, Run, RunState
from drift.core.clock import HOUR, MINUTE, SECOND, ManualClock
from drift.core.errors import Conflict, StoreUnavailable
from drift.store import Store
from tests.rig.alerted import evaluator, incident, resolved
from tests.rig.pipelines import Airflow, Stub
from tests.rig.pipelines_more import Github
from tests.rig.retrain import CONF, KEY, NOW, wired

TIMEOUT = 6 * HOUR
POLL = 30 * SECOND


class Counted:
    """Metrics that remember."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def retrain(self, trigger: str, outcome: str) -> None:
        self.seen.append(outcome)


class Office:
    """A store, a stub, and a runner between them, on a clock that the test moves."""

    def __init__(self, store: Store, stack: ExitStack, preset: str, stub: Stub | None, more: dict[str, Any]) -> None:
        self.store, self.clock, self.counted = store, ManualClock(NOW), Counted()
        self.wired = stack.enter_context(wired(preset, stub, None, more))
        self.stub = self.wired.stub
        store.commit_alerting(evaluator(store), AlertCommit(incidents=(incident(7),)))
        self.runner = self.another("one")

    def another(self, holder: str) -> Runner:
        """A server more."""
        return Runner(
            self.store, "retrain", self.wired.target, Duty(self.store, holder, LEASE), self.clock, self.counted,
            Random(1), timeout=TIMEOUT, poll=POLL, backoff=Backoff(tries=8, first=20.0),
        )  # fmt: skip

    def want(self, state: RunState = RunState.REQUESTED, **changes: Any) -> int:
        """A run that is to be started; its id."""
        run = Run("retrain", 7, 7, KEY, state, NOW, NOW, CONF)
        return self.store.put_run(replace(run, **changes)).id

    def run(self) -> Run:
        """The newest."""
        return self.store.runs()[0]

    def said(self) -> list[str]:
        """History of the incident, oldest first."""
        return [event.why for event in reversed(self.store.events(7)) if event.happening.value == "run"]

    def later(self, seconds: float = 30.0) -> Run:
        """Time passes, and the runner looks."""
        self.clock.advance(seconds)
        self.runner.step()
        return self.run()


NewOffice = Callable[..., Office]


@pytest.fixture
def office(store: Store) -> Iterator[NewOffice]:
    """Opens one: `office("airflow")`."""
    with ExitStack() as stack:
        yield lambda preset="airflow", stub=None, **more: Office(store, stack, preset, stub, more)


class TestToTheEnd:
    def test_started_followed_succeeded(self, office: NewOffice) -> None:
        here = office()
        here.want()
        run = here.later(0)
        assert (run.state, run.external_id, run.tries, run.started_at) == (RunState.RUNNING, KEY, 1, NOW)
        here.stub.runs[0].state = "running"
        assert here.later().state is RunState.RUNNING
        here.stub.runs[0].state = "success"
        assert here.later(29).state is RunState.RUNNING, "it is asked every 30 s"
        run = here.later(1)
        assert (run.state, run.ended_at, run.error) == (RunState.SUCCEEDED, here.clock.now(), "")
        page = f"{here.stub.url}/dags/retrain/runs/{KEY}"
        assert here.said() == [f"retrain: started: {page}", f"retrain: succeeded ({page})"]
        assert here.counted.seen == ["started", "succeeded"]
        asked = len(here.stub.asked)
        here.later(HOUR)
        assert len(here.stub.asked) == asked, "what is over is left alone"

    def test_failed(self, office: NewOffice) -> None:
        here = office("kubeflow")
        here.want()
        here.later(0)
        here.stub.runs[0].state, here.stub.runs[0].extra = "FAILED", {"error": {"message": "no data"}}
        run = here.later()
        assert (run.state, run.error) == (RunState.FAILED, "it says 'FAILED': no data")
        assert here.said()[-1].startswith("retrain: failed: it says 'FAILED': no data (http")

    def test_not_over_in_time(self, office: NewOffice) -> None:
        here = office()
        here.want()
        here.later(0)
        assert here.later(TIMEOUT / SECOND - 1).state is RunState.RUNNING
        run = here.later(31)
        assert (run.state, run.error) == (RunState.TIMED_OUT, "not over after 6h: it says 'queued'")

    def test_over_at_the_last_moment(self, office: NewOffice) -> None:
        here = office()
        here.want()
        here.later(0)
        here.stub.runs[0].state = "success"
        assert here.later(TIMEOUT / SECOND + 1).state is RunState.SUCCEEDED

    def test_through_stages(self, office: NewOffice) -> None:
        here = office("jenkins")
        here.want()
        assert here.later(0).external_id == "queue/17"
        here.stub.runs[0].extra, here.stub.runs[0].state = {"number": 41}, "running"
        assert here.later().external_id == "build/41"
        here.stub.runs[0].state = "SUCCESS"
        assert here.later().state is RunState.SUCCEEDED
        assert len(here.said()) == 3

    def test_an_id_that_comes_later(self, office: NewOffice) -> None:
        stub = Github(old=True)
        here = office("github", stub)
        here.want()
        stub.hidden = 3
        assert (here.later(0).state, here.run().external_id) == (RunState.RUNNING, "")
        for _ in range(3):
            here.later()
        assert here.run().external_id == "9000000000"
        assert len(stub.runs) == 1


class TestHandedOver:
    @pytest.mark.parametrize("preset", ["argo", "webhook"])
    def test_it_has_succeeded(self, office: NewOffice, preset: str) -> None:
        here = office(preset)
        here.want()
        run = here.later(0)
        assert (run.state, run.why) == (RunState.SUCCEEDED, HANDED_OVER)
        assert here.said() == [f"retrain: started; {HANDED_OVER}"]

    def test_unless_the_pipeline_says_otherwise(self, office: NewOffice) -> None:
        here = office("argo")
        number = here.want()
        here.later(0)
        run = report(here.store, number, RunState.FAILED, "https://argo/wf/1", "out of memory", "argo", NOW + 5)
        assert (run.state, here.run().url, here.run().error) == (RunState.FAILED, "https://argo/wf/1", "out of memory")
        assert here.said()[-1] == "retrain: failed, says argo: out of memory"
        assert report(here.store, number, RunState.FAILED, "", "", "argo", NOW + 6).ended_at == NOW + 5
        with pytest.raises(Conflict, match="run 1 is failed; only one that runs"):
            report(here.store, number, RunState.SUCCEEDED, "", "", "argo", NOW + 7)

    def test_with_a_callback_it_is_waited_for(self, office: NewOffice) -> None:
        here = office("webhook", callback=True)
        number = here.want()
        assert here.later(0).state is RunState.RUNNING
        assert here.later(HOUR / SECOND).state is RunState.RUNNING
        assert report(here.store, number, RunState.SUCCEEDED, "", "", "ci", NOW + 5).state is RunState.SUCCEEDED

    def test_and_may_never_come(self, office: NewOffice) -> None:
        here = office("webhook", callback=True)
        number = here.want()
        here.later(0)
        run = here.later(TIMEOUT / SECOND)
        assert (run.state, run.error) == (RunState.TIMED_OUT, "not over after 6h: nobody has said that it is over")
        assert report(here.store, number, RunState.SUCCEEDED, "", "", "ci", NOW).state is RunState.SUCCEEDED

    def test_a_pipeline_that_is_faster_than_the_answer(self, office: NewOffice) -> None:
        here = office("webhook", callback=True)
        here.stub.lose = 1
        number = here.want()
        assert here.later(0).state is RunState.REQUESTED
        assert report(here.store, number, RunState.SUCCEEDED, "", "", "ci", NOW).state is RunState.SUCCEEDED
        assert here.later(3_600).state is RunState.SUCCEEDED
        assert len(here.stub.asked) == 1

    def test_one_that_was_never_started_cannot_end(self, office: NewOffice) -> None:
        here = office("webhook")
        number = here.want()
        with pytest.raises(Conflict, match="is requested; only one that runs can end"):
            report(here.store, number, RunState.SUCCEEDED, "", "", "ci", NOW)


class TestTrying:
    @pytest.mark.parametrize("preset", ["airflow", "kubeflow", "jenkins", "github", "webhook"])
    def test_answers_that_are_lost_start_one_run(self, office: NewOffice, preset: str) -> None:
        here = office(preset)
        here.stub.lose = 3
        here.want()
        assert here.later(0).state is RunState.REQUESTED
        for _ in range(6):
            here.later(3_600)
        assert here.run().state in (RunState.RUNNING, RunState.SUCCEEDED)
        assert len(here.stub.runs) == 1
        expected = "started" if preset == "webhook" else "found"
        assert expected in here.counted.seen

    def test_killed_between_the_answer_and_the_store(self, office: NewOffice) -> None:
        """What was started is found by the next process: the attempt is written down before it is made."""
        here = office()
        number = here.want()
        advance, broken = here.store.advance_run, list[str]()

        def dies(run: Run, expected: RunState, event: Event | None = None, entry: Any = None) -> bool:
            if run.state is RunState.RUNNING:
                broken.append("killed")
                raise StoreUnavailable("killed")
            return advance(run, expected, event, entry)

        here.store.advance_run = dies  # type: ignore[method-assign]
        with pytest.raises(StoreUnavailable):
            here.runner.step()
        here.store.advance_run = advance  # type: ignore[method-assign]
        assert broken
        run = here.store.run(number)
        assert (run.state, run.tries) == (RunState.REQUESTED, 1)
        assert run.not_before >= NOW + 10 * SECOND, "its target has time to list it"
        here.runner = here.another("one")
        run = here.later(60)
        assert (run.state, len(here.stub.runs)) == (RunState.RUNNING, 1)
        assert here.said() == [f"retrain: was there already under its key, nothing more was started: {run.url}"]

    def test_away_for_long_is_given_up_visibly(self, office: NewOffice) -> None:
        here = office()
        here.want()
        here.stub.busy = 100
        for _ in range(20):
            here.later(3_600)
        run = here.run()
        said = "could not be started in 8 tries: starting the run: 503 Service Unavailable"
        assert (run.state, run.error, run.tries) == (RunState.FAILED, said, 8)
        assert here.counted.seen == ["again"] * 7 + ["given_up", "failed"]
        assert len(here.said()) == 2, "the same trouble is said once"

    def test_it_waits_longer_each_time_and_as_long_as_is_asked(self, office: NewOffice) -> None:
        here = office()
        here.want()
        here.stub.busy, waits = 4, []
        for _ in range(3):
            here.clock.set(max(here.clock.now(), here.run().not_before))
            run = here.later(0)
            waits.append((run.not_before - here.clock.now()) / SECOND)
        assert 10 <= waits[0] <= 20 <= waits[1] <= 40 <= waits[2] <= 80
        here.stub.busy_headers = {"Retry-After": "5000"}
        here.clock.set(here.run().not_before)
        assert here.later(0).not_before == here.clock.now() + 5_000 * SECOND

    def test_refused(self, office: NewOffice) -> None:
        here = office()
        here.want()
        here.stub.busy, here.stub.busy_status = 1, 400
        run = here.later(0)
        assert (run.state, run.error) == (
            RunState.FAILED, "could not be started: starting the run: 400 Bad Request",
        )  # fmt: skip

    def test_a_paused_dag_is_waited_for_and_said(self, office: NewOffice) -> None:
        here = office()
        assert isinstance(here.stub, Airflow)
        here.stub.paused = True
        here.want()
        assert "is paused" in here.later(0).error
        here.stub.paused = False
        assert here.later(60).state is RunState.RUNNING
        assert "is paused" in here.said()[0]

    def test_a_run_that_its_target_forgot(self, office: NewOffice) -> None:
        here = office()
        here.want()
        here.later(0)
        here.stub.runs.clear()
        for _ in range(UNKNOWN_MOST - 1):
            assert here.later().state is RunState.RUNNING
        run = here.later()
        assert (run.state, run.error) == (RunState.FAILED, f"{UNKNOWN} any more")

    def test_a_target_that_cannot_be_asked_for_a_while(self, office: NewOffice) -> None:
        here = office()
        here.want()
        here.later(0)
        handle = here.stub.handle
        here.stub.handle = lambda asked: (502, None, {})  # type: ignore[method-assign]
        assert here.later().error == "asking for its state: 502 Bad Gateway"
        here.stub.handle = handle  # type: ignore[method-assign]
        assert (here.later().state, here.run().error) == (RunState.RUNNING, "")


class TestPeople:
    def test_one_that_is_asked_for_is_left_alone(self, office: NewOffice) -> None:
        here = office()
        here.want(RunState.ASKED)
        assert here.later(3_600).state is RunState.ASKED
        assert not here.stub.asked

    def test_and_withdrawn_when_its_incident_is_over(self, office: NewOffice) -> None:
        here = office()
        here.want(RunState.ASKED)
        here.store.commit_alerting(evaluator(here.store), AlertCommit(incidents=(resolved(7),)))
        run = here.later()
        assert (run.state, run.why) == (RunState.DENIED, "the incident was over before anybody answered")
        assert not here.stub.asked

    def test_one_that_was_ended_while_it_was_started(self, office: NewOffice) -> None:
        here = office()
        number = here.want()
        start = here.wired.target.start

        def ended_meanwhile(run: Run) -> Any:
            found = start(run)
            denied = replace(run, state=RunState.DENIED, who="ann")
            assert here.store.advance_run(denied, RunState.REQUESTED)
            return found

        here.wired.target.start = ended_meanwhile  # type: ignore[method-assign]
        here.later(0)
        assert here.store.run(number).state is RunState.DENIED
        assert "although it was ended meanwhile" in here.said()[-1]


class TestTwoServers:
    def test_only_the_holder_of_the_lease_starts(self, office: NewOffice) -> None:
        here = office()
        here.want()
        lease = here.store.lease(LEASE, "other", 90)
        assert lease is not None
        here.later(0)
        assert not here.stub.asked
        here.store.release_lease(lease)
        assert here.later(0).state is RunState.RUNNING

    def test_a_thread_ends_when_it_is_told(self, office: NewOffice) -> None:
        here = office()
        here.want()
        stopping = Flag()
        thread = Thread(target=here.runner.run, args=(stopping,), daemon=True)
        thread.start()
        for _ in range(200):
            if here.run().state is RunState.RUNNING:
                break
            thread.join(0.05)
        stopping.set()
        here.runner.wake()
        thread.join(10)
        assert not thread.is_alive()
        assert here.run().state is RunState.RUNNING
        assert here.run().changed_at < NOW + MINUTE


def test_one_that_stood_still_starts_nothing_after_its_lease(
    office: NewOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = office("argo")  # it honours no key
    here.want()
    start = here.wired.target.start

    def late(run: Run) -> object:
        here.clock.advance(LEASE_SECONDS)
        return start(run)

    monkeypatch.setattr(here.wired.target, "start", late)
    run = here.later(0)
    assert (run.state, here.stub.asked) == (RunState.REQUESTED, [])
    monkeypatch.undo()
    assert here.later(60).state is RunState.SUCCEEDED
