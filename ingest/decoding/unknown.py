"""Fields that events have and no column is placed at: a renamed or new feature that nobody would miss otherwise.

Looked for in the objects that hold features, one level deep: an unknown object counts as one field.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import numpy as np

from drift.core.fields import MOST_FIELDS, Looked, Shape, clipped, shape_of
from drift.core.rows import Fields
from drift.core.schema import Role, Storage
from ingest.decoding.mapping import DEFAULT, EventMap, Path
from ingest.decoding.plan import Plan

MOST_ROWS: Final = 1 << 16
"""Rows of a table that are looked at: all of a smaller one, evenly spread ones of a larger one."""


class Unknown:
    """Where the features of one model stand, and what is known to stand there.

    Args:
        known: object that holds features → its known fields.
    """

    def __init__(self, known: Mapping[Path, Iterable[str]]) -> None:
        self._known = [(parent, frozenset(names)) for parent, names in sorted(known.items())]

    @staticmethod
    def placed(plan: Plan) -> "Unknown":
        """Of events whose parts a map places."""
        taken = {p.path: p.column.role for p in (*plan.numbers, *plan.derived, *plan.keys)}
        features = plan.map.features
        of_columns = {path[:-1] for path, role in taken.items() if role is Role.FEATURE}
        parents = {features} if isinstance(features, tuple) else of_columns
        paths = [*taken, *_paths(plan.map)]
        return Unknown({parent: _below(parent, paths) for parent in parents})

    @staticmethod
    def named(fields: Fields, schema: Any) -> "Unknown":
        """Of tables whose columns are found by name; a struct `features`, if there is one, holds all features."""
        names = {column.field for column in (*fields.numbers, *fields.keys)}
        return Unknown({("features",): names} if "features" in schema.names else {(): {*names, *DEFAULT}})

    def shape(self, event: Mapping[str, Any]) -> Shape:
        """The unknown fields of one event."""
        found: dict[str, object] = {}
        for parent, known in self._known:
            holder: object = event
            for name in parent:
                holder = holder.get(name) if isinstance(holder, dict) else None
            if isinstance(holder, dict) and not known.issuperset(holder):
                found |= {name: value for name, value in holder.items() if name not in known}
        return shape_of(found) if found else ()

    def looked(self, table: Any, at: Callable[[Any, Path], Any], *, typed: bool) -> Looked:
        """The unknown columns of a table, in all of its rows or evenly spread ones.

        Args:
            table: a `pyarrow.RecordBatch` or `pyarrow.Table`.
            at: what reads the column at a path of it.
            typed: whether the columns' types say anything.
        """
        rows = np.arange(0, table.num_rows, -(-table.num_rows // MOST_ROWS) or 1)
        names, code = list[tuple[str, Storage | None]](), np.zeros(rows.size, np.uint64)
        for path in sorted(self._paths(table.schema))[: MOST_FIELDS + 1]:
            column = at(table, path)
            has = np.asarray(column.is_valid())[rows]
            code |= has.astype(np.uint64) << np.uint64(len(names))
            names.append((clipped(path[-1]), _storage(column.type) if typed else None))
        codes, shape = np.unique(code, return_inverse=True)
        shapes = [tuple(sorted(dict(n for i, n in enumerate(names) if one >> i & 1).items())) for one in codes.tolist()]
        return Looked(rows, shape.astype(np.int64), shapes)

    def _paths(self, schema: Any) -> list[Path]:
        import pyarrow as pa

        found: list[Path] = []
        for parent, known in self._known:
            kind: Any = pa.struct(list(schema))
            for name in parent:
                number = kind.get_field_index(name) if pa.types.is_struct(kind) else -1
                kind = kind.field(number).type if number >= 0 else None
            if kind is not None and pa.types.is_struct(kind):
                found += [(*parent, name) for name in {field.name for field in kind} - known]
        return found


def _storage(kind: Any) -> Storage | None:
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_boolean(kind):
        return Storage.BOOLEAN
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return Storage.NUMBER
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return Storage.LIST
    texts = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return Storage.STRING if texts else None


def _below(parent: Path, taken: Iterable[Path]) -> frozenset[str]:
    """What stands directly in an object, of what is taken."""
    depth = len(parent)
    return frozenset(path[depth] for path in taken if len(path) > depth and path[:depth] == parent)


def _paths(events: EventMap) -> list[Path]:
    """Every path of a map."""
    parts = (
        events.model, events.version, events.id, events.time, events.prediction, events.label, events.features,
        events.score, events.segments,
    )  # fmt: skip
    paths = [part for part in parts if isinstance(part, tuple)]
    return paths + [path for part in parts if isinstance(part, Mapping) for path in part.values()]
