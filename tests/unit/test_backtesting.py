"""The parts of a backtest: plans, numbered rows, whole windows, the lives of alarms, what is shown."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from detectors.known import pack
from drift.backtesting.collect import collect
from drift.backtesting.html import page
from drift.backtesting.numbering import EVENTS, REFERENCE, NumberedData, Numbering, numbered
from drift.backtesting.plan import ROW, Plan, plan
from drift.backtesting.registering import Registered
from drift.backtesting.result import Backtest, Refused, spoken
from drift.backtesting.tables import amount, text
from drift.backtesting.whole import partly_filled, windows_of
from drift.config import ModelSettings
from drift.core.alarm import Alarm, Moved, Severity
from drift.core.clock import DAY, HOUR, MINUTE
from drift.core.commit import AlarmChange, Detection, WindowResult
from drift.core.errors import ConfigError
from drift.core.records import Decoded
from drift.core.result import Judgement, Outcome, WindowState
from drift.core.rows import Rows
from drift.core.window import Window, WindowSpec
from drift.reference.frame import FrameData
from drift.reference.options import Limits
from drift.store.rows import Dirty

START = 20_500 * DAY


# plans


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({}, "say how windows are cut"),
        ({"time": "ts"}, "say how windows are cut"),
        ({"window": "1d"}, "say how windows are cut"),
        ({"time": "ts", "rows_per_window": 100}, "not by both"),
        ({"window": "1d", "rows_per_window": 100}, "not by both"),
        ({"rows_per_window": 9}, "too few for a window"),
        ({"rows_per_window": 0}, "too few for a window"),
        ({"time": "ts", "window": "90s"}, "whole minutes"),
        ({"time": "ts", "window": "soon"}, "is no duration"),
        ({"time": "ts", "window": "1d", "budget": "often"}, "is no budget"),
        ({"time": "ts", "window": "1d", "timezone": "Mars/Base"}, "timezone: .*no IANA time zone"),
        ({"time": "ts", "window": "1d", "colour": "red"}, "colour"),
        ({"time": "ts", "window": "1d", "score": "ts"}, "ts"),
        ({"rows_per_window": 100, "seasonal": "hour"}, "have no season"),
    ],
)
def test_what_cannot_be_planned_is_one_sentence(said: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as refused:
        plan(**said)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("window", "pane"), [("1d", 15), ("1h", 15), ("30m", 5), ("15m", 3), ("4m", 1), ("1m", 1), ("7m", 1), ("90m", 15)]
)
def test_panes_divide_the_window(window: str, pane: int) -> None:
    made = plan(time="ts", window=window)
    assert made.settings.pane == pane * MINUTE
    assert made.spec.name == window


def test_a_configuration_is_where_a_plan_starts() -> None:
    base = ModelSettings.model_validate({"time": "at", "windows": ["6h"], "ignore": ["a"], "segments": ["s"]})
    made = plan(base, ignore=("b", "a"), segments=("t",))
    assert (made.time, made.spec.name, made.settings.ignore) == ("at", "6h", ("a", "b"))
    assert [segment.name for segment in made.settings.segments] == ["s", "t"]
    by_rows = plan(base, rows_per_window=500)
    assert (by_rows.time, by_rows.settings.time, by_rows.spec.length) == ("", ROW, HOUR)


# numbered rows


def test_rows_are_spread_over_hours() -> None:
    numbering = Numbering(7)
    times = numbering.times(0, 70)
    assert times[0] == EVENTS
    assert np.bincount((times - EVENTS) // HOUR).tolist() == [7] * 10
    assert [numbering.row(int(time)) for time in times] == list(range(70))
    assert numbering.row(EVENTS + 3 * HOUR) == 21
    assert (EVENTS // DAY + 3) % 7 == (REFERENCE // DAY + 3) % 7 == 0  # Mondays


def test_a_table_gets_the_times_of_its_rows() -> None:
    frame = pd.DataFrame({"x": np.arange(150_000.0)})
    data = NumberedData(FrameData(frame, Limits()), Numbering(1_000, REFERENCE))
    assert data.names == ("x", ROW)
    times = np.concatenate([columns[ROW] for _, columns in data.batches()])
    np.testing.assert_array_equal(times, REFERENCE + np.arange(150_000) * HOUR // 1_000)


class Inner:
    """A decoder whose rows come in pieces that are not in the file's order."""

    def decode(self, values: Sequence[bytes | None], timestamps: Sequence[int]) -> Decoded:
        record = np.array([1, 3, 0, 2])
        return Decoded({"m": Rows(np.zeros(4, np.int64), np.zeros((0, 4)), {}, record=record)}, ())


def test_rows_are_numbered_in_the_files_order_across_decoders() -> None:
    make = numbered(lambda _: Inner(), Numbering(10))
    assert (make({}).decode([b""] * 4, [-1] * 4).rows["m"].time - EVENTS).tolist() == [
        n * HOUR // 10 for n in (1, 3, 0, 2)
    ]
    assert (make({}).decode([b""] * 4, [-1] * 4).rows["m"].time.min() - EVENTS) == 4 * HOUR // 10


# whole windows


def rows(*numbers: int) -> dict[Window, int]:
    return {Window(START + i * DAY, START + (i + 1) * DAY): n for i, n in enumerate(numbers)}


@pytest.mark.parametrize(
    ("numbers", "first", "last", "cut"),
    [
        ((100, 100, 100), 0, 0, []),
        ((40, 100, 100), 14 * HOUR, 0, [0]),
        ((100, 100, 30), 0, 16 * HOUR, [2]),
        ((90, 100, 100), 4 * HOUR, 0, []),  # nights are quiet: nearly all rows are there
        ((100, 100, 100), 0, 23 * HOUR, []),  # dates without a time of day
        ((30, 100, 100), 2 * HOUR, 0, []),  # a quiet day, but all of it
        ((100,), 0, 20 * HOUR, [0]),
        ((100,), 0, HOUR, []),
    ],
)
def test_windows_that_are_there_in_part_are_set_aside(
    numbers: tuple[int, ...], first: int, last: int, cut: list[int]
) -> None:
    windows = rows(*numbers)
    found = partly_filled(windows, START + first, START + len(numbers) * DAY - last)
    assert found == {window for at, window in enumerate(windows) if at in cut}


def test_marks_on_panes_are_rows_of_windows() -> None:
    marks = [Dirty(1, 1, 1, START, 5), Dirty(2, 1, 1, START + 15 * MINUTE, 6), Dirty(3, 1, 1, START + HOUR, 7)]
    found = windows_of(marks, (WindowSpec.parse("1h"),))
    assert found == {Window(START, START + HOUR): 11, Window(START + HOUR, START + 2 * HOUR): 7}


# alarms


def alarm(column: str = "x", day: int = 1, severity: Severity = Severity.PAGE, **more: Any) -> Alarm:
    window = Window(START + day * DAY, START + (day + 1) * DAY)
    plain: dict[str, Any] = {
        "column": column, "segment": 0, "detector": "default", "severity": severity, "raised": window,
        "onset": START, "until": window.end, "direction": "increase", "what": "location", "effect": 0.512345678,
        "tolerance": 0.1, "rows": 200, "level": 9.0, "limit": 8.0, "statistics": {"psi": 0.3, "ks": float("nan")},
        "moved": (Moved("a", 0.25, 0.5),), "sentence": "x rose",
    }  # fmt: skip
    return Alarm(**plain | more)


def judgement(outcome: Outcome = Outcome.NO_DRIFT) -> Judgement:
    values = np.array([[0.1234567, np.nan], [np.inf, 0.25]])
    outcomes = np.array([outcome, Outcome.INSUFFICIENT_DATA], np.int8)
    return Judgement(100, outcome, ("x", "<y>"), ("psi", "ks"), values, outcomes, np.full((2, 2), np.nan))


def result(day: int, *changes: AlarmChange, outcome: Outcome = Outcome.NO_DRIFT) -> WindowResult:
    window = Window(START + day * DAY, START + (day + 1) * DAY)
    return WindowResult(
        1, 1, "1d", window, 1, WindowState.FINAL, 100, 0, {0: judgement(outcome), 1: judgement()},
        detection=Detection(b"", snapshot=False, changes=changes, abouts=KNOWN),
    )  # fmt: skip


class Seen:
    """What the evaluator committed, in the order of its slices."""

    def __init__(self, *results: WindowResult) -> None:
        self.results, self.aside = list(results), {Window(START - DAY, START)}


class Store:
    """The numbers that a store is asked for."""

    class Counted:
        rows, late = 700, 3

    class Letter:
        class letter:  # noqa: N801
            detail = "no zone"

    def totals(self) -> Any:
        return self.Counted

    def dead_letters_by_reason(self) -> Mapping[str, int]:
        return {"bad_time": 2}

    def dead_letters(self, limit: int, reason: str) -> list[Any]:
        return [self.Letter]


class Grid:
    """Two segments."""

    class segment:  # noqa: N801
        label = "all"

    class other:  # noqa: N801
        label = "region=north"

    segments = (segment, other)


class Known:
    """A reference's grid."""

    grid = Grid


ABOUTS = {
    "x": {"judged": "reliable", "why": "", "origin": "production"},
    "<y>": {"judged": "not judged", "why": "it has no value"},
    "z": {"judged": "inflated", "why": "too short"},
}
KNOWN = {
    (0, "correlation"): pack({"x": {}}),
    (0, "default"): pack(ABOUTS),
    (1, "default"): pack({"x": {"origin": "accepted"}}),
}


def told(*results: WindowResult, made: Plan | None = None) -> Backtest:
    known = Registered(Known, ("x",), True, ("a note",))  # type: ignore[arg-type]
    made = made or plan(time="ts", window="1d")
    return collect(Store(), Seen(*results), made, known, "log.csv")  # type: ignore[arg-type]


def change(kind: Any, one: Alarm) -> AlarmChange:
    return AlarmChange(kind, one)


def test_an_alarm_lives_from_its_window_to_its_end() -> None:
    x, y = alarm(), alarm("y", 2, Severity.WARNING)
    test = told(
        result(3, change("ended", x)),
        result(1, change("raised", x)),
        result(2, change("raised", y), change("updated", x)),
        result(4, change("updated", replace(y, severity=Severity.PAGE))),
    )
    first, second = test.raised
    assert (first.alarm.column, first.paged, first.ended) == ("x", x.raised, result(3).window)
    assert (second.severity, second.paged, second.ended) == (Severity.PAGE, result(4).window, None)
    assert second.alarm.severity is Severity.WARNING
    assert (test.budget.raised, test.budget.pages) == (2, 2)
    assert test.budget.allowed == pytest.approx(4 / 30)


def test_what_broke_together_is_one_incident() -> None:
    alone = told(result(1, change("raised", alarm())))
    assert [one["columns"] for one in alone.as_plain()["incidents"]] == [["x"]]
    assert "Together" not in text(alone)
    both = told(
        result(1, change("raised", alarm(effect=0.3)), change("raised", alarm(column="z", effect=0.6))),
        result(2, change("ended", alarm())),
    )
    [one] = both.as_plain()["incidents"]
    assert [both.as_plain()["alarms"][at]["column"] for at in one["alarms"]] == ["z", "x"]
    assert (one["severity"], one["since"], one["standing"]) == ("page", "2026-02-16T00:00:00Z", True)
    assert "Together: 1 incident: 2 columns since 2026-02-16 00:00: z, x." in text(both)


def test_a_snoozed_alarm_pages_nobody() -> None:
    (one,) = told(result(1, change("raised", alarm(snoozed=True)))).raised
    assert one.paged is None


def test_windows_are_told_in_order_and_as_strict_json() -> None:
    test = told(result(2), result(1, change("raised", alarm()), outcome=Outcome.DRIFT))
    found = json.loads(json.dumps(test.as_plain(), allow_nan=False))
    assert [window["start"] for window in found["windows"]] == ["2026-02-17T00:00:00Z", "2026-02-18T00:00:00Z"]
    assert found["windows"][0]["columns"]["x"] == {"outcome": "drift", "psi": 0.123457, "ks": None}
    assert found["windows"][0]["columns"]["<y>"]["psi"] is None
    assert found["windows"][0]["segments"] == {"region=north": "no_drift"}
    (one,) = found["alarms"]
    assert one["window"] == {"start": "2026-02-17T00:00:00Z", "end": "2026-02-18T00:00:00Z"}
    assert (one["onset"], one["delay"], one["effect"]) == ("2026-02-16T00:00:00Z", "2d", 0.512346)
    assert one["statistics"] == {"psi": 0.3, "ks": None}
    assert found["refused"] == {"bad_time": {"rows": 2, "example": "no zone"}}
    assert (found["unjudged"], found["warnings_only"]) == ({"<y>": "it has no value"}, {"z": "too short"})
    assert found["baseline"] == "production"
    assert found["aside"] == [{"start": "2026-02-15T00:00:00Z", "end": "2026-02-16T00:00:00Z"}]


def test_a_year_of_numbered_rows_speaks_of_rows() -> None:
    hours = [Window(EVENTS + i * HOUR, EVENTS + (i + 1) * HOUR) for i in range(2)]
    raised = replace(alarm(), raised=hours[1], onset=hours[0].start)
    results = [replace(result(0), window=hours[0]), replace(result(0, change("raised", raised)), window=hours[1])]
    test = told(*results, made=plan(rows_per_window=400))
    assert [test.span(one.window) for one in test.judged] == [{"start": 0, "end": 400}, {"start": 400, "end": 700}]
    assert test.delay(test.raised[0]) == "700 rows"
    assert test.budget.allowed == pytest.approx(2 / 720)
    assert test.alarms["onset"].tolist() == [0]
    assert "row 700" in text(test)


def test_frames_hold_every_alarm_and_every_window() -> None:
    test = told(result(1, change("raised", alarm())), result(2))
    assert test.alarms[["column", "severity", "psi"]].to_dict("records") == [
        {"column": "x", "severity": "page", "psi": 0.3}
    ]
    assert test.alarms["onset"][0] == pd.Timestamp("2026-02-16", tz="UTC")
    assert len(test.windows) == 4
    assert test.windows["outcome"].tolist() == ["no_drift", "insufficient_data"] * 2
    assert told(result(1)).alarms.columns[:3].tolist() == ["column", "segment", "severity"]


def test_what_is_shown_has_no_markup_of_the_data() -> None:
    test = told(result(1, change("raised", alarm("<script>x"))), result(2))
    shown = page(replace(test, refused=(Refused("bad_time", 2, "<img src=x>"),)))
    assert "<script" not in shown
    assert "<img" not in shown
    assert shown.count("<rect") == 2  # windows that are alike are one
    assert "&lt;script&gt;x" in shown


def test_the_text_says_all_that_matters() -> None:
    said = text(told(result(1, change("raised", alarm())), result(2)))
    for words in (
        "700 rows, 2 refused", "2 windows of 1d judged", "page", "2026-02-16 00:00", "2d", "typical value increase",
        "+0.51 sd (0.10 sd)", "the end", "0.067 allowed in 2 windows; 1 alarm raised (1 page, 0 warnings)",
        "Set aside: 1 window", "Not judged: <y>: it has no value.", "Warnings only: z: too short.", "Late: 3 rows",
        "bad_time; one of them: no zone", "Note: a note", "Baseline: the events' own first windows",
    ):  # fmt: skip
        assert words in said
    assert "No alarm." in text(told(result(1)))


def test_windows_before_there_is_a_baseline_say_so() -> None:
    learning = replace(judgement(Outcome.INSUFFICIENT_DATA), reason="the first windows are being learnt")
    quiet = replace(result(2), judgements={0: replace(learning, reason="7 rows are fewer than 100")})
    test = told(replace(result(1), judgements={0: learning}, detection=None), quiet)
    said = text(test)
    assert "Not judged: 1 window that the baseline was learnt from." in said
    assert "Too few rows for the rules on single windows: 1 window; the detectors judged them all the same." in said
    nothing = told(replace(result(1), judgements={0: learning}, detection=None))
    assert "Not judged: 1 window: the first windows are being learnt." in text(nothing)
    assert dict(nothing.unjudged) == dict.fromkeys(("x", "<y>"), "too few values in every window")


def test_units_are_those_of_the_effect() -> None:
    assert amount(0.0234, "share missing") == "+2.3 points"
    assert amount(-0.5, "location") == "-0.50 sd"
    assert amount(0.586, "psi") == "+0.586"
    assert amount(float("nan"), "location") == "–"
    assert [spoken(n) for n in (0, 90 * MINUTE, 50 * HOUR, 3 * DAY)] == ["0min", "1h 30min", "2d 2h", "3d"]
