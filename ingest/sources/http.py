"""Requests over HTTP: a bounded queue between the web server's threads and a worker.

A request is delivered whole and committed whole, so that a client that sends it again with its key after a crash finds
either all of it counted or none. Positions number the records since the store was made.
"""

import hashlib
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition
from typing import Final

import msgspec

from drift.core.commit import PUSHED, Claim, DeadLetter, Partition
from drift.core.errors import BackPressure, Conflict, StoreUnavailable
from drift.core.records import Chunk, Poll

RETRY_AFTER: Final = 1.0
"""Seconds; the queue is emptied several times a second unless the store is away."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event of a request that is not counted; `index` is its place in the request."""

    index: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request, as it is kept under its idempotency key."""

    accepted: int
    rejected: tuple[Refusal, ...] = ()
    body: str = ""
    """SHA-256 of the body."""

    def dump(self) -> bytes:
        """As JSON."""
        return msgspec.json.encode(self)

    @staticmethod
    def load(data: bytes) -> "Answer":
        """Read what `dump` wrote."""
        return msgspec.json.decode(data, type=Answer)

    def checked(self, body: str, key: str) -> "Answer":
        """This answer, if it was given to that body.

        Raises:
            Conflict: the key was used for another body.
        """
        if self.body != body:
            raise Conflict(f"Idempotency-Key {key!r} was used for another body; take a new key for a new request")
        return self


@dataclass(slots=True)
class _Request:
    records: Sequence[bytes]
    events: int
    at: int
    key: str | None
    body: str
    future: "Future[Answer]" = field(default_factory=Future)
    refused: list[Refusal] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(map(len, self.records))

    @property
    def answer(self) -> Answer:
        return Answer(self.events - len(self.refused), tuple(self.refused), self.body)


class HttpSource:
    """The queue. `submit` may be called from any thread; everything else is the worker's.

    Args:
        instance: tells several servers on one store apart; the same after a restart.
        capacity: bytes that may wait for their commit.
    """

    name = PUSHED
    flush_interval = 0.05

    def __init__(self, instance: str, capacity: int) -> None:
        self.partition = Partition(PUSHED, instance)
        self._capacity = capacity
        self._requests: deque[_Request] = deque()
        self._keys: dict[str, _Request] = {}
        self._changed = Condition()
        self._size = 0
        self._base: int | None = None
        self._delivered = 0
        self._paused = self._announced = self._closed = False

    # ---- any thread

    def submit(self, records: Sequence[bytes], events: int, at: int, key: str | None, body: bytes) -> "Future[Answer]":
        """Queue a request; the future is done when its events are committed.

        Args:
            records: its events, one each, or one batch.
            events: how many events they hold.
            at: when it came, microseconds.
            key: the idempotency key.
            body: as it was sent.

        Raises:
            BackPressure: the queue is full.
            Conflict: the key is being used for another body.
            StoreUnavailable: the service is stopping.
        """
        digest = hashlib.sha256(body).hexdigest()
        with self._changed:
            if self._closed:
                raise StoreUnavailable("the service is stopping; send the request again in a moment")
            same = self._keys.get(key) if key is not None else None
            if same is not None:
                if same.body != digest:
                    raise Conflict(f"Idempotency-Key {key!r} is in use for another body; take a new key")
                return same.future
            request = _Request(records, events, at, key, digest)
            if self._requests and self._size + request.size > self._capacity:
                raise BackPressure(
                    f"{self._size:,} bytes of events wait for their commit, {self._capacity:,} may; send it later",
                    RETRY_AFTER,
                )
            self._requests.append(request)
            self._size += request.size
            if key is not None:
                self._keys[key] = request
            self._changed.notify_all()
            return request.future

    # ---- the worker's thread

    def poll(self, timeout: float, max_records: int) -> Poll:
        """Whole requests, up to about `max_records` records of them."""
        with self._changed:
            if not self._announced:
                self._announced = True
                return Poll(assigned=(self.partition,))
            self._changed.wait_for(lambda: self._closed or self._ready, timeout)
            if not self._ready or self._base is None:
                return Poll()
            values: list[bytes] = []
            stamps: list[int] = []
            for request in self._waiting():
                values += request.records
                stamps += [request.at] * len(request.records)
                if len(values) >= max_records:
                    break
            first = self._base + self._delivered
            self._delivered += len(values)
            after = first + len(values)
            return Poll((Chunk(self.partition, range(first, after), stamps, values, after, self._end),))

    @property
    def _ready(self) -> bool:
        queued = sum(len(request.records) for request in self._requests)
        return not self._paused and self._base is not None and queued > self._delivered

    @property
    def _end(self) -> int:
        return (self._base or 0) + sum(len(request.records) for request in self._requests)

    def _waiting(self) -> list[_Request]:
        """Requests that were not delivered yet."""
        seen, waiting = 0, []
        for request in self._requests:
            if seen >= self._delivered:
                waiting.append(request)
            seen += len(request.records)
        return waiting

    def start(self, claims: Sequence[Claim]) -> None:
        """Deliver again from a position; what lies before it is committed, even if nobody could say so at the time."""
        for claim in claims:
            with self._changed:
                position = claim.next or 0
                if self._base is None:
                    self._base = position
                self._settle(position)
                self._delivered = 0
                for request in self._requests:
                    request.refused.clear()

    def commit(self, positions: Mapping[Partition, int], metadata: str) -> None:
        """Answer the requests that end before these positions."""
        with self._changed:
            for position in positions.values():
                self._settle(position)

    def _settle(self, position: int) -> None:
        while self._requests and self._base is not None and self._base + len(self._requests[0].records) <= position:
            request = self._requests[0]
            self._base += len(request.records)
            self._delivered = max(0, self._delivered - len(request.records))
            self._forget(request)
            request.future.set_result(request.answer)

    def _forget(self, request: _Request) -> None:
        self._requests.remove(request)
        self._size -= request.size
        if request.key is not None:
            self._keys.pop(request.key, None)

    def refuse(self, letters: Sequence[DeadLetter]) -> None:
        """These events cannot be counted; their requests' answers will say so."""
        with self._changed:
            for letter in letters:
                first = self._base or 0
                for request in self._requests:
                    if letter.offset < first + len(request.records):
                        index = letter.offset - first if len(request.records) > 1 else letter.index
                        request.refused.append(Refusal(index, letter.reason, letter.detail))
                        break
                    first += len(request.records)

    def answers(self, positions: Mapping[Partition, int]) -> Mapping[str, bytes]:
        """Idempotency key → answer of the requests that end before these positions."""
        with self._changed:
            end, found = self._base or 0, {}
            for request in self._requests:
                end += len(request.records)
                if request.key is not None and end <= positions.get(self.partition, 0):
                    found[request.key] = request.answer.dump()
            return found

    def repeated(self, answers: Mapping[str, bytes]) -> None:
        """These keys were counted by another server: give its answers and drop the requests. A `start` follows."""
        with self._changed:
            for key, stored in answers.items():
                request = self._keys.get(key)
                if request is None:
                    continue
                self._forget(request)
                try:
                    request.future.set_result(Answer.load(stored).checked(request.body, key))
                except Conflict as error:
                    request.future.set_exception(error)

    def pause(self) -> None:
        """Deliver nothing; requests go on to queue up to the capacity."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        """Deliver again."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def log_ends(self) -> Mapping[Partition, int]:
        """Position after the last queued record."""
        with self._changed:
            return {self.partition: self._end}

    def partitions(self) -> Sequence[Partition]:
        """The one partition."""
        return (self.partition,)

    def close(self) -> None:
        """Tell everybody who still waits that nothing of theirs was counted."""
        with self._changed:
            self._closed = True
            while self._requests:
                request = self._requests.popleft()
                request.future.set_exception(
                    StoreUnavailable("the service stopped before this was committed; send the request again")
                )
            self._keys.clear()
            self._changed.notify_all()
