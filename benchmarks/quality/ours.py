"""Driftsum's default detector on the same streams: rows are counted, and only the counts are looked at."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from benchmarks.quality.bases import KEYS
from benchmarks.quality.methods import Bools, Fitted, Reference
from benchmarks.quality.streams import COLUMNS, MONDAY, Block, Floats, Kind
from detectors.sequential.contract import Context, Evidence, State, Watch
from drift.core.baseline import Baseline, Origin, Stretch
from drift.core.clock import HOUR
from drift.core.columnar import rows_of
from drift.core.counting import Counter
from drift.core.grid import Grid
from drift.core.profile import Profile, Sums
from drift.core.window import WindowSpec
from drift.reference.build import build_reference
from drift.reference.profiling import fields_of

ALARM_WINDOWS: Final = 720
"""Hourly windows of 30 days, in which one false alarm of the whole model is allowed."""
NAMES: Final = tuple(f"x{column:02}" for column in range(COLUMNS))
KEY_NAMES: Final = [f"key {code:02}" for code in range(KEYS)]


def ours(reference: Reference, options: Mapping[str, Any] = MappingProxyType({})) -> Fitted:
    """A budget of one false alarm per 30 days of hourly windows for a model of twenty columns."""
    from detectors.sequential.default import DETECTOR

    counting = Counting.on(reference)
    baseline = counting.baseline(reference)
    context = Context(baseline, WindowSpec.parse("1h"), 0, ALARM_WINDOWS, COLUMNS, options)
    watch = DETECTOR.watch(context)
    return Fitted(partial(Watching, watch, counting), reliable_of(watch, baseline))


def reliable_of(watch: Watch, baseline: Baseline) -> Bools:
    """(columns,) what the detector says about itself in its first window."""
    first = baseline.stretches[0]
    _, evidence = watch.step(watch.start(), first.window, Profile(baseline.grid, first.sums))
    return evidence.reliable


class Watching:
    """The detector going through production."""

    def __init__(self, watch: Watch, counting: "Counting") -> None:
        self._watch, self._counting = watch, counting
        self._state: State = watch.start()
        self.evidence: Evidence | None = None

    def alarm(self, block: Block) -> Bools:
        profile = Profile(self._counting.grid, self._counting.sums(block))
        self._state, self.evidence = self._watch.step(self._state, block.window, profile)
        return self.evidence.standing


class Counting:
    """Rows of a window → sums, on a grid that a reference was registered with."""

    def __init__(self, grid: Grid, kinds: tuple[Kind, ...]) -> None:
        self.grid = grid
        self._kinds, self._fields, self._counter = kinds, fields_of(grid), Counter(grid)

    @staticmethod
    def on(reference: Reference) -> "Counting":
        """The grid is cut by `build_reference`, from all the reference's rows or, as there, from 200,000 of them."""
        grid = build_reference(frame_of(reference.sample(), tuple(reference.kinds))).grid
        if grid.names != NAMES:
            raise RuntimeError(f"the grid holds {grid.names}, not the {COLUMNS} columns of the stream")
        return Counting(grid, tuple(reference.kinds))

    def sums(self, block: Block) -> Sums:
        """The window's sums."""
        values = zip(NAMES, block.values, self._kinds, strict=True)
        columns = {name: _column(value, kind) for name, value, kind in values}
        rows = rows_of(columns, self._fields, np.full(block.rows, block.window.start, np.int64))
        return self._counter.count(rows, np.zeros(block.rows, np.int64), 1)[0]

    def baseline(self, reference: Reference) -> Baseline:
        """All the reference's rows, and a stretch for each of its windows."""
        stretches = tuple(Stretch(block.window, self.sums(block)) for block in reference.blocks())
        whole = Profile(self.grid, Sums.total(stretch.sums for stretch in stretches))
        return Baseline(self.grid, whole, stretches, Origin.REFERENCE)


def frame_of(blocks: list[Block], kinds: tuple[Kind, ...]) -> Any:
    """A DataFrame with the event time."""
    import pandas as pd

    values = np.concatenate([block.values for block in blocks], axis=1)
    hours = np.repeat([block.hour for block in blocks], [block.rows for block in blocks])
    columns: dict[str, Any] = {"time": pd.to_datetime(MONDAY + hours * HOUR, unit="us", utc=True)}
    for name, value, kind in zip(NAMES, values, kinds, strict=True):
        column = _column(value, kind)
        columns[name] = column.to_pandas() if kind is Kind.CATEGORY else column
    return pd.DataFrame(columns)


def _column(values: Floats, kind: Kind) -> Any:
    """As it comes from a DataFrame or an Arrow table."""
    if kind is Kind.NUMBER:
        return values
    if kind is Kind.FLAG:
        return values.astype(np.bool_)
    import pyarrow as pa

    codes = pa.array(values.astype(np.int32), mask=~np.isfinite(values))
    return pa.DictionaryArray.from_arrays(codes, pa.array(KEY_NAMES))
