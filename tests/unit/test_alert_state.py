"""One alert and one look: timelines of `step`."""

from dataclasses import replace

import pytest

from alerts.rules import AlertRule, Comparison
from alerts.state import Latch, Look, step
from drift.core.alert import Alert, AlertKey, AlertState, Happening, Urgency
from drift.core.clock import HOUR
from drift.core.window import Window

KEY = AlertKey(1, "psi > 0.2", 1, "1h", 0, "income")
RULE = AlertRule("psi > 0.2", "statistic", (Comparison("psi", ">", 0.2),))


def look(
    hour: int, broken: bool | None, *, over: bool | None = None, revision: int = 1, latch: Latch | None = None
) -> Look:
    """The window that ends at an hour."""
    ended = not broken if over is None else over
    return Look(
        broken, bool(ended) and broken is not None, Window((hour - 1) * HOUR, hour * HOUR), HOUR, Urgency.PAGE,
        value=0.3, threshold=0.2, sentence=f"seen at {hour}", revision=revision, latch=latch, why="calm",
    )  # fmt: skip


def run(rule: AlertRule, *looks: Look) -> tuple[Alert | None, list[tuple[int, Happening]]]:
    """The alert after all looks, and (hour, what happened)."""
    alert, happened = None, []
    for one in looks:
        moved = step(rule, KEY, alert, one)
        if moved is not None:
            alert = moved.alert
            if moved.happening is not None:
                happened.append((one.window.end // HOUR, moved.happening))
    return alert, happened


def spelled(rule: AlertRule, timeline: str) -> str:
    """`x` broken, `.` kept by its margin, `-` kept only just, `?` cannot be told → P, F, r and blanks for no change."""
    signs = {Happening.PENDING: "P", Happening.FIRED: "F", Happening.RESOLVED: "r"}
    alert, said = None, []
    for hour, sign in enumerate(timeline, 1):
        seen = look(hour, {"x": True, "?": None}.get(sign, False), over=sign == ".")
        moved = step(rule, KEY, alert, seen)
        alert = alert if moved is None else moved.alert
        said.append(" " if moved is None or moved.happening is None else signs[moved.happening])
    return "".join(said)


@pytest.mark.parametrize(
    ("options", "timeline", "expected"),
    [
        ({}, "..xx..x.", "  F r Fr"),
        # three windows in a row, not two
        ({"holds_for": 3 * HOUR}, "xx.xxx..", "P  P Fr "),
        # one window is an hour: it fires at once
        ({"holds_for": HOUR}, ".x.", " Fr"),
        # what cannot be told changes nothing, and time goes on
        ({"holds_for": 2 * HOUR}, "x?x.", "P Fr"),
        ({}, "x???.", "F   r"),
        # only just kept is not over
        ({}, "x--x--.", "F     r"),
        # over for two hours in a row
        ({"clear_for": 2 * HOUR}, "x.x..x", "F   rF"),
        # what is only just kept begins the wait anew
        ({"clear_for": 2 * HOUR}, "x.-..", "F   r"),
        ({"holds_for": 2 * HOUR, "clear_for": 3 * HOUR}, "x.xx..x...x", "P PF     rP"),
    ],
)
def test_timelines(options: dict[str, int], timeline: str, expected: str) -> None:
    assert spelled(replace(RULE, **options), timeline) == expected  # type: ignore[arg-type]


def test_a_firing_alert_carries_what_is_seen_now_and_since_when() -> None:
    alert, _ = run(RULE, look(5, True), look(6, True), look(7, True))
    assert alert is not None
    assert (alert.state, alert.fired_at, alert.seen_at, alert.held) == (AlertState.FIRING, 5 * HOUR, 7 * HOUR, 3)
    assert (alert.since, alert.sentence) == (4 * HOUR, "seen at 7")
    assert alert.raised == Window(4 * HOUR, 5 * HOUR)


def test_an_alert_that_fires_anew_knows_nothing_of_the_time_before() -> None:
    alert, happened = run(RULE, look(5, True), look(6, False), look(9, True))
    assert [what for _, what in happened] == [Happening.FIRED, Happening.RESOLVED, Happening.FIRED]
    assert alert is not None
    assert (alert.since, alert.held, alert.resolved_at) == (8 * HOUR, 1, None)


def test_a_pending_alert_that_is_kept_is_forgotten() -> None:
    alert, happened = run(replace(RULE, holds_for=2 * HOUR), look(5, True), look(6, False))
    assert alert is not None
    assert alert.state is AlertState.INACTIVE
    assert happened == [(5, Happening.PENDING)]


# Revisions


def test_the_revision_of_the_last_window_can_raise_and_says_so() -> None:
    alert, happened = run(RULE, look(5, True), look(6, False), look(6, True, revision=2))
    assert happened[-1] == (6, Happening.FIRED)
    assert alert is not None
    assert "revision 2" in alert.reason


def test_a_revision_of_an_older_window_raises_nothing() -> None:
    _, happened = run(RULE, look(5, True), look(6, False), look(7, False), look(5, True, revision=2))
    assert [what for _, what in happened] == [Happening.FIRED, Happening.RESOLVED]


def test_the_revision_of_the_only_broken_window_takes_the_alert_back() -> None:
    alert, happened = run(RULE, look(5, True), look(5, False, revision=2))
    assert happened == [(5, Happening.FIRED), (5, Happening.RETRACTED)]
    assert alert is not None
    assert "revision 2" in alert.reason


def test_the_revision_of_the_first_of_several_broken_windows_takes_only_it_back() -> None:
    alert, happened = run(RULE, look(5, True), look(6, True), look(7, True), look(5, False, revision=2))
    assert happened == [(5, Happening.FIRED)]
    assert alert is not None
    assert (alert.state, alert.raised, alert.held) == (AlertState.FIRING, Window(5 * HOUR, 6 * HOUR), 2)


def test_a_window_that_was_counted_twice_is_one_window() -> None:
    rule = replace(RULE, holds_for=2 * HOUR)
    alert, happened = run(rule, look(5, True), look(5, True, revision=2), look(5, True, revision=3))
    assert happened == [(5, Happening.PENDING)]
    assert alert is not None
    assert alert.held == 1


def test_a_first_look_that_is_final_says_nothing_of_revisions() -> None:
    alert, _ = run(RULE, look(5, True))
    assert alert is not None
    assert alert.reason == ""


# Detectors that latch


def test_an_alert_follows_its_detector() -> None:
    rule = AlertRule("drift", "drift", holds_for=9 * HOUR)
    alert, happened = run(
        rule, look(5, True, latch=Latch.RAISED), look(6, True, latch=Latch.UPDATED), look(9, False, latch=Latch.ENDED)
    )
    assert happened == [(5, Happening.FIRED), (9, Happening.RESOLVED)]
    assert alert is not None
    assert (alert.fired_at, alert.resolved_at, alert.reason) == (5 * HOUR, 9 * HOUR, "calm")


def test_a_detector_that_takes_its_alarm_back_says_which_revision_did_it() -> None:
    alert, happened = run(RULE, look(5, True, latch=Latch.RAISED), look(4, False, latch=Latch.RETRACTED, revision=3))
    assert happened[-1] == (4, Happening.RETRACTED)
    assert alert is not None
    assert alert.reason == "calm, by revision 3 of its window, after late rows"


def test_an_alarm_that_nobody_knew_of_is_ended_in_silence() -> None:
    assert step(RULE, KEY, None, look(5, False, latch=Latch.ENDED)) is None


# Hysteresis


@pytest.mark.parametrize(
    ("clear", "value", "broken", "over"),
    [
        (None, 0.21, True, False), (None, 0.2, False, True), (0.1, 0.15, False, False), (0.1, 0.1, False, True),
        (0.1, float("nan"), None, False),
    ],
)  # fmt: skip
def test_clear_is_the_bound_at_which_it_is_over(
    clear: float | None, value: float, broken: bool | None, over: bool
) -> None:
    rule = replace(RULE, clear=clear)
    assert (rule.broken({"psi": value}), rule.over({"psi": value})) == (broken, over)


def test_all_conditions_have_to_hold() -> None:
    both = replace(RULE, conditions=(Comparison("psi", ">", 0.2), Comparison("chi2_p", "<", 0.01)))
    assert both.broken({"psi": 0.3, "chi2_p": 0.001}) is True
    assert both.broken({"psi": 0.3, "chi2_p": 0.1}) is False
    assert both.broken({"psi": 0.3}) is None
    assert replace(RULE, conditions=(Comparison("mean_shift", ">", 0.5, absolute=True),)).broken({"mean_shift": -1.0})
