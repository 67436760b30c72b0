"""From a request's body to records in the queue, and from their commit to the request's answer."""

import asyncio
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Final

import msgspec
from fastapi.concurrency import run_in_threadpool

from drift.api.services import ARROW, CSV, JSON, Receipt, Refused
from drift.core.clock import Clock
from drift.core.errors import StoreUnavailable
from drift.core.records import EMPTY, MALFORMED, TOO_LARGE
from drift.core.texts import delimiter_of
from drift.store import Store
from ingest.sources.http import Answer, HttpSource

COMMIT_WITHIN: Final = 30.0
"""Seconds that a request waits for its commit."""
_NESTED: Final = 8
"""Arrays within arrays that are taken apart; nobody means more."""
_WHOLE: Final = (MALFORMED, TOO_LARGE, EMPTY)
"""Reasons for which a batch is refused as a whole; all others are about one of its rows."""
_raws: Final = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Records:
    """A body taken apart."""

    values: Sequence[bytes]
    events: int


def split(body: bytes, media_type: str) -> Records:
    """The records of a body: one an event, or one batch with all of them. What cannot be read is one record."""
    if media_type in _ROWS:
        return Records([body], _ROWS[media_type](body))
    texts = [body] if media_type == JSON else [line for line in body.splitlines() if line.strip()]
    values = [event for text in texts for event in _events(text, _NESTED)]
    return Records(values, len(values))


def _events(text: bytes, depth: int) -> Iterator[bytes]:
    if text.lstrip()[:1] != b"[" or not depth:
        yield text
        return
    parts = _parts(text)
    if parts is None:
        yield text
        return
    for part in parts:
        yield from _events(part, depth - 1)


def _parts(text: bytes) -> list[bytes] | None:
    """The items of a JSON array as texts; None: it is no array."""
    try:
        return [bytes(raw) for raw in _raws.decode(text)]
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        pass
    try:  # what Python writes: NaN, Infinity
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return [json.dumps(item).encode() for item in found] if isinstance(found, list) else None


def arrow_rows(body: bytes) -> int:
    """Rows in an Arrow stream or file; 1 for what is none, as it is refused as a whole."""
    import pyarrow as pa

    try:
        if not body.startswith(b"ARROW1"):
            return sum(batch.num_rows for batch in pa.ipc.open_stream(body)) or 1
        reader = pa.ipc.open_file(body)
        return sum(reader.get_batch(i).num_rows for i in range(reader.num_record_batches)) or 1
    except (pa.ArrowException, OSError, ValueError, MemoryError):
        return 1


def csv_rows(body: bytes) -> int:
    """Rows below the header of a CSV text; 1 for what is none."""
    import pyarrow as pa
    from pyarrow import csv

    header = body[: body.find(b"\n") + 1].decode("utf-8-sig", "replace")
    try:
        table = csv.read_csv(
            io.BytesIO(body),
            csv.ReadOptions(skip_rows=1, autogenerate_column_names=True, use_threads=False, block_size=len(body) + 1),
            csv.ParseOptions(delimiter=delimiter_of(header), newlines_in_values=True),
            csv.ConvertOptions(include_columns=["f0"]),
        )
    except (pa.ArrowException, OSError, ValueError):
        return 1
    return int(table.num_rows) or 1


_ROWS: Final = {ARROW: arrow_rows, CSV: csv_rows}


def accepted(answer: Answer, *, batch: bool) -> int:
    """Events that were counted, of a request that was one batch or one event a record."""
    return 0 if batch and any(one.reason in _WHOLE for one in answer.rejected) else answer.accepted


class Posted:
    """Requests with events: queued, committed, answered; a request known by its key gets the answer of before."""

    def __init__(self, queues: Mapping[str, HttpSource], store: Store, clock: Clock) -> None:
        """`queues`: media type → the queue whose worker decodes it."""
        self._queues, self._store, self._clock = queues, store, clock

    async def submit(self, body: bytes, media_type: str, key: str | None) -> Receipt:
        """Queue the events of a body and wait until they are committed.

        Raises:
            BackPressure, Conflict, StoreUnavailable: see `drift.api.services.Events`.
        """
        found = await run_in_threadpool(self._queue, body, media_type, key)
        if isinstance(found, Answer):
            return replace(_receipt(found, media_type), repeated=key is not None)
        # not wait_for: that would cancel the future under the worker's hands
        done, _ = await asyncio.wait({asyncio.wrap_future(found)}, timeout=COMMIT_WITHIN)
        if not done:
            raise StoreUnavailable(
                f"not committed within {COMMIT_WITHIN:.0f} s; perhaps later: repeat it with the same Idempotency-Key"
            )
        return _receipt(done.pop().result(), media_type)

    def _queue(self, body: bytes, media_type: str, key: str | None) -> "Answer | Future[Answer]":
        if key is not None and (known := self._store.idempotent(key)) is not None:
            return Answer.load(known).checked(hashlib.sha256(body).hexdigest(), key)
        records = split(body, media_type)
        if not records.values:
            return Answer(0)
        queue = self._queues[media_type]
        return queue.submit(records.values, records.events, self._clock.now(), key, body)


def _receipt(answer: Answer, media_type: str) -> Receipt:
    counted = accepted(answer, batch=media_type in _ROWS)
    return Receipt(counted, tuple(Refused(one.index, one.reason, one.detail) for one in answer.rejected))
