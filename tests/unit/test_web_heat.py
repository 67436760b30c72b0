"""Columns × windows: ratios against thresholds, tolerances and alarms; which columns come first."""

import math

import numpy as np

from dashboards.web.views.figure import Link
from drift.core.alarm import Alarm, Severity
from drift.core.catalogue import Model, Reference
from drift.core.clock import HOUR
from drift.core.result import Judgement, Outcome, WindowState
from drift.core.schema import Schema
from drift.core.window import Window
from drift.service.pages.heat import COLUMNS, Heat, heat, matrix
from drift.service.pages.reach import MOST, reach, size, standing_in, told, tolerances
from drift.service.pages.scope import Scope, cursor
from drift.store.rows import AlarmRow, WindowRow
from tests.rig.alarming import about, alarm
from tests.rig.storing import grid

NAMES = ("psi", "missing_change", "mean_shift", "chi2_q")
GRID = grid(4)  # n0 n1 n2 k


def window(n: int, state: WindowState = WindowState.FINAL) -> WindowRow:
    return WindowRow(
        n, 1, 1, "1h", Window(n * HOUR, (n + 1) * HOUR), 1, state, 100, 1, 0, False, None, None, None, "", 1
    )


def judgement(*values: list[float], columns: tuple[str, ...] = GRID.names) -> Judgement:
    """Rows of psi, missing_change, mean_shift; thresholds 0.2, 0.05, none; and a p-value with one."""
    found = np.array([[*row, 1e-9] for row in values])
    limits = np.tile([0.2, 0.05, math.nan, 0.05], (len(values), 1))
    outcomes = np.where(np.isnan(found[:, 0]), 2, 0).astype(np.int8)
    return Judgement(100, Outcome.NO_DRIFT, columns, NAMES, found, outcomes, limits)


def row(number: int, column: str, onset: int, ended: int | None, **changes: object) -> AlarmRow:
    made: Alarm = alarm(column=column, onset=onset, **changes)
    return AlarmRow(number, 1, 1, "1h", made, ended, "", None)


def scope(*windows: WindowRow) -> Scope:
    model = Model(1, "credit")
    schema = Schema(tuple(one.column for one in GRID.columns))
    reference = Reference(1, 1, "1", "x", schema, GRID, 500, 0, 0)
    return Scope(model, {1: reference}, "1h", "all", "", windows, "")


def drawn(of: Scope, judged: dict[int, Judgement], *alarms: AlarmRow, query: str = "", page: int = 1) -> Heat:
    return heat(of, judged, alarms, {}, query, page, "/csv")


def test_the_largest_ratio_to_its_own_threshold() -> None:
    nan = math.nan
    of = judgement([0.1, 0.2, nan], [0.3, 0.0, -0.9], [nan, nan, nan], [0.0, 0.0, nan])
    found = reach(of, {name: i for i, name in enumerate(of.columns)}, np.array([nan, 0.3, nan, nan]))
    assert found.ratio.round(6).tolist() == [4.0, 3.0, 0.0, 0.0]
    assert told(found, 0) == "missing_change 0.2, limit 0.05"
    assert told(found, 1) == "mean_shift -0.9, tolerated 0.3"
    assert told(found, 2) == "no rule looks at it"
    assert told(found, 3) == "psi 0, limit 0.2"


def test_ratios_are_cut_where_nothing_is_left_to_see() -> None:
    of = judgement([math.inf, 0.0, 0.0])
    assert reach(of, {}, np.array([math.nan])).ratio.tolist() == [MOST]


def test_tolerances_count_where_one_window_can_tell() -> None:
    plain, seasonal = about(season="none"), about()
    abouts = {"a": plain, "b": seasonal, "c": plain | {"origin": "production"}, "d": {}}
    found = tolerances(abouts, ("a", "b", "c", "d", "e"))
    assert found[0] == 0.12
    assert np.isnan(found[1:]).all()


def test_an_alarm_stands_from_onset_to_its_end() -> None:
    windows = [window(n) for n in range(1, 6)]
    found = standing_in([row(1, "n0", 2 * HOUR, 5 * HOUR), row(2, "n1", 4 * HOUR, None)], windows)
    assert sorted(found) == [("n0", 2), ("n0", 3), ("n1", 4), ("n1", 5)]
    worse = row(3, "n0", 3 * HOUR, 4 * HOUR + 1, effect=2.0)
    assert standing_in([row(1, "n0", 2 * HOUR, None), worse], windows)["n0", 3].row is worse


def test_size_is_effect_by_tolerance_and_at_least_one() -> None:
    assert size(row(1, "n0", 0, None, effect=-0.36, tolerance=0.12)) == 3
    assert size(row(1, "n0", 0, None, effect=0.06, tolerance=0.12)) == 1
    assert size(row(1, "n0", 0, None, effect=math.nan)) == 1
    assert size(row(1, "n0", 0, None, tolerance=0.0)) == 1
    assert size(row(1, "n0", 0, None, effect=1e9)) == MOST


def test_those_with_a_standing_alarm_come_first() -> None:
    nan = math.nan
    judged = {n: judgement([0.1, 0.0, 0.0], [0.1, 0.0, 0.0], [0.0, 0.0, 0.0], [0.9, 0.0, nan]) for n in (1, 2)}
    found = drawn(
        scope(window(1), window(2)), judged, row(1, "n1", HOUR, None, severity=Severity.WARNING),
        row(2, "n2", HOUR, 2 * HOUR + 1),
    )  # fmt: skip
    assert found.figure.data["columns"] == ["n1", "n2", "k", "n0"]
    assert found.figure.data["marks"][0] == [2, 2]
    assert found.figure.data["marks"][1] == [2, 0]
    assert "2 columns of the 4 shown" not in found.figure.says
    assert "3 columns of the 4 shown" in found.figure.says
    first = found.figure.table.rows[0]
    assert isinstance(first[0], Link)
    assert first[0].href == "/models/credit/column?name=n1&window=1h"
    assert [name for name, *_ in matrix(found.figure).rows] == ["n1", "n2", "k", "n0"]


def test_too_little_data_and_missing_rows_are_marked() -> None:
    nan = math.nan
    found = drawn(
        scope(window(1), window(2, WindowState.INCOMPLETE), window(3)),
        {1: judgement([nan, nan, nan], *[[0.0, 0.0, 0.0]] * 3), 3: judgement([0.0] * 3, columns=("gone",))},
    )
    marks = dict(zip(found.figure.data["columns"], found.figure.data["marks"], strict=True))
    assert marks["n0"] == [1, 5, 1]
    assert marks["n1"] == [0, 5, 1]


def test_columns_are_found_and_paged() -> None:
    judged = {1: judgement(*[[0.0, 0.0, 0.0]] * 4)}
    assert drawn(scope(window(1)), judged, query="N").figure.data["columns"] == ["n0", "n1", "n2"]
    second = drawn(scope(window(1)), judged, page=2)
    assert (second.first, second.shown, second.total) == (COLUMNS, 0, 4)
    assert not second.figure.data
    assert drawn(scope(), {}).figure.table.rows[0][1] == 0.0


def test_cursors() -> None:
    assert cursor("12.3") == (12, 3)
    for odd in ("", "12", "12.", ".3", "-1.3", "1.2.3", "x.y", "9" * 19 + ".1"):
        assert cursor(odd) is None
