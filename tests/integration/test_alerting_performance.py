"""Rules on performance, the harm gate, and alarms on the model itself, from results to what people are told."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from alerts.rules import AlertRule
from drift.config.alerts import AlertSettings
from drift.core.alarm import Alarm
from drift.core.alert import AlertState, Happening, Urgency
from drift.core.clock import DAY, HOUR
from drift.core.commit import AlarmChange, Detection, WindowResult
from drift.core.performance import Performance
from drift.core.result import Breach
from drift.evaluation.alerting import Routing
from drift.store import Store
from tests.rig.paging import Office, alarm, hour
from tests.rig.performed import measured

NewOffice = Callable[..., Office]


def rule(when: str, **given: object) -> AlertRule:
    return AlertSettings.model_validate({"when": when, **given}).rule


@pytest.fixture
def office(store: Store) -> NewOffice:
    def make(*rules: AlertRule, **given: object) -> Office:
        return Office(store, rules=rules, **given)  # type: ignore[arg-type]

    return make


def of(team: Office, n: int, found: Performance | Mapping[int, Performance]) -> WindowResult:
    parts = found if isinstance(found, Mapping) else {0: found}
    made = team.result(n)
    judged = made.judgements[0]
    return replace(made, performances=parts, judgements=dict.fromkeys({0, *parts}, judged))


def judge(team: Office, n: int, found: Performance | Mapping[int, Performance]) -> None:
    team.at(n, 1)
    team.commit(of(team, n, found))


def labels(team: Office, n: int, found: Performance) -> None:
    """They come now, for a window that was final before."""
    team.commit(of(team, n, found))


# Conditions on performance


def test_an_estimate_below_the_bound_is_told_and_ends(office: NewOffice) -> None:
    team = office(rule("estimated.accuracy < 0.9", severity="page"))
    judge(team, 0, measured(0.93))
    judge(team, 1, measured(0.85))
    (incident,) = team.incidents()
    assert (incident.family, incident.urgency) == ("drift", Urgency.PAGE)
    (message,) = team.mail()
    assert message.title == (
        "credit: estimated accuracy is 85 % (84 % to 86 %), the reference's was 94 %; the rule is "
        "estimated.accuracy < 0.9"
    )
    assert [one.column for one in message.findings] == [""]
    judge(team, 2, Performance())
    assert team.told() == ["firing"], "nothing is known: it keeps firing"
    judge(team, 3, measured(0.93))
    assert team.told() == ["firing", "resolved"]


def test_a_drop_by_segment(office: NewOffice) -> None:
    team = office(rule("drop(estimated.accuracy) > 0.03", **{"for": "2h"}))
    for n in range(2):
        judge(team, n, {0: measured(0.93), 1: measured(0.85)})
    (incident,) = team.incidents()
    assert "(k=a)" in incident.title
    calm = office(rule("drop(estimated.accuracy) > 0.03", segments=False), columns=4)
    judge(calm, 0, {0: measured(0.93), 1: measured(0.85)})
    assert len(calm.incidents()) == 1, "the whole traffic is well"


def test_labels_that_come_three_days_later_are_told_all_the_same(office: NewOffice) -> None:
    team = office(rule("realized.accuracy < 0.9"))
    for n in range(75):
        judge(team, n, measured(0.94))
    assert team.incidents() == []
    labels(team, 0, measured(0.94, 0.85))
    (incident,) = team.incidents()
    assert (incident.silent, incident.opened_at) == (False, hour(0).end)
    assert team.told() == ["firing"]
    judge(team, 75, measured(0.94))
    labels(team, 1, measured(0.94, 0.84))
    assert team.told() == ["firing"], "it stands"
    labels(team, 2, measured(0.94, 0.93))
    assert team.told() == ["firing", "resolved"]


def test_a_backfill_of_labels_is_told_to_nobody(office: NewOffice) -> None:
    team = office(rule("realized.accuracy < 0.9"), routing=Routing(horizon=DAY))
    for n in range(2):
        judge(team, n, measured(0.94))
    team.at(60)
    labels(team, 0, measured(0.94, 0.8))
    (incident,) = team.incidents()
    assert incident.silent
    assert team.told() == []


def test_corrected_labels_of_a_window_long_judged_raise_nothing(office: NewOffice) -> None:
    team = office(rule("realized.accuracy < 0.9"))
    for n in range(6):
        judge(team, n, measured(0.94))
    for n in range(3):
        labels(team, n, measured(0.94, 0.93))
    labels(team, 1, measured(0.94, 0.8))
    assert team.incidents() == []
    labels(team, 3, measured(0.94, 0.8))
    assert len(team.incidents()) == 1


def test_a_rule_that_was_changed_ends_its_alert(office: NewOffice) -> None:
    team = office(rule("estimated.accuracy < 0.9", name="bad"))
    judge(team, 0, measured(0.85))
    team.tick()
    assert team.incidents()[0].open, "its rule is there"
    team.rules = (rule("psi > 0.9", name="bad"),)
    team.restart()
    team.tick()
    assert not team.incidents()[0].open


# The harm gate


def gate(team: Office, n: int, found: Performance, *standing: Alarm, changes: tuple[AlarmChange, ...] = ()) -> None:
    team.at(n, 1)
    team.commit(
        replace(of(team, n, found), detection=Detection(b"", snapshot=False, changes=changes, standing=standing))
    )


def test_drift_without_harm_is_told_once_it_does_harm(office: NewOffice) -> None:
    team = office(rule("drift", harm=True))
    moved = alarm("n0", 0)
    gate(team, 0, measured(0.94), moved, changes=(AlarmChange("raised", moved, "", hour(0).end),))
    gate(team, 1, Performance(), moved)
    assert team.incidents() == [], "harmless, then not known"
    gate(team, 2, measured(0.85), moved)
    assert team.told() == ["firing"]
    gate(team, 3, Performance(), moved)
    assert team.incidents()[0].open, "it cannot be told"
    gate(team, 4, measured(0.94), moved)
    (incident,) = team.incidents()
    assert incident.resolution == "performance is not affected"
    gate(team, 5, measured(0.85), moved)
    assert team.told() == ["firing", "resolved", "firing"]
    gate(team, 6, measured(0.85), changes=(AlarmChange("ended", moved, "back", hour(6).end),))
    assert team.incidents()[-1].resolution == "back"


def test_an_alarm_on_performance_is_harm_whatever_one_window_says(office: NewOffice) -> None:
    team = office(rule("drift", harm=True))
    moved, worse = alarm("n0", 0), alarm("", 0, detector="realized_performance", sentence="realized accuracy is 90 %")
    team.at(0, 1)
    latched = Breach("", "realized_performance", 9.0, 8.0, "realized_performance: realized accuracy", latched=True)
    made = team.result(0, breaches=(latched,))
    team.commit(replace(made, detection=Detection(b"", snapshot=False, standing=(worse, moved))))
    (incident,) = team.incidents()
    assert incident.columns == ("", "n0")
    assert incident.title == "credit: realized accuracy is 90 % (1 drifted: n0)"


def test_a_statistic_that_does_no_harm_does_not_fire(office: NewOffice) -> None:
    team = office(rule("psi > 0.2", harm=True))
    for n, found in enumerate((measured(0.94), measured(0.85), measured(0.94))):
        team.at(n, 1)
        team.commit(replace(team.result(n, values={"n0": 0.4}), performances={0: found}))
    (incident,) = team.incidents()
    assert (incident.opened_at, incident.resolution) == (hour(1).end, "performance is not affected")
    (one,) = team.store.alerts(incident.id)
    assert one.alert.state is AlertState.RESOLVED
    assert Happening.FIRED in [what for what, _ in team.history(incident.id)]
    assert hour(1).end - hour(0).end == HOUR


# Alarms on the model itself


def test_alarms_on_performance_are_told_before_columns(office: NewOffice) -> None:
    team = office(rule("drift"))
    worse = alarm("", 0, detector="estimated_performance", sentence="estimated accuracy is 90 % since noon")
    judged = AlarmChange("raised", worse, "", hour(0).end)
    team.judge(0, team.raised("n0", 0), team.raised("n1", 0), judged)
    (message,) = team.mail()
    assert message.title == "credit: estimated accuracy is 90 % since noon (2 drifted: n0, n1)"
    assert message.columns == 2
    assert [one.column for one in message.findings] == ["", "n0", "n1"]
    assert message.text.startswith("estimated accuracy is 90 % since noon\n")
