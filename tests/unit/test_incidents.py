"""Alarms grouped into incidents."""

from dataclasses import replace
from typing import Any

from detectors.changes.contract import ChangeKind, SchemaChange
from detectors.incidents import Member, excess, incidents
from drift.core.alarm import Severity
from drift.core.clock import DAY
from drift.core.window import Window
from tests.rig.alarming import alarm, hour


def member(column: str, n: int = 3, *, spec: str = "1h", ended: int | None = None, **changes: Any) -> Member:
    """An alarm raised in the n-th hour and off since the hour before."""
    made = alarm(column=column, raised=hour(n), onset=hour(n - 1).start, sentence=f"{column} moved", **changes)
    return Member(made, spec, 1, None if ended is None else hour(ended).end)


def test_three_hundred_columns_at_once_are_one_incident() -> None:
    members = [
        member(f"c{n:03}", what="share missing", effect=0.401 + n / 100_000, tolerance=0.01 + n / 1e6)
        for n in range(300)
    ]
    [one] = incidents(reversed(members))
    assert len(one.members) == len(one.columns) == 300
    assert one.severity is Severity.PAGE
    assert one.sentence == (
        "300 columns since 02:00: c000, c001, c002, …; 40 % of the rows lost each of them: what they are joined from "
        "may have broken"
    )


def test_nothing_is_guessed_where_columns_lost_different_shares_or_moved_otherwise() -> None:
    differ = [member(f"c{n}", what="share missing", effect=0.1 * (n + 1)) for n in range(6)]
    moved = [member(f"c{n}", what="location", effect=0.4) for n in range(6)]
    some = [*moved, *(member(f"m{n}", what="share missing", effect=0.4) for n in range(3))]
    for members in (differ, moved, some):
        [one] = incidents(members)
        assert "broken" not in one.sentence
        assert one.sentence.startswith(f"{len(members)} columns since 02:00: ")


def test_alarms_belong_together_if_raised_within_a_window_of_each_other() -> None:
    # hours    3   4   5   6   7   8
    # raised   a       b           c        a … b: one window between; b … c: two
    near = incidents([member("a", 3), member("b", 5), member("c", 8)])
    assert [one.columns for one in near] == [("a", "b"), ("c",)]


def test_a_long_window_gathers_the_short_ones_within_it() -> None:
    day = Window(hour(0).start, hour(0).start + DAY)
    whole = Member(replace(alarm(column="d"), raised=day, onset=day.start), "1d", 1)
    [one] = incidents([member("a", 2), member("b", 20), whole])
    assert set(one.columns) == {"a", "b", "d"}


def test_one_column_in_several_segments_and_specs_is_one_incident_while_it_lasts() -> None:
    mine = [member("a", 3), member("a", 40, segment=2), member("a", 80, spec="1d")]
    [one] = incidents(mine)
    assert one.columns == ("a",)
    over = incidents([member("a", 3, ended=10), member("a", 40)])
    assert [len(one.members) for one in over] == [1, 1]
    assert [one.standing for one in over] == [True, False]


def test_the_worst_comes_first_and_pages_once() -> None:
    members = [
        member("small", severity=Severity.WARNING, effect=3.0, tolerance=0.1),
        member("large", effect=-0.9, tolerance=0.1),
        member("middle", effect=0.5, tolerance=0.1),
        member("unknown", effect=float("nan"), tolerance=float("nan")),
    ]
    [one] = incidents(members)
    assert one.columns == ("large", "middle", "unknown", "small")
    assert [excess(m.alarm) for m in one.members[:3]] == [9.0, 5.0, 0.0]
    assert one.severity is Severity.PAGE
    later = member("w", 50, severity=Severity.WARNING)
    many = [member(f"q{n}", 90, severity=Severity.WARNING) for n in range(4)]
    ended = member("z", 20, ended=22)
    order = [found.columns[0] for found in incidents([later, ended, *many, *members])]
    assert order == ["large", "q0", "w", "z"]


def test_changes_of_form_are_named_first() -> None:
    change = SchemaChange(ChangeKind.UNIT, "b", factor=100, sentence="b: its unit changed, 1 is 100 now")
    other = SchemaChange(ChangeKind.NEW, "elsewhere", sentence="the field 'elsewhere' is new")
    [one] = incidents([member("a"), member("b")], [change, other])
    assert one.causes == (change,)
    assert one.sentence == "b: its unit changed, 1 is 100 now; 2 columns since 02:00: a, b"


def test_a_single_alarm_speaks_for_itself_and_silence_is_kept() -> None:
    [one] = incidents([member("a", snoozed=True)])
    assert (one.sentence, one.snoozed, one.standing) == ("a moved", True, True)
    [both] = incidents([member("a", snoozed=True), member("b")])
    assert not both.snoozed
    assert incidents([]) == ()


def test_a_stretch_of_several_days_is_dated() -> None:
    [one] = incidents([member("a", 23), member("b", 25)])
    assert one.sentence.startswith("2 columns since 2026-11-23 22:00: ")


def test_performance_is_said_before_the_columns_that_moved_with_it() -> None:
    worse = member("", detector="realized_performance")
    worse = replace(worse, alarm=replace(worse.alarm, sentence="realized accuracy is 90 %"))
    [one] = incidents([member("a"), worse, member("b")])
    assert set(one.columns) == {"", "a", "b"}
    assert one.sentence == "realized accuracy is 90 %; 2 columns since 02:00: a, b"
    [alone] = incidents([worse])
    assert alone.sentence == "realized accuracy is 90 %"
