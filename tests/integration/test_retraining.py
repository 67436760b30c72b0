"""`triggers:` in a service: what is due, what people ask for, threads from the request to the end, metrics."""

import os
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from prometheus_client import CollectorRegistry

from drift.config import parse
from drift.core.alert import AlertCommit, RunState
from drift.core.catalogue import Model
from drift.core.clock import HOUR, SystemClock
from drift.core.errors import Conflict, NotFound
from drift.evaluation.cases import Names
from drift.metrics import Metrics
from drift.service.retraining import GONE, LAST_RUNS, Retraining
from drift.store import Store
from tests.rig.alerted import alert, evaluator, incident, key
from tests.rig.pipelines import Airflow
from tests.rig.proc import wait_until
from tests.rig.retrain import SECRETS, options
from tests.rig.storing import model as put_model
from tests.rig.storing import reference as put_reference


class Plant:
    """A store with one model, its reference and an open incident; an Airflow; and what `triggers:` makes of them."""

    def __init__(self, store: Store, airflow: Airflow) -> None:
        self.store, self.airflow, self.clock, self.registry = store, airflow, SystemClock(), CollectorRegistry()
        self.model: Model = put_model(store)
        put_reference(store, self.model, version="1")
        self.reference = put_reference(store, self.model, columns=4, version="2")
        self.metrics = Metrics(self.registry, self.clock)
        self.opened: list[Retraining] = []

    def fires(self) -> None:
        """Two columns of incident 1 do."""
        fresh = incident(1, model_id=self.model.id, reference_id=self.reference.id)
        alerts = tuple(
            alert(alert_key.column, key=alert_key)
            for alert_key in (key("n0", model_id=self.model.id), key("k", model_id=self.model.id))
        )
        self.store.commit_alerting(evaluator(self.store), AlertCommit(alerts=alerts, incidents=(fresh,)))

    def open(self, **changes: Any) -> Retraining:
        """The trigger `retrain`, with these settings."""
        trigger = {"airflow": options("airflow", self.airflow.url), "name": "retrain", "poll": "1s", **changes}
        said = {"triggers": [trigger], "egress": {"allow": ["localhost"]}, "alerting": {"url": "https://drift.example"}}
        config = parse(yaml.safe_dump(said))
        made = Retraining(config, self.store, self.clock, self.metrics, "tests", Random(1))
        self.opened.append(made)
        return made

    def due(self, retraining: Retraining) -> int:
        """As the evaluator does: how many runs it made."""
        names = Names(self.store.catalogue())
        cases = [names.case(one, self.store.open_alerts(), "u") for one in self.store.open_incidents()]
        runs = tuple(retraining.due(cases, self.store.runs(), self.clock.now()))
        self.store.commit_alerting(evaluator(self.store), AlertCommit(runs=runs))
        return len(runs)


@pytest.fixture
def plant(store: Store) -> Iterator[Plant]:
    """One, whose threads end with the test."""
    with Airflow() as airflow, patch.dict(os.environ, SECRETS):
        found = Plant(store, airflow)
        yield found
        for one in found.opened:
            one.stop()


def test_from_an_incident_to_the_end_of_its_run(plant: Plant) -> None:
    plant.fires()
    retraining = plant.open(approval="auto")
    assert plant.due(retraining) == 1
    assert plant.due(retraining) == 0
    retraining.start()
    wait_until(lambda: plant.airflow.runs, 20)
    plant.airflow.runs[0].state = "success"
    wait_until(lambda: plant.store.runs()[0].state is RunState.SUCCEEDED, 20)
    given = plant.airflow.runs[0].given
    assert (given["model"], given["version"], given["owner"]) == ("credit", "2", "risk")
    assert [one["column"] for one in given["columns"]] == ["k", "n0"]
    assert given["data"]["evidence"] == "https://drift.example/v1/incidents/1"
    assert plant.due(retraining) == 0
    assert len(plant.airflow.runs) == 1
    retraining.publish()
    seen = plant.registry.get_sample_value
    assert seen("drift_retrain_runs", {"model": "credit", "trigger": "retrain", "state": "succeeded"}) == 1
    assert seen("drift_retrain_attempts_total", {"trigger": "retrain", "outcome": "started"}) == 1


def test_asked_first(plant: Plant) -> None:
    plant.fires()
    retraining = plant.open()
    assert plant.due(retraining) == 1
    assert plant.store.runs()[0].state is RunState.ASKED


def test_a_person_asks(plant: Plant) -> None:
    plant.fires()
    retraining = plant.open()
    made = retraining.ask(plant.model, "retrain", "ann", "new prices")
    assert (made.state, made.who, made.why, made.incident_id) == (RunState.REQUESTED, "ann", "new prices", 1)
    assert made.conf["columns"][0]["column"] == "k"
    with pytest.raises(Conflict, match="in flight"):
        retraining.ask(plant.model, "retrain", "bob", "me too")
    assert next(event.why for event in plant.store.events(1)) == "retrain: asked for by hand: new prices"
    retraining.start()
    wait_until(lambda: plant.airflow.runs, 20)
    assert plant.airflow.runs[0].key == made.key


def test_a_person_asks_without_any_incident(plant: Plant) -> None:
    made = plant.open().ask(plant.model, "retrain", "ann", "new prices")
    assert (made.incident_id, made.conf["version"], made.conf["columns"]) == (0, "2", [])
    assert made.conf["data"]["evidence"] is None


@pytest.mark.parametrize("name", ["other", "retrain"])
def test_a_trigger_that_is_not_the_models(plant: Plant, name: str) -> None:
    retraining = plant.open(match={"model": "fraud*"})
    with pytest.raises(NotFound, match=f"no trigger '{name}' for model 'credit'; there are: none"):
        retraining.ask(plant.model, name, "ann", "why not")


def test_a_rehearsal(plant: Plant) -> None:
    plant.fires()
    earlier = plant.open(approval="auto")
    assert plant.due(earlier) == 1
    rehearsing = plant.open(approval="auto", dry_run=True)  # from now on; what was requested is not started either
    rehearsing.start()
    wait_until(lambda: plant.store.runs()[0].state is RunState.SKIPPED, 20)
    assert plant.due(rehearsing) == 0
    made = rehearsing.ask(plant.model, "retrain", "ann", "show me")
    assert made.state is RunState.SKIPPED
    assert made.conf["key"] == made.key
    assert not plant.airflow.asked


def test_runs_of_a_trigger_that_is_gone_do_not_hold_up_their_model(plant: Plant) -> None:
    plant.fires()
    assert plant.due(plant.open(name="old", cooldown="1h")) == 1
    retraining = plant.open(approval="auto", cooldown="1h")
    retraining.start()
    run = plant.store.runs()[0]
    assert (run.trigger, run.state, run.error) == ("old", RunState.FAILED, GONE)
    names = Names(plant.store.catalogue())
    cases = [names.case(one, plant.store.open_alerts(), "u") for one in plant.store.open_incidents()]
    assert retraining.due(cases, (), plant.clock.now() + HOUR)


def test_an_incident_that_is_older_than_many_runs_is_not_retrained_again(plant: Plant) -> None:
    plant.fires()
    retraining = plant.open(approval="auto", cooldown="1h")
    assert plant.due(retraining) == 1
    first = plant.store.runs()[0]
    for n in range(LAST_RUNS + 1):
        run = plant.store.runs()[0]
        assert plant.store.advance_run(replace(run, state=RunState.FAILED, ended_at=1, changed_at=1), run.state)
        if n < LAST_RUNS:
            plant.store.put_run(replace(first, id=0, key=f"other-{n}", incident_id=2 + n))
    assert plant.due(retraining) == 0
