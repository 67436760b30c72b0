"""What runs on a schedule beside evaluation: folding, compaction, retention; one server at a time by a lease."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from drift.core.catalogue import Catalogue, Reference
from drift.core.clock import DAY, MINUTE, Clock
from drift.core.commit import Lease
from drift.core.errors import DriftError, Fenced

log = structlog.get_logger(__name__)

LEASE: Final = "maintenance"
LEASE_SECONDS: Final = 120.0
FOLD_AFTER: Final = 10 * MINUTE
"""Deltas of a pane are added up once it is so old: most of its rows are there, and few readers wait."""
AT_ONCE: Final = 50
IDEMPOTENCY: Final = DAY


class Retained(Protocol):
    """How many rows retention removed."""


class Store(Protocol):
    """The part of the store that is kept small."""

    def catalogue(self) -> Catalogue:
        """Models and references."""

    def lease(self, name: str, holder: str, ttl_seconds: float) -> Lease | None:
        """The right to work alone."""

    def renew(self, lease: Lease, ttl_seconds: float) -> Lease | None:
        """Keep it; None: lost."""

    def fold(self, lease: Lease, reference: Reference, *, before: int, limit: int) -> int:
        """Add up deltas of panes."""

    def compact(self, lease: Lease, reference: Reference, *, hours_before: int, days_before: int, limit: int) -> int:
        """Panes to hours, hours to days."""

    def retain(
        self,
        lease: Lease,
        *,
        panes_before: int,
        results_before: int,
        dead_letters_before: int,
        idempotency_before: int,
        outcomes_before: int,
    ) -> Retained:
        """Remove what is older."""


@dataclass(frozen=True, slots=True)
class Ages:
    """From which age on things are added up or removed, microseconds."""

    hours_after: int
    days_after: int
    panes: int
    results: int
    dead_letters: int
    labels: int


class Maintenance:
    """Keeps the store small without changing a sum."""

    def __init__(
        self, store: Store, clock: Clock, holder: str, ages: Ages, stopping: Callable[[], bool] = lambda: False
    ) -> None:
        self._store, self._clock, self._holder, self._ages = store, clock, holder, ages
        self._stopping = stopping

    def compact(self) -> int:
        """Fold deltas, then panes into hours and hours into days; how many sums were written."""
        now, done = self._clock.now(), 0
        lease = self._store.lease(LEASE, self._holder, LEASE_SECONDS)
        for reference in self._store.catalogue().references:
            while lease is not None and not self._stopping():
                written = self._store.fold(lease, reference, before=now - FOLD_AFTER, limit=AT_ONCE)
                written += self._store.compact(
                    lease, reference, hours_before=now - self._ages.hours_after,
                    days_before=now - self._ages.days_after, limit=AT_ONCE,
                )  # fmt: skip
                done += written
                lease = self._store.renew(lease, LEASE_SECONDS)
                if not written:
                    break
        return done

    def retain(self) -> Retained | None:
        """Remove what is past its age; None while another server does it."""
        now, ages = self._clock.now(), self._ages
        lease = self._store.lease(LEASE, self._holder, LEASE_SECONDS)
        if lease is None:
            return None
        removed = self._store.retain(
            lease, panes_before=now - ages.panes, results_before=now - ages.results,
            dead_letters_before=now - ages.dead_letters, idempotency_before=now - IDEMPOTENCY,
            outcomes_before=now - ages.labels,
        )  # fmt: skip
        log.info("retention", removed=removed)
        return removed


def guarded(name: str, job: Callable[[], object]) -> Callable[[], None]:
    """A job for the scheduler: an error is logged in one line, and the next tick tries again."""

    def run() -> None:
        try:
            job()
        except Fenced as error:
            log.info("another server took over", job=name, error=str(error))
        except DriftError as error:
            log.warning("job failed; it will be tried again", job=name, error=str(error))

    return run
