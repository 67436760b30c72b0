"""The section on performance: what is drawn, what is listed, what is said where little is known."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest

from dashboards.web.render import environment
from dashboards.web.views.figure import Link, Table
from dashboards.web.views.performance import Part
from drift.core.catalogue import Model, Reference
from drift.core.clock import HOUR
from drift.core.grid import Grid
from drift.core.performance import Cause, Delay, Gap, Measure, Performance, Slice
from drift.core.result import WindowState
from drift.core.schema import Column, Kind, Role, Schema, Storage
from drift.core.window import Window
from drift.service.pages.performance import PerformanceSection, glance, glances, nothing
from drift.service.pages.performance_parts import parts
from drift.service.pages.scope import Scope
from drift.store.rows import AlarmRow, WindowRow
from tests.rig.alarming import alarm
from tests.rig.outcomes import binary_grid
from tests.rig.performed import measured

GRID = binary_grid([0.25, 0.5, 0.75], segments={"sex": ("f", "m")}, features={"n0": (0.0,)})


def window(n: int, reference: int = 1) -> WindowRow:
    at = Window(n * HOUR, (n + 1) * HOUR)
    return WindowRow(n, 1, reference, "1h", at, 1, WindowState.FINAL, 100, 1, 0, False, None, None, None, "", 1)


def scope(*windows: WindowRow, grid: Grid = GRID, segment: str = "all", **settings: Any) -> Scope:
    model = Model(1, "loans", settings=settings)
    schema = Schema(tuple(one.column for one in grid.columns))
    reference = Reference(1, 1, "7", "x", schema, grid, 500, 0, 0)
    return Scope(model, {1: reference}, "1h", segment, "", windows, "")


@dataclass
class Known:
    """A store that knows performances; `asked` is what it was asked for."""

    of: Mapping[int, Performance]

    def __post_init__(self) -> None:
        self.asked: list[tuple[list[int], int | None]] = []

    def performances(self, ids: Iterable[int], segment: int | None = 0) -> dict[tuple[int, int], Performance]:
        ids = list(ids)
        self.asked.append((ids, segment))
        return {(one, segment or 0): self.of[one] for one in ids if one in self.of}


def section(*of: Performance, wanted: str = "", alarms: tuple[AlarmRow, ...] = (), **given: Any) -> PerformanceSection:
    windows = [window(n) for n in range(len(of))]
    store: Any = Known(dict(enumerate(of)))
    return PerformanceSection(
        store, scope(*windows, **given), wanted, alarms, 10 * HOUR, lambda **parts: f"/?{sorted(parts.items())}"
    )


def cells(part: Part) -> list[list[object]]:
    return [[one.text if isinstance(one, Link) else one for one in row] for row in part.table.rows]


def named(of: PerformanceSection) -> dict[str, Part]:
    return {one.id: one for one in parts(of.of, of.found)}


# Drawn


def test_estimates_and_labels_beside_the_reference() -> None:
    so_far = replace(measured(0.9, 0.8), mature=False, joined=400)
    of = section(measured(0.95, 0.93), so_far, measured(0.91)).figure()
    assert of is not None
    assert of.data["estimated"]["value"] == [0.95, 0.9, 0.91]
    assert [round(one, 9) for one in of.data["estimated"]["low"]] == [0.94, 0.89, 0.9]
    assert of.data["realized"]["value"][:2] == [0.93, 0.8]
    assert math.isnan(of.data["realized"]["value"][2])
    assert of.data["mature"] == [True, False, False]
    assert of.data["reference"] == [0.94] * 3
    assert of.data["percent"]
    assert "estimated without labels in 3 windows" in of.says
    assert "filled in 1 window whose labels are mature, hollow in 1 where" in of.says
    newest, older = of.table.rows[0], of.table.rows[2]
    assert dict(zip(of.table.head, newest, strict=True))["Labels are"] == "not mature"
    told = dict(zip(of.table.head, older, strict=True))
    assert (told["By labels"], told["Reference"], told["Against the reference"]) == (0.93, 0.94, "as before")


def test_any_metric_that_is_known_can_be_chosen() -> None:
    of = section(measured(0.9), wanted="auroc")
    assert [one.text for one in of.view().choices] == ["accuracy", "AUROC"]
    assert [one.chosen for one in of.view().choices] == [False, True]
    figure = of.figure()
    assert figure is not None
    assert (figure.title, figure.data["percent"]) == ("AUROC over time", False)
    assert section(measured(0.9), wanted="<nonsense>").metric == "accuracy"
    unknown = Performance(estimated={"accuracy": Measure(math.nan, why="the model has no score")}, predicted=3)
    assert section(unknown).figure() is None
    assert "the model has no score" in " ".join(section(unknown).view().notes)


def test_alarms_on_the_model_itself_are_shaded() -> None:
    rows = [
        AlarmRow(n, 1, 1, "1h", alarm(column=column, detector=detector, onset=onset * HOUR), ended, "", None)
        for n, (column, detector, onset, ended) in enumerate((
            ("", "estimated_performance", -5, 1 * HOUR), ("n0", "default", 0, None), ("", "concept", 1, None),
            ("", "concept", 7, None),
        ))
    ]  # fmt: skip
    figure = section(measured(), measured(), alarms=tuple(rows)).figure()
    assert figure is not None
    assert figure.data["shaded"] == [
        {"start": 0, "end": HOUR, "text": "estimated performance"}, {"start": HOUR, "end": 2 * HOUR, "text": "concept"},
    ]  # fmt: skip


def test_a_segment_is_asked_for_by_its_place() -> None:
    of = section(measured(), segment="sex=m")
    assert len(of.found) == 1
    place = [one.label for one in GRID.segments].index("sex=m")
    assert of.store.asked == [([0], place)]  # type: ignore[attr-defined]


# Said


def test_the_newest_window_and_the_newest_whose_labels_are_mature() -> None:
    told = section(measured(0.95, 0.8), measured(0.94), measured(0.90)).view().told
    assert [one.word for one in told] == ["worse", "worse"]
    assert told[0].heading == "Newest window: 1970-01-01 02:00–03:00 UTC"
    assert told[0].labels == "Labels for 0 of 1,000 predictions (0 %); not mature, so what they say may still change."
    assert told[1].heading == "Newest window whose labels are mature: 1970-01-01 00:00–01:00 UTC"
    assert told[1].labels == "Labels for 970 of 1,000 predictions (97 %); mature."
    assert len(section(measured(0.95, 0.95)).view().told) == 1


@pytest.mark.parametrize(
    ("of", "settings", "said"),
    [
        (measured(), {}, "no label has come for the windows shown"),
        (measured(coverage=math.nan), {}, "Send an id with each prediction"),
        (replace(measured(0.9, 0.9), estimated={}, assumption=""), {}, "takes a reference with labels"),
        (replace(measured(0.9, 0.9), estimated={}), {"held_out": False}, "rows that the model has not learnt"),
    ],
)
def test_what_is_not_known_and_what_to_do(of: Performance, settings: dict[str, Any], said: str) -> None:
    assert said in " ".join(section(of, **settings).view().notes)


def without(*roles: Role) -> Scope:
    """Of a reference that counts no outcomes, with columns of these roles."""
    columns = tuple(Column(f"c{n}", Kind.NUMERIC, role, Storage.NUMBER) for n, role in enumerate(roles))
    of = scope(window(0), grid=replace(GRID, outcomes=None))
    return replace(of, references={1: replace(of.references[1], schema=Schema(columns))})


def test_why_nothing_is_known() -> None:
    assert "reference 7 has no label." in nothing(without(Role.SCORE))
    assert "does not say what was predicted" in nothing(without(Role.LABEL))
    assert "cannot be compared" in nothing(without(Role.LABEL, Role.SCORE))
    assert "no reference is registered" in nothing(replace(scope(), references={}))
    assert "no window has been judged" in nothing(scope())
    assert "none was judged with predictions" in nothing(scope(window(0)))
    assert "of this segment" in nothing(scope(window(0), segment="sex=x"))
    assert section().view().told == ()


# Listed


def test_causes_lead_to_their_columns() -> None:
    causes = (Cause("n0", 0.0123, -0.02, 16.94), Cause("k", -0.002, math.nan, -1.0), Cause("m", -0.01, 0.0, -2.5))
    found = named(section(measured(causes=causes)))["causes"]
    assert cells(found)[0] == ["n0", 1.2, 16.9, -2.0]
    assert [row[0] for row in cells(found)] == ["n0", "m"], "one standard error is none to speak of"
    first = found.table.rows[0][0]
    assert isinstance(first, Link)
    assert first.href == "/models/loans/column?name=n0&window=1h&at=0"
    weighed = named(section(measured(causes=(replace(causes[1], weight=0.5),))))["causes"]
    assert weighed.table.head[-1] == "Importance"
    assert math.isnan(weighed.table.rows[0][3])  # type: ignore[arg-type]


def test_slices_are_of_the_newest_window_only() -> None:
    worst = Slice((("region", "north"), ("n0", "0 to 1")), 120, 0.31, 0.08, 0.0002)
    of = measured(slices=(worst,), confusion=((1, 0), (0, 1)))
    assert cells(named(section(of))["slices"]) == [["region: north and n0: 0 to 1", 120, 31.0, 8.0, 0.0002]]
    assert "slices" not in named(section(of, measured()))
    assert cells(named(section(measured(slices=(worst,))))["slices"])[0][2] == 0.31, "a mean error is no share"


def test_gaps_beyond_chance_come_first() -> None:
    chance, proven = (
        Gap("age", "auroc", 0.02, 1.0, null=0.05),
        Gap("sex", "recall", 0.12, 0.8, null=0.05, worst="f", best="m"),
    )
    found = named(section(measured(gaps=(chance, proven)), measured()))["gaps"]
    assert [row[:5] for row in cells(found)] == [
        ["sex", "recall", "12 points", "5 points", "yes"], ["age", "AUROC", "0.02", "0.05", "no"],
    ]  # fmt: skip
    assert "1 gap of 2 is beyond" in found.says


def test_the_confusion_matrix_is_of_the_newest_mature_window() -> None:
    table = ((500, 40, 0), (30, 370, 0), (0, 0, 0))
    older, mature = measured(0.9, 0.9, confusion=((1, 0), (0, 1))), measured(0.9, 0.9, confusion=table)
    found = named(section(older, mature, measured(confusion=((9, 9), (9, 9)))))["confusion"]
    assert found.table.head == ("True class", "predicted 0", "predicted 1", "Right, %")
    assert cells(found)[0][:3] == ["0", 500, 40]
    assert cells(found)[1] == ["1", 30, 370, 92.5]
    other = named(section(measured(0.9, 0.9, confusion=((1, 0, 2), (0, 1, 0), (0, 0, 0)))))["confusion"]
    assert other.table.head[3] == "predicted other or none"
    implied = section(mature, label={"column": "y", "absent_means": 0, "after": "30d"})
    assert "Labels that absence implies are not in it." in named(implied)["confusion"].says


def test_how_long_labels_take() -> None:
    late = measured(0.9, 0.9, delays=(Delay("1", 70, 3_600.0, 7_200.0), Delay("0", 7, 30.0, 54.0)), conflicts=2)
    labels = section(late).view().told[0].labels
    assert "mature. 2 labels said otherwise than one before. Half of the labels 1 came within" in labels
    assert "labels 0" not in labels, "these came beside their predictions"


def test_heads_of_numbers_stand_over_them() -> None:
    macro = environment().get_template("macros.html").module.table  # type: ignore[attr-defined]
    html = macro(Table(("Column", "z"), [("n0", 1.5)]), None)
    assert '<th scope="col">Column</th><th scope="col" class="num">z</th>' in html


# At a glance


@pytest.mark.parametrize(
    ("of", "state", "word", "how"),
    [
        (measured(0.85), "page", "worse", "estimated"),
        (measured(0.95, 0.85), "page", "worse", "by labels"),
        (measured(0.94), "quiet", "as before", "estimated"),
        (measured(0.99), "quiet", "better", "estimated"),
        (
            replace(measured(), estimated={"accuracy": Measure(0.9, 0.6, 0.99)}),
            "warning",
            "worse, may be chance",
            "estimated",
        ),
        (replace(measured(0.9, 0.94), estimated={}, mature=False), "quiet", "as before", "by the labels so far"),
        (measured(0.9, reference={}), "blind", "unknown", "estimated"),
    ],
)
def test_a_glance(of: Performance, state: str, word: str, how: str) -> None:
    found = glance(of, 0.03)
    assert found is not None
    assert (found.state, found.word, found.how) == (state, word, how)


def test_a_glance_says_numbers() -> None:
    found = glance(measured(0.912), 0.03)
    assert found is not None
    assert (found.now, found.before) == ("accuracy 91.2 %", "94 %")
    error = Performance(estimated={"mae": Measure(12.3, 12, 13)}, reference={"mae": Measure(12.0, 11, 13)})
    told = glance(error, 0.03)
    assert told is not None
    assert (told.now, told.before) == ("MAE 12.3", "12")
    assert glance(Performance(), 0.03) is None


def test_an_older_window_stands_in_where_the_newest_says_nothing_yet() -> None:
    mute = Performance(estimated={"accuracy": Measure(math.nan, why="x")})
    store: Any = Known({1: measured(0.85), 12: mute, 11: mute, 10: measured(0.9, 0.94)})
    recent = {2: [window(n) for n in (12, 11, 10)], 3: [window(20)]}
    models = {n: Model(n, f"m{n}") for n in (1, 2, 3)}
    found = glances(store, {1: window(1), 2: window(12), 3: window(20)}, recent, models)
    assert {id_: one.word for id_, one in found.items()} == {1: "worse", 2: "as before"}
    assert [ids for ids, _ in store.asked] == [[1, 12, 20], [12, 11, 10]], "a model without outcomes is not gone into"


def test_the_section_writes_names_as_text() -> None:
    attack = "<img src=x onerror=alert(1)>{a|b}"
    of = measured(
        0.9, 0.9, summary=attack, assumption=attack * 2, causes=(Cause(attack, 0.1, 0.1, 9.0),),
        gaps=(Gap(attack, "recall", 0.2, 0.5, null=0.1, worst=attack, best=attack),),
        slices=(Slice(((attack, attack),), 10, 0.3, 0.1, 0.01),),
    )  # fmt: skip
    view = SimpleNamespace(performance=section(of).view())
    ui = environment().get_template("macros.html").module
    html = (
        environment().get_template("performance.html").render(view=view, ui=ui, time=lambda at, relative=True: str(at))
    )
    assert "<img" not in html
    assert html.count("&lt;img src=x onerror=alert(1)&gt;") >= 6
