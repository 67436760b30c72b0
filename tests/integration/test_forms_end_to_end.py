"""Changes of form from a log of events to the verdict on a window: each is named in its hour, and nothing else is."""

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from detectors.incidents import Member, incidents
from drift.config import ModelSettings
from drift.core.catalogue import Model
from drift.core.clock import DAY, HOUR, MINUTE, SECOND, ManualClock, isoformat
from drift.core.result import Judgement, Outcome, WindowState
from drift.core.window import WindowSpec
from drift.evaluation import Evaluator, Patience
from drift.evaluation.detecting import Detecting
from drift.service.judging import Judges, Watchers
from drift.service.models import add_reference
from drift.store import Store, open_store
from tests.rig.timeline import T0, Log, drain

HOURLY, HOURS, BROKEN = 120, 13, 10
"""Events an hour; hours from midnight; the hour in which something changes."""
Event = dict[str, Any]
Change = Callable[[Event], Event]


class Silent:
    """Metrics that nobody reads."""

    def evaluation(self, seconds: float) -> None:
        assert seconds >= 0


def features(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "income": rng.normal(3_000, 400, rows).round(2),
            "age": rng.integers(18, 80, rows) + 0.5,
            "region": rng.choice(["north", "south", "west"], rows),
        }
    )


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    rows = 21 * 24 * HOURLY
    time = pd.date_range("2025-01-01", periods=rows, freq="30s", tz="UTC")
    return features(np.random.default_rng(0), rows).assign(time=time)


class World:
    """A store with a model, whose events changed from ten o'clock on."""

    def __init__(self, folder: Path, reference: pd.DataFrame, name: str = "drift") -> None:
        self.store: Store = open_store(f"sqlite:///{folder}/{name}.db", ManualClock(T0 + DAY))
        settings = ModelSettings(windows=("1h",))  # type: ignore[arg-type]  # as in drift.yaml
        plain = settings.model_dump(mode="json")
        hourly = (WindowSpec("1h", HOUR, HOUR),)
        self.model: Model = self.store.put_model("m", pane=5 * MINUTE, windows=hourly, settings=plain)
        self.reference = add_reference(self.store, self.model, settings, reference, ManualClock(T0))

    def run(
        self, change: Change, *, second: int = BROKEN * 3600, cut: int = 2_000, more: Mapping[str, Any] | None = None
    ) -> None:
        rows = HOURS * HOURLY
        table, log = features(np.random.default_rng(1), rows).to_dict("records"), Log()
        for number, row in enumerate(table):
            at = number * 3600 // HOURLY
            held: Event = {str(name): value for name, value in row.items()} | dict(more or {})
            one = {
                "model": "m",
                "time": isoformat(T0 + at * SECOND),
                "features": change(held) if at >= second else held,
            }
            log.append(0, json.dumps(one).encode())
        drain(self.store, log, poll_records=cut)
        detecting = Detecting(self.store, Watchers())
        patience, clock = Patience(), ManualClock(T0 + 3 * DAY)
        while Evaluator(self.store, Judges(), clock, Silent(), "one", patience, detecting=detecting).tick():
            pass

    def verdict(self, hour: int = BROKEN) -> Judgement:
        windows = self.store.windows(self.model.id, spec="1h", state=WindowState.FINAL)
        (mine,) = [row for row in windows if row.window.start == T0 + hour * HOUR]
        return self.store.judgements(mine.id)[0]

    def named(self, hour: int = BROKEN) -> list[tuple[str, str]]:
        """Column and kind of each change of form."""
        rule = "schema: "
        breaches = [one for one in self.verdict(hour).breaches if one.rule.startswith(rule)]
        return [(one.column, one.rule.removeprefix(rule)) for one in breaches]


@pytest.fixture
def world(tmp_path: Path, reference: pd.DataFrame) -> Any:
    here = World(tmp_path, reference)
    with closing(here.store):
        yield here


def renamed(old: str, new: str) -> Change:
    return lambda held: {new if name == old else name: value for name, value in held.items()}


def test_a_renamed_column_is_one_verdict_named_first(world: World) -> None:
    world.run(renamed("income", "income_eur"))
    verdict = world.verdict()
    assert verdict.outcome is Outcome.DRIFT
    assert verdict.reason.startswith(
        "income is missing from every row and a field 'income_eur' came in its place: was it renamed?"
    )
    assert world.named() == [("income", "renamed")]
    assert [world.named(hour) for hour in range(BROKEN)] == [[]] * BROKEN
    # it goes on being told what it is, and not told twice
    assert world.named(BROKEN + 1) == [("income", "renamed")]
    alarms = world.store.alarms(world.model.id, standing=True)
    assert alarms
    assert {row.alarm.column for row in alarms} == {"income"}
    assert len(incidents(Member(row.alarm, "1h", row.id, None) for row in alarms)) == 1


def test_a_rename_within_an_hour_is_told_in_the_next_one(world: World) -> None:
    world.run(renamed("income", "salary"), second=BROKEN * 3600 + 1_500, more={"request": "abc"})
    assert world.named(BROKEN) == [("salary", "new")]
    assert world.named(BROKEN + 1) == [("income", "renamed")]
    assert "'salary' came in its place" in world.verdict(BROKEN + 1).reason


@pytest.mark.parametrize("cut", [5, 100])
def test_the_same_is_said_however_the_log_was_cut(tmp_path: Path, reference: pd.DataFrame, cut: int) -> None:
    here = World(tmp_path, reference)
    with closing(here.store):
        here.run(lambda held: {**renamed("income", "salary")(held), "device": "x"}, cut=cut)
        assert sorted(here.named()) == [("device", "new"), ("income", "renamed")]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda held: {**held, "income": held["income"] * 1_000}, ("income", "unit changed")),
        (lambda held: {**held, "income": f"{held['income']} EUR"}, ("income", "type changed")),
        (lambda held: {**held, "region": "north"}, ("region", "constant")),
        (lambda held: {**held, "device": {"os": "x", "deep": [[1]]}}, ("device", "new")),
        (lambda held: {name: value for name, value in held.items() if name != "income"}, ("income", "vanished")),
    ],
)
def test_other_changes_are_named_in_their_hour(world: World, change: Change, expected: tuple[str, str]) -> None:
    world.run(change)
    assert world.named() == [expected]
    assert world.named(BROKEN - 1) == []
    assert world.named(BROKEN + 1) == ([] if expected[1] == "new" else [expected])


def test_fields_that_were_there_all_along_are_no_news(world: World) -> None:
    world.run(lambda held: held, more={"request": "abc", "trace": {"id": 1}})
    assert [world.named(hour) for hour in range(HOURS - 1)] == [[]] * (HOURS - 1)
    found = world.store.fields(world.reference.id, 0, T0 + DAY)
    assert set(found.sums.seen) == {"request", "trace"}
    assert found.first["request"] == T0
    assert T0 + (HOURS - 1) * HOUR < found.last["trace"] <= T0 + HOURS * HOUR


def test_a_column_that_left_alone_is_no_rename_to_a_field_that_was_there(world: World) -> None:
    world.run(lambda held: {k: v for k, v in held.items() if k != "region"}, more={"request": "abc"})
    assert world.named() == [("region", "vanished")]
    assert world.named(BROKEN + 1) == [("region", "vanished")]
