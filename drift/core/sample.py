"""The row sample: rows themselves, kept only where a model asks for it (`row_sample: 1000`).

A pane keeps the k rows whose ids hash lowest (bottom-k; Cohen, Kaplan 2007, 10.1145/1281100.1281133): a uniform sample
without replacement that does not depend on order, partition or machine, and merges: the k lowest of the union. Each id
counts once, however often it was sent; of several rows with one id the earliest is kept. What is kept of a row is its
event time and what is counted of it: numbers and keys, no raw text, vector or id. A row without an id is known by its
place in its log.

Nothing is subtracted: a correction does not take a row out of the sample.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import zstandard

from drift.core.errors import ProfileMismatch
from drift.core.grid import key_hash
from drift.core.profile import MAX_BLOB
from drift.core.rows import WRONG_TYPE, Coded, Fields, Key, Keys, Rows
from drift.core.schema import Role, canonical_key

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

MOST_ROWS: Final = 100_000
"""The largest `row_sample`."""
LONGEST_KEY: Final = 256
"""Characters of a key that are kept."""
_VERSION: Final = 1


class _Packed(msgspec.Struct, array_like=True, frozen=True):
    version: int
    size: int
    names: tuple[str, ...]
    hashes: bytes
    time: bytes
    numbers: bytes
    keys: dict[str, tuple[bytes, list[str]]]


@dataclass(frozen=True)
class RowSample:
    """At most `size` rows in the order of their ids' hashes."""

    size: int
    """k"""
    names: tuple[str, ...]
    """Of the number columns."""
    hashes: Hashes
    """(n,) ascending, each once."""
    time: Ints
    """(n,) event time, microseconds."""
    numbers: Floats
    """(number columns, n); NaN is missing, or what no number can say."""
    keys: Mapping[str, npt.NDArray[np.object_]]
    """Each key column's n keys in canonical spelling; None is missing or of a wrong type."""

    def __len__(self) -> int:
        return int(self.hashes.size)

    @staticmethod
    def of(rows: Rows, hashes: Hashes, size: int, fields: Fields) -> "RowSample":
        """The sample of some rows; O(n log n). `fields` are those that `rows` were projected to."""
        lowest = np.unique(hashes)[:size]
        at = np.flatnonzero(hashes <= lowest[-1]) if lowest.size else np.zeros(0, np.int64)
        some = rows.take(at)
        names = tuple(column.name for column in fields.numbers)
        keys = {c.name: _spelled(some.keys[c.name]) for c in fields.keys if c.role is not Role.ID}
        made = RowSample(size, names, hashes[at], some.time, np.ascontiguousarray(some.numbers), keys)
        return made.take(_lowest(made))

    @staticmethod
    def merge(parts: Iterable["RowSample"]) -> "RowSample":
        """The sample of all parts' rows, whatever their order; at least one is needed.

        Raises:
            ProfileMismatch: they are samples of other columns or sizes.
        """
        listed = list(parts)
        if not listed:
            raise ProfileMismatch("there is no sample to merge")
        first = listed[0]
        if any((p.size, p.names, p.keys.keys()) != (first.size, first.names, first.keys.keys()) for p in listed):
            raise ProfileMismatch("samples of other columns or sizes cannot be merged: they belong to other references")
        if len(listed) == 1:
            return first
        whole = RowSample(
            first.size, first.names,
            np.concatenate([p.hashes for p in listed]), np.concatenate([p.time for p in listed]),
            np.concatenate([p.numbers for p in listed], axis=1),
            {name: np.concatenate([p.keys[name] for p in listed]) for name in first.keys},
        )  # fmt: skip
        return whole.take(_lowest(whole))

    def take(self, at: Ints) -> "RowSample":
        """The rows at these positions."""
        keys = {name: values[at] for name, values in self.keys.items()}
        return RowSample(self.size, self.names, self.hashes[at], self.time[at], self.numbers[:, at], keys)

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """Every column by name, numbers first."""
        return {**dict(zip(self.names, self.numbers, strict=True)), **self.keys}

    @property
    def nbytes(self) -> int:
        """Memory held, about."""
        return self.numbers.nbytes + len(self) * (16 + 32 * len(self.keys))

    def dump(self) -> bytes:
        """Bytes for the store: MessagePack, zstd."""
        packed = _Packed(
            _VERSION, self.size, self.names, self.hashes.astype("<u8").tobytes(), self.time.astype("<i8").tobytes(),
            self.numbers.astype("<f8").tobytes(), {name: _coded(values) for name, values in self.keys.items()},
        )  # fmt: skip
        return zstandard.ZstdCompressor(level=3).compress(msgspec.msgpack.encode(packed))

    @staticmethod
    def load(data: bytes) -> "RowSample":
        """Read what `dump` wrote.

        Raises:
            ProfileMismatch: the bytes are not such a dump.
        """
        try:
            raw = zstandard.ZstdDecompressor().decompress(data, max_output_size=MAX_BLOB)
            packed = msgspec.msgpack.decode(raw, type=_Packed)
            if packed.version != _VERSION:
                raise ProfileMismatch(f"a sample of format {packed.version} is of a newer release; upgrade this one")
            hashes = np.frombuffer(packed.hashes, "<u8").astype(np.uint64)
            numbers = np.frombuffer(packed.numbers, "<f8").reshape(len(packed.names), hashes.size)
            keys = {name: _decoded(*coded) for name, coded in packed.keys.items()}
            time = np.frombuffer(packed.time, "<i8").astype(np.int64)
        except (msgspec.DecodeError, zstandard.ZstdError, ValueError, IndexError) as error:
            raise ProfileMismatch(f"these bytes are no stored sample ({error})") from error
        return RowSample(packed.size, packed.names, hashes, time, numbers.astype(np.float64), keys)

    @staticmethod
    def fold(blobs: Iterable[bytes]) -> bytes:
        """One blob that holds the sample of all; at least one is needed."""
        return RowSample.merge(map(RowSample.load, blobs)).dump()


def id_hashes(rows: Rows, fields: Fields, places: Callable[[Ints], Sequence[str]]) -> Hashes:
    """(n,) 64-bit hashes (BLAKE2b) of the rows' ids, or of their places where they have none; about 1 µs a row."""
    name = next((column.name for column in fields.keys if column.role is Role.ID), None)
    keys = rows.keys.get(name) if name is not None else None
    ids: list[str | None] = [None] * len(rows) if keys is None else [*map(_identity, _plain(keys))]
    without = np.array([at for at, known in enumerate(ids) if known is None], np.int64)
    for at, place in zip(without.tolist(), places(without) if without.size else (), strict=True):
        ids[at] = f"at {place}"
    return np.fromiter((key_hash(str(known)) for known in ids), np.uint64, len(rows))


def _identity(key: Key) -> str | None:
    if key is None or key is WRONG_TYPE or key != key:
        return None
    return f"id {canonical_key(key)}"  # type: ignore[arg-type]  # None and WRONG_TYPE are gone


def _plain(keys: Keys) -> list[Key]:
    if not isinstance(keys, Coded):
        return keys
    return [*map([*keys.dictionary, None].__getitem__, keys.codes.tolist())]


def _lowest(whole: RowSample) -> Ints:
    """Positions of the `size` lowest hashes; of equal ones the earliest row, then the one whose content is lowest."""
    order = np.lexsort((whole.time, whole.hashes))
    hashes, time = whole.hashes[order], whole.time[order]
    same = np.flatnonzero((np.diff(hashes) == 0) & (np.diff(time) == 0))
    if same.size:
        content = {int(at): _content(whole, int(at)) for at in {*order[same].tolist(), *order[same + 1].tolist()}}
        order = np.array(
            sorted(order.tolist(), key=lambda at: (whole.hashes[at], whole.time[at], content.get(at, ""))), np.int64
        )
        hashes = whole.hashes[order]
    first = np.ones(order.size, np.bool_)
    first[1:] = np.diff(hashes) > 0
    return order[first][: whole.size]


def _content(whole: RowSample, at: int) -> str:
    return repr((whole.numbers[:, at].tolist(), [whole.keys[name][at] for name in sorted(whole.keys)]))


def _spelled(keys: Keys) -> npt.NDArray[np.object_]:
    """(n,) canonical keys."""
    if isinstance(keys, Coded):
        table = np.array([*map(_spell, keys.dictionary), None], object)
        return table[keys.codes]
    return np.array([*map(_spell, keys), None], object)[:-1]


def _spell(key: Key) -> str | None:
    if key is None or key is WRONG_TYPE or key != key:
        return None
    return canonical_key(key)[:LONGEST_KEY]  # type: ignore[arg-type]  # None and WRONG_TYPE are gone


def _coded(values: npt.NDArray[np.object_]) -> tuple[bytes, list[str]]:
    known: dict[str, int] = {}
    codes = [-1 if value is None else known.setdefault(value, len(known)) for value in values.tolist()]
    return np.array(codes, "<i4").tobytes(), list(known)


def _decoded(codes: bytes, dictionary: list[str]) -> npt.NDArray[np.object_]:
    found: npt.NDArray[np.object_] = np.array([*dictionary, None], object)[np.frombuffer(codes, "<i4")]
    return found
