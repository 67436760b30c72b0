"""Delivery of the outbox: one thread per receiver, at least once, first in first out within a stream.

    waiting ── sent ──> SENT                      2xx
       │  ^
       │  └── again ── later, with the same key   5xx, 408, 425, 429, no answer: it may be there or not
       └───── refused, or tried too often ──> DEAD, and the next of its stream goes on

A notice is sent only under the lease `delivery`, which is renewed before each attempt and outlasts its deadline; what
was read before the lease was ours is read again. So two servers do not deliver at once, and no late 'firing' of one
follows a 'resolved' of the other, even if one stands still for as long as it likes: it cannot connect any more.
"""

import traceback
from collections.abc import Callable, Sequence
from random import Random
from threading import Event, Lock
from typing import Final, Protocol

import structlog

from alerts.backoff import Backoff
from alerts.egress import before
from alerts.message import Message
from alerts.routes.contract import Fate, Outcome, Route, Standing
from drift.core.alert import Notice
from drift.core.clock import SECOND, Clock
from drift.core.commit import Lease
from drift.core.errors import DriftError, StoreError

log = structlog.get_logger(__name__)

LEASE: Final = "delivery"
LEASE_SECONDS: Final = 90.0
"""Longer than any attempt can take, which is 40 s and a name's resolution."""
AT_ONCE: Final = 50
WAKE_SECONDS: Final = 1.0
STORE_AWAY_SECONDS: Final = 5.0
GIVEN_UP: Final = "given_up"
OVERTAKEN: Final = "a later message of the same incident was delivered already"
STREAMS: Final = 1_000
"""Streams whose last notice is remembered: more than are ever delivered within one attempt."""


class Store(Protocol):
    """What delivery needs of the store."""

    def lease(self, name: str, holder: str, ttl_seconds: float) -> Lease | None:
        """The lease, if it is free or the holder's own."""

    def release_lease(self, lease: Lease) -> None:
        """Hand it back."""

    def waiting(self, receiver: str, now: int, limit: int) -> list[Notice]:
        """The oldest undone notice of each of the receiver's streams, where it is due; oldest first."""

    def sent(self, notice_id: int, on: int) -> bool:
        """Waiting → sent; whether it was waiting."""

    def failed(self, notice_id: int, error: str, not_before: int) -> bool:
        """One more try that failed; whether it was waiting."""

    def given_up(self, notice_id: int, error: str, on: int) -> bool:
        """Waiting → dead; whether it was waiting."""


class Metrics(Protocol):
    """What delivery reports."""

    def delivery(self, receiver: str, outcome: str, seconds: float) -> None:
        """An attempt ended as `sent`, `again`, `refused` or `given_up`."""


class Duty:
    """The lease that all receivers of one server deliver under, or all triggers start runs. Thread-safe."""

    def __init__(self, store: Store, holder: str, name: str = LEASE) -> None:
        self._store, self._holder, self._name = store, holder, name
        self._lease: Lease | None = None
        self._lock = Lock()

    def held(self) -> bool:
        """Take or renew it; whether it is ours for the next `LEASE_SECONDS`.

        Raises:
            StoreError: the store is away.
        """
        return self.epoch() > 0

    def epoch(self) -> int:
        """Take or renew it; a number that grows whenever another server has had it meanwhile. 0: it is not ours.

        Raises:
            StoreError: the store is away.
        """
        with self._lock:
            self._lease = self._store.lease(self._name, self._holder, LEASE_SECONDS)
            return 0 if self._lease is None else self._lease.epoch

    def release(self) -> None:
        """Hand it back, so that another server goes on at once."""
        with self._lock:
            lease, self._lease = self._lease, None
            if lease is not None:
                self._store.release_lease(lease)


class Delivery:
    """Delivers to one receiver. `step` does what is due now, `run` does so until it is stopped."""

    def __init__(
        self,
        store: Store,
        receiver: str,
        route: Route,
        duty: Duty,
        clock: Clock,
        metrics: Metrics,
        rng: Random,
        *,
        backoff: Backoff | None = None,
        standing: Standing | None = None,
        firing: Callable[[], Sequence[Message]] = tuple,
    ) -> None:
        """`standing` is the route where it forgets what is not said again, `firing` what it should know of now."""
        self.receiver = receiver
        self._store, self._route, self._duty, self._clock, self._metrics = store, route, duty, clock, metrics
        self._rng, self._backoff = rng, backoff or Backoff()
        self._standing, self._firing = standing, firing
        self._held_until = self._kept_at = float("-inf")
        self._latest: dict[str, int] = {}
        self._epoch = 0
        self._wake = Event()

    def wake(self) -> None:
        """Something was queued."""
        self._wake.set()

    def run(self, stopping: Event) -> None:
        """Deliver until `stopping` is set; a store that is away is waited for."""
        while not stopping.is_set():
            pause = WAKE_SECONDS
            try:
                if self.step(stopping):
                    continue  # the next of a stream may be due by now
            except StoreError as error:
                log.warning("delivery waits for the store", receiver=self.receiver, error=str(error))
                pause = STORE_AWAY_SECONDS
            self._wake.wait(pause)
            self._wake.clear()

    def step(self, stopping: Event | None = None) -> int:
        """Try what is due now, and say again what stands; the attempts made.

        Raises:
            StoreError: the store is away; what was not marked will be sent again with the same key.
        """
        done = 0
        for notice in self._owned():
            end = self._clock.monotonic() + LEASE_SECONDS
            if (stopping is not None and stopping.is_set()) or self._duty.epoch() != self._epoch:
                return done
            if notice.id < self._latest.get(notice.stream, 0):
                self._store.given_up(notice.id, OVERTAKEN, self._clock.now())
                continue
            self._attempt(notice, end)
            done += 1
            if self._resting():
                break
        self._keep()
        return done

    def _owned(self) -> list[Notice]:
        """What is due, read while the lease was ours: before, another server may have been sending it."""
        due = self._due()
        epoch = self._duty.epoch() if due else 0
        if due and epoch != self._epoch:
            self._epoch, due = epoch, self._due()
        return due if epoch else []

    def _due(self) -> list[Notice]:
        return [] if self._resting() else self._store.waiting(self.receiver, self._clock.now(), AT_ONCE)

    def _resting(self) -> bool:
        """Whether the receiver asked to be left alone for now: it meant all of us, not one notice."""
        return self._clock.monotonic() < self._held_until

    def _attempt(self, notice: Notice, end: float) -> None:
        started = self._clock.monotonic()
        outcome = self._call(lambda: self._route.send(Message.load(notice.body)), end)
        word, kept = outcome.fate.value, True
        match outcome.fate:
            case Fate.SENT:
                self._remember(notice)
                kept = self._store.sent(notice.id, self._clock.now())
            case Fate.REFUSED:
                kept = self._store.given_up(notice.id, outcome.detail, self._clock.now())
            case Fate.AGAIN:
                word, kept = self._again(notice, outcome)
        self._metrics.delivery(self.receiver, word, self._clock.monotonic() - started)
        self._tell(notice, word, outcome)
        if not kept:
            log.info("the notice was done by somebody else", receiver=self.receiver, notice=notice.id)

    def _remember(self, notice: Notice) -> None:
        """What was sent again by a person while a later one was under way must not follow it."""
        self._latest.pop(notice.stream, None)
        self._latest[notice.stream] = notice.id
        if len(self._latest) > STREAMS:
            del self._latest[next(iter(self._latest))]

    def _again(self, notice: Notice, outcome: Outcome) -> tuple[str, bool]:
        wait = self._backoff.wait(notice.tries + 1, outcome.retry_after, self._rng)
        if wait is None:
            error = f"{outcome.detail}; given up after {notice.tries + 1} tries"
            return GIVEN_UP, self._store.given_up(notice.id, error, self._clock.now())
        if outcome.retry_after is not None:
            self._held_until = self._clock.monotonic() + min(outcome.retry_after, self._backoff.most)
        return Fate.AGAIN.value, self._store.failed(notice.id, outcome.detail, self._clock.now() + round(wait * SECOND))

    def _keep(self) -> None:
        """Say again what stands, on its interval; what is said comes from state, so nothing has to be queued."""
        now = self._clock.monotonic()
        if self._standing is None or now - self._kept_at < self._standing.every or not self._duty.held():
            return
        self._kept_at = now
        standing, firing = self._standing, self._firing()
        if not firing:
            return
        outcome = self._call(lambda: standing.keep(firing), now + LEASE_SECONDS)
        self._metrics.delivery(self.receiver, outcome.fate.value, self._clock.monotonic() - now)
        if outcome.fate is not Fate.SENT:
            log.warning("what fires could not be said again", receiver=self.receiver, why=outcome.detail)

    def _call(self, send: Callable[[], Outcome], end: float) -> Outcome:
        """What a route says, which cannot connect any more once the lease has ended. A mistake in it stops nothing; its
        text is not shown, since it may quote a secret."""
        try:
            with before(end, self._clock.monotonic):
                return send()
        except DriftError as error:
            return Outcome(Fate.AGAIN, str(error))
        except Exception as error:  # noqa: BLE001  logged, as its kind and place
            frames = traceback.extract_tb(error.__traceback__)
            where = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
            kind = type(error).__name__
            log.error("a route failed; this is a bug, please report it", receiver=self.receiver, error=kind, at=where)
            return Outcome(Fate.AGAIN, f"the route failed with {kind}; the log says where")

    def _tell(self, notice: Notice, word: str, outcome: Outcome) -> None:
        told = log.info if outcome.fate is Fate.SENT else log.warning
        told("notice", receiver=self.receiver, notice=notice.id, stream=notice.stream, outcome=word, why=outcome.detail)
