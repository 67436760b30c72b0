"""A bound on what one compressed Kafka batch may unpack to, for kafka-python, which has none.

A batch of 1 MB, the broker's usual limit, can unpack to 1 GB. Past the bound a batch is replaced by one record at its
last offset whose value says so: no event, hence a dead letter, and reading goes on behind it.
"""

import io
import zlib
from typing import Any, Final

from kafka.errors import CorruptRecordError
from kafka.record import default_records
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

LIMIT: Final = 64 << 20
"""Bytes that one batch may unpack to."""

_original: Final = DefaultRecordBatch._maybe_uncompress  # noqa: SLF001  # the library has no other place for a bound


class _TooLarge(Exception):  # noqa: N818  # never leaves this module
    """A batch unpacks to more than the limit."""


def install() -> None:
    """Put the bound in place for this process; doing so again changes nothing."""
    default_records.gzip_decode = _gzip
    default_records.zstd_decode = _zstd
    default_records.lz4_decode = _lz4
    DefaultRecordBatch._maybe_uncompress = _bounded  # noqa: SLF001


def _bounded(batch: Any) -> None:
    try:
        _original(batch)
    except _TooLarge:
        size = len(batch._buffer)  # noqa: SLF001
        text = f"a compressed batch of {size:,} bytes unpacks to more than {LIMIT:,}; it was not read"
        builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
        builder.append(batch.last_offset - batch.base_offset, batch.first_timestamp, None, text.encode(), [])
        stand_in = DefaultRecordBatch(builder.build())
        # the record stands behind the header, and counts its time from the batch's first, as here
        batch._buffer, batch._pos = bytearray(stand_in._buffer), stand_in._pos  # noqa: SLF001
        batch._num_records, batch._decompressed = 1, True  # noqa: SLF001


def _gzip(data: Any) -> bytes:
    unpack = zlib.decompressobj(wbits=31)
    found = _within(unpack.decompress(data, LIMIT + 1))
    if not unpack.eof:
        raise CorruptRecordError("a gzip batch ends too early")
    return found


def _zstd(data: bytes) -> bytes:
    import zstandard

    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as reader:
        return _within(reader.read(LIMIT + 1))


def _lz4(data: bytes) -> bytes:
    import lz4.frame  # type: ignore[import-untyped]  # no types

    return _within(lz4.frame.LZ4FrameDecompressor().decompress(data, max_length=LIMIT + 1))


def _within(data: bytes) -> bytes:
    if len(data) > LIMIT:
        raise _TooLarge
    return data
