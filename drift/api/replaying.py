"""Dead letters, fed in again after their cause was mended."""

from collections.abc import Sequence
from concurrent.futures import Future, wait
from typing import Final

from drift.api.posting import arrow_rows
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

    def __init__(self, service: Service, json_queue: HttpSource, arrow_queue: HttpSource, instance: str) -> None:
        """A source with a `map` of its own gets a queue of its own; all others share those of HTTP."""
        self._store = service.store
        self._plain = {"json": json_queue, "arrow": arrow_queue}
        self._mapped = {
            source.name: self._queue_for(service, source, instance)
            for source in service.config.sources
            if source.kind != "http" and (source.map is not None or source.format not in self._plain)
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
            counted += sum(answer.result().accepted for answer in answers)
        return Replayed(replayed, counted)

    def _submit(self, row: DeadLetterRow) -> Future[Answer]:
        key = f"dead-letter-{row.id}"
        counted = self._store.idempotent(key)
        if counted is not None:
            done: Future[Answer] = Future()
            done.set_result(Answer.load(counted))
            return done
        payload, source = row.letter.payload, row.letter.partition.source
        is_arrow = payload.startswith((b"\xff\xff\xff\xff", b"ARROW1"))
        queue = self._mapped.get(source) or self._plain["arrow" if is_arrow else "json"]
        events = arrow_rows(payload) if is_arrow else 1
        return queue.submit([payload], events, NO_TIME, key, payload)
