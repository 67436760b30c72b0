"""Columns of some events of one model, as one way of decoding makes them; pieces are joined into `Rows`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import numpy.typing as npt

from drift.core.derived import by_field, derived
from drift.core.fields import Looked, Shape
from drift.core.rows import Key, Keys, Rows
from drift.core.schema import canonical_key
from ingest.decoding.mapping import Path
from ingest.decoding.plan import Plan

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Piece:
    """n events before derived columns are worked out. `numbers` has a row for each of the plan's fields."""

    record: Ints
    time: Ints
    version: Sequence[str | None]
    numbers: Floats
    keys: dict[str, list[Key]]
    raw: dict[Path, list[object]]
    """Place of a derived column's source → n values as they came."""
    odd: list[tuple[int, int, int]] = field(default_factory=list)
    looked: list[tuple[int, Shape]] = field(default_factory=list)
    """Events of which unknown fields were looked for."""


def spell(versions: list[str | int | float | None]) -> list[str | None]:
    """Model versions in their canonical spelling."""
    if set(map(type, versions)) <= {str, type(None)}:
        return versions  # type: ignore[return-value]  # that is what was just tested
    return [None if version is None else canonical_key(version) for version in versions]


def join(plan: Plan, pieces: Sequence[Piece]) -> Rows:
    """One batch of rows from pieces, its derived columns worked out."""
    whole = pieces[0] if len(pieces) == 1 else _concatenated(pieces)
    n = len(whole.record)
    odd = list(whole.odd)
    for places in by_field([placed.column for placed in plan.derived]).values():
        group = [plan.derived[at] for at in places]
        made = derived([placed.column for placed in group], whole.raw[group[0].path], whole.time)
        for placed, (values, strange) in zip(group, made, strict=True):
            whole.numbers[placed.row] = values
            odd += [(placed.row, at, slot) for at, slot in strange.tolist()]
    keys: dict[str, Keys] = {column.name: whole.keys.get(column.name) or [None] * n for column in plan.fields.keys}
    table = np.array(odd, np.int64).reshape(-1, 3)
    looked = Looked.of(whole.looked)
    return Rows(whole.time, whole.numbers, keys, table, whole.record, whole.version, plan.fields, looked)


def _concatenated(pieces: Sequence[Piece]) -> Piece:
    starts = np.cumsum([0, *(len(piece.record) for piece in pieces)]).tolist()
    first = pieces[0]
    return Piece(
        np.concatenate([piece.record for piece in pieces]),
        np.concatenate([piece.time for piece in pieces]),
        list(chain.from_iterable(piece.version for piece in pieces)),
        np.concatenate([piece.numbers for piece in pieces], axis=1),
        {name: list(chain.from_iterable(piece.keys[name] for piece in pieces)) for name in first.keys},
        {path: list(chain.from_iterable(piece.raw[path] for piece in pieces)) for path in first.raw},
        [(c, r + start, s) for piece, start in zip(pieces, starts[:-1], strict=True) for c, r, s in piece.odd],
        [(at + start, shape) for piece, start in zip(pieces, starts[:-1], strict=True) for at, shape in piece.looked],
    )
