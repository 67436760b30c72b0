"""The tolerant way: events as plain dictionaries, each value judged by itself.

About ten times slower than the typed way, and taken only by events that the typed way refuses. What becomes of an event
depends on that event alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from drift.core.derive import parse_time
from drift.core.errors import RecordRejected
from drift.core.grid import NAN, WRONG
from drift.core.records import BAD_TIME, LABEL_ONLY, MALFORMED, MISSING_TIME, UNKNOWN_MODEL, WRONG_TYPE_REASON
from drift.core.rows import WRONG_TYPE, Key
from drift.core.schema import Column, Kind, Storage, canonical_key
from ingest.decoding.mapping import Constant, EventMap, Path
from ingest.decoding.pieces import Piece, spell
from ingest.decoding.plan import Plan

_SHOWN: Final = 80
LABEL_ALONE: Final = "a label by itself needs an id, and a model whose reference has a label; this one has not"
LONGEST_ID: Final = 1_024
LONGEST_LABEL: Final = 256


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an event says about itself."""

    model: str
    time: int
    version: str | int | float | None


def model_of(event: object, events: EventMap) -> str:
    """The name of an event's model.

    Raises:
        RecordRejected: it is no object, or names no model.
    """
    if not isinstance(event, dict):
        raise RecordRejected(MALFORMED, f"an event is a JSON object; this is {shown(event)}")
    if isinstance(events.model, Constant):
        return events.model.value
    name = follow(event, events.model)
    if not isinstance(name, str):
        where = ".".join(events.model)
        raise RecordRejected(UNKNOWN_MODEL, f"`{where}` names the model; here it is {shown(name)}")
    return name


def envelope(event: dict[str, Any], plan: Plan, timestamp: int) -> Envelope:
    """Judge all of an event but its columns' values.

    Args:
        event: of the plan's model.
        plan: where things stand.
        timestamp: the record's own time in microseconds; −1 where there is none.

    Raises:
        RecordRejected: no time, or no objects where objects belong.
    """
    for parent in plan.parents:
        held(event, parent)
    if isinstance(plan.map.features, tuple):
        held(event, plan.map.features)
    return Envelope(plan.model, _time(event, plan.map, timestamp), _version(event, plan.map))


def follow(event: dict[str, Any], path: Path) -> Any:
    """The value at a path; None where it is absent.

    Raises:
        RecordRejected: something on the way is no object.
    """
    value: Any = event
    for depth, name in enumerate(path):
        if value is None:
            return None
        if not isinstance(value, dict):
            raise RecordRejected(WRONG_TYPE_REASON, f"`{'.'.join(path[:depth])}` is no object but {shown(value)}")
        value = value.get(name)
    return value


def held(event: dict[str, Any], path: Path) -> dict[str, Any]:
    """The object at a path; empty where it is absent.

    Raises:
        RecordRejected: there is something else.
    """
    value = follow(event, path)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RecordRejected(WRONG_TYPE_REASON, f"`{'.'.join(path)}` is no object but {shown(value)}")
    return value


@dataclass(frozen=True, slots=True)
class Label:
    """A label by itself."""

    id: str
    label: str
    time: int


def label_alone(event: dict[str, Any], plan: Plan, timestamp: int) -> Label | None:
    """The label that an event consists of; None: it is a prediction.

    Raises:
        RecordRejected: it is a label alone, and no prediction can meet it; or it has no time.
    """
    if not _label_only(event, plan):
        return None
    if plan.map.label is None or plan.map.id is None or not plan.outcomes:
        raise RecordRejected(LABEL_ONLY, LABEL_ALONE)
    id_, label = (follow(event, path) for path in (plan.map.id, plan.map.label))
    return Label(*label_of(id_, label), _time(event, plan.map, timestamp))


def label_of(id_: object, label: object) -> tuple[str, str]:
    """An id and a label in their canonical spelling.

    Raises:
        RecordRejected: they are missing, of a wrong type, or too long.
    """
    if not isinstance(id_, str | int | float) or isinstance(id_, bool) or id_ != id_:
        raise RecordRejected(LABEL_ONLY, f"a label by itself needs the id of its prediction; this is {shown(id_)}")
    if not isinstance(label, str | int | float) or label != label:
        raise RecordRejected(WRONG_TYPE_REASON, f"a label is a name, a number, true or false, not {shown(label)}")
    spelled = clean(canonical_key(id_)), clean(canonical_key(label)).replace("\0", "\ufffd")
    if len(spelled[0]) > LONGEST_ID or len(spelled[1]) > LONGEST_LABEL:
        raise RecordRejected(LABEL_ONLY, f"an id has at most {LONGEST_ID} characters, a label {LONGEST_LABEL}")
    return spelled


def _label_only(event: dict[str, Any], plan: Plan) -> bool:
    if plan.map.label is None or follow(event, plan.map.label) is None:
        return False
    if plan.map.own_object and follow(event, plan.map.features) is not None:  # type: ignore[arg-type]  # own_object
        return False
    return all(follow(event, path) is None for path in plan.telling)


def _time(event: dict[str, Any], events: EventMap, timestamp: int) -> int:
    if events.time is None:
        if timestamp < 0:
            raise RecordRejected(MISSING_TIME, "neither the map names a time nor has the record a timestamp")
        return timestamp
    value = follow(event, events.time)
    if value is None:
        raise RecordRejected(MISSING_TIME, f"`{'.'.join(events.time)}` is missing; it is the event's time")
    try:
        return parse_time(value, naive=events.naive)
    except (ValueError, OverflowError) as error:
        raise RecordRejected(BAD_TIME, str(error)) from error


def _version(event: dict[str, Any], events: EventMap) -> str | int | float | None:
    if events.version is None or isinstance(events.version, Constant):
        return events.version.value if events.version else None
    version = follow(event, events.version)
    if version is None or (isinstance(version, str | int | float) and not isinstance(version, bool)):
        return clean(version) if isinstance(version, str) else version if version == version else "nan"
    where = ".".join(events.version)
    raise RecordRejected(WRONG_TYPE_REASON, f"`{where}` is a string or a number, not {shown(version)}")


def piece(plan: Plan, events: Sequence[dict[str, Any]], envelopes: Sequence[Envelope], records: Sequence[int]) -> Piece:
    """The columns of events whose envelopes are in order."""
    objects = {parent: [held(event, parent) for event in events] for parent in plan.parents}
    numbers = np.full((len(plan.fields.numbers), len(events)), np.nan)
    odd: list[tuple[int, int, int]] = []
    for placed in plan.numbers:
        name = placed.name
        for at, holder in enumerate(objects[placed.parent]):
            value, slot = number(holder.get(name))
            numbers[placed.row, at] = value
            if slot is not None:
                odd.append((placed.row, at, slot))
    return Piece(
        np.array(records, np.int64),
        np.array([envelope.time for envelope in envelopes], np.int64),
        spell([envelope.version for envelope in envelopes]),
        numbers,
        {p.column.name: [key(holder.get(p.name), p.column) for holder in objects[p.parent]] for p in plan.keys},
        {path: [holder.get(path[-1]) for holder in objects[path[:-1]]] for path in {p.path for p in plan.derived}},
        odd,
    )


def number(value: object) -> tuple[float, int | None]:
    """A number column's value, and the special slot where a double cannot say it: NaN, or a wrong type.

    Integers beyond the range of a double are infinite.
    """
    if type(value) is float and value - value == 0:  # finite, by far the most
        return value, None
    if value is None:
        return np.nan, None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return np.nan, WRONG
    try:
        size = float(value)
    except OverflowError:
        return (np.inf if value > 0 else -np.inf), None
    return size, NAN if size != size else None


def key(value: object, column: Column) -> Key:
    """A category as it came. Strings and numbers are both good names; a boolean column takes what it is stored as."""
    if value is None:
        return None
    if isinstance(value, bool):
        return value if column.kind is Kind.BOOLEAN else WRONG_TYPE
    if not isinstance(value, str | int | float) or column.storage is Storage.BOOLEAN:
        return WRONG_TYPE
    return clean(value) if isinstance(value, str) else value


def clean(text: str) -> str:
    """The text with lone surrogates, which no database takes, turned into '?'."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def shown(value: object, spell_out: Callable[[object], str] = ascii) -> str:
    """A value for an error message: short, and printable whatever it holds."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    text = "missing" if value is None else spell_out(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
