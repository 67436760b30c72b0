"""A detector's state as bytes: arrays by name in msgpack, packed by zstd. Nothing is ever unpickled."""

from types import MappingProxyType
from typing import Any, Final

import msgspec
import numpy as np
import zstandard

from detectors.sequential.contract import State
from drift.core.errors import ProfileMismatch

VERSION: Final = 1
MOST: Final = 1 << 30
"""A state never unpacks to more bytes than this; anything larger is refused as damaged."""
_TYPES: Final = {name: np.dtype(name) for name in ("bool", "int8", "int32", "int64", "float32", "float64")}
_LEVEL: Final = 3


class _Array(msgspec.Struct, array_like=True):
    type: str
    shape: tuple[int, ...]
    data: bytes


class _Stored(msgspec.Struct, array_like=True):
    version: int
    arrays: dict[str, _Array]


_decoder: Final = msgspec.msgpack.Decoder(_Stored)


def dump(state: State) -> bytes:
    """Bytes for the store; the same state gives the same bytes.

    Raises:
        TypeError: an array is of another type than bool, int8, int32, int64, float32, float64.
    """
    arrays: dict[str, _Array] = {}
    for name in sorted(state):
        array: np.ndarray[Any, Any] = state[name]
        if array.dtype.name not in _TYPES:
            raise TypeError(f"state {name!r} is of {array.dtype}; a state holds {', '.join(_TYPES)}")
        # little-endian on every machine
        plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        arrays[name] = _Array(array.dtype.name, array.shape, plain.tobytes())
    return zstandard.ZstdCompressor(level=_LEVEL).compress(msgspec.msgpack.encode(_Stored(VERSION, arrays)))


def load(data: bytes) -> State:
    """Read what `dump` wrote.

    Raises:
        ProfileMismatch: the bytes are no such dump, or a newer release wrote them.
    """
    try:
        raw = zstandard.ZstdDecompressor().decompress(data, max_output_size=MOST)
        stored = _decoder.decode(raw)
        if stored.version != VERSION:
            raise ProfileMismatch(
                f"a state of format {stored.version} was written by a newer release; upgrade this one"
            )
        return MappingProxyType({name: _array(held) for name, held in stored.arrays.items()})
    except (msgspec.DecodeError, zstandard.ZstdError, KeyError, ValueError) as error:
        raise ProfileMismatch(f"these bytes are no stored state ({error})") from error


def _array(held: _Array) -> np.ndarray[Any, Any]:
    return np.frombuffer(held.data, _TYPES[held.type].newbyteorder("<")).astype(_TYPES[held.type]).reshape(held.shape)
