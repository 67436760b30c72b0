"""What every sequential detector promises, asked of each that is found."""

import sys
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pytest

import detectors.sequential
from detectors.sequential.contract import Context, Evidence, SequentialDetector, State, Watch
from detectors.sequential.names import detectors as every
from detectors.sequential.state import dump, load
from drift.core.baseline import Baseline, Origin, Stretch
from drift.core.clock import HOUR
from drift.core.errors import ConfigError, ProfileMismatch
from drift.core.grid import Grid
from drift.core.profile import Profile
from drift.core.window import Window, WindowSpec
from tests.unit.crossed import scored
from tests.unit.grids import grid, numeric
from tests.unit.samples import MIXED, count, mixed, mixed_profile

COLUMNS: Final = 4
ROWS: Final = 2_000
STRETCHES: Final = 60
QUIET: Final = 60
"""Stationary windows before the shift."""
WITHIN: Final = 55
"""Windows in which a shift of five standard deviations is found: KSWIN has to fill its hundred first."""
BUDGETED: Final = ("default", "benjamini_hochberg", "calibrated", "cusum")
"""Detectors that promise a rate of false alarms."""
DETECTORS: Final = list(every().values())
EACH = pytest.mark.parametrize("detector", DETECTORS, ids=lambda d: d.name)
JOINT: Final = ("correlation",)
"""Detectors of what columns do together: a column that moves by itself is none of their business."""
EACH_COLUMN = pytest.mark.parametrize("detector", [d for d in DETECTORS if d.name not in JOINT], ids=lambda d: d.name)


def hour(number: int) -> Window:
    return Window(number * HOUR, (number + 1) * HOUR)


@cache
def normal() -> Baseline:
    """Sixty hours of four standard normal columns."""
    rows = np.random.default_rng(1).standard_normal((COLUMNS, STRETCHES * ROWS))
    on = scored(grid(*(numeric(f"x{i}", row) for i, row in enumerate(rows))), rows)
    parts = [count(on, rows[:, i * ROWS : (i + 1) * ROWS]) for i in range(STRETCHES)]
    return baseline(on, parts)


@cache
def of_every_kind() -> Baseline:
    return baseline(MIXED, [mixed_profile(ROWS, 100 + i) for i in range(STRETCHES)])


def baseline(on: Grid, parts: list[Profile]) -> Baseline:
    whole = Profile.empty(on)
    for part in parts:
        whole = whole.merge(part)
    stretches = tuple(Stretch(hour(i), part.sums) for i, part in enumerate(parts))
    return Baseline(on, whole, stretches, Origin.REFERENCE)


@cache
def production() -> tuple[Profile, ...]:
    """Stationary windows, then windows whose first three columns moved by five standard deviations."""
    rng, on = np.random.default_rng(2), normal().grid
    shift = np.array([[5.0], [-5.0], [5.0], [0.0]])
    rows = [rng.standard_normal((COLUMNS, ROWS)) + shift * (i >= QUIET) for i in range(QUIET + WITHIN)]
    return tuple(count(on, block) for block in rows)


def make(detector: SequentialDetector, of: Baseline | None = None) -> Watch:
    if detector.needs:
        pytest.importorskip(detector.needs)
    chosen = of or normal()
    return detector.watch(Context(chosen, WindowSpec.parse("1h"), streams=len(chosen.grid.columns)))


def run(watch: Watch, windows: tuple[Profile, ...], state: State, first: int = 0) -> tuple[State, list[Evidence]]:
    found = []
    for number, profile in enumerate(windows, start=STRETCHES + first):
        state, evidence = watch.step(state, hour(number), profile)
        found.append(evidence)
    return state, found


def same(one: Evidence, other: Evidence, columns: slice = slice(None)) -> bool:
    return all(
        np.array_equal(
            np.asarray(getattr(one, name))[columns], np.asarray(getattr(other, name))[columns], equal_nan=True
        )
        for name in ("standing", "raised", "judged", "reliable", "onset", "direction", "level", "limit")
    )


def test_every_file_with_a_detector_is_found() -> None:
    folder = Path(detectors.sequential.__file__).parent
    holding = {p.stem for p in folder.glob("*.py") if "\nDETECTOR = " in p.read_text()}
    packages = {p.parent.name for p in folder.glob("*/__init__.py") if "DETECTOR" in p.read_text()}
    assert set(every()) == holding | packages
    assert len(holding) >= 11


@EACH
def test_it_is_described(detector: SequentialDetector) -> None:
    assert every()[detector.name] is detector
    assert detector.title
    assert all(detector.options.values())
    watch = make(detector)
    told = watch.about(0)
    assert told
    assert msgspec.json.decode(msgspec.json.encode(told))
    assert np.isnan(watch.tolerance(0, "nothing of the kind"))


@EACH
def test_unknown_options_are_refused_by_name(detector: SequentialDetector) -> None:
    if detector.needs:
        pytest.importorskip(detector.needs)
    context = Context(normal(), WindowSpec.parse("1h"), options={"colour": "red"})
    with pytest.raises(ConfigError, match="colour") as refused:
        detector.watch(context)
    assert all(name in str(refused.value) for name in detector.options)


@pytest.mark.parametrize("detector", [d for d in DETECTORS if d.needs], ids=lambda d: d.name)
def test_a_missing_extra_is_named(detector: SequentialDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] == detector.needs] or [detector.needs]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=rf"pip install driftsum\[{detector.needs}\]"):
        detector.watch(Context(normal(), WindowSpec.parse("1h")))


@EACH_COLUMN
def test_a_shift_of_five_deviations_is_found(detector: SequentialDetector) -> None:
    watch = make(detector)
    _, found = run(watch, production(), watch.start())
    raised = np.array([e.raised for e in found])
    assert raised[QUIET:, :3].any(axis=0).all()
    at = [QUIET + int(raised[QUIET:, column].argmax()) for column in range(3)]
    for column, number in enumerate(at):
        evidence = found[number]
        assert evidence.standing[column]
        assert evidence.judged[column]
        assert evidence.what[column]
        assert evidence.direction[column] in (0, (1, -1, 1)[column])
        assert evidence.level[column] >= evidence.limit[column]
        assert 0 <= evidence.onset[column] <= hour(STRETCHES + number).start


@EACH
def test_an_alarm_is_raised_once_and_stands(detector: SequentialDetector) -> None:
    watch = make(detector)
    _, found = run(watch, production(), watch.start())
    stood = np.zeros(COLUMNS, np.bool_)
    for evidence in found:
        assert np.array_equal(evidence.raised, evidence.standing & ~stood)
        assert (evidence.onset[evidence.standing] > 0).all()
        stood = evidence.standing


@pytest.mark.parametrize("name", BUDGETED)
def test_no_alarm_where_nothing_changes(name: str) -> None:
    watch = make(every()[name])
    _, found = run(watch, production()[:50], watch.start())
    assert not any(e.raised.any() for e in found)
    assert found[-1].judged.all()


@EACH
def test_the_future_survives_a_restart(detector: SequentialDetector) -> None:
    """State through bytes, watch made anew: the same evidence and the same bytes, window by window."""
    watch, windows = make(detector), production()[QUIET - 20 : QUIET + 12]
    state = watch.start()
    for number in range(0, len(windows), 4):
        part = windows[number : number + 4]
        after, found = run(watch, part, state, number)
        restored, again = run(make(detector), part, load(dump(state)), number)
        assert all(same(one, other) for one, other in zip(found, again, strict=True))
        assert dump(after) == dump(restored)
        state = after


@EACH
def test_stepping_is_pure(detector: SequentialDetector) -> None:
    watch, windows = make(detector), production()
    state, _ = run(watch, windows[QUIET - 5 : QUIET + 2], watch.start())
    before, sums = dump(state), windows[QUIET + 2].sums.ints.copy()
    first, one = watch.step(state, hour(900), windows[QUIET + 2])
    second, other = watch.step(state, hour(900), windows[QUIET + 2])
    assert dump(first) == dump(second)
    assert same(one, other)
    assert dump(state) == before
    assert np.array_equal(windows[QUIET + 2].sums.ints, sums)


@EACH
def test_an_empty_window_changes_nothing(detector: SequentialDetector) -> None:
    watch, windows = make(detector), production()
    state, found = run(watch, windows[: QUIET + 2], watch.start())
    after, evidence = watch.step(state, hour(900), Profile.empty(normal().grid))
    assert dump(after) == dump(state)
    assert not evidence.raised.any()
    assert np.array_equal(evidence.standing, found[-1].standing)


@EACH_COLUMN
def test_forget_clears_those_columns_alone(detector: SequentialDetector) -> None:
    watch, windows = make(detector), production()
    state, found = run(watch, windows, watch.start())
    forgotten = watch.forget(state, np.array([0]))
    _, kept = run(watch, windows[:12], state, 900)
    _, anew = run(watch, windows[:12], forgotten, 900)
    # as if it had never seen the column
    _, never = run(watch, windows[:12], watch.start(), 900)
    assert all(same(one, other, slice(1, None)) for one, other in zip(kept, anew, strict=True))
    assert not anew[0].standing[0]
    assert [e.raised[0] for e in anew] == [e.raised[0] for e in never]
    assert dump(watch.forget(state, np.zeros(0, np.int64))) == dump(state)
    assert any(e.standing[0] for e in found)


@cache
def odd() -> tuple[Profile, ...]:
    """Windows that break careless detectors."""
    numbers, keys = mixed(400, 4)
    nothing: dict[str, list[str | float | bool | None]] = {name: [None] * 400 for name in keys}
    return (
        count(MIXED, numbers[:, :1], {name: k[:1] for name, k in keys.items()}),
        count(MIXED, np.repeat(numbers[:, 5:6], 400, axis=1), {n: k[:1] * 400 for n, k in keys.items()}),
        count(MIXED, np.full_like(numbers, np.nan), nothing),
        count(MIXED, np.full_like(numbers, np.inf), keys),
        count(MIXED, np.full_like(numbers, 1e300), {name: ["?"] * 400 for name in keys}),
        count(MIXED, numbers * 1e300, keys),
        Profile.empty(MIXED),
    )


@EACH
def test_odd_windows_break_nothing(detector: SequentialDetector) -> None:
    watch = make(detector, of_every_kind())
    state = watch.start()
    usual = tuple(mixed_profile(ROWS, 500 + i) for i in range(6))
    for number, profile in enumerate((*usual, *odd(), *usual, *odd())):
        state, evidence = watch.step(state, hour(STRETCHES + number), profile)
        for name in ("standing", "raised", "judged", "reliable", "onset", "direction", "level", "limit"):
            assert getattr(evidence, name).shape == (5,)
        assert len(evidence.what) == 5
        assert np.isfinite(evidence.level[evidence.judged]).all()
        assert not (evidence.raised & ~evidence.judged).any()
        assert dump(load(dump(state))) == dump(state)


@EACH
@pytest.mark.parametrize("number", range(7))
def test_odd_baselines_break_nothing(detector: SequentialDetector, number: int) -> None:
    """A baseline of one row, one value, no value at all, infinities, …: judged or not, never an accident."""
    watch = make(detector, baseline(MIXED, [odd()[number]] * 3))
    state = watch.start()
    for at, profile in enumerate((mixed_profile(ROWS, 1), *odd())):
        state, evidence = watch.step(state, hour(at), profile)
        assert np.isfinite(evidence.level[evidence.judged]).all()
    assert watch.about(0)


@EACH
def test_a_baseline_without_stretches_will_do(detector: SequentialDetector) -> None:
    known = normal()
    watch = make(detector, Baseline(known.grid, known.profile, (), Origin.REFERENCE))
    _, found = run(watch, production()[:5], watch.start())
    assert len(found) == 5
    assert watch.about(0)


def test_bytes_that_are_no_state_are_refused() -> None:
    state: State = {"a": np.arange(3), "b": np.zeros((2, 0), np.float32)}
    back = load(dump(state))
    assert all(np.array_equal(back[name], state[name]) and back[name].dtype == state[name].dtype for name in state)
    assert dump({"b": state["b"], "a": state["a"]}) == dump(state)
    for data in (b"", b"nonsense", dump(state)[:-3]):
        with pytest.raises(ProfileMismatch, match="no stored state"):
            load(data)
    with pytest.raises(TypeError, match="complex"):
        dump({"a": np.zeros(2, np.complex128)})
