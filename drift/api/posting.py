"""From a request's body to records in the queue, and from their commit to the request's answer."""

import asyncio
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from fastapi.concurrency import run_in_threadpool

from drift.api.services import ARROW, JSON, Receipt, Refused
from drift.core.clock import Clock
from drift.core.errors import StoreUnavailable
from drift.store import Store
from ingest.sources.http import Answer, HttpSource

COMMIT_WITHIN: Final = 30.0
"""Seconds that a request waits for its commit."""
_NESTED: Final = 8
"""Arrays within arrays that are taken apart; nobody means more."""
_ROWS: Final = 1 << 20
_raws: Final = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Records:
    """A body taken apart."""

    values: Sequence[bytes]
    events: int


def split(body: bytes, media_type: str) -> Records:
    """The records of a body: one an event, or one Arrow stream with all of them. What cannot be read is one record."""
    if media_type == ARROW:
        return Records([body], arrow_rows(body))
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
    """Rows in an Arrow stream or file, counting as its decoder does: what is refused as a whole is one."""
    import pyarrow as pa

    try:
        source = pa.py_buffer(body)
        if body.startswith(b"ARROW1"):
            reader = pa.ipc.open_file(source)
            batches: Any = (reader.get_batch(i) for i in range(reader.num_record_batches))
        else:
            batches = pa.ipc.open_stream(source)
        rows = 0
        for batch in batches:
            batch.validate(full=True)
            rows += batch.num_rows if batch.num_rows <= _ROWS else 1
    except (pa.ArrowException, OSError, ValueError, MemoryError):
        return 1
    return rows or 1


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
            return _receipt(found)
        # not wait_for: that would cancel the future under the worker's hands
        done, _ = await asyncio.wait({asyncio.wrap_future(found)}, timeout=COMMIT_WITHIN)
        if not done:
            raise StoreUnavailable(
                f"not committed within {COMMIT_WITHIN:.0f} s; perhaps later: repeat it with the same Idempotency-Key"
            )
        return _receipt(done.pop().result())

    def _queue(self, body: bytes, media_type: str, key: str | None) -> "Answer | Future[Answer]":
        if key is not None and (known := self._store.idempotent(key)) is not None:
            return Answer.load(known).checked(hashlib.sha256(body).hexdigest(), key)
        records = split(body, media_type)
        if not records.values:
            return Answer(0)
        queue = self._queues[media_type]
        return queue.submit(records.values, records.events, self._clock.now(), key, body)


def _receipt(answer: Answer) -> Receipt:
    return Receipt(answer.accepted, tuple(Refused(one.index, one.reason, one.detail) for one in answer.rejected))
