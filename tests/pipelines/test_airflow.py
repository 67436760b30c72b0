"""A real Airflow 3: triggered, followed, asked twice, paused. Only under `make test-pipelines`."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from unittest.mock import patch

import pytest
from prometheus_client import CollectorRegistry

from alerts.egress import Gate
from alerts.retrain.target import Found, Progress, Target
from alerts.routes.contract import Fate, Outcome
from drift.config import parse
from drift.core.alert import AlertCommit, Run, RunState
from drift.core.clock import SystemClock
from drift.metrics import Metrics
from drift.service.retraining import Retraining
from drift.store import Store, open_store
from tests.rig.airflow import PASSWORD, Airflow
from tests.rig.alerted import evaluator, incident
from tests.rig.pipelines import Airflow as Stub
from tests.rig.proc import wait_until
from tests.rig.retrain import CONF, run

pytestmark = [pytest.mark.pipelines, pytest.mark.timeout(600)]

DRIFT_YAML = """
egress: {{allow: [localhost]}}
alerting: {{url: "https://drift.example"}}
triggers:
  - airflow: {{url: "{url}", dag: {dag}, username: drift, password: "env:AIRFLOW_PASSWORD"}}
    name: retrain
    approval: auto
    poll: 1s
"""


@pytest.fixture(scope="module")
def airflow() -> Iterator[Airflow]:
    """One server for all tests here."""
    with Airflow() as server, patch.dict(os.environ, {"AIRFLOW_PASSWORD": PASSWORD}):
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An SQLite store with one open incident."""
    opened = open_store(f"sqlite:///{tmp_path / 'drift.db'}", SystemClock())
    opened.commit_alerting(evaluator(opened), AlertCommit(incidents=(incident(7),)))
    yield opened
    opened.close()


@contextmanager
def retraining(airflow: Airflow, store: Store, dag: str = "retrain") -> Iterator[Retraining]:
    """The threads of `triggers:` as the service runs them."""
    clock = SystemClock()
    config = parse(DRIFT_YAML.format(url=airflow.url, dag=dag))
    running = Retraining(config, store, clock, Metrics(CollectorRegistry(), clock), "tests", Random(1))
    running.start()
    try:
        yield running
    finally:
        running.stop()


def target(airflow: Airflow, dag: str = "retrain") -> Target:
    """Of the trigger in DRIFT_YAML."""
    (settings,) = parse(DRIFT_YAML.format(url=airflow.url, dag=dag)).triggers
    return Target(settings.preset.make(settings.options), Gate(["localhost"]), SystemClock())


def wanted(key: str, **conf: object) -> Run:
    """A run that incident 7 asks for."""
    now = SystemClock().now()
    return run(key=key, model_id=7, created_at=now, changed_at=now, conf={**CONF, "key": key, **conf})


def ended(store: Store, number: int) -> Callable[[], Run | None]:
    """The run once it is over."""
    return lambda: found if not (found := store.run(number)).state.in_flight else None


def test_triggered_and_followed_to_success(airflow: Airflow, store: Store) -> None:
    with retraining(airflow, store):
        number = store.put_run(wanted("driftsum-success-7")).id
        done = wait_until(ended(store, number), 120, 0.5, "the run's end")
    assert done is not None
    assert (done.state, done.error) == (RunState.SUCCEEDED, "")
    assert done.url == f"{airflow.url}/dags/retrain/runs/driftsum-success-7"
    theirs = airflow.ask("GET", "/api/v2/dags/retrain/dagRuns/driftsum-success-7").json()
    assert (theirs["state"], theirs["note"]) == ("success", "Driftsum: credit: income is higher")
    assert theirs["conf"]["columns"] == CONF["columns"]
    assert theirs["conf"]["callback_url"] == f"https://drift.example/v1/runs/{number}/ended"
    said = [event.why for event in store.events(7) if event.happening.value == "run"]
    assert said == [f"retrain: succeeded ({done.url})", f"retrain: started: {done.url}"]


def test_a_dag_that_fails(airflow: Airflow, store: Store) -> None:
    with retraining(airflow, store):
        number = store.put_run(wanted("driftsum-failure-7", model="broken")).id
        done = wait_until(ended(store, number), 120, 0.5, "the run's end")
    assert done is not None
    assert (done.state, done.error) == (RunState.FAILED, "it says 'failed'")


def test_the_same_key_again_starts_nothing(airflow: Airflow) -> None:
    once = target(airflow)
    first = once.start(wanted("driftsum-twice-7"))
    before = len(airflow.runs("retrain"))
    again = once.start(wanted("driftsum-twice-7"))
    assert isinstance(first, Found)
    assert isinstance(again, Found)
    assert (first.earlier, again.earlier, again.external_id) == (False, True, "driftsum-twice-7")
    assert len(airflow.runs("retrain")) == before
    once.close()


def test_nor_where_it_was_not_seen_before_it_was_sent(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look found nothing, another server was faster, and Airflow says 409."""
    once = target(airflow)
    once.start(wanted("driftsum-race-7"))
    before, find, missed = len(airflow.runs("retrain")), once._find, list[str]()

    def misses(given: Run) -> Found | None:
        if not missed:
            missed.append(given.key)
            return None
        return find(given)

    monkeypatch.setattr(once, "_find", misses)
    again = once.start(wanted("driftsum-race-7"))
    assert missed == ["driftsum-race-7"]
    assert isinstance(again, Found)
    assert again.earlier
    assert len(airflow.runs("retrain")) == before
    once.close()


def test_an_answer_that_is_lost(airflow: Airflow) -> None:
    """It was sent, nobody knows what became of it, and it is sent again."""
    once = target(airflow)
    given, before = wanted("driftsum-lost-7"), len(airflow.runs("retrain"))
    once.start(given)  # whatever it said
    found = replace(given, state=RunState.RUNNING, external_id="driftsum-lost-7")
    assert isinstance(once.follow(found), Progress)
    assert isinstance(once.start(given), Found)
    assert len(airflow.runs("retrain")) == before + 1
    once.close()


def test_a_paused_dag(airflow: Airflow) -> None:
    once = target(airflow, "sleeping")
    assert once.start(wanted("driftsum-paused-7")) == Outcome(
        Fate.AGAIN, "the DAG sleeping is paused: it would take the run and not start it; unpause it"
    )
    assert not airflow.runs("sleeping")
    once.close()


def test_our_stub_refuses_what_the_real_one_refuses(airflow: Airflow) -> None:
    """The stub that all other tests use keeps to the contract as this server does."""
    post, runs = "POST", "/api/v2/dags/retrain/dagRuns"
    fine = {"dag_run_id": "driftsum-same-7", "logical_date": None, "conf": {"model": "m"}}
    asked: list[tuple[str, str, object]] = [
        (post, "/auth/token", {"username": "drift", "password": "wrong"}),
        (post, "/auth/token", {"username": "drift"}),
        (post, "/auth/token", {"username": "drift", "password": PASSWORD}),
        (post, runs, fine),
        (post, runs, fine),
        (post, runs, {"dag_run_id": "driftsum-none-7"}),
        (post, runs, {**fine, "dag_run_id": "driftsum-more-7", "extra": 1}),
        (post, runs, {**fine, "dag_run_id": "driftsum-kind-7", "conf": "text"}),
        (post, runs, {**fine, "dag_run_id": "../driftsum"}),
        ("GET", f"{runs}/driftsum-same-7", None),
        ("GET", f"{runs}/driftsum-unknown", None),
        ("GET", "/api/v2/dags/retrain", None),
        ("GET", "/api/v2/dags/unknown", None),
    ]
    real = [airflow.ask(method, path, body).status_code for method, path, body in asked]
    with Stub() as stub:
        there = Airflow.__new__(Airflow)
        there.url = stub.url
        stubbed = [there.ask(method, path, body).status_code for method, path, body in asked]
    assert stubbed == real
    assert real == [401, 422, 201, 200, 409, 422, 422, 422, 400, 200, 404, 200, 404]
