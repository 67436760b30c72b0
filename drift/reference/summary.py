"""What is shown to the user of a reference: what was inferred of each column, and why."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from drift.core.clock import isoformat
from drift.core.grid import Grid
from drift.core.sketch import BUCKET, DISTINCT
from drift.core.vectors import DISTANCE, NORM
from drift.core.window import format_duration
from drift.core.words import EMPTY, OOV
from drift.reference.infer import Inferred
from drift.reference.prior import prior_notes
from drift.reference.tally import Tally

_WHY: Final = {
    OOV: "share of words that the reference does not have",
    EMPTY: "whether there is no word",
    BUCKET: "64 hash buckets, as there are so many keys",
    DISTINCT: "how many distinct keys there are",
    NORM: "length of the vector",
    DISTANCE: "Euclidean distance to the reference's centroid",
}
HEADINGS = ("column", "kind", "role", "distinct", "missing", "bins", "why", "notes")


def summarise(
    inferred: Sequence[Inferred], tallies: Mapping[str, Tally], grid: Grid, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The summary as plain data, ready for JSON.

    Returns:
        `rows`, `version`, `watched` (columns with a grid), `time` (`column`, `start`, `end`, `chunk`, `chunks`,
        `rows_without`) or None, `segments` (name → values), `notes`, `columns` (a mapping each, see `HEADINGS`;
        `missing` is a ratio 0–1, `distinct` None where there are too many, `bins` None where nothing is counted),
        `prior` (see `Prior.facts`) or None.
    """
    notes = list(facts["notes"])
    if facts["time"] is None:
        notes.append(
            "no event time: how the reference itself varies over time stays unknown; name a column with `time:`"
        )
    elif facts["untimed"]:
        notes.append(f"{facts['untimed']} rows have no event time: they are counted, but in no chunk")
    if facts["sampled"]:
        notes.append("bins were cut from a sample of the rows; every row was counted")
    return {
        "rows": facts["rows"],
        "version": facts["version"],
        "watched": len(grid.columns),
        "time": _time(facts),
        "segments": {segment.name: list(segment.values) for segment in grid.segment_grids},
        "columns": [row for one in inferred for row in _rows(one, tallies[one.column.name], grid)],
        "notes": [*notes, *_held_out(facts), *(prior_notes(facts["prior"]) if facts["prior"] else ())],
        "prior": facts["prior"],
    }


def _held_out(facts: Mapping[str, Any]) -> Iterator[str]:
    """What can serve as a baseline; whether rows were trained on is not in the data and is not guessed."""
    if facts["held_out"] is False:
        yield (
            "its rows were trained on (held_out: false): they fix the bins, and production's first 14 days (30 windows "
            "at least) are the baseline"
        )
    if facts["held_out"] is None and facts["outputs"]:
        yield (
            "whether the model was trained on these rows cannot be told from them, and what it says of such rows "
            f"({', '.join(facts['outputs'])}) is no measure of new ones: write held_out: false if it was, true if not"
        )


def summary_rows(summary: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The columns of a summary as texts for a table, under `HEADINGS`."""
    return [
        (
            column["column"], column["kind"], column["role"],
            "many" if column["distinct"] is None else str(column["distinct"]),
            f"{column['missing']:.1%}" if column["missing"] else "0",
            "–" if column["bins"] is None else str(column["bins"]),
            column["why"], "; ".join(column["notes"]),
        )
        for column in summary["columns"]
    ]  # fmt: skip


def _time(facts: Mapping[str, Any]) -> dict[str, Any] | None:
    if facts["time"] is None:
        return None
    return {
        "column": facts["time"],
        "start": isoformat(facts["first"]),
        "end": isoformat(facts["last"]),
        "chunk": format_duration(facts["chunk"]),
        "chunks": facts["chunks"],
        "rows_without": facts["untimed"],
    }


def _rows(one: Inferred, tally: Tally, grid: Grid) -> list[dict[str, Any]]:
    missing = 1 - tally.values / tally.rows
    first = _row(one.column.name, one.column.kind, one.column.role, one.distinct, missing, grid)
    rows = [first | {"why": one.why, "notes": list(one.notes)}]
    for column in one.derived:
        numbers = tally.derived.get(column.derive)
        distinct = None if numbers is None or numbers.counts is None else len(numbers.counts)
        row = _row(column.name, column.kind, column.role, distinct, missing, grid)
        rows.append(row | {"why": _WHY.get(column.derive, f"{column.derive} of {column.source}"), "notes": []})
    return rows


def _row(name: str, kind: str, role: str, distinct: int | None, missing: float, grid: Grid) -> dict[str, Any]:
    at = grid.index.get(name)
    bins = None if at is None else grid.columns[at].bins
    return {
        "column": name,
        "kind": str(kind),
        "role": str(role),
        "distinct": distinct,
        "missing": missing,
        "bins": bins,
    }
