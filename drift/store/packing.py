"""A judgement as bytes: one blob per window and segment, whatever the number of columns and statistics.

The names of columns and statistics are the same in thousands of results; they are stored once, as *axes*.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import msgspec
import numpy as np
import zstandard

from drift.core.performance import Performance
from drift.core.result import Breach, Judgement, Outcome


@dataclass(frozen=True)
class Axes:
    """What the rows and columns of a judgement's arrays stand for."""

    columns: tuple[str, ...]
    statistics: tuple[str, ...]
    blob: bytes = field(repr=False)

    @staticmethod
    def of(judgement: Judgement) -> "Axes":
        """Those of a judgement."""
        body = msgspec.json.encode((judgement.columns, judgement.statistics))
        return Axes(judgement.columns, judgement.statistics, zstandard.ZstdCompressor().compress(body))

    @staticmethod
    def load(blob: bytes) -> "Axes":
        """Read what `blob` holds."""
        body = zstandard.ZstdDecompressor().decompress(blob)
        columns, statistics = msgspec.json.decode(body, type=tuple[tuple[str, ...], tuple[str, ...]])
        return Axes(columns, statistics, blob)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the names."""
        return hashlib.sha256(msgspec.json.encode((self.columns, self.statistics))).hexdigest()

    @cached_property
    def column(self) -> dict[str, int]:
        """Position of each column."""
        return {name: i for i, name in enumerate(self.columns)}

    @cached_property
    def statistic(self) -> dict[str, int]:
        """Position of each statistic."""
        return {name: i for i, name in enumerate(self.statistics)}


def pack_performance(performance: Performance) -> bytes:
    """Bytes: MessagePack, zstd."""
    return zstandard.ZstdCompressor().compress(msgspec.msgpack.encode(performance, enc_hook=_plain))


def _plain(value: object) -> object:
    """NumPy's numbers as Python's.

    Raises:
        NotImplementedError: it is none.
    """
    if isinstance(value, np.generic):
        found: object = value.item()
        return found
    raise NotImplementedError(f"a result cannot hold a {type(value).__name__}")


def unpack_performance(blob: bytes) -> Performance:
    """Read what `pack_performance` wrote."""
    return msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(blob), type=Performance)


class _Packed(msgspec.Struct, array_like=True, frozen=True):
    values: bytes
    outcomes: bytes
    thresholds: bytes
    reason: str
    breaches: tuple[Breach, ...]


def pack(judgement: Judgement) -> bytes:
    """Everything of a judgement but its axes, rows and outcome."""
    shape = len(judgement.columns), len(judgement.statistics)
    values = np.ascontiguousarray(judgement.values, "<f8").reshape(shape)
    thresholds = np.ascontiguousarray(judgement.thresholds, "<f8").reshape(shape)
    outcomes = np.ascontiguousarray(judgement.outcomes, np.int8).reshape(shape[0])
    packed = _Packed(
        values.tobytes(), outcomes.tobytes(), thresholds.tobytes(), judgement.reason, tuple(judgement.breaches)
    )
    return zstandard.ZstdCompressor(level=1).compress(msgspec.msgpack.encode(packed))


def unpack(blob: bytes, axes: Axes, rows: int, outcome: int) -> Judgement:
    """The judgement that `pack` was given."""
    packed = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(blob), type=_Packed)
    shape = len(axes.columns), len(axes.statistics)
    return Judgement(
        rows=rows,
        outcome=Outcome(outcome),
        columns=axes.columns,
        statistics=axes.statistics,
        values=np.frombuffer(packed.values, "<f8").reshape(shape),
        outcomes=np.frombuffer(packed.outcomes, np.int8),
        thresholds=np.frombuffer(packed.thresholds, "<f8").reshape(shape),
        breaches=packed.breaches,
        reason=packed.reason,
    )
