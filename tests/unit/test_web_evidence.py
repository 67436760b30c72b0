"""A watch of one column alone says what the model's watch of all columns says of it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from detectors.sequential.contract import Context
from detectors.sequential.names import detectors
from drift.core.baseline import Baseline, Origin, Stretch
from drift.core.catalogue import Reference
from drift.core.clock import DAY, HOUR, ManualClock
from drift.core.commit import EvaluationCommit, PaneDelta, WindowResult
from drift.core.grid import BLOCK_COLUMNS, ColumnGrid, Grid, SegmentGrid
from drift.core.profile import Profile
from drift.core.result import WindowState
from drift.core.schema import Column, Kind, Role, Schema, Storage
from drift.core.window import Window, WindowSpec
from drift.service.judging import Watchers
from drift.service.pages.evidence import evidence
from drift.service.pages.single import Single
from drift.store import Store, open_store
from tests.rig import storing
from tests.rig.storing import T0, Feed

HOURS = 96
NEW = 30
SPEC = WindowSpec.parse("1h")
COLUMNS = BLOCK_COLUMNS + 3
EDGES = tuple(float(edge) for edge in np.linspace(-2, 2, 9))


def grid() -> Grid:
    made = [
        ColumnGrid(Column(f"n{i}", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER), edges=EDGES, unit=2.0**-20)
        if i % 3
        else ColumnGrid(Column(f"k{i}", Kind.CATEGORICAL, Role.FEATURE, Storage.STRING), keys=("a", "b", "c"))
        for i in range(COLUMNS)
    ]
    return Grid(tuple(made), (SegmentGrid("n1", ("x",)),))


def counted(on: Grid, rng: np.random.Generator, shift: float = 0.0) -> Profile:
    """A window of 400 rows; the last column moves by `shift`."""
    empty = Profile.empty(on)
    ints, layout = empty.sums.ints.copy(), on.layout
    for at, one in enumerate(on.columns):
        shares = np.ones(one.bins)
        if at == COLUMNS - 1:
            shares[-1] += shift
        first = 1 + int(layout.slots[at])
        ints[0, first : first + one.bins] = rng.multinomial(400, shares / shares.sum())
    ints[0, 0] = 400
    return Profile(on, type(empty.sums)(ints, np.full(empty.sums.low.shape, -3.0), np.full(empty.sums.high.shape, 3.0)))


def window(n: int) -> Window:
    return Window(T0 + n * HOUR, T0 + (n + 1) * HOUR)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Reference, Baseline, list[Profile]]]:
    folder: Path = tmp_path_factory.mktemp("evidence")
    store = open_store(f"sqlite:///{folder / 'drift.db'}", ManualClock(T0))
    on, rng = grid(), np.random.default_rng(4)
    before = [counted(on, rng) for _ in range(HOURS)]
    stretches = [
        Stretch(Window(T0 - 30 * DAY + n * HOUR, T0 - 30 * DAY + (n + 1) * HOUR), one.sums)
        for n, one in enumerate(before)
    ]
    whole = before[0]
    for one in before[1:]:
        whole = whole.merge(one)
    model = store.put_model("credit", pane=storing.PANE, windows=(SPEC,), settings={"detectors": ["default"]})
    reference = store.add_reference(
        model.id, version="1", schema=Schema(tuple(one.column for one in on.columns), ("n1",)), grid=on, profile=whole,
        chunks=[(one.window.start, one.window.end, one.sums) for one in stretches], content_hash="e", rows=400 * HOURS,
        active_from=T0,
    )  # fmt: skip
    after = [counted(on, rng, 0.0 if n < 15 else 2.0) for n in range(NEW)]
    claim = store.acquire(storing.PARTITION, "w")
    fed = Feed(store, model, reference, claim, claim.next)
    for n, one in enumerate(after):
        fed.commit(PaneDelta(model.id, reference.id, window(n).start, 400, tuple(one.dump())))
    lease = store.lease("evaluation", "t", 60)
    assert lease is not None
    results = [WindowResult(model.id, reference.id, "1h", window(n), 1, WindowState.FINAL, 400, T0) for n in range(NEW)]
    store.commit_evaluation(EvaluationCommit(lease, (), tuple(results)))
    yield store, reference, Baseline(on, whole, stretches, Origin.REFERENCE), after
    store.close()


@pytest.mark.parametrize("at", [0, 1, BLOCK_COLUMNS - 1, BLOCK_COLUMNS, COLUMNS - 1])
def test_one_column_is_cut_out_whole(stored: tuple[Store, Reference, Baseline, list[Profile]], at: int) -> None:
    store, reference, baseline, _ = stored
    single = Single(store, reference, at)
    found = single.reference_profile(reference.id)
    for segment in range(len(reference.grid.segments)):
        assert found.column_counts(0, segment).tolist() == baseline.profile.column_counts(at, segment).tolist()
        assert str(found.moments(0, segment)) == str(baseline.profile.moments(at, segment))
        assert found.bin_sums(0, segment).tolist() == baseline.profile.bin_sums(at, segment).tolist()
    assert found.bounds(0) == baseline.profile.bounds(at)
    assert found.rows() == baseline.profile.rows()
    cut = single.reference_stretches(reference)
    assert [one.window for one in cut] == [one.window for one in baseline.stretches]
    assert Profile(single.grid, cut[5].sums).column_counts(0).tolist() == (
        Profile(reference.grid, baseline.stretches[5].sums).column_counts(at).tolist()
    )


@pytest.mark.parametrize("at", [1, 3, COLUMNS - 1])
def test_it_is_what_the_whole_watch_says(stored: tuple[Store, Reference, Baseline, list[Profile]], at: int) -> None:
    store, reference, baseline, after = stored
    model = store.catalogue().models["credit"]
    shown = [window(n) for n in range(5, NEW)]
    figure = evidence(Single(store, reference, at), model, SPEC, 0, shown)
    streams = len(reference.grid.columns) * len(reference.grid.segments)
    allowed = Watchers()(model).alarm_windows(SPEC)
    watch = detectors()["default"].watch(Context(baseline, SPEC, 0, allowed, streams))
    state, levels, standing = watch.start(), [], []
    for n, one in enumerate(after):
        state, found = watch.step(state, window(n), one)
        levels.append(float(found.level[at]))
        standing.append(bool(found.standing[at]))
    rows = figure.table.rows[::-1]
    assert [row[2] for row in rows] == pytest.approx(levels[5:], abs=1e-4)
    assert [row[5] == "yes" for row in rows] == standing[5:]
    assert (at == COLUMNS - 1) == any(standing)


def test_what_moved_is_seen(stored: tuple[Store, Reference, Baseline, list[Profile]]) -> None:
    store, reference, *_ = stored
    model = store.catalogue().models["credit"]
    figure = evidence(Single(store, reference, COLUMNS - 1), model, SPEC, 0, [window(n) for n in range(NEW)])
    assert figure.data["shaded"][0]["start"] >= window(15).start
    assert figure.data["shaded"][0]["end"] == window(NEW - 1).end
    assert max(figure.data["series"][0]["values"]) > figure.data["levels"][0]["value"]
    assert "unseen" in figure.says


def test_where_there_is_none(stored: tuple[Store, Reference, Baseline, list[Profile]]) -> None:
    store, reference, *_ = stored
    single = Single(store, reference, 1)

    def said(**settings: object) -> str:
        model = store.put_model("other", pane=storing.PANE, windows=(SPEC,), settings=settings)
        return evidence(single, model, SPEC, 0, [window(1)]).says

    assert said(detectors=[]) == "No sequential detector watches this model."
    assert "still being learnt" in said(detectors=["default"], baseline="production")
    assert evidence(single, store.catalogue().models["credit"], SPEC, 0, []).data == {}
