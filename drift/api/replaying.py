"""Dead letters, fed in again after their cause was mended."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from typing import Any, Final

import msgspec

from drift.api.posting import accepted, arrow_rows
from drift.api.services import Replayed
from drift.config import SourceSettings
from drift.core.errors import StoreUnavailable
from drift.service.service import Service
from drift.store.rows import DeadLetterRow
from ingest.sources.http import Answer, HttpSource

NO_TIME: Final = -1
"""A record's own time is not kept with a dead letter: an event without a time of its own is refused again."""
COMMIT_WITHIN: Final = 30.0
AT_ONCE: Final = 100
"""Dead letters on their way at a time: their payloads stay far below what the queue may hold."""


class Replay:
    """Feeds dead letters to a queue whose worker decodes as their source does."""

    def __init__(self, service: Service, queues: Mapping[str, HttpSource], instance: str) -> None:
        """`queues`: those of HTTP by format. A source with a `map` of its own gets one of its own."""
        self._store, self._plain = service.store, queues
        sources = [source for source in service.config.sources if source.kind != "http"]
        self._formats = {source.name: source.format for source in sources}
        self._mapped = {
            source.name: self._queue_for(service, source, instance)
            for source in sources
            if source.map is not None or source.format not in self._plain
        }

    @staticmethod
    def _queue_for(service: Service, source: SourceSettings, instance: str) -> HttpSource:
        queue = HttpSource(f"{instance}:replay:{source.name}", service.config.http.queue)
        service.add_worker(f"replay-{source.name}", queue, source)
        return queue

    def __call__(self, ids: Sequence[int]) -> Replayed:
        """Feed in those that never were, and wait for their commit.

        Each goes under an idempotency key of its own and is marked afterwards: however often it is asked for, and
        wherever the process dies, its event counts once.

        Raises:
            StoreUnavailable: not all were committed in time.
        """
        replayed = counted = 0
        for first in range(0, len(ids), AT_ONCE):
            rows = self._store.dead_letters_not_replayed(ids[first : first + AT_ONCE])
            answers = [self._submit(row) for row in rows]
            if wait(answers, COMMIT_WITHIN).not_done:
                raise StoreUnavailable(
                    "not all of these were committed yet; `drift status` shows when the store is back"
                )
            replayed += len(self._store.dead_letter_replay_claim([row.id for row in rows]))
            counted += sum(accepted(answer.result(), batch=True) for answer in answers)
        return Replayed(replayed, counted)

    def _submit(self, row: DeadLetterRow) -> Future[Answer]:
        key = f"dead-letter-{row.id}"
        counted = self._store.idempotent(key)
        if counted is not None:
            done: Future[Answer] = Future()
            done.set_result(Answer.load(counted))
            return done
        letter = row.letter
        queue, payload = self._mapped.get(letter.partition.source), letter.payload
        if queue is None:
            form, payload = as_sent(payload, self._formats.get(letter.partition.source, ""))
            queue = self._plain[form]
        events = arrow_rows(payload) if is_arrow(payload) else 1
        return queue.submit([payload], events, NO_TIME, key, letter.payload)


def is_arrow(payload: bytes) -> bool:
    """Whether it begins as an Arrow stream or file does."""
    return payload.startswith((b"\xff\xff\xff\xff", b"ARROW1"))


def as_sent(payload: bytes, form: str) -> tuple[str, bytes]:
    """The format to decode a payload by, and the payload in it. A refused row of a batch was kept as a JSON object.

    Args:
        payload: as it was kept.
        form: what its source is configured to send; empty: not known.
    """
    if is_arrow(payload):
        return "arrow", payload
    try:
        row = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ("csv" if form == "csv" else "json"), payload
    # an event has its features in an object of their own, a row has them beside the rest
    if not isinstance(row, dict) or "features" in row or form == "json":
        return "json", payload
    return "arrow", _as_arrow(row)


def _as_arrow(row: dict[str, Any]) -> bytes:
    import pyarrow as pa

    batch = pa.RecordBatch.from_pylist([row])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())
