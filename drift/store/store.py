"""The store as the rest of the service sees it. Each method is one transaction (or says otherwise)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, func, select, text

from drift.core.answer import Answer, Stretches
from drift.core.baseline import Stretch
from drift.core.catalogue import Catalogue, Model, Reference
from drift.core.clock import Clock
from drift.core.commit import Claim, EvaluationCommit, Gap, IngestCommit, Lease, Partition
from drift.core.fields import FieldsSeen
from drift.core.grid import Grid
from drift.core.profile import Profile, Sums
from drift.core.result import Judgement, WindowState
from drift.core.sample import RowSample
from drift.core.schema import Schema
from drift.core.window import Window, WindowSpec
from drift.store import (
    alert_retention,
    answers,
    catalogue,
    dead_letters,
    detection,
    evaluation,
    folding,
    ingest,
    leases,
    panes,
    partitions,
    results,
    retention,
    sqlite,
    tables,
)  # fmt: skip
from drift.store import outcomes as pairs
from drift.store.alerting_store import AlertingStore
from drift.store.engine import Database, Role
from drift.store.migrate import migrate, require_current
from drift.store.outcome_store import OutcomeStore
from drift.store.rows import (
    AlarmRow,
    BreachRow,
    DeadLetterCount,
    DeadLetterRow,
    Dirty,
    PaneRow,
    PaneTotal,
    PartitionStatus,
    Retained,
    SeriesPoint,
    StoreInfo,
    Totals,
    WindowRow,
)  # fmt: skip
from drift.store.viewing_store import ViewingStore

INTS_AT_ONCE: Final = 1 << 20
"""Counters of a reference's stretches read in one statement (8 MB)."""


def open_store(url: str, clock: Clock, *, role: Role = "writer") -> "Store":
    """Open `sqlite:///path` or `postgresql://…`, make or upgrade its tables, and return it.

    A writer of SQLite holds the file's lock until `close`; a reader may open it beside.

    Raises:
        ConfigError: the URL is none of these.
        StoreHeld: another process writes this SQLite file.
        StoreUnavailable: it is away, locked or full.
        StoreError: a newer release changed its tables; or a reader found none.
    """
    database = Database(url, role)
    try:
        if role == "writer":
            migrate(database)
        else:
            require_current(database)
        return Store(database, clock)
    except BaseException:
        database.close()
        raise


class Store(AlertingStore, ViewingStore, OutcomeStore):
    """SQL behind methods; thread-safe. Every method may raise `StoreUnavailable`: pause and try again."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use `open_store`."""
        self._database = database
        self._clock = clock
        self._known: catalogue.Known = {}
        self._axes: results.KnownAxes = {}
        self._counters = {}
        self.dialect = database.dialect
        self.uuid: str = self._read(lambda c: c.execute(select(tables.store.c.uuid)).scalar_one())

    # Lifecycle

    def close(self) -> None:
        """Close all connections; on SQLite the file may be written by another process from now on."""
        self._database.close()

    def ping(self) -> None:
        """Return if the database answers.

        Raises:
            StoreUnavailable: it does not.
        """
        self._read(lambda c: c.execute(text("SELECT 1")).scalar_one())

    def info(self) -> StoreInfo:
        """What this store is and what it runs on."""
        version = func.sqlite_version() if self.dialect == "sqlite" else func.version()
        found = str(self._read(lambda c: c.execute(select(version)).scalar_one()))
        warning = sqlite.weakness() if self.dialect == "sqlite" else ""
        return StoreInfo(self.uuid, self.dialect, found, tables.SCHEMA, warning)

    # Catalogue

    def catalogue_version(self) -> int:
        """Grows with every change of models or references."""
        return self._read(catalogue.version)

    def catalogue(self) -> Catalogue:
        """Models and references as of one moment. References once read are kept in memory."""
        return self._read(lambda c: catalogue.load(c, self._known))

    def put_model(
        self, name: str, *, pane: int, lateness: int = 0, windows: Sequence[WindowSpec] = (), zone: str = "UTC",
        settings: Mapping[str, object] | None = None,
    ) -> Model:  # fmt: skip
        """Add or change a model; the catalogue's version grows only if something changed."""
        return self._write(
            lambda c: catalogue.put_model(
                c, name, pane=pane, lateness=lateness, windows=windows, zone=zone, settings=settings or {}
            )
        )

    def add_reference(
        self, model_id: int, *, version: str, schema: Schema, grid: Grid, profile: Profile,
        chunks: Iterable[tuple[int, int, Sums]] = (), content_hash: str, rows: int, active_from: int,
        summary: Mapping[str, object] | None = None, sample: RowSample | None = None, outcomes: Sums | None = None,
        outcome_chunks: Iterable[tuple[int, int, Sums]] | None = None, learnt: bytes | None = None,
    ) -> Reference:  # fmt: skip
        """Register a reference; the same content again returns the first. `chunks` are (start, end, sums on `grid`).

        Raises:
            NotFound: there is no such model.
        """
        values = catalogue.reference_values(
            model_id, version=version, schema=schema, grid=grid, content_hash=content_hash, rows=rows,
            active_from=active_from, created_at=self._clock.now(), summary=summary or {},
        )  # fmt: skip
        sums = catalogue.dump_sums(grid, chunks, profile, sample, outcomes, outcome_chunks or (), learnt)
        return self._write(lambda c: catalogue.add_reference(c, values, sums, self._known))

    def reference(self, reference_id: int) -> Reference:
        """One reference; raises NotFound."""
        return self._known.get(reference_id) or self._read(lambda c: catalogue.reference(c, reference_id, self._known))

    def references(self, model_id: int) -> tuple[Reference, ...]:
        """A model's references, oldest first."""
        return tuple(self.reference(one) for one in self._read(lambda c: catalogue.reference_ids(c, model_id)))

    def reference_profile(self, reference_id: int) -> Profile:
        """All sums of a reference; raises NotFound."""
        reference = self.reference(reference_id)
        return self._read(lambda c: catalogue.reference_profile(c, reference))

    def reference_chunks(self, reference_id: int) -> Iterator[tuple[int, int, Sums]]:
        """Start, end and sums of each stretch of the reference, in order; each is read when it is asked for."""
        reference = self.reference(reference_id)
        for number, (start, end) in enumerate(self._read(lambda c: catalogue.chunk_spans(c, reference_id))):
            yield start, end, self._read(lambda c, n=number: catalogue.chunk(c, reference, n))  # type: ignore[misc]

    def reference_stretches(self, reference: Reference) -> Sequence[Stretch]:
        """The reference's own stretches of time, ascending; read when they are asked for, some megabytes at a time."""
        spans = self._read(lambda c: catalogue.chunk_spans(c, reference.id))
        return _Stretches(
            [Window(start, end) for start, end in spans],
            lambda first, last: self._read(lambda c: catalogue.chunks(c, reference, first, last)),
            _at_once(reference),
        )

    def reference_sample(self, reference_id: int) -> RowSample | None:
        """The reference's own row sample; None where none is kept."""
        return self._read(lambda c: catalogue.reference_sample(c, reference_id))

    def sample(self, reference_id: int, window: Window) -> RowSample | None:
        """The row sample of a stretch of event time; None where none is kept."""
        return self._read(lambda c: panes.sample(c, reference_id, window.start, window.end))

    def reference_summary(self, reference_id: int) -> dict[str, Any]:
        """What was inferred when it was built; raises NotFound."""
        return self._read(lambda c: catalogue.reference_summary(c, reference_id))

    # Ingest

    def register_partitions(self, source: str, topic: str, numbers: Iterable[int]) -> None:
        """Give every partition of a topic a row; new ones are ownerless and hold windows open."""
        wanted = list(numbers)
        self._write(lambda c: partitions.register(c, source, topic, wanted))

    def acquire(self, partition: Partition, owner: str) -> Claim:
        """Take a partition over; whoever had it is fenced from here on. Read from the claim's `next`."""
        return self._write(lambda c: partitions.acquire(c, partition, owner))

    def release(self, claim: Claim) -> None:
        """Give a partition up; does nothing if another has it."""
        self._write(lambda c: partitions.release(c, claim))

    def retire(self, source: str, topic: str) -> int:
        """Partitions that will never be read again (a deleted topic, an abandoned file) hold no window any more.

        Raises:
            NotFound, Conflict: there are none, or one is being read.
        """
        return self._write(lambda c: partitions.retire(c, source, topic))

    def heartbeat(self, claims: Mapping[Claim, int]) -> set[Claim]:
        """Claim → end of its log. To be called at least every 10 s; returns the claims that are lost."""
        return self._write(lambda c: partitions.heartbeat(c, claims))

    def commit(self, batch: IngestCommit) -> None:
        """Sums, positions, dead letters, gaps and idempotency keys: all of it or nothing.

        Raises:
            CatalogueChanged: count the rows again on the new catalogue.
            Fenced: a partition is another's or stands elsewhere; drop the buffer, acquire again.
            Conflict: an idempotency key was counted already.
            StoreUnavailable: nothing was written, or, if COMMIT was not confirmed, perhaps everything: acquire again.
        """
        self._write(lambda c: ingest.commit(c, batch, self._counter))

    def idempotent(self, key: str) -> bytes | None:
        """The answer that a request with this key got; None if there was none."""
        return self._read(lambda c: ingest.answer(c, key))

    def partitions(self) -> list[PartitionStatus]:
        """Every partition with position, owner and watermarks."""
        return self._read(partitions.status)

    def watermarks(self, partition: Partition) -> dict[int, int]:
        """Model id → largest event time committed from one partition."""
        return self._read(lambda c: partitions.watermarks_of(c, partition))

    def gaps(self, limit: int = 10_000) -> list[Gap]:
        """Records that were lost before they were read, newest first."""
        return self._read(lambda c: partitions.gaps(c, limit))

    def totals(self, model_id: int | None = None) -> Totals:
        """Read, counted, refused, lost: summed from stored rows."""
        return self._read(lambda c: panes.totals(c, model_id))

    # Panes

    def profile(self, reference: Reference, start: int, end: int, *, outcomes: bool = True) -> PaneTotal:
        """Everything counted for a reference in start ≤ t < end, as of one moment; without outcomes it is faster."""
        return self._read(lambda c: panes.profile(c, reference, start, end, outcomes=outcomes))

    def fields(self, reference_id: int, start: int, end: int) -> FieldsSeen:
        """Unknown fields seen in start ≤ t < end: estimates, from some of the events."""
        return self._read(lambda c: panes.fields(c, reference_id, start, end))

    def counted(self, reference_id: int, start: int, end: int) -> PaneTotal:
        """Like `profile`, without the profile: cheap."""
        return self._read(lambda c: panes.count(c, reference_id, start, end))

    def pane_rows(self, reference_id: int, start: int, end: int, limit: int = 10_000) -> list[PaneRow]:
        """The stored addends of a stretch."""
        return self._read(lambda c: panes.listed(c, reference_id, start, end, limit))

    def fold(self, lease: Lease, reference: Reference, *, before: int, limit: int = 50) -> int:
        """Add up the deltas of panes that began before `before`, oldest first; one transaction for each pane.

        Returns:
            How many panes, at most `limit`. Fewer: done.

        Raises:
            Fenced: the lease is another's.
        """
        found = self._read(lambda c: folding.crowded(c, reference, before, limit))
        for pane in found:
            self._under(lease, partial(folding.fold_pane, reference=reference, pane=pane))
        return len(found)

    def compact(
        self, lease: Lease, reference: Reference, *, hours_before: int, days_before: int, limit: int = 50
    ) -> int:
        """Panes that ended by `hours_before` become hours, by `days_before` days; one transaction for each.

        Returns:
            How many hours and days were written, at most `limit`. Fewer: done.

        Raises:
            Fenced: the lease is another's.
        """
        done = 0
        for tier, before in ((folding.HOURS, hours_before), (folding.DAYS, days_before)):
            found = self._read(partial(folding.due, reference=reference, tier=tier, before=before, limit=limit - done))
            for window in found:
                self._under(lease, partial(folding.compact_one, reference=reference, tier=tier, window=window))
            done += len(found)
        return done

    # Evaluation

    def dirty(self, limit: int) -> list[Dirty]:
        """Panes that commits touched, oldest mark first. To be read before watermarks, and those before panes."""
        return self._read(lambda c: evaluation.dirty(c, limit))

    def mark_stale(self, lease: Lease, dirty_ids: Iterable[int], windows: Iterable[evaluation.Touched]) -> None:
        """Mark windows (model id, reference id, spec, window, new rows) stale and delete exactly these dirty rows.

        Raises:
            Fenced: the lease is another's.
        """
        ids, touched = list(dirty_ids), list(windows)
        self._under(lease, lambda c: evaluation.mark_stale(c, ids, touched))

    def pending(self, model_id: int | None, limit: int, after: evaluation.Cursor | None = None) -> list[WindowRow]:
        """Windows that are stale, never judged or provisional, oldest end first; `after` is a row's `cursor`."""
        return self._read(lambda c: evaluation.pending(c, model_id, limit, after))

    def commit_evaluation(self, batch: EvaluationCommit) -> None:
        """Results of windows and what they mean to alerts, all or nothing. A window that got dirtier than
        `WindowResult.dirt` stays stale.

        Raises:
            Fenced: the lease is another's, or a window has this revision already.
        """
        self._under(batch.lease, lambda c: evaluation.commit(c, batch))

    def windows(
        self, model_id: int, *, spec: str | None = None, state: WindowState | None = None, limit: int = 100,
        before: evaluation.Cursor | None = None,
    ) -> list[WindowRow]:  # fmt: skip
        """A model's windows, newest end first; `before` is a row's `cursor`."""
        return self._read(lambda c: evaluation.listed(c, model_id, spec, state, limit, before))

    def window(self, window_id: int) -> WindowRow:
        """One window; raises NotFound."""
        return self._read(lambda c: evaluation.window(c, window_id))

    def judgements(
        self, window_id: int, segment: int | None = None, revision: int | None = None
    ) -> dict[int, Judgement]:
        """Segment → judgement, of the latest revision or of the one asked for; empty if nothing was judged."""
        return self._read(lambda c: results.judgements(c, window_id, segment, revision, self._axes))

    def latest_final(self, model_id: int) -> list[WindowRow]:
        """For each reference and spec of a model: its newest final window."""
        return self._read(lambda c: evaluation.latest_final(c, model_id))

    def series(
        self, model_id: int, spec: str, column: str, statistic: str, *, segment: int = 0, limit: int = 100,
        before: evaluation.Cursor | None = None,
    ) -> list[SeriesPoint]:  # fmt: skip
        """One statistic of one column in each judged window, newest first; NaN where it does not apply."""
        return self._read(
            lambda c: evaluation.series(c, model_id, spec, column, statistic, segment, limit, before, self._axes)
        )

    def breaches(
        self, model_id: int | None = None, *, window_id: int | None = None, limit: int = 100, before: int | None = None
    ) -> list[BreachRow]:
        """Broken rules of latest results, those stored last first; `before` is the last id of the page before."""
        return self._read(lambda c: results.broken(c, model_id, window_id, limit, before))

    # Alarms and answers

    def final_windows(self, reference_id: int, spec: str, start: int, end: int) -> list[Window]:
        """Final windows with rows that start within [start, end), ascending."""
        return self._read(lambda c: evaluation.final_windows(c, reference_id, spec, start, end))

    def detector_state(self, reference_id: int, spec: str, before: int | None = None) -> tuple[Window, bytes] | None:
        """The newest state of a window that started before `before` (microseconds; None: of all), with that window."""
        return self._read(lambda c: detection.state(c, reference_id, spec, before))

    def watch_about(self, reference_id: int, spec: str, segment: int, detector: str) -> bytes | None:
        """What a watch knows of its columns, as `Detection.abouts` had it; None: there is no such watch."""
        return self._read(lambda c: detection.about(c, reference_id, spec, segment, detector))

    def watch_detectors(self, reference_id: int, spec: str, segment: int) -> list[str]:
        """Names of the detectors that watch a segment."""
        return self._read(lambda c: detection.detectors(c, reference_id, spec, segment))

    def standing(self, reference_id: int, spec: str) -> list[AlarmRow]:
        """Alarms of a reference and window spec that neither ended nor were retracted."""
        return self._read(lambda c: detection.standing(c, reference_id, spec))

    def alarms(
        self, model_id: int, *, standing: bool | None = None, column: str | None = None, limit: int = 100,
        before: int | None = None,
    ) -> list[AlarmRow]:  # fmt: skip
        """A model's alarms, those stored last first; `before` is the last id of the page before."""
        return self._read(lambda c: detection.listed(c, model_id, standing, column, limit, before))

    def alarm(self, alarm_id: int) -> AlarmRow:
        """One alarm; raises NotFound."""
        return self._read(lambda c: detection.alarm(c, alarm_id))

    def answer(self, answer: Answer, stretches: Stretches | None = None) -> Answer:
        """Keep an answer with the sums it accepts, on its reference's grid; the same with its id.

        What people answer applies after the latest final window, even if it is newer than `applies_from`; what was
        learnt (`Action.LEARN`) from where it says.
        """
        rows = answers.dump(self.reference(answer.reference_id).grid, stretches or {})
        return self._write(lambda c: answers.add(c, answer, rows))

    def withdraw(self, answer_id: int, who: str) -> Answer:
        """Take an answer back, for windows after the latest final one.

        Raises:
            NotFound: there is none.
            Conflict: it was taken back before.
        """
        return self._write(lambda c: answers.withdraw(c, answer_id, who, self._clock.now()))

    def answers(self, model_id: int) -> list[Answer]:
        """A model's answers, oldest first, with those taken back."""
        return self._read(lambda c: answers.listed(c, model_id))

    def answer_windows(self, model_id: int) -> dict[int, dict[str, int]]:
        """Answer id → window spec → how many windows' sums it keeps, of a model's answers that keep any."""
        return self._read(lambda c: answers.windows_kept(c, model_id))

    def answer_stretches(self, answer_id: int, spec: str) -> Sequence[Stretch]:
        """The sums that an answer keeps of one window spec, oldest first; each is read when it is asked for.

        Raises:
            NotFound: there is no such answer.
        """
        reference = self.reference(self._read(lambda c: answers.one(c, answer_id)).reference_id)
        windows = self._read(lambda c: answers.spans(c, answer_id, spec))
        return _Stretches(
            windows,
            lambda first, last: self._read(lambda c: answers.sums(c, reference, answer_id, spec, windows[first:last])),
            _at_once(reference),
        )

    # Duties

    def retain(
        self, lease: Lease, *, panes_before: int | None = None, results_before: int | None = None,
        dead_letters_before: int | None = None, idempotency_before: int | None = None,
        outcomes_before: int | None = None,
    ) -> Retained:  # fmt: skip
        """Forget what ended before these times (None: keep), in many short transactions.

        Raises:
            Fenced: the lease is another's.
        """
        return Retained(
            panes=self._forget(lease, retention.old_panes, panes_before),
            windows=self._forget(lease, retention.old_windows, results_before),
            dead_letters=self._forget(lease, retention.old_dead_letters, dead_letters_before),
            idempotency=self._forget(lease, retention.old_keys, idempotency_before),
            outcomes=self._forget(lease, pairs.old, outcomes_before),
            alarms=self._forget(lease, retention.old_alarms, results_before),
            **{what: self._forget(lease, some, results_before) for what, some in alert_retention.OLD.items()},
        )

    def _forget(self, lease: Lease, some: Callable[[Connection, int], int], before: int | None) -> int:
        total, done = 0, retention.AT_ONCE
        while before is not None and done == retention.AT_ONCE:
            done = self._under(lease, lambda c: some(c, before))
            total += done
        return total

    def lease(self, name: str, holder: str, ttl_seconds: float) -> Lease | None:
        """The right to do a job alone; None while another has it. `holder` must be unique to the process."""
        return self._write(lambda c: leases.take(c, name, holder, ttl_seconds))

    def renew(self, lease: Lease, ttl_seconds: float) -> Lease | None:
        """Keep it for longer; None if another has it."""
        return self._write(lambda c: leases.renew(c, lease, ttl_seconds))

    def release_lease(self, lease: Lease) -> None:
        """Give it up."""
        self._write(lambda c: leases.release(c, lease))

    # Dead letters

    def dead_letters(
        self, limit: int = 100, before: int | None = None, reason: str | None = None
    ) -> list[DeadLetterRow]:
        """Kept dead letters, newest first; `before` is the last id of the page before."""
        return self._read(lambda c: dead_letters.listed(c, limit, before, reason))

    def dead_letter_counts(self, limit: int = 1_000) -> list[DeadLetterCount]:
        """All of them counted, by partition, reason and hour, newest hour first."""
        return self._read(lambda c: dead_letters.counts(c, limit))

    def dead_letters_by_reason(self) -> dict[str, int]:
        """All of them counted, by reason."""
        return self._read(dead_letters.by_reason)

    def dead_letters_not_replayed(self, ids: Iterable[int]) -> list[DeadLetterRow]:
        """Those of `ids` that were never replayed."""
        wanted = list(ids)
        return self._read(lambda c: dead_letters.not_replayed(c, wanted))

    def dead_letter_replay_claim(self, ids: Iterable[int]) -> list[DeadLetterRow]:
        """Those of `ids` that were never replayed, marked as replayed now: each is handed out once."""
        wanted = list(ids)
        return self._write(lambda c: dead_letters.claim_replay(c, wanted))


def _at_once(reference: Reference) -> int:
    """Stretches of a reference's grid that are some megabytes."""
    return max(1, INTS_AT_ONCE // (len(reference.grid.segments) * reference.grid.layout.width))


class _Stretches(Sequence[Stretch]):
    """Stretches whose sums are read when they are asked for."""

    def __init__(self, windows: Sequence[Window], read: Callable[[int, int], list[Sums]], at_once: int) -> None:
        self._windows, self._read, self._at_once = windows, read, at_once

    def __len__(self) -> int:
        return len(self._windows)

    def __getitem__(self, at: int) -> Stretch:  # type: ignore[override]
        number = range(len(self._windows))[at]
        return Stretch(self._windows[number], self._read(number, number + 1)[0])

    def __iter__(self) -> Iterator[Stretch]:
        for first in range(0, len(self), self._at_once):
            last = min(first + self._at_once, len(self))
            yield from map(Stretch, self._windows[first:last], self._read(first, last))
