"""Columns that arrive as columns: Arrow record batches → rows of each model.

Where things stand follows the map, names leading through structs. Without one, `model`, `version`, `time`, `label` are
columns (model and version may be entries of the schema's metadata instead); features stand in a struct `features` or,
like prediction, score and segments, are columns of their own names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from drift.core.arrow import coded, plain
from drift.core.columnar import rows_of
from drift.core.derive import NO_TIME, parse_time
from drift.core.derived import moments_of
from drift.core.errors import RecordRejected
from drift.core.fields import Looked
from drift.core.records import (
    BAD_TIME,
    LABEL_ONLY,
    MISSING_TIME,
    UNKNOWN_MODEL,
    WRONG_TYPE_REASON,
    Decoded,
    Labels,
    Rejected,
)
from drift.core.rows import WRONG_TYPE, Coded, Fields, Key, Keys, Rows
from drift.core.schema import Column, Kind, Role, canonical_key
from ingest.decoding.mapping import Constant, EventMap, Path
from ingest.decoding.plain import LABEL_ALONE, clean, key, label_of, shown
from ingest.decoding.plan import Plan
from ingest.decoding.unknown import Unknown

Ints = npt.NDArray[np.int64]

_LATEST: Final = 9_214_646_400_000_000
_NAMES: Final = ("prediction", "score", "id")


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one schema, from one record or several."""

    table: Any
    """A `pyarrow.RecordBatch` or `pyarrow.Table` of n rows."""
    record: Ints
    """(n,) position of each row's record."""
    index: Ints
    """(n,) each row's place within its record."""
    timestamp: Ints
    """(n,) the records' own times; −1 where there is none."""
    mixed: Mapping[str, list[Any]] = field(default_factory=dict)
    """Columns of n plain values that go before the table's: those that are of no one type."""

    def take(self, at: Ints) -> "Batch":
        """The rows at these positions."""
        import pyarrow as pa

        mixed = {name: [values[i] for i in at.tolist()] for name, values in self.mixed.items()}
        return Batch(self.table.take(pa.array(at)), self.record[at], self.index[at], self.timestamp[at], mixed)

    def refuse(self, at: int, reason: str, detail: str) -> Rejected:
        """One row as a dead letter, written as JSON."""
        payload = msgspec.json.encode(self.table.slice(at, 1).to_pylist()[0], enc_hook=str)
        return Rejected(int(self.record[at]), int(self.index[at]), reason, detail, payload)


class Tables:
    """Decodes record batches for some models.

    Args:
        events: where things stand; None: by name, as the module says.
        models: fields by model name.
        typed: whether columns that nobody reads have types; CSV's are all text.
    """

    def __init__(self, events: EventMap | None, models: Mapping[str, Fields], *, typed: bool = True) -> None:
        self._map = events
        self._models = models
        self._typed = typed
        self._unknown = {name: Unknown.placed(Plan.of(name, f, events)) for name, f in models.items() if events}

    def decode(self, batch: Batch, found: "Found", rejected: list[Rejected]) -> None:
        """Append what a batch holds to `found` by model and to `rejected`."""
        for name, at in self._by_model(batch, rejected):
            rows, labels = self._of_model(name, batch if at is None else batch.take(at), rejected)
            if len(rows):
                found.rows.setdefault(name, []).append(rows)
            if len(labels):
                found.labels.setdefault(name, []).append(labels)

    def _of_model(self, name: str, batch: Batch, rejected: list[Rejected]) -> tuple[Rows, Labels]:
        part, fields = batch.table, self._models[name]
        time, refused = self._times(batch)
        versions, odd = self._versions(part)
        refused |= dict.fromkeys(odd, (WRONG_TYPE_REASON, "the version is neither text nor a number"))
        columns = {c.field: self._column(batch, c, fields) for c in (*fields.numbers, *fields.keys)}
        found = rows_of(columns, fields, time)
        keys = {c.name: _judged(found.keys[c.name], c, columns[c.field]) for c in fields.keys}
        unknown = self._unknown.get(name) or Unknown.named(fields, part.schema)
        looked = unknown.looked(part, _at, typed=self._typed)
        found = Rows(found.time, found.numbers, keys, found.odd, batch.record, versions, fields, looked)
        alone = [at for at in self._label_alone(part, found) if at not in refused]
        labels, odd_labels = _labels(found, alone)
        refused |= odd_labels
        for at, (reason, detail) in sorted(refused.items()):
            rejected.append(batch.refuse(at, reason, detail))
        gone = [*refused, *alone]
        return found.take(np.delete(np.arange(len(found)), gone)) if gone else found, labels

    def _by_model(self, batch: Batch, rejected: list[Rejected]) -> list[tuple[str, Ints | None]]:
        """Model names with the positions of their rows; None: all of them."""
        constant = self._map.model if self._map else None
        name = constant.value if isinstance(constant, Constant) else None
        path = constant if isinstance(constant, tuple) else ("model",)
        column = None if name is not None else _at(batch.table, path)
        if column is None:
            name = name if name is not None else _metadata(batch.table, "model")
            if name in self._models:
                return [(str(name), None)] if batch.table.num_rows else []
            keys = Coded(np.zeros(batch.table.num_rows, np.int32), [name])
        else:
            keys = coded(column)
        groups: list[tuple[str, Ints | None]] = []
        for code in np.unique(keys.codes).tolist():
            at = np.flatnonzero(keys.codes == code)
            named = keys.dictionary[code] if code >= 0 else None
            if isinstance(named, str) and named in self._models:
                groups.append((named, None if len(at) == batch.table.num_rows else at))
                continue
            detail = f"there is no model {shown(named)} with a reference" if named is not None else "no model is named"
            rejected += [batch.refuse(i, UNKNOWN_MODEL, detail) for i in at.tolist()]
        return groups

    def _times(self, batch: Batch) -> tuple[Ints, dict[int, tuple[str, str]]]:
        """Event times; positions of rows without one, with the reason."""
        path = self._map.time if self._map else ("time",)
        if path is None:
            missing = (MISSING_TIME, "neither the map names a time nor has the record a timestamp")
            return batch.timestamp, dict.fromkeys(np.flatnonzero(batch.timestamp < 0).tolist(), missing)
        column = _either(batch, path)
        if column is None:
            missing = (MISSING_TIME, f"there is no column `{'.'.join(path)}`; it holds the events' time")
            return np.zeros(len(batch.record), np.int64), dict.fromkeys(range(len(batch.record)), missing)
        return _event_times(column, self._map is not None and self._map.naive)

    def _versions(self, part: Any) -> tuple[Sequence[str | None], list[int]]:
        """The rows' model versions, and positions where there is something else."""
        found = self._map.version if self._map else ("version",)
        column = _at(part, found) if isinstance(found, tuple) else None
        if column is None:
            constant = found.value if isinstance(found, Constant) else None
            value = constant if constant is not None or self._map else _metadata(part, "version")
            return [value] * part.num_rows, []
        keys = coded(column)
        spelled = [*map(_version, keys.dictionary), None]
        odd = [code for code, version in enumerate(spelled[:-1]) if version is None]
        return [spelled[code] for code in keys.codes.tolist()], np.flatnonzero(np.isin(keys.codes, odd)).tolist()

    def _column(self, batch: Batch, column: Column, fields: Fields) -> Any:
        if self._map is not None:
            path = self._map.place(column, fields)
            return None if path is None else _either(batch, path)
        paths = [(column.field,), ("features", column.field), ("segments", column.field)]
        if column.role.value in _NAMES:
            paths.append((column.role.value,))
        return next((found for path in paths if (found := _either(batch, path)) is not None), None)

    def _label_alone(self, part: Any, rows: Rows) -> list[int]:
        path = self._map.label if self._map else ("label",)
        label = _at(part, path) if path is not None else None
        if label is None or label.null_count == len(label):
            return []
        empty = plain(label).is_valid().to_numpy(zero_copy_only=False) & np.isnan(rows.numbers).all(axis=0)
        beside = (Role.ID, Role.LABEL, Role.WEIGHT)
        ids = {column.name for column in (rows.fields.keys if rows.fields else ()) if column.role in beside}
        for keys in (found for name, found in rows.keys.items() if name not in ids) if empty.any() else ():
            empty &= keys.codes < 0 if isinstance(keys, Coded) else np.array([key is None for key in keys])
        empty[rows.odd[:, 1]] = False
        return np.flatnonzero(empty).tolist()


@dataclass(slots=True)
class Found:
    """What was decoded so far, by model."""

    rows: dict[str, list[Rows]] = field(default_factory=dict)
    labels: dict[str, list[Labels]] = field(default_factory=dict)

    def add(self, other: "Found") -> None:
        """Take what another has found."""
        for name, rows in other.rows.items():
            self.rows.setdefault(name, []).extend(rows)
        for name, labels in other.labels.items():
            self.labels.setdefault(name, []).extend(labels)

    def decoded(self, rejected: Sequence[Rejected]) -> Decoded:
        """All of it."""
        rows = {name: join(pieces) for name, pieces in self.rows.items()}
        return Decoded(rows, rejected, {name: Labels.join(parts) for name, parts in self.labels.items()})


def _labels(rows: Rows, at: Sequence[int]) -> tuple[Labels, dict[int, tuple[str, str]]]:
    """The labels that stand alone at these positions, and those that no prediction can meet, with the reason."""
    fields = rows.fields
    names = (fields.name_of(Role.ID), fields.name_of(Role.LABEL)) if fields else (None, None)
    good: list[tuple[int, str, str, int]] = []
    refused: dict[int, tuple[str, str]] = {}
    if names[0] is None or names[1] is None:
        return Labels((), (), (), ()), dict.fromkeys(at, (LABEL_ONLY, LABEL_ALONE))
    ids, labels = (_listed(rows.keys[name]) for name in (names[0], names[1])) if at else ((), ())
    for i in at:
        try:
            good.append((int(rows.record[i]), *label_of(ids[i], labels[i]), int(rows.time[i])))
        except RecordRejected as error:
            refused[i] = error.reason, error.detail
    return (Labels(*zip(*good, strict=True)) if good else Labels((), (), (), ())), refused


def join(pieces: Sequence[Rows]) -> Rows:
    """Rows of one model from several batches as one."""
    first = pieces[0]
    if len(pieces) == 1:
        return first
    starts = np.cumsum([0, *map(len, pieces)])
    odd = [np.column_stack((p.odd[:, 0], p.odd[:, 1] + s, p.odd[:, 2])) for p, s in zip(pieces, starts, strict=False)]
    keys: dict[str, Keys] = {name: _joined([piece.keys[name] for piece in pieces]) for name in first.keys}
    return Rows(
        np.concatenate([p.time for p in pieces]), np.concatenate([p.numbers for p in pieces], axis=1), keys,
        np.concatenate(odd), np.concatenate([p.record for p in pieces]),
        [version for p in pieces for version in p.version], first.fields,
        Looked.join([p.looked for p in pieces], starts.tolist()),
    )  # fmt: skip


def _joined(parts: Sequence[Keys]) -> Keys:
    coded_parts = [part for part in parts if isinstance(part, Coded)]
    if len(coded_parts) < len(parts):
        return [key for part in parts for key in _listed(part)]
    codes: list[npt.NDArray[np.int32]] = []
    dictionary: list[Any] = []
    for part in coded_parts:
        codes.append(np.where(part.codes >= 0, part.codes + len(dictionary), -1).astype(np.int32))
        dictionary += part.dictionary
    return Coded(np.concatenate(codes), dictionary)


def _listed(keys: Keys) -> list[Key]:
    if not isinstance(keys, Coded):
        return keys
    return [*map([*keys.dictionary, None].__getitem__, keys.codes.tolist())]


def _judged(keys: Keys, column: Column, raw: Any) -> Keys:
    """The same rules of what can be a category as for JSON, applied once to each distinct value."""
    if isinstance(raw, list):
        return [key(value, column) for value in raw]
    if not isinstance(keys, Coded):
        return keys
    if str(getattr(raw, "type", "")) == "bool":
        wrong = Coded(np.where(keys.codes < 0, -1, 0).astype(np.int32), [WRONG_TYPE])
        return keys if column.kind is Kind.BOOLEAN else wrong
    return Coded(keys.codes, [key(value, column) for value in keys.dictionary])


def _version(value: Key) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value != value:
        return None
    return clean(canonical_key(value))


def _event_times(column: Any, naive: bool) -> tuple[Ints, dict[int, tuple[str, str]]]:
    import pyarrow as pa

    if isinstance(column, list) and not {type(value) for value in column} <= {str, type(None)}:
        return _plain_times(column, naive)
    column = pa.array(column, pa.string()) if isinstance(column, list) else column
    array = plain(column)
    refused: dict[int, tuple[str, str]] = {}
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        wrong = np.zeros(0, np.int64)
        for zone in ("UTC", None) if naive else ("UTC",):
            try:
                time, wrong = moments_of(array.cast(pa.timestamp("us", zone)))
                break
            except pa.ArrowInvalid:
                continue
        else:  # some are of another form, or without a zone; each is judged by itself
            time, refused = _parsed(array.to_pylist(), naive)
    else:
        time, wrong = moments_of(array)
    if not wrong.size and not refused and time.size and time.min() >= 0 and time.max() < _LATEST:
        return time, refused
    missing = np.flatnonzero(time == NO_TIME)
    outside = np.flatnonzero((time != NO_TIME) & ((time < 0) | (time >= _LATEST)))
    for at in [*wrong.tolist(), *outside.tolist()]:
        refused.setdefault(at, (BAD_TIME, f"this {array.type} is no time between the years 1970 and 2261"))
    for at in missing.tolist():
        refused.setdefault(at, (MISSING_TIME, "the event's time is missing"))
    return time, refused


def _plain_times(values: Sequence[object], naive: bool) -> tuple[Ints, dict[int, tuple[str, str]]]:
    time, refused = _parsed(values, naive)
    missing = set(np.flatnonzero(time == NO_TIME).tolist()) - refused.keys()
    return time, refused | dict.fromkeys(missing, (MISSING_TIME, "the event's time is missing"))


def _parsed(texts: Sequence[object], naive: bool) -> tuple[Ints, dict[int, tuple[str, str]]]:
    time = np.full(len(texts), NO_TIME, np.int64)
    refused: dict[int, tuple[str, str]] = {}
    for at, text in enumerate(texts):
        if text is None:
            continue
        try:
            time[at] = parse_time(text, naive=naive)
        except (ValueError, OverflowError) as error:
            refused[at] = (BAD_TIME, str(error))
    return time, refused


def text_times(schema: Any, events: EventMap | None) -> bool:
    """Whether times are texts, of which a whole column takes one of two ways: then each record stays by itself."""
    import pyarrow as pa

    path = events.time if events else ("time",)
    kind: Any = pa.struct(list(schema))
    for name in path or ():
        at = kind.get_field_index(name) if pa.types.is_struct(kind) else -1
        if at < 0:
            return False
        kind = kind.field(at).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return not (pa.types.is_timestamp(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _either(batch: Batch, path: Path) -> Any:
    """The column at a path, as one of plain values or of the table."""
    mixed = batch.mixed.get(path[0]) if len(path) == 1 else None
    return _at(batch.table, path) if mixed is None else mixed


def _at(table: Any, path: Path) -> Any:
    """The column at a path through structs; None where there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    name, *rest = path
    places = table.schema.get_all_field_indices(name)
    if not places:
        return None
    column = table.column(places[-1])
    for inner in rest:
        if not pa.types.is_struct(column.type) or column.type.get_field_index(inner) < 0:
            return None
        # unlike `field`, this takes the struct's own nulls along
        column = pc.struct_field(column, inner)
    return column


def _metadata(table: Any, name: str) -> str | None:
    value = (table.schema.metadata or {}).get(name.encode())
    return None if value is None else clean(value.decode("utf-8", "replace"))
