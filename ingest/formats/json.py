"""JSON: one event, or an array of events, a record. See `ingest.decoding.mapping` for the event's shape.

A record first goes the typed way; what that refuses (a wrong type, NaN literals, a time that is no time, arrays) goes
the tolerant way by itself.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drift.core.errors import ConfigError, RecordRejected
from drift.core.fields import Shape, places
from drift.core.records import EMPTY, MALFORMED, MAX_RECORD, TOO_LARGE, UNKNOWN_MODEL, Decoded, Labels, Rejected
from drift.core.rows import Fields
from ingest.decoding import plain
from ingest.decoding.mapping import Constant, EventMap, Path
from ingest.decoding.pieces import Ints, Piece, join
from ingest.decoding.plan import Plan
from ingest.decoding.structs import Typed, Unsuitable
from ingest.decoding.unknown import Unknown

_REFUSED: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_SLICE: Final = 512
"""Events whose structs are alive at once: about a megabyte, which stays in the processor's cache (a third faster)."""
_KEPT: Final = 1 << 16
"""Bytes kept of a record that is too large."""
_DIGITS: Final = 4300
"""Python and msgspec refuse to read longer integers; a double is infinite long before."""

_raws = msgspec.json.Decoder(list[msgspec.Raw])
_anything = msgspec.json.Decoder()


class Options(BaseModel):
    """What can be said about a JSON stream."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    map: dict[str, Any] | None = None
    """Where the parts of an event stand, if not where Driftsum's own event format has them."""
    max_record: int = Field(default=MAX_RECORD, gt=0)
    """Bytes; larger records are dead letters."""


def decoder(options: Mapping[str, Any], models: Mapping[str, Fields]) -> "JsonDecoder":
    """A decoder for these models.

    Raises:
        ConfigError: an option that does not exist, or a map that cannot be.
    """
    try:
        return JsonDecoder(Options.model_validate(dict(options)), models)
    except ValidationError as error:
        raise ConfigError(f"format json: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from error


class JsonDecoder:
    """See the module. Built once per catalogue version, then reused."""

    def __init__(self, options: Options, models: Mapping[str, Fields]) -> None:
        self.limit = options.max_record
        self.map = EventMap.parse(options.map)
        self.plans = {name: Plan.of(name, fields, self.map) for name, fields in models.items()}
        constant = self.map.model.value if isinstance(self.map.model, Constant) else None
        alone = len(models) == 1 or constant is not None
        self.unknown = {name: Unknown.placed(plan) for name, plan in self.plans.items()}
        self.typed: dict[str, Typed] = {}
        for name, plan in self.plans.items():
            try:
                self.typed[name] = Typed(plan, check_model=alone)
            except Unsuitable:
                continue
        self.only = (constant or next(iter(models), None)) if alone else None
        self.envelope = _envelope(self.map.model if isinstance(self.map.model, tuple) else ("model",))

    def decode(self, values: Sequence[bytes | None], timestamps: Sequence[int]) -> Decoded:
        """Decode records; `timestamps` (microseconds, −1 none) are used where the map names no time."""
        batch = _Batch(self, np.asarray(timestamps, np.int64))
        batch.records(values)
        rows = {name: join(self.plans[name], pieces) for name, pieces in batch.pieces.items()}
        return Decoded(rows, batch.rejected, {name: _labels(found) for name, found in batch.labels.items()})


class _Batch:
    """One call of `decode`: pieces and refusals as they come."""

    def __init__(self, by: JsonDecoder, timestamps: Ints) -> None:
        self._by = by
        self._timestamps = timestamps
        self._plain: dict[str, list[tuple[int, dict[str, Any], plain.Envelope]]] = {}
        self.pieces: dict[str, list[Piece]] = {}
        self.labels: dict[str, list[tuple[int, plain.Label]]] = {}
        self.rejected: list[Rejected] = []

    def records(self, values: Sequence[bytes | None]) -> None:
        """Everything."""
        texts, record = self._sized(values)
        self._events(texts, record, None)
        for name, found in self._plain.items():
            records, events, envelopes = zip(*found, strict=True)
            piece = plain.piece(self._by.plans[name], events, envelopes, records)
            shape = self._by.unknown[name].shape
            piece.looked.extend((at, shape(events[at])) for at in places(piece.time))
            self.pieces.setdefault(name, []).append(piece)

    def _sized(self, values: Sequence[bytes | None]) -> tuple[Sequence[bytes], Ints]:
        """The records that have a size that can be decoded, and their positions."""
        everything = np.arange(len(values))
        try:
            if max(map(len, values), default=0) <= self._by.limit:  # type: ignore[arg-type]  # None has no length
                return values, everything  # type: ignore[return-value]  # no None
        except TypeError:
            pass
        good: list[int] = []
        for at, value in enumerate(values):
            if value is None:
                self._reject(at, 0, EMPTY, "the record has no value (a tombstone)", b"")
            elif len(value) > self._by.limit:
                detail = f"{len(value):,} bytes are more than the {self._by.limit:,} that max_record allows"
                self._reject(at, 0, TOO_LARGE, detail, value[:_KEPT])
            else:
                good.append(at)
        return [value for at in good if (value := values[at]) is not None], everything[good]

    def _events(self, texts: Sequence[bytes], record: Ints, index: Sequence[int] | None) -> None:
        """Events or arrays of events. `index`: each one's place in its array; None: they are records themselves."""
        if not texts:
            return
        left: list[int] = []
        for name, at in self._by_model(texts, left):
            chosen = texts if at is None else [texts[i] for i in at.tolist()]
            self._typed(name, chosen, record if at is None else record[at], at, left)
        for i in left:
            self._tolerant(texts[i], int(record[i]), 0 if index is None else index[i], whole=index is None)

    def _by_model(self, texts: Sequence[bytes], left: list[int]) -> list[tuple[str, Ints | None]]:
        """Model names with the positions of their events (None: all); what names no known model goes to `left`."""
        by = self._by
        if by.only is not None:
            if by.only in by.typed:
                return [(by.only, None)]
            left.extend(range(len(texts)))
            return []
        read, name_of = by.envelope
        found, refused = attempt(read, texts)
        left.extend(refused)
        good = np.delete(np.arange(len(texts)), refused) if refused else np.arange(len(texts))
        groups: dict[str, list[int]] = {}
        for at, name in zip(good.tolist(), map(name_of, found), strict=True):
            groups.setdefault(name, []).append(at)
        for name in groups.keys() - by.typed.keys():
            left.extend(groups.pop(name))
        return [(name, np.array(at, np.int64)) for name, at in groups.items()]

    def _typed(self, name: str, texts: Sequence[bytes], record: Ints, at: Ints | None, left: list[int]) -> None:
        typed, shape = self._by.typed[name], self._by.unknown[name].shape
        for start in range(0, len(texts), _SLICE):
            events, refused = attempt(typed.decode, texts[start : start + _SLICE])
            good = np.arange(start, start + len(events) + len(refused))
            if refused:
                good = np.delete(good, refused)
            piece, odd = typed.columns(events, record[good], self._timestamps[record[good]])
            if len(piece.record):
                kept = np.delete(good, odd) if odd.size else good
                piece.looked.extend(_looked(texts, kept, piece.time, shape))
                self.pieces.setdefault(name, []).append(piece)
            back = [*(start + i for i in refused), *good[odd].tolist()]
            left.extend(back if at is None else at[back].tolist())

    def _tolerant(self, text: bytes, record: int, index: int, whole: bool) -> None:
        """One event, or where `whole` says that it is a whole record, perhaps an array of them."""
        try:
            if whole and text.lstrip()[:1] == b"[":
                self._array(text, record)
            else:
                self._one(_read(text), text, record, index)
        except RecordRejected as error:
            self._reject(record, index, error.reason, error.detail, text)

    def _array(self, text: bytes, record: int) -> None:
        try:
            parts = [bytes(raw) for raw in _raws.decode(text)]
        except _REFUSED:  # NaN literals and the like
            for index, event in enumerate(_read(text)):
                self._checked(event, record, index)
            return
        if not parts:
            raise RecordRejected(EMPTY, "the array holds no event")
        self._events(parts, np.full(len(parts), record), range(len(parts)))

    def _checked(self, event: object, record: int, index: int) -> None:
        payload = json.dumps(event).encode()
        try:
            self._one(event, payload, record, index)
        except RecordRejected as error:
            self._reject(record, index, error.reason, error.detail, payload)

    def _one(self, event: object, text: bytes, record: int, index: int) -> None:
        name = plain.model_of(event, self._by.map)
        plan = self._by.plans.get(name)
        if plan is None or not isinstance(event, dict):
            raise RecordRejected(UNKNOWN_MODEL, f"there is no model {plain.shown(name)} with a reference")
        label = plain.label_alone(event, plan, int(self._timestamps[record]))
        if label is not None:
            self.labels.setdefault(name, []).append((record, label))
            return
        envelope = plain.envelope(event, plan, int(self._timestamps[record]))
        self._plain.setdefault(name, []).append((record, event, envelope))

    def _reject(self, record: int, index: int, reason: str, detail: str, payload: bytes) -> None:
        self.rejected.append(Rejected(record, index, reason, detail, payload))


def _labels(found: Sequence[tuple[int, plain.Label]]) -> Labels:
    records, labels = zip(*found, strict=True)
    return Labels(records, *zip(*((one.id, one.label, one.time) for one in labels), strict=True))


def _looked(texts: Sequence[bytes], kept: Ints, time: Ints, shape: Callable[[Any], Shape]) -> list[tuple[int, Shape]]:
    """Unknown fields of some of the events at `kept`; one that can be decoded only without them is passed over."""
    some = places(time)
    events, refused = attempt(_anything.decode, [texts[i] for i in kept[:: some.step].tolist()])
    at = np.delete(some, refused).tolist() if refused else some
    return [*zip(at, map(shape, events), strict=True)]


def attempt(decode: Callable[[bytes], Any], texts: Sequence[bytes]) -> tuple[list[Any], list[int]]:
    """Decode as much as can be; the results, and the positions of those that were refused."""
    results: list[Any] = []
    refused: list[int] = []
    rest = map(decode, texts)
    while True:
        try:
            results.extend(rest)
        except _REFUSED:
            # the list has all that came before, and the iterator goes on behind the one that failed
            refused.append(len(results) + len(refused))
        else:
            return results, refused


def _envelope(path: Path) -> tuple[Callable[[bytes], Any], Callable[[Any], str]]:
    """What reads the model's name alone, and takes it out of what was read."""
    shape: Any = str
    for part in reversed(path):
        shape = msgspec.defstruct("Envelope", [("inner", shape)], rename={"inner": part}, gc=False)
    return msgspec.json.Decoder(shape).decode, attrgetter(".".join(["inner"] * len(path)))


def _read(text: bytes) -> Any:
    """Any JSON, as well as what Python writes: NaN, Infinity, integers of any size, lone surrogates.

    Raises:
        RecordRejected: it is not JSON, or is nested too deeply.
    """
    try:
        return _anything.decode(text)
    except _REFUSED:
        pass
    try:
        return _tolerant.decode(text.decode("utf-8-sig"))
    except RecursionError as error:
        raise RecordRejected(MALFORMED, "the JSON is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise RecordRejected(MALFORMED, f"the record is not UTF-8 from byte {error.start} on") from error
    except ValueError as error:
        raise RecordRejected(MALFORMED, f"the record is not JSON: {error}") from error


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS else float(digits)


_tolerant = json.JSONDecoder(parse_int=_integer)
