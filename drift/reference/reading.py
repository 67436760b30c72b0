"""The first reading of a reference: what is noted of the data, and the kinds and bins that follow from it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from drift.core.clock import SECOND
from drift.core.columnar import Columns
from drift.core.derive import LAST_YEAR, NO_TIME
from drift.core.derived import moments_of
from drift.core.errors import ReferenceRefused
from drift.core.grid import ColumnGrid, SegmentGrid
from drift.core.schema import Column, Kind, Role, Schema
from drift.core.sketch import BUCKET, DISTINCT
from drift.reference.chunks import Chunks, Resolution
from drift.reference.cut import hashed_grid, key_counts, keyed_grid, lone_keys, measured_grid, segment_grid, words_grid
from drift.reference.data import Data
from drift.reference.infer import Inferred, infer
from drift.reference.kept import with_id
from drift.reference.learning import Learning, is_worded, sample_key, unique_names
from drift.reference.noted import MAX_CHARACTERS
from drift.reference.options import ReferenceOptions
from drift.reference.outcomes import Found, outcomes_of
from drift.reference.prior import Prior
from drift.reference.roles import resolve_roles
from drift.reference.sample import Sample
from drift.reference.tally import SAMPLED_LONG, SAMPLED_TEXT, Chosen, Tally

Ints = npt.NDArray[np.int64]
Progress = Callable[[int, int | None], None]
"""Told after each batch how many rows have been read, both readings together, and of how many, where that is known."""

SAMPLE_CELLS: Final = 8_000_000
"""Numbers held by the sample; it has fewer rows where there are more than 40 columns."""
SAMPLE_TEXTS: Final = 20_000
SAMPLE_TEXT_CELLS: Final = 2_000_000
"""Texts held by the sample; it has fewer rows where there are more than 100 columns."""
SHARED_CHARACTERS: Final = 32 * MAX_CHARACTERS


def event_times(columns: Columns, name: str | None, n: int) -> Ints:
    """The event time of each row, `NO_TIME` where it has none between 1970 and 2262."""
    if name is None or name not in columns:
        return np.full(n, NO_TIME, np.int64)
    micros, _ = moments_of(columns[name])
    return np.where((micros >= 0) & (micros < LAST_YEAR * SECOND), micros, NO_TIME)


class Reading:
    """The first reading: what is noted of the data, and what follows from it."""

    def __init__(self, data: Data, options: ReferenceOptions) -> None:
        self._data, self._options = data, options
        self.roles, self.why, self.notes = resolve_roles(data.names, options, _peek(data))
        self.notes = [*data.notes, *self.notes]
        self.time = next((name for name, role in self.roles.items() if role is Role.TIME), None)
        self._label = next((name for name, role in self.roles.items() if role is Role.LABEL), None)
        width = len(data.names)
        self.sample = Sample(min(options.sample_rows, max(1_000, SAMPLE_CELLS // width)))
        self._texts = Sample(max(1_000, min(SAMPLE_TEXTS, SAMPLE_TEXT_CELLS // width)))
        self._resolution = Resolution(options.pane, width)
        self.rows = 0
        room = min(MAX_CHARACTERS, SHARED_CHARACTERS // width)
        self.tallies = {
            name: Tally(
                name, room, is_label=name == self._label,
                as_moments=name == self.time or options.kinds.get(name) is Kind.DATETIME,
            )
            for name in data.names
        }  # fmt: skip
        self.learning = Learning(self._texts, self.tallies, self.sample.size)

    def read(self, progress: Progress | None) -> None:
        """Read all batches."""
        for n, columns in self._data.batches():
            self.rows += n
            if self.rows > self._options.limits.rows:
                raise ReferenceRefused(
                    f"the data has over {self._options.limits.rows} rows, which is the limit; give a sample"
                )
            self._see(n, columns)
            if progress:
                progress(self.rows, self._data.rows and 2 * self._data.rows)
        if self.time is not None and self.length is None:
            raise ReferenceRefused(
                f"column {self.time!r} is the event time, but none of its values is a time after 1970"
            )

    def _see(self, n: int, columns: Columns) -> None:
        time = event_times(columns, self.time, n) if self.time else None
        if time is not None:
            self._resolution.see(time)
        chosen = Chosen(n, self.sample.choose(n), self._texts.choose(n))
        for name, tally in self.tallies.items():
            for what, values in tally.see(columns[name], time, chosen):
                sample = self._texts if what in (SAMPLED_TEXT, SAMPLED_LONG) else self.sample
                sample.put(sample_key(name, what), values)
        self.sample.close()
        self._texts.close()

    @property
    def length(self) -> int | None:
        """Length of the time chunks."""
        return self._resolution.length

    def schema(self) -> tuple[Schema, list[Inferred]]:
        """All columns with their kinds, each followed by what it derives."""
        timed = self.time is not None
        inferred = [
            infer(tally, self.roles.get(name), self._options.kinds.get(name), self._text(name), timed)
            for name, tally in self.tallies.items()
        ]
        inferred = [self._explained(one) for one in inferred]
        names = set(self.tallies)
        inferred = [replace(one, derived=tuple(unique_names(one.derived, names))) for one in inferred]
        learnt = iter(self.learning.learn([column for one in inferred for column in one.derived]))
        inferred = [replace(one, derived=tuple(next(learnt) for _ in one.derived)) for one in inferred]
        columns = [column for one in inferred for column in (one.column, *one.derived)]
        kept = self._options.row_sample
        return Schema(with_id(columns) if kept else tuple(columns), tuple(self._options.segments), kept), inferred

    def _explained(self, one: Inferred) -> Inferred:
        why = self.why.get(one.column.name)
        return replace(one, why=f"{why}; {one.why}" if why and why != one.why else one.why)

    def grid_of(self, column: Column) -> ColumnGrid:
        """The bins of a counted column."""
        tally = self.tallies[column.field]
        if column.derive in (BUCKET, DISTINCT):
            return hashed_grid(column)
        if is_worded(column):
            return words_grid(column)
        if column.kind not in (Kind.NUMERIC, Kind.ORDINAL):
            grid = keyed_grid(column, tally, self._text(column.name), self._numbers(column.name))
            if column.name not in self._options.segments:
                self.learning.lone[column.name] = lone_keys(grid, tally)
            return grid
        numbers = tally.derived[column.derive] if column.derive else tally.numbers
        labels = self._numbers(self._label) if self._label else None
        return measured_grid(column, numbers, self.sampled(column), labels, self._options.thresholds)

    def sampled(self, column: Column) -> npt.NDArray[np.float64]:
        """Values of a measured column in the sampled rows, NaN where there is none."""
        if column.size or is_worded(column):
            return self.learning.sampled(column)
        return self._numbers(column.field, column.derive)

    def segments(self, schema: Schema) -> tuple[SegmentGrid, ...]:
        """The segment values counted apart."""
        return tuple(
            segment_grid(
                name, self._options.segments[name],
                key_counts(self.tallies[name], self._text(name), self._numbers(name)), self._options.max_segment_values,
            )
            for name in schema.segments
        )  # fmt: skip

    def outcomes(self, schema: Schema, columns: Sequence[ColumnGrid]) -> Found:
        """How predictions and their labels are counted."""
        return outcomes_of(schema, columns, self.tallies, self._numbers, self._options)

    def prior(self) -> Prior | None:
        """Which rows are to be counted; None: all of them.

        Raises:
            ReferenceRefused: there is no label, or it has other classes than the prior.
        """
        shares = self._options.label_prior
        if not shares:
            return None
        if self._label is None:
            raise ReferenceRefused("label_prior: there is no label column; name it with `label:`")
        return Prior(self._label, shares, self.tallies[self._label].key_counts, self.rows)

    def facts(self, chunks: Chunks) -> dict[str, Any]:
        """What the summary says of the data as a whole."""
        return {
            "rows": self.rows,
            "version": self._options.version,
            "time": self.time,
            "first": self._resolution.first,
            "last": self._resolution.last,
            "untimed": self._resolution.untimed,
            "chunk": self.length,
            "chunks": len(chunks),
            "sampled": self.rows > self.sample.size,
            "notes": self.notes,
            "held_out": self._options.held_out,
            "outputs": [name for name, role in self.roles.items() if role in (Role.PREDICTION, Role.SCORE)],
        }

    def _numbers(self, name: str, what: str = "") -> npt.NDArray[np.float64]:
        return self.sample.column(sample_key(name, what))

    def _text(self, name: str) -> npt.NDArray[Any]:
        return self._texts.column(sample_key(name, SAMPLED_TEXT))


def _peek(data: Data) -> Columns:
    """The first batch that has rows."""
    for n, columns in data.batches():
        if n:
            return columns
    raise ReferenceRefused("there are no rows to learn from; a reference needs some")
