"""Alerts that nothing looks at any more end, with a reason; what is old raises nothing; on both stores."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from alerts.notices import Receiver
from alerts.rules import AlertRule, Comparison
from drift.config import ModelSettings, parse
from drift.core.alert import Urgency
from drift.core.clock import DAY, HOUR, MINUTE
from drift.core.errors import Conflict, NotFound
from drift.core.result import Breach, WindowState
from drift.service.models import forget_model, put_model
from drift.store import Store
from tests.integration.test_alerting import Part, retrained
from tests.rig.paging import DRIFT, ONCALL, Office, hour

NewOffice = Callable[..., Office]
PSI = AlertRule("psi > 0.2", "statistic", (Comparison("psi", ">", 0.2),), urgency=Urgency.PAGE)
NO_DATA = AlertRule("no_data", "no_data", after=HOUR)
ELSEWHERE = "the alert {!r} of drift.yaml does not look there any more"


@pytest.fixture
def office(store: Store) -> NewOffice:
    """Makes the one office of a test."""

    def make(**given: object) -> Office:
        return Office(store, **given)  # type: ignore[arg-type]

    return make


def silent(team: Office, minutes: int, *, finished: bool = False, behind: bool = False) -> tuple[Part, ...]:
    """One partition, whose model said its last word so many minutes ago."""
    now = team.clock.now()
    ago = now - minutes * MINUTE
    part = Part({team.model.id: ago}, {team.model.id: ago}, now, finished=finished)
    return (replace(part, caught_up_at=None) if behind else part,)


def restarted(team: Office, *rules: AlertRule) -> None:
    """drift.yaml was changed, and a minute passes."""
    team.rules = rules
    team.restart()
    team.tick(minutes=1)


def resolution(team: Office) -> str:
    """How the one incident ended; nothing may stand."""
    (incident,) = team.incidents()
    assert not incident.open
    assert team.store.open_alerts() == []
    assert team.told() == ["firing", "resolved"]
    return incident.resolution


@pytest.mark.parametrize(
    "now",
    [
        replace(PSI, columns=("k", "n1")),
        replace(PSI, spec="1d"),
        AlertRule(PSI.name, "no_data"),
        AlertRule(PSI.name, "incomplete"),
        AlertRule(PSI.name, "drift"),
    ],
)
def test_a_rule_that_looks_elsewhere_lets_go(office: NewOffice, now: AlertRule) -> None:
    team = office(rules=(PSI,))
    team.judge(0, values={"n0": 0.3})
    restarted(team, now)
    assert resolution(team) == ELSEWHERE.format(PSI.name)


@pytest.mark.parametrize("now", [{"direction": "decrease"}, {"columns": ("k",)}, {"segments": False}])
def test_an_alarm_that_a_rule_does_not_follow_any_more(office: NewOffice, now: dict[str, object]) -> None:
    team = office()
    team.judge(0, team.raised("n0", 0, segment=1))
    restarted(team, replace(DRIFT[0], **now))  # type: ignore[arg-type]
    assert resolution(team) == ELSEWHERE.format("drift")


def test_a_rule_that_still_looks_there_keeps_its_alert(office: NewOffice) -> None:
    team = office(rules=(PSI,))
    team.judge(0, values={"n0": 0.3})
    restarted(team, replace(PSI, columns=("n*",), spec="1h", segments=False))
    assert team.incidents()[0].open


def test_a_silence_whose_rule_became_another_is_over(office: NewOffice) -> None:
    team = office(rules=(replace(NO_DATA, name="x"),))
    team.statuses = silent(team, 200)
    team.tick()
    restarted(team, replace(PSI, name="x"))
    assert resolution(team) == ELSEWHERE.format("x")


def test_an_alarm_that_has_turned_ends_all_the_same(office: NewOffice) -> None:
    team = office(rules=(replace(DRIFT[0], direction="increase"),))
    team.judge(0, team.raised("n0", 0))
    ended = team.ended("n0", 0, 1)
    team.judge(1, replace(ended, alarm=replace(ended.alarm, direction="decrease")))
    assert resolution(team) == "back to what is usual"


def test_no_data_is_over_when_its_topic_is_retired(office: NewOffice) -> None:
    team = office(rules=(NO_DATA,))
    team.statuses = silent(team, 200)
    team.tick()
    team.statuses = silent(team, 210, finished=True)
    team.tick(minutes=1)
    assert resolution(team).startswith("nothing that is still read carries the model")


def test_lag_is_over_when_its_topic_is_retired(office: NewOffice) -> None:
    team = office(rules=(AlertRule("lag > 1h", "lag", after=HOUR),))
    team.statuses = silent(team, 200, behind=True)
    team.tick()
    team.statuses = silent(team, 210, finished=True)
    team.tick(minutes=1)
    assert resolution(team).startswith("nothing that is still read carries the model")


def test_an_incomplete_window_is_over_when_its_topic_is_retired(office: NewOffice) -> None:
    team = office(rules=(AlertRule("incomplete", "incomplete"),))
    team.judge(0, state=WindowState.INCOMPLETE)
    team.statuses = silent(team, 10)
    team.tick()
    assert team.incidents()[0].open
    team.statuses = silent(team, 10, finished=True)
    team.tick(minutes=1)
    assert resolution(team).startswith("nothing that is still read carries the model")


def test_an_incomplete_window_of_the_version_before_is_over_with_a_whole_one(office: NewOffice) -> None:
    """Otherwise the incident stood for ever, and kept all drift of the new version from being told."""
    team = office(rules=(AlertRule("incomplete", "incomplete"), *DRIFT))
    team.judge(0, state=WindowState.INCOMPLETE)
    second = retrained(team, 1)
    team.judge(1, reference=second)
    assert resolution(team) == "the rule is kept again"
    team.judge(2, team.raised("n0", 2), reference=second)
    assert team.told() == ["firing", "resolved", "firing"]


def test_a_clock_that_was_a_year_ahead_holds_nothing_open(office: NewOffice) -> None:
    team = office(rules=(NO_DATA,))
    team.clock.set(hour(0).end + 365 * DAY)
    team.statuses = silent(team, 200)
    team.tick()
    team.clock.set(hour(0).end)
    team.statuses = silent(team, 1)
    team.tick()
    assert resolution(team) == "data comes again"


def test_a_route_that_is_gone_is_no_incident(office: NewOffice) -> None:
    gone = Receiver("gone")
    team = office(receivers=(replace(ONCALL, match=({"family": "service"},)), gone))
    team.judge(0, team.raised("n0", 0))
    (lost,) = team.store.notices(receiver="gone")
    team.store.given_up(lost.id, "500", team.clock.now())
    team.tick(minutes=1)
    assert team.told() == ["firing"]
    team.receivers = team.receivers[:1]
    restarted(team, *DRIFT)
    assert team.told() == ["firing", "resolved"]
    assert team.mail()[-1].text == "Over: drift.yaml has no route 'gone' any more."
    team.tick(minutes=10)
    assert team.told() == ["firing", "resolved"]


# Late rows of old windows


def test_late_rows_of_an_old_window_raise_nothing(office: NewOffice) -> None:
    team = office(rules=(PSI,))
    for n in range(4):
        team.judge(n, values={"n0": 0.1})
    team.judge(1, values={"n0": 0.3})
    assert team.incidents() == []
    team.judge(3, values={"n0": 0.3})  # the newest
    assert team.told() == ["firing"]


def test_late_rows_of_an_old_window_break_no_rule_of_the_users_own(office: NewOffice) -> None:
    team = office(settings={"detectors": []})
    for n in range(4):
        team.judge(n)
    team.judge(1, breaches=(Breach("n0", "psi", 0.4, 0.1, "psi > 0.1"),))
    assert team.incidents() == []


def test_a_model_that_is_forgotten_leaves_nothing_open(store: Store) -> None:
    team = Office(store)
    team.judge(0, team.raised("n0", 0))
    with pytest.raises(Conflict, match=r"is set in drift\.yaml"):
        forget_model(store, parse("models: {credit: {}}"), "credit")
    with pytest.raises(NotFound):
        forget_model(store, parse("{}"), "other")
    forget_model(store, parse("{}"), "credit")
    team.tick(minutes=1)
    assert team.incidents()[0].resolution == "the model is not watched any more"
    again = put_model(store, "credit", ModelSettings())
    assert again.windows
