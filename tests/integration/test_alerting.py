"""From results to what people are told: incidents, silences, revisions, retraining; on both stores."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from alerts.message import Status as Shown
from alerts.notices import Receiver
from alerts.rules import AlertRule, Comparison
from alerts.silences import Maintenance
from drift.core.alarm import Severity
from drift.core.alert import AlertState, Happening, NoticeState, Run, RunState, Silence, Urgency
from drift.core.catalogue import Reference
from drift.core.clock import DAY, HOUR, MINUTE
from drift.core.commit import EvaluationCommit, Lease, Partition
from drift.core.errors import Conflict, Fenced
from drift.core.result import Breach, WindowState
from drift.evaluation.alerting import Routing
from drift.store import Store
from tests.rig import storing
from tests.rig.paging import DRIFT, ONCALL, Office, alarm, hour

NewOffice = Callable[..., Office]
PSI = AlertRule("psi > 0.2", "statistic", (Comparison("psi", ">", 0.2),), urgency=Urgency.PAGE)


@pytest.fixture
def office(store: Store) -> NewOffice:
    """Makes the one office of a test."""

    def make(**given: object) -> Office:
        return Office(store, **given)  # type: ignore[arg-type]

    return make


# One incident per cause


def test_three_hundred_columns_page_once(office: NewOffice) -> None:
    team = office(columns=300)
    names = [column.name for column in team.reference.grid.columns]
    team.judge(0, *(team.raised(name, 0) for name in names))
    (incident,) = team.incidents()
    assert incident.alerts == 300
    assert set(incident.columns) == set(names)
    (message,) = team.mail()
    assert message.change.value == "firing"
    assert message.title.startswith("credit: 300 columns drifted: ")
    assert (message.columns, len(message.findings)) == (300, 10)
    team.judge(1, *(team.ended(name, 0, 1) for name in names))
    assert team.told() == ["firing", "resolved"]


def test_what_breaks_days_later_is_another_incident(office: NewOffice) -> None:
    team = office()
    team.judge(0, team.raised("n0", 0))
    team.judge(1, team.raised("n1", 1))  # follows within a window
    team.judge(9, team.raised("k", 9))
    assert [one.columns for one in team.incidents()] == [("n0", "n1"), ("k",)]
    assert team.told() == ["firing", "firing"]


def test_the_same_column_in_a_segment_joins(office: NewOffice) -> None:
    team = office()
    team.judge(0, team.raised("n0", 0))
    team.judge(9, team.raised("n0", 9, segment=1))
    (incident,) = team.incidents()
    assert incident.alerts == 2
    assert team.told() == ["firing"]


def test_an_incident_is_over_when_its_last_alert_is(office: NewOffice) -> None:
    team = office()
    team.judge(0, team.raised("n0", 0), team.raised("n1", 0))
    team.judge(1, team.ended("n0", 0, 1))
    assert team.incidents()[0].open
    team.judge(2, team.ended("n1", 0, 2, "accepted as baseline by ana"))
    (incident,) = team.incidents()
    assert (incident.resolved_at, incident.resolution) == (hour(2).end, "accepted as baseline by ana")
    message = team.mail()[-1]
    assert (message.status, message.text) == (Shown.RESOLVED, "Over: accepted as baseline by ana.")


def test_a_warning_that_becomes_a_page_is_told_again(office: NewOffice) -> None:
    pager = Receiver("pager", ({"severity": "page"},))
    team = office(receivers=(ONCALL, pager))
    team.judge(0, team.raised("n0", 0, Severity.WARNING))
    assert (team.told(), team.told("pager")) == (["firing"], [])
    team.judge(1, team.raised("n1", 1))
    assert (team.told(), team.told("pager")) == (["firing", "escalated"], ["firing"])
    team.judge(2, team.ended("n0", 0, 2), team.ended("n1", 1, 2))
    assert (team.told()[-1], team.told("pager")[-1]) == ("resolved", "resolved")


def test_the_history_says_why(office: NewOffice) -> None:
    team = office()
    team.judge(0, team.raised("n0", 0))
    team.judge(1, team.ended("n0", 0, 1))
    assert team.history(team.incidents()[0].id) == [
        (Happening.FIRED, "n0 is higher"),
        (Happening.OPENED, "n0 is higher"),
        (Happening.TOLD, "firing to oncall"),
        (Happening.RESOLVED, "back to what is usual"),
        (Happening.CLOSED, "back to what is usual"),
        (Happening.TOLD, "resolved to oncall"),
    ]


# Told again, acknowledged, silent


def test_what_nobody_acknowledges_is_told_again(office: NewOffice) -> None:
    team = office(receivers=(replace(ONCALL, repeat_interval=4 * HOUR),))
    team.judge(0, team.raised("n0", 0))
    for _ in range(9):
        team.tick(minutes=60)
    assert team.told() == ["firing", "repeated", "repeated"]
    team.store.acknowledge(team.incidents()[0].id, "ana", "looking", team.clock.now())
    for _ in range(9):
        team.tick(minutes=60)
    assert team.told() == ["firing", "repeated", "repeated", "acknowledged"]
    message = team.mail()[-1]
    assert (message.who, message.status) == ("ana", Shown.ACKNOWLEDGED)


def test_an_acknowledgement_is_kept_while_the_evaluator_writes(office: NewOffice) -> None:
    team = office()
    team.judge(0, team.raised("n0", 0))
    result = team.result(1, team.raised("n1", 1))
    found = team.alerting.work((result,), team.store.catalogue(), ())
    team.store.acknowledge(team.incidents()[0].id, "ana", "looking", team.clock.now())
    team.store.commit_evaluation(EvaluationCommit(team.lease, (), (result,), found))
    assert team.incidents()[0].acknowledged_by == "ana"


def test_a_silence_holds_back_and_its_end_tells(office: NewOffice) -> None:
    team = office()
    team.at(0, 1)
    now = team.clock.now()
    team.store.put_silence(Silence({"model": "cred*", "column": "n0"}, now, now + 2 * HOUR, "ana", "known", now))
    team.judge(0, team.raised("n0", 0))
    team.judge(9, team.raised("k", 9, Severity.WARNING), live=False)
    assert [one.title for one in team.mail()] == ["credit: k is higher"]
    silenced = [why for what, why in team.history(team.incidents()[0].id) if what is Happening.SILENCED]
    assert len(silenced) == 1
    assert "by ana" in silenced[0]
    team.tick(minutes=60)
    assert len(team.told()) == 1
    team.tick(minutes=61)
    assert [one.title for one in team.mail()] == ["credit: k is higher", "credit: n0 is higher"]


def test_what_was_never_told_is_not_resolved(office: NewOffice) -> None:
    team = office()
    team.at(0, 1)
    now = team.clock.now()
    team.store.put_silence(Silence({}, now, now + HOUR, "ana", "known", now))
    team.judge(0, team.raised("n0", 0))
    team.judge(1, team.ended("n0", 0, 1))
    team.tick(minutes=120)
    assert team.told() == []


def test_maintenance_holds_back(office: NewOffice) -> None:
    night = Maintenance("0 0 * * *", 2 * HOUR, why="backups")  # T0 is midnight
    team = office(routing=Routing(maintenance=(night,)))
    team.judge(0, team.raised("n0", 0))
    assert team.told() == []
    assert (Happening.SILENCED, "maintenance (0 0 * * *): backups") in team.history(team.incidents()[0].id)
    team.tick(minutes=59)
    assert team.told() == ["firing"]


def test_a_snoozed_alarm_tells_nobody(office: NewOffice) -> None:
    team = office(receivers=(ONCALL, Receiver("all", ({"model": "*"},))))
    team.judge(0, team.raised("n0", 0, snoozed=True))
    assert (team.told(), team.told("all")) == ([], [])
    team.judge(1, replace(team.raised("n0", 0), kind="updated", at=hour(1).end))
    assert team.told() == ["firing"]


# Data that does not come


@dataclass
class Part:
    """A partition as the store would describe it."""

    watermarks: dict[int, int]
    advanced_at: dict[int, int]
    now: int
    partition: Partition = storing.PARTITION
    owner: str | None = "w"
    heartbeat_at: int | None = 0
    caught_up_at: int | None = 0
    finished: bool = False


def silent(team: Office, minutes: int, **changes: object) -> tuple[Part, ...]:
    """One partition, whose model said its last word so many minutes ago."""
    now = team.clock.now()
    ago = now - minutes * MINUTE
    return (replace(Part({team.model.id: ago}, {team.model.id: ago}, now), **changes),)  # type: ignore[arg-type]


def test_no_data_is_told_and_ends_when_data_comes(office: NewOffice) -> None:
    team = office(rules=(AlertRule("no_data", "no_data"),))
    for minutes in (10, 119, 121, 200):
        team.statuses = silent(team, minutes)
        team.tick()
    assert team.told() == ["firing"]
    assert team.mail()[0].title == "credit: no data for 2h 1m"
    team.statuses = silent(team, 1)
    team.tick()
    assert team.told() == ["firing", "resolved"]
    assert team.incidents()[0].resolution == "data comes again"


def test_an_ended_file_is_not_silent(office: NewOffice) -> None:
    team = office(rules=(AlertRule("no_data", "no_data", after=HOUR),))
    team.statuses = silent(team, 600, finished=True)
    assert team.tick() is None
    team.statuses = ()
    assert team.tick() is None


def test_a_model_without_data_is_not_told_to_drift(office: NewOffice) -> None:
    team = office(rules=(*DRIFT, AlertRule("no_data", "no_data", after=HOUR)))
    team.at(0, 1)
    team.statuses = silent(team, 90)
    team.tick()
    team.judge(0, team.raised("n0", 0))
    assert [one.family for one in team.mail()] == ["data"]
    team.statuses = silent(team, 1)
    team.tick(minutes=1)
    assert [(one.family, one.change.value) for one in team.mail()] == [
        ("data", "firing"), ("data", "resolved"), ("drift", "firing"),
    ]  # fmt: skip


def test_lag_is_of_partitions_that_are_behind(office: NewOffice) -> None:
    team = office(rules=(AlertRule("lag > 30m", "lag", after=30 * MINUTE),))
    team.statuses = silent(team, 90)
    assert team.tick() is None
    team.statuses = silent(team, 90, caught_up_at=None)
    team.tick()
    assert team.mail()[0].title == "credit: counting is 1h 30m behind"


def test_an_incomplete_window_is_told_and_the_next_whole_one_ends_it(office: NewOffice) -> None:
    team = office(rules=(AlertRule("incomplete", "incomplete"),))
    team.judge(0, state=WindowState.INCOMPLETE)
    team.judge(1)
    assert team.told() == ["firing", "resolved"]
    assert "a partition is dead" in team.mail()[0].title


def test_a_notice_that_could_not_be_delivered_is_told_to_the_others(office: NewOffice) -> None:
    team = office(receivers=(ONCALL, Receiver("chat")))
    team.judge(0, team.raised("n0", 0))
    (waiting,) = team.store.waiting("oncall", team.clock.now() + 1, 10)
    team.store.given_up(waiting.id, "404 Not Found", team.clock.now())
    team.tick(minutes=1)
    message = team.mail("chat")[-1]
    assert (message.family, message.title) == (
        "service", "1 notice to oncall could not be delivered: drift notices --dead",
    )  # fmt: skip
    team.store.resend(waiting.id, "ana", team.clock.now())
    team.tick(minutes=1)
    assert team.told("chat")[-1] == "resolved"


# Rules on statistics


def test_a_statistic_pages_when_it_has_lasted(office: NewOffice) -> None:
    team = office(rules=(replace(PSI, holds_for=2 * HOUR, clear=0.1),))
    for n, psi in enumerate([0.3, 0.1, 0.3, 0.4, 0.15, 0.05]):
        team.judge(n, values={"n0": psi, "n1": 0.0})
    assert team.told() == ["firing", "resolved"]
    first = team.mail()[0]
    assert first.title == "credit: n0: psi is 0.4, the rule is psi > 0.2"
    (finding,) = first.findings
    assert (finding.column, finding.value, finding.threshold) == ("n0", 0.4, 0.2)
    assert team.incidents()[0].opened_at == hour(3).end


def test_a_window_with_too_few_rows_decides_nothing(office: NewOffice) -> None:
    team = office(rules=(PSI,))
    team.judge(0, values={"n0": 0.3})
    team.judge(1, values={})
    assert team.told() == ["firing"]
    team.judge(2, values={"n0": 0.1})
    assert team.told() == ["firing", "resolved"]


def test_rules_look_where_they_are_told_to(office: NewOffice) -> None:
    team = office(rules=(replace(PSI, columns=("n*",), segments=False),))
    team.judge(0, values={"k": 0.9})
    team.judge(1, values={"n0": 0.9}, segment=1)
    assert team.told() == []
    team.judge(2, values={"n1": 0.9})
    assert team.told() == ["firing"]


def test_a_broken_rule_of_the_users_own_is_drift_as_well(office: NewOffice) -> None:
    team = office(settings={"rules": ["quality"]})
    broken = Breach("n0", "missing_change", 0.2, 0.05, "missing_change > 0.05", "increase", "critical")
    team.judge(0, values={"n0": 0.0}, breaches=(broken,))
    assert [one.urgency for one in team.mail()] == [Urgency.PAGE]
    team.judge(1, values={"n0": 0.0})
    assert team.told() == ["firing", "resolved"]


def test_a_standing_alarm_in_the_verdict_is_not_a_second_alert(office: NewOffice) -> None:
    team = office()
    latched = Breach("n0", "default", 9.0, 8.0, "default: location", "increase", latched=True)
    team.judge(0, team.raised("n0", 0), values={"n0": 0.0}, breaches=(latched,))
    assert len(team.store.open_alerts()) == 1


# Late rows


def test_late_rows_take_a_page_back_and_say_so(office: NewOffice) -> None:
    team = office()
    team.judge(0, team.raised("n0", 0))
    retracted = replace(team.raised("n0", 0), kind="retracted", why="its cause is gone")
    team.judge(0, retracted)
    (incident,) = team.incidents()
    assert incident.resolution == "its cause is gone, by revision 2 of its window, after late rows"
    assert team.told() == ["firing", "resolved"]
    assert any(what is Happening.RETRACTED for what, _ in team.history(incident.id))


def test_late_rows_raise_on_the_last_window_and_say_so(office: NewOffice) -> None:
    team = office(rules=(PSI,))
    team.judge(0, values={"n0": 0.1})
    team.judge(0, values={"n0": 0.3})
    (incident,) = team.incidents()
    fired = [why for what, why in team.history(incident.id) if what is Happening.FIRED]
    assert fired == ["by revision 2 of its window, after late rows"]


# Backfills


def test_a_backfill_tells_nobody(office: NewOffice) -> None:
    team = office()
    team.at(100)
    team.judge(0, team.raised("n0", 0))
    team.judge(1, team.ended("n0", 0, 1))
    team.judge(9, team.raised("n1", 9))
    for n in range(10, 60):
        team.judge(n)
    assert [one.silent for one in team.incidents()] == [True, True]
    assert team.told() == []


def test_what_a_backfill_found_and_still_stands_now_is_told(office: NewOffice) -> None:
    team = office()
    team.at(100)
    team.judge(0, team.raised("n0", 0))
    team.judge(75)
    assert team.told() == []
    team.judge(78)  # ended less than a day ago
    assert team.told() == ["firing"]


# Retraining


def retrained(team: Office, n: int) -> Reference:
    """Version 2 is registered, active from the nth hour on."""
    first = team.store.reference(team.reference.id)
    profile = team.store.reference_profile(first.id)
    return team.store.add_reference(
        team.model.id, version="2", schema=first.schema, grid=first.grid, profile=profile, content_hash="second",
        rows=500, active_from=hour(n).start,
    )  # fmt: skip


def served(team: Office, reference: Reference, n: int, rows: int) -> None:
    """So many rows of a version in the nth hour."""
    claim = team.store.acquire(storing.PARTITION, "w")
    feed = storing.Feed(team.store, team.model, reference, claim, claim.next)
    feed.commit(storing.delta(reference, 1, start=hour(n).start, rows=rows))


def test_a_retrained_model_resolves_the_incident(office: NewOffice) -> None:
    team = office()
    team.judge(0, team.raised("n0", 0))
    second = retrained(team, 3)
    team.judge(2)
    assert team.incidents()[0].open
    team.judge(3, reference=second)
    (incident,) = team.incidents()
    assert (incident.resolution, incident.resolved_at) == ("retrained as version 2", hour(3).end)
    assert team.mail()[-1].text == "Over: retrained as version 2."
    assert team.store.open_alerts() == []


def test_the_same_drift_after_retraining_reopens_it_once(office: NewOffice) -> None:
    team = office()
    team.judge(0, team.raised("n0", 0))
    second = retrained(team, 3)
    team.judge(3, reference=second)
    team.judge(4, team.raised("n0", 4), reference=second)
    (incident,) = team.incidents()
    assert (incident.open, incident.reopened) == (True, 1)
    assert team.told() == ["firing", "resolved", "reopened"]
    assert "still there after retraining as version 2" in team.mail()[-1].text
    assert (Happening.REOPENED, "the same drift is still there after retraining as version 2") in team.history(
        incident.id
    )
    team.judge(5, team.ended("n0", 4, 5), reference=second)
    team.judge(9, team.raised("n0", 9), reference=second)
    assert [one.reopened for one in team.incidents()] == [1, 0]


def test_other_drift_after_retraining_is_another_incident(office: NewOffice) -> None:
    team = office()
    team.judge(0, team.raised("n0", 0))
    second = retrained(team, 3)
    team.judge(3, reference=second)
    team.judge(4, team.raised("n1", 4), reference=second)
    assert [one.open for one in team.incidents()] == [False, True]


def test_what_breaks_beside_the_new_model_is_not_what_it_was_made_for(office: NewOffice) -> None:
    team = office()
    second = retrained(team, 3)
    team.judge(3, reference=second)
    team.clock.set(second.created_at + HOUR)
    served(team, team.reference, 4, rows=5)
    team.judge(4, team.raised("n0", 4), live=False)
    team.judge(5, reference=second, live=False)
    assert [one.open for one in team.incidents()] == [True]


def test_a_version_that_is_served_no_more_is_no_incident(office: NewOffice) -> None:
    """Rolled back: what the second version had is over a day after its last row."""
    team = office()
    second = retrained(team, 3)
    served(team, second, 4, rows=100)
    team.judge(4, team.raised("n0", 4), reference=second)
    team.judge(9)
    assert team.incidents()[0].open
    team.judge(30)
    assert team.incidents()[0].resolution == "version 2 is not served any more"


def test_a_canary_resolves_nothing(office: NewOffice) -> None:
    team = office()
    team.judge(0, team.raised("n0", 0))
    second = retrained(team, 3)
    served(team, team.reference, 3, rows=100)  # half of the traffic
    team.judge(3, reference=second, rows=100)
    assert team.incidents()[0].open


# The outbox and restarts


def test_nothing_is_stored_without_the_lease(office: NewOffice) -> None:
    team = office()
    team.at(0, 1)
    result = team.result(0, team.raised("n0", 0))
    found = team.alerting.work((result,), team.store.catalogue(), ())
    assert found is not None
    lost = Lease("evaluation", "somebody else", 1, 0)
    with pytest.raises(Fenced):
        team.store.commit_evaluation(EvaluationCommit(lost, (), (result,), found))
    assert (team.incidents(), team.mail(), team.store.open_alerts()) == ([], [], [])
    assert team.commit(result) == found


def test_a_restart_tells_nothing_twice(office: NewOffice) -> None:
    team = office(receivers=(replace(ONCALL, repeat_interval=4 * HOUR),))
    team.judge(0, team.raised("n0", 0))
    team.restart()
    assert team.tick(minutes=1) is None
    team.judge(1)
    assert team.told() == ["firing"]


def test_a_receiver_that_is_new_is_told_what_stands(office: NewOffice) -> None:
    team = office()
    team.judge(0, team.raised("n0", 0))
    team.receivers = (ONCALL, Receiver("new"))
    team.restart()
    team.tick(minutes=1)
    assert (team.told(), team.told("new")) == (["firing"], ["firing"])


def test_info_is_told_to_those_who_ask(office: NewOffice) -> None:
    curious = Receiver("curious", ({"severity": "info"},))
    team = office(rules=(replace(PSI, urgency=Urgency.INFO),), receivers=(ONCALL, curious))
    team.judge(0, values={"n0": 0.3})
    assert (team.told(), team.told("curious")) == ([], ["firing"])


# A flapping column


@dataclass
class Expected:
    """What a person would work out with a pencil."""

    pages: list[str] = field(default_factory=list)


def test_a_flapping_column_pages_as_often_as_its_rule_says(office: NewOffice) -> None:
    """A thousand hours in rounds of ten, and what each round is to say:

        hour    0    1    2    3    4    5    6    7    8    9
        psi    .30  .10  .30  .30  .15  .30  .15  .05  .30  .05
               P         P    F    held      held r    P
        for 2h: hour 0 alone is not enough, hours 2 and 3 are; .15 is not over (clear: 0.1), .05 is; hour 8 is alone

    So one page and one resolution a round, and no repetition: it fires from 03:00's end to 07:00's end, 4 hours, and
    repeat_interval is 5. In the last hundred rounds it is 2 hours: told again at 2 of 4 hours once (the second would be
    at the resolution).
    """
    rounds, psi = 100, [0.3, 0.1, 0.3, 0.3, 0.15, 0.3, 0.15, 0.05, 0.3, 0.05]
    slow, quick = replace(ONCALL, repeat_interval=5 * HOUR), Receiver("quick", repeat_interval=2 * HOUR)
    team = office(rules=(replace(PSI, holds_for=2 * HOUR, clear=0.1),), receivers=(slow, quick))
    for n in range(10 * rounds):
        team.judge(n, values={"n0": psi[n % 10], "n1": 0.0})
    assert team.told() == ["firing", "resolved"] * rounds
    assert team.told("quick") == ["firing", "repeated", "resolved"] * rounds
    incidents = team.incidents()
    assert len(incidents) == rounds
    assert [(one.opened_at, one.resolved_at) for one in incidents] == [
        (hour(10 * r + 3).end, hour(10 * r + 7).end) for r in range(rounds)
    ]
    assert len({one.key for one in team.mail()} | {one.key for one in team.mail("quick")}) == 5 * rounds
    assert all(one.state is not AlertState.FIRING for one in team.store.open_alerts())


def test_all_waits_in_the_outbox_in_order(office: NewOffice) -> None:
    team = office()
    team.judge(0, team.raised("n0", 0))
    team.judge(1, team.ended("n0", 0, 1))
    first, second = reversed(team.store.notices(receiver="oncall"))
    assert first.stream == second.stream == "incident:1"
    assert first.state is second.state is NoticeState.WAITING
    assert [one.id for one in team.store.waiting("oncall", team.clock.now(), 10)] == [first.id]


def test_the_hour_is_what_the_rig_says() -> None:
    assert hour(0).end - hour(0).start == HOUR
    assert alarm("n0", 3).raised == hour(3)
    assert DAY == 24 * HOUR


def test_what_is_told_does_not_depend_on_how_a_backlog_is_cut(office: NewOffice) -> None:
    team = office(rules=(PSI,))
    team.at(9)
    psi = [0.3, 0.1, 0.3, 0.3, 0.1]
    team.commit(*(team.result(n, values={"n0": value}) for n, value in enumerate(psi)))
    assert team.told() == ["firing", "resolved", "firing", "resolved"]
    assert [one.columns for one in team.incidents()] == [("n0",), ("n0",)]


def test_what_breaks_months_later_pages_though_an_old_incident_stands(office: NewOffice) -> None:
    """The old one got a new alert of its own column in between: that prolongs nothing."""
    team = office()
    team.judge(0, team.raised("n0", 0))
    team.judge(700, team.raised("n0", 700, segment=1))
    team.judge(701, team.raised("n1", 701))
    assert [one.columns for one in team.incidents()] == [("n0",), ("n1",)]
    assert team.told() == ["firing", "firing"]


def test_built_in_rules_on_one_window_are_no_alert_beside_detectors(office: NewOffice) -> None:
    team = office()
    once = Breach("n0", "missing_change", 0.2, 0.05, "missing_change > 0.05", "increase")
    form = Breach("n1", "schema", float("nan"), float("nan"), "schema: vanished")
    team.judge(0, values={"n0": 0.0}, breaches=(once, form))
    assert [one.columns for one in team.incidents()] == [("n1",)]


def test_an_older_message_is_not_sent_after_a_later_one(office: NewOffice) -> None:
    team = office()
    team.judge(0, team.raised("n0", 0))
    team.judge(1, team.ended("n0", 0, 1))
    now = team.clock.now()
    first, second = reversed(team.store.notices(receiver="oncall"))
    team.store.given_up(first.id, "404", now)
    team.store.sent(second.id, now)
    with pytest.raises(Conflict, match="has a later one of the same incident"):
        team.store.resend(first.id, "ana", now)


def test_an_alert_whose_rule_is_gone_does_not_stand_for_ever(office: NewOffice) -> None:
    team = office(rules=(PSI, *DRIFT))
    team.judge(0, team.raised("n0", 0), values={"k": 0.3})
    team.rules = DRIFT
    team.restart()
    team.tick(minutes=1)
    assert [one.key.rule for one in team.store.open_alerts()] == ["drift"]
    team.rules = (PSI,)
    team.restart()
    team.tick(minutes=1)
    assert team.store.open_alerts() == []
    assert team.told() == ["firing", "resolved"]
    assert team.incidents()[0].resolution == "drift.yaml has no alert 'drift' any more"


def test_an_alert_on_windows_that_are_cut_no_more_does_not_stand_for_ever(office: NewOffice) -> None:
    team = office()
    team.judge(0, team.raised("n0", 0))
    daily = [spec for spec in team.model.windows if spec.name == "1d"]
    team.store.put_model("credit", pane=team.model.pane, lateness=team.model.lateness, windows=daily)
    team.tick(minutes=1)
    assert team.incidents()[0].resolution == "windows of 1h are not judged any more"


def test_what_became_of_a_run_is_told_once_though_the_incident_is_over(office: NewOffice) -> None:
    team = office(receivers=(ONCALL, Receiver("deaf", runs=False)))
    team.judge(0, team.raised("n0", 0))
    now = team.clock.now()
    run = team.store.put_run(Run("airflow", team.model.id, 1, "k", RunState.REQUESTED, now, now))
    found = team.alerting.work((), team.store.catalogue(), ())
    assert found is not None
    assert [one.receiver for one in found.notices] == ["oncall"]
    team.tick(minutes=1)  # that commit was lost: it is made again
    team.judge(1, team.ended("n0", 0, 1))
    ended = replace(run, state=RunState.SUCCEEDED, changed_at=team.clock.now())
    assert team.store.advance_run(ended, RunState.REQUESTED)
    for _ in range(3):
        team.tick(minutes=1)
    team.restart()
    team.tick(minutes=1)
    assert team.told() == ["firing", "run", "resolved", "run"]
    assert team.mail()[-1].title == "credit: Retraining by airflow has succeeded."
    assert team.told("deaf") == ["firing", "resolved"]
