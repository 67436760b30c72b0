"""From data to a reference in two readings: the first tells kinds and cuts bins, the second counts.

    open → roles → [read] tally, sample, resolution → infer → grid → [read] count per chunk → reference

Where there are embeddings, one more between them measures their vectors, as their centroid is known only then.

Memory is bounded by the sample (about 150 MB at most), the counters and one batch, whatever the data's size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from drift.core.columnar import rows_of
from drift.core.counting import Counter
from drift.core.errors import ReferenceRefused
from drift.core.grid import Grid
from drift.core.outcome.grid import Task
from drift.core.outcome.labelled import LabelledRows
from drift.core.profile import Profile, Sums
from drift.core.rows import Fields
from drift.core.sample import RowSample
from drift.core.schema import Kind, Schema, Storage
from drift.reference.chunks import ChunkCounter, Chunks
from drift.reference.data import Data
from drift.reference.kept import Kept, with_id
from drift.reference.losses import Losses
from drift.reference.options import ReferenceOptions
from drift.reference.prior import Prior
from drift.reference.read import open_data
from drift.reference.reading import Progress, Reading, event_times
from drift.reference.scores import grid_scores
from drift.reference.summary import summarise

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BuiltReference:
    """All that is stored of a reference. Nothing of it holds a row, but for the sample where one is asked for."""

    version: str
    schema: Schema
    grid: Grid
    profile: Profile
    chunks: Chunks
    rows: int
    """Of the data; `label_prior` may count fewer."""
    content_hash: str
    """SHA-256 of the data and the grid."""
    summary: Mapping[str, Any]
    """What was inferred and why, as plain data; see `summary.summarise`."""
    sample: RowSample | None = None
    outcomes: Sums | None = None
    """Predictions and their labels; None: the grid counts none."""
    outcome_chunks: Chunks | None = None
    learnt: bytes | None = None
    """A regression's `detectors.performance.dle.Dle`."""


def build_reference(
    source: Any, options: ReferenceOptions | None = None, *, progress: Progress | None = None
) -> BuiltReference:
    """Read a reference and count it on a grid of its own.

    Args:
        source: a pandas DataFrame, or a path, directory, pattern or list of Parquet or CSV files.
        options: what to override; nothing, as a rule.
        progress: see `Progress`.

    Raises:
        ReferenceRefused: the data cannot be read, is empty, or lacks a column that was named.
        SchemaError: a kind or role that does not go with the data.
    """
    options = options or ReferenceOptions()
    data = open_data(source, options.limits, _forced(options))
    first = Reading(data, options)
    first.read(progress)
    schema, inferred = first.schema()
    first.learning.measure(data, schema.counted)
    columns = tuple(map(first.grid_of, schema.counted))
    scores = grid_scores(columns, first.sampled) if options.multivariate else ()
    found = first.outcomes(schema, columns)
    if found.grid is not None:
        schema = replace(schema, outcomes=True, columns=with_id(schema.columns))
    first.notes += [found.note] if found.note else []
    grid = Grid(columns, first.segments(schema), scores, found.grid)
    fields = Fields.of(schema)
    kept = Kept(options.row_sample, fields)
    prior = first.prior()
    counters = [ChunkCounter(Counter(grid), first.length)]
    counters += [ChunkCounter(LabelledRows(grid), first.length)] if found.grid is not None else []
    losses = Losses(grid, first.length) if found.grid is not None and found.grid.task is Task.REGRESSION else None
    _count(data, fields, [*counters, *([losses] if losses is not None else [])], first, kept, prior, progress)
    (total, chunks), *outcomes = [counter.finish() for counter in counters]
    learnt = losses.learnt() if losses is not None else None
    profile = Profile(grid, total)
    facts = first.facts(chunks) | {"prior": prior.facts() if prior else None}
    content = sha256(f"{data.digest()} {grid.id}{_chosen(options)}".encode()).hexdigest()
    summary = summarise(inferred, first.tallies, grid, facts)
    return BuiltReference(
        options.version, schema, grid, profile, chunks, first.rows, content, summary, kept.sample,
        outcomes[0][0] if outcomes else None, outcomes[0][1] if outcomes else None, learnt,
    )  # fmt: skip


def _count(
    data: Data, fields: Fields, counters: Sequence[ChunkCounter | Losses], first: Reading, kept: Kept,
    prior: Prior | None, progress: Progress | None,
) -> None:  # fmt: skip
    rows = 0
    for n, columns in data.batches():
        counted = rows_of(columns, fields, event_times(columns, first.time, n))
        first.learning.correct(counted, columns, rows)
        if prior:
            counted = counted.take(prior.choose(columns[prior.label], n))
        for counter in counters:
            counter.count(counted)
        kept.see(counted)
        rows += n
        if progress:
            progress(first.rows + rows, 2 * first.rows)
    if rows != first.rows:
        raise ReferenceRefused(f"the data changed while it was read: {first.rows} rows at first, then {rows}")


def _chosen(options: ReferenceOptions) -> str:
    """What else than data and grid decides what is counted and kept."""
    sampled = f" sample {options.row_sample}" if options.row_sample else ""
    return sampled + (f" prior {sorted(options.label_prior.items())}" if options.label_prior else "")


def _forced(options: ReferenceOptions) -> dict[str, Storage]:
    """What CSV columns hold whatever their texts look like."""
    return {name: Storage.NUMBER for name, kind in options.kinds.items() if kind in (Kind.NUMERIC, Kind.ORDINAL)}
