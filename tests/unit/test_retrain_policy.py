"""Which incident needs a run: a pure function."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from alerts.notices import Case
from alerts.retrain.policy import TriggerRule, due, key_by_hand, key_of
from drift.core.alert import Alert, AlertKey, AlertState, Incident, Run, RunState, Urgency
from drift.core.clock import DAY, HOUR
from drift.core.window import Window

NOW = 1_795_000_000_000_000
STORE = "0a1b2c3d-4e5f-4a6b-8c7d-000000000000"
AUTO = TriggerRule("retrain", approval="auto", url="https://drift.example/")


def case(number: int = 7, model: int = 1, **changes: Any) -> Case:
    """An open incident that pages, with two columns."""
    quiet = changes.pop("quiet", "")
    snoozed = changes.pop("snoozed", False)
    incident = Incident(
        number, model, "drift", Urgency.PAGE, NOW - DAY, NOW - HOUR, NOW - HOUR, 3,
        title="credit: income is higher", columns=("income", "age"), alerts=2, seen_at=NOW,
    )  # fmt: skip
    alerts = [
        Alert(
            AlertKey(model, "drift", 3, "1h", segment, column, "psi"), AlertState.FIRING, Urgency.PAGE, NOW - DAY, NOW,
            value=0.4, threshold=0.2, direction="increase", sentence=f"{column} is higher", snoozed=snoozed,
            incident_id=number, raised=Window(NOW - 2 * HOUR, NOW - HOUR),
        )
        for segment, column in enumerate(("income", "age"))
    ]  # fmt: skip
    return Case(replace(incident, **changes), alerts, "credit", "3", "risk", {1: "channel=web"}, "", quiet)


def run(state: RunState, **changes: Any) -> Run:
    """An earlier run of model 1, of another incident."""
    return replace(Run("retrain", 1, 1, "k", state, NOW - DAY, NOW - DAY, id=1), **changes)


def pulled(cases: Sequence[Case], runs: Sequence[Run] = (), *rules: TriggerRule, now: int = NOW) -> tuple[Run, ...]:
    """What is due."""
    return due(cases, runs, rules or (AUTO,), now, STORE)


class TestWhich:
    def test_one_that_pages(self) -> None:
        (made,) = pulled([case()])
        assert (made.trigger, made.model_id, made.incident_id, made.state) == ("retrain", 1, 7, RunState.REQUESTED)
        assert (made.key, made.created_at) == ("driftsum-0a1b2c3d-4e5f-retrain-7", NOW)

    @pytest.mark.parametrize(
        "changes",
        [{"urgency": Urgency.WARNING}, {"silent": True}, {"quiet": "silence 4"}, {"snoozed": True}, {"family": "data"},
         {"resolved_at": NOW}, {"model": 0}],
    )  # fmt: skip
    def test_none(self, changes: dict[str, Any]) -> None:
        assert pulled([case(**changes)]) == ()

    def test_a_warning_where_it_is_wanted(self) -> None:
        assert pulled([case(urgency=Urgency.WARNING)], (), replace(AUTO, on=Urgency.WARNING))
        assert pulled([case(urgency=Urgency.PAGE)], (), replace(AUTO, on=Urgency.WARNING))

    @pytest.mark.parametrize(
        ("match", "fits"),
        [({"model": "cred*"}, True), ({"model": "fraud"}, False), ({"owner": "risk", "column": "age"}, True),
         ({"owner": "risk", "column": "zip"}, False), ({"severity": "page"}, True)],
    )  # fmt: skip
    def test_labels(self, match: dict[str, str], fits: bool) -> None:
        assert bool(pulled([case()], (), replace(AUTO, match=(match,)))) is fits
        assert pulled([case()], (), replace(AUTO, match=({"model": "other"}, match))) == pulled(
            [case()], (), replace(AUTO, match=(match,))
        )

    def test_the_first_of_several_triggers_that_fit(self) -> None:
        rules = (replace(AUTO, name="a", match=({"model": "x"},)), replace(AUTO, name="b"), replace(AUTO, name="c"))
        assert [made.trigger for made in pulled([case()], (), *rules)] == ["b"]


class TestHowMany:
    def test_a_thousand_incidents_are_one_run_per_model(self) -> None:
        cases = [case(n, model=1 + n % 3) for n in range(1, 1_001)]
        made = pulled(cases)
        assert sorted(one.model_id for one in made) == [1, 2, 3]
        assert pulled(cases, made) == ()

    def test_the_loudest_and_oldest_comes_first(self) -> None:
        cases = [case(1, since=NOW), case(2, since=NOW - DAY), case(3, urgency=Urgency.WARNING, since=0)]
        (made,) = pulled(cases, (), replace(AUTO, on=Urgency.WARNING))
        assert made.incident_id == 2

    @pytest.mark.parametrize("state", [state for state in RunState if state.in_flight])
    def test_one_in_flight(self, state: RunState) -> None:
        assert pulled([case()], [run(state, created_at=0, changed_at=0)]) == ()
        assert pulled([case()], [run(state, model_id=2)]), "of another model"

    @pytest.mark.parametrize("state", [state for state in RunState if not state.in_flight])
    def test_the_cooldown(self, state: RunState) -> None:
        last = run(state, ended_at=NOW)
        assert pulled([case()], [last], now=NOW + DAY - 1) == ()
        assert pulled([case()], [last], now=NOW + DAY)

    def test_the_cooldown_goes_from_the_last_that_ended(self) -> None:
        runs = [run(RunState.FAILED, id=2, ended_at=NOW), run(RunState.SUCCEEDED, id=1, ended_at=NOW - 9 * DAY)]
        assert pulled([case()], runs, now=NOW + HOUR) == ()

    def test_one_incident_starts_a_trigger_once(self) -> None:
        (made,) = pulled([case()])
        ended = replace(made, state=RunState.FAILED, ended_at=NOW)
        assert pulled([case()], [ended], now=NOW + 30 * DAY) == ()
        again = pulled([case(reopened=1)], [ended], now=NOW + 30 * DAY)
        assert [one.key for one in again] == ["driftsum-0a1b2c3d-4e5f-retrain-7-1"]
        other = pulled([case()], [ended], replace(AUTO, name="second"), now=NOW + 30 * DAY)
        assert [one.trigger for one in other] == ["second"]


class TestHow:
    def test_somebody_has_to_approve(self) -> None:
        (made,) = pulled([case()], (), replace(AUTO, approval="ask"))
        assert made.state is RunState.ASKED

    @pytest.mark.parametrize("approval", ["ask", "auto"])
    def test_a_rehearsal_sends_nothing_and_rests(self, approval: Any) -> None:
        rule = replace(AUTO, approval=approval, dry_run=True)
        (made,) = pulled([case()], (), rule)
        assert (made.state, made.ended_at) == (RunState.SKIPPED, NOW)
        assert "rehearsal" in made.why
        assert pulled([case(8)], [made], rule, now=NOW + HOUR) == ()

    def test_what_it_carries(self) -> None:
        (made,) = pulled([case()])
        conf = dict(made.conf)
        columns = conf.pop("columns")
        assert columns[1] == {
            "column": "age", "segment": "channel=web", "rule": "drift", "statistic": "psi", "value": 0.4,
            "threshold": 0.2, "direction": "increase", "severity": "page", "since": "2026-11-17T11:06:40Z",
            "sentence": "age is higher",
        }  # fmt: skip
        assert conf == {
            "model": "credit", "version": "3", "owner": "risk", "severity": "page", "incident": 7, "reopened": 0,
            "title": "credit: income is higher", "link": None, "url": "https://drift.example",
            "onset": "2026-11-17T11:06:40Z",
            "stretch": {"start": "2026-11-17T11:06:40Z", "end": "2026-11-18T11:06:40Z"},
            "window": {"spec": "1h", "start": "2026-11-18T09:06:40Z", "end": "2026-11-18T10:06:40Z"},
            "data": {
                "evidence": "https://drift.example/v1/incidents/7",
                "windows": "https://drift.example/v1/windows?model=credit&window=1h", "kafka": [],
            },
            "trigger": "retrain", "key": made.key, "requested_at": "2026-11-18T11:06:40Z",
        }  # fmt: skip

    def test_without_an_address_there_are_no_links(self) -> None:
        (made,) = pulled([case()], (), replace(AUTO, url=""))
        assert made.conf["data"] == {"evidence": None, "windows": None, "kafka": []}

    def test_keys_fit_names_of_every_target(self) -> None:
        """Kubernetes names have small letters, digits and - only, 63 at most."""
        for key in (key_of(STORE, "a" * 30, 123_456, 1), key_by_hand(STORE, "retrain", 7, NOW)):
            assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", key), key
