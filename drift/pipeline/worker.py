"""The worker: owns partitions, turns records into sums, commits both together.

One thread, one loop. Rebalances, gaps, the database's absence and other workers reach it only between two polls.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Final

import numpy as np
import structlog

from drift.core.clock import MINUTE, Clock
from drift.core.commit import Claim, Gap, IngestCommit, Partition
from drift.core.errors import CatalogueChanged, Conflict, Fenced, OffsetGap, SourceUnavailable, StoreUnavailable
from drift.core.records import Chunk
from drift.pipeline.buffer import Buffer
from drift.pipeline.held import Held
from drift.pipeline.intake import Intake
from drift.pipeline.ports import DecoderFactory, Metrics, Sink, Source

log = structlog.get_logger(__name__)

DECODED_AT_ONCE: Final = 4 << 20
"""Bytes of records decoded at once; as columns they take many times as much."""
CATALOGUE_INTERVAL: Final = 1.0
"""Seconds between two looks at the catalogue's version while nothing is committed (a commit checks it by itself)."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a worker batches and waits. Seconds, bytes, records; event times in microseconds."""

    owner: str
    poll_records: int = 2_000
    commit_bytes: int = 32 << 20
    heartbeat_interval: float = 5.0
    """The store takes an owner for dead after several of these."""
    future_bound: int = 5 * MINUTE
    """Event times further ahead of the clock than this are refused: one wrong clock must not close all windows."""
    backoff_least: float = 0.5
    backoff_most: float = 30.0


class Worker:
    """Consumes one source. `step` is one turn; `run` turns until told to stop."""

    def __init__(
        self, source: Source, decoders: DecoderFactory, store: Sink, clock: Clock, metrics: Metrics, options: Options
    ) -> None:
        self._source, self._store = source, store
        self._clock, self._metrics, self._options = clock, metrics, options
        self._held: dict[Partition, Held] = {}
        self._buffer = Buffer(self._options.commit_bytes)
        self._flushed_at = self._beaten_at = self._refreshed_at = clock.monotonic()
        self._retry_at: float | None = None
        self._failures = 0
        self._orphans: dict[Partition, float] = {}
        self._intake = Intake(decoders, clock, options.future_bound)
        self._intake.use(store.catalogue())

    @property
    def held(self) -> dict[Partition, Held]:
        """The partitions owned now."""
        return self._held

    @property
    def idle(self) -> bool:
        """Whether everything read is committed and every partition is at its end."""
        return not self._orphans and not any(h.moved or h.lag for h in self._held.values())

    @property
    def finished(self) -> bool:
        """Whether every partition has ended for good and is committed (files)."""
        return bool(self._held) and all(h.finished and not h.moved for h in self._held.values())

    def run(self, stop: Event) -> None:
        """Turn until `stop` is set, then commit what was read and hand the partitions back."""
        try:
            while not stop.is_set():
                self.step()
        finally:
            self.close()

    def step(self, timeout: float = 0.2) -> int:
        """One turn; the number of records read in it."""
        now = self._clock.monotonic()
        if self._retry_at is not None and now >= self._retry_at:
            self._flush()
        self._reacquire(now)
        try:
            poll = self._source.poll(timeout, self._options.poll_records)
        except SourceUnavailable as error:
            log.warning("source away", source=self._source.name, error=str(error))
            self._clock.sleep(min(self._options.backoff_least, 1.0))
            # no heartbeat: nobody knows where the log ends now, and the last known end would let windows close
            if self._due():
                self._flush()
            return 0
        self._lose(poll.revoked)
        self._gain(poll.assigned)
        for gap in poll.gaps:
            self._note_gap(gap)
        self._take(poll.chunks)
        if self._due():
            self._flush()
        self._beat()
        return sum(len(chunk.offsets) for chunk in poll.chunks)

    def close(self) -> None:
        """Commit what was read, hand the partitions back, leave the source."""
        try:
            if self._retry_at is None:
                self._flush()
            for held in self._held.values():
                self._store.release(held.claim)
        except StoreUnavailable as error:
            log.warning("stopped while the store was away; what was not committed will be read again", error=str(error))
        finally:
            self._held.clear()
            self._source.close()

    # ---- partitions

    def _gain(self, partitions: Sequence[Partition]) -> None:
        # a client may miss that it lost a partition before it got it again; it delivers nothing until `start`
        self._lose([p for p in partitions if p in self._held])
        for partition in partitions:
            self._orphans.setdefault(partition, 0.0)
        if partitions:
            self._reacquire(self._clock.monotonic())

    def _reacquire(self, now: float) -> None:
        """Acquire what the source assigned and SQL has not given us yet; after a fence, once the backoff has passed."""
        due = sorted(p for p, at in self._orphans.items() if at <= now)
        if not due or self._retry_at is not None:
            return
        try:
            topics = {(p.source, p.topic) for p in self._source.partitions()}
            for source, topic in sorted(topics):
                numbers = [p.number for p in self._source.partitions() if (p.source, p.topic) == (source, topic)]
                self._store.register_partitions(source, topic, numbers)
            for partition in due:
                self._acquire(partition)
        except SourceUnavailable as error:
            log.warning("source away; acquiring later", source=self._source.name, error=str(error))
            self._orphan(due)
        except StoreUnavailable as error:
            self._back_off(error)

    def _acquire(self, partition: Partition) -> None:
        claim = self._store.acquire(partition, self._options.owner)
        open_gaps = [gap for gap in self._store.gaps() if gap.partition == partition and gap.until is None]
        self._held[partition] = Held.of(claim, self._store.watermarks(partition), open_gaps)
        self._orphans.pop(partition)
        log.info("partition acquired", partition=str(partition), epoch=claim.epoch, next=claim.next)
        self._start([claim])

    def _lose(self, partitions: Sequence[Partition]) -> None:
        if self._retry_at is None and any(p in self._held for p in partitions):
            # the fence decides whether this still counts
            self._flush()
        lost = [held for p in partitions if (held := self._held.pop(p, None)) is not None]
        for partition in partitions:
            self._orphans.pop(partition, None)
        if any(held.moved for held in lost):
            # a commit holds all partitions or none: what is left is read again without the lost ones
            self._rewind()
        for held in lost:
            self._metrics.forget(held.claim.partition)
            self._release(held.claim)

    def _release(self, claim: Claim) -> None:
        try:
            self._store.release(claim)
        except StoreUnavailable as error:
            log.warning("partition not handed back", partition=str(claim.partition), error=str(error))

    def _beat(self) -> None:
        now = self._clock.monotonic()
        if now - self._beaten_at < self._options.heartbeat_interval or self._retry_at is not None or not self._held:
            return
        self._beaten_at = now
        try:
            ends = self._source.log_ends()
        except SourceUnavailable as error:
            # a heartbeat with the last known end could call a partition caught up that has grown meanwhile
            log.warning("source away; no heartbeat", source=self._source.name, error=str(error))
            return
        for partition, end in ends.items():
            if partition in self._held:
                self._held[partition].log_end = end
        try:
            lost = self._store.heartbeat({h.claim: h.log_end for h in self._held.values()})
        except StoreUnavailable as error:
            self._back_off(error)
            return
        if lost:
            self._fence([claim.partition for claim in lost])
        for held in self._held.values():
            self._metrics.lag(held.claim.partition, held.lag)

    # ---- records

    def _note_gap(self, gap: OffsetGap) -> None:
        held = self._held.get(Partition(gap.source, gap.topic, gap.partition))
        if held is None:
            return
        log.error("records were deleted before they were read", gap=str(gap))
        # of the slowest model: what is lost may be its rows
        after = min(held.watermarks.values(), default=None)
        lost = Gap(held.claim.partition, gap.first, gap.last, self._clock.now(), after)
        held.gaps += (lost,)
        self._buffer.gaps.append(lost)
        held.next = gap.resume

    def _take(self, chunks: Sequence[Chunk]) -> None:
        fresh = [part for chunk in chunks if (part := self._new(chunk)) is not None]
        for portion in _portions(fresh):
            letters = self._intake.take(portion, self._held, self._buffer)
            if letters:
                self._source.refuse(letters)

    def _new(self, chunk: Chunk) -> Chunk | None:
        """The part of a chunk that was not read yet; None if the partition is not ours."""
        held = self._held.get(chunk.partition)
        if held is None or (held.next is not None and chunk.next <= held.next and not chunk.finished):
            return None
        if held.next is None or not chunk.offsets or chunk.offsets[0] >= held.next:
            return chunk
        return chunk.after(held.next)

    # ---- sums to SQL

    def _due(self) -> bool:
        if self._retry_at is not None:
            return False
        waited = self._clock.monotonic() - self._flushed_at
        full = self._buffer.size >= self._options.commit_bytes
        return full or waited >= self._source.flush_interval or self._ended or self._unpinned

    @property
    def _ended(self) -> bool:
        return any(h.finished and not h.ended for h in self._held.values())

    @property
    def _unpinned(self) -> bool:
        """A first position: until it is in SQL, `start: latest` would mean another one after a crash."""
        return any(h.expected is None and h.moved for h in self._held.values())

    def _flush(self) -> None:
        """Commit the buffer; on success or fence it is empty afterwards, while the store is away it is kept."""
        self._flushed_at = self._clock.monotonic()
        was_away, self._retry_at = self._retry_at is not None, None
        moved = [held for held in self._held.values() if held.moved]
        try:
            if moved:
                self._commit(moved)
            else:
                self._refresh(least=0.0 if was_away else CATALOGUE_INTERVAL)
        except StoreUnavailable as error:
            self._back_off(error, was_away)
            return
        if was_away:
            if not moved:
                self._failures = 0
            self._source.resume()

    def _commit(self, moved: Sequence[Held]) -> None:
        batch = IngestCommit(
            catalogue_version=self._intake.catalogue.version,
            advances=tuple(held.advance() for held in sorted(moved, key=lambda held: held.claim.partition)),
            panes=self._buffer.deltas(),
            joinings=self._buffer.joinings(),
            dead_letters=tuple(self._buffer.dead_letters),
            gaps=tuple(self._buffer.gaps),
            idempotency=self._source.answers({held.claim.partition: held.next or 0 for held in moved}),
        )
        try:
            self._store.commit(batch)
        except CatalogueChanged:
            log.info("models or references changed; counting again since the last commit")
            self._refresh(least=0.0)
            self._rewind()
        except Conflict:
            # another server has counted a request with one of these keys meanwhile
            known = {key: self._store.idempotent(key) for key in batch.idempotency}
            self._source.repeated({key: answer for key, answer in known.items() if answer is not None})
            self._rewind()
        except Fenced as error:
            log.warning("fenced", error=str(error))
            self._metrics.fenced()
            self._fence(list(self._held))
        else:
            self._failures = 0
            self._settle(moved)

    def _settle(self, moved: Sequence[Held]) -> None:
        self._metrics.commit(self._clock.monotonic() - self._flushed_at)
        names = {model.id: name for name, model in self._intake.catalogue.models.items()}
        for held in moved:
            self._metrics.records(held.claim.partition.source, held.claim.partition.topic, held.records)
            held.settle()
            self._metrics.lag(held.claim.partition, held.lag)
            for model_id, micros in held.watermarks.items():
                if model_id in names:
                    self._metrics.watermark(held.claim.partition, names[model_id], micros)
        self._report()
        self._source.commit({h.claim.partition: h.next or 0 for h in moved}, self._store.uuid)
        self._buffer = Buffer(self._options.commit_bytes)

    def _report(self) -> None:
        buffer = self._buffer
        for model, n in buffer.rows.items():
            self._metrics.rows(model, n)
        for model, n in buffer.late.items():
            self._metrics.late(model, n)
        for model, n in buffer.labels.items():
            self._metrics.labels(model, n)
        for letter in buffer.dead_letters:
            self._metrics.dead_letter(letter.reason, 1)
        for gap in buffer.gaps:
            self._metrics.gap(gap.last - gap.first + 1)

    def _rewind(self) -> None:
        """Drop the buffer and read every held partition again from its SQL position."""
        self._buffer = Buffer(self._options.commit_bytes)
        self._start([held.rewind() for held in self._held.values()])

    def _start(self, claims: Sequence[Claim]) -> None:
        """Seek. Where that fails the partition is given up until acquired again: reading on would skip records."""
        try:
            self._source.start(claims)
        except SourceUnavailable as error:
            log.warning("could not seek; acquiring again later", error=str(error))
            self._orphan([claim.partition for claim in claims])

    def _orphan(self, partitions: Sequence[Partition]) -> None:
        self._failures += 1
        at = self._clock.monotonic() + self._delay()
        for partition in partitions:
            self._held.pop(partition, None)
            self._orphans[partition] = at

    def _fence(self, partitions: Sequence[Partition]) -> None:
        """Drop the buffer; whatever the source still assigns to us is acquired again after the backoff."""
        self._rewind()
        self._orphan(partitions)

    def _back_off(self, error: StoreUnavailable, paused: bool = False) -> None:
        """Pause and keep the buffer, which is bounded because nothing is read meanwhile."""
        self._failures += 1
        delay = self._delay()
        log.warning("store away; the buffer is kept", error=str(error), retry_in_seconds=round(delay, 1))
        if not paused and self._retry_at is None:
            self._source.pause()
        self._retry_at = self._clock.monotonic() + delay

    def _delay(self) -> float:
        most = min(self._options.backoff_most, self._options.backoff_least * 2.0 ** min(self._failures - 1, 10))
        # full jitter: workers that lost the same database do not come back together
        return most * (0.5 + 0.5 * float(np.random.default_rng().random()))

    # ---- catalogue

    def _refresh(self, least: float) -> None:
        """Notice new models and references, looking at most once in `least` seconds."""
        now = self._clock.monotonic()
        if now - self._refreshed_at < least:
            return
        self._refreshed_at = now
        if self._store.catalogue_version() != self._intake.catalogue.version:
            self._intake.use(self._store.catalogue())


def _portions(chunks: Sequence[Chunk]) -> Iterator[list[Chunk]]:
    """All records, in portions of about `DECODED_AT_ONCE` bytes; by far the most polls are one."""
    if sum(len(value or b"") for chunk in chunks for value in chunk.values) <= DECODED_AT_ONCE:
        if chunks:
            yield list(chunks)
        return
    for chunk in chunks:
        for piece in chunk.pieces(DECODED_AT_ONCE):
            yield [piece]
