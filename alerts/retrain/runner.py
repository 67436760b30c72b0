"""Starts the runs of one trigger and follows them to their end: one thread per trigger, at least once, with a key.

    ASKED ── approved ──> REQUESTED ── started ──> RUNNING ──> SUCCEEDED, FAILED, TIMED_OUT
      └─ the incident is over ──> DENIED   └── refused, or tried too often ──> FAILED

Each attempt is written down before it is made: after a kill it is known that a run may have been started, and the next
attempt waits long enough for the target to list it. Runs are started under the lease `retrain` only.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from threading import Event as Flag
from typing import Final

import structlog

from alerts.backoff import Backoff
from alerts.delivery import LEASE_SECONDS
from alerts.egress import before
from alerts.retrain.ports import Duty, Metrics, Pipeline, Store, careful
from alerts.retrain.reporting import HANDED_OVER
from alerts.retrain.target import UNKNOWN, Found, Progress
from alerts.routes.contract import Fate, Outcome
from drift.core.alert import Event, Happening, Run, RunState
from drift.core.clock import SECOND, Clock
from drift.core.errors import NotFound, StoreError
from drift.core.window import format_duration

log = structlog.get_logger(__name__)

LEASE: Final = "retrain"
WAKE_SECONDS: Final = 1.0
STORE_AWAY_SECONDS: Final = 5.0
FIRST_SECONDS: Final = 20.0
"""Between the first two attempts, before jitter: lists of runs lag behind."""
REHEARSED: Final = "a rehearsal (dry_run): this is what would have been sent"
UNKNOWN_MOST: Final = 5
"""A run that its target does not know so often in a row is over."""
_OPEN: Final = tuple(state for state in RunState if state.in_flight)


class Runner:
    """Runs of one trigger. `step` does what is due now, `run` does so until it is stopped."""

    def __init__(
        self, store: Store, name: str, target: Pipeline, duty: Duty, clock: Clock, metrics: Metrics, rng: Random, *,
        timeout: int, poll: int, rehearse: bool = False, backoff: Backoff | None = None,
    ) -> None:  # fmt: skip
        """`timeout` of a run and `poll`, how often it is asked about, in microseconds; `rehearse`: start nothing."""
        self.name = name
        self._store, self._target, self._duty, self._clock, self._metrics = store, target, duty, clock, metrics
        self._rng, self._timeout, self._poll, self._rehearse = rng, timeout, poll, rehearse
        self._backoff = backoff or Backoff(first=FIRST_SECONDS)
        self._asked: dict[int, float] = {}
        self._unknown: dict[int, int] = {}
        self._wake = Flag()

    def wake(self) -> None:
        """A run was approved or asked for."""
        self._wake.set()

    def run(self, stopping: Flag) -> None:
        """Start and follow until `stopping` is set; a store that is away is waited for."""
        while not stopping.is_set():
            pause = WAKE_SECONDS
            try:
                self.step(stopping)
            except StoreError as error:
                log.warning("retraining waits for the store", trigger=self.name, error=str(error))
                pause = STORE_AWAY_SECONDS
            self._wake.wait(pause)
            self._wake.clear()

    def step(self, stopping: Flag | None = None) -> int:
        """Do what is due now; how much that was.

        Raises:
            StoreError: the store is away; what was not written down is done again with the same key.
        """
        done = 0
        runs = self._store.runs(states=_OPEN, trigger=self.name, limit=1_000)
        for run in reversed(runs):
            act = self._due(run)
            if act is None:
                continue
            taken = self._clock.monotonic()
            if (stopping is not None and stopping.is_set()) or not self._duty.held():
                return done
            # one that stood still since then starts nothing that another server has started meanwhile
            with before(taken + LEASE_SECONDS, self._clock.monotonic):
                act(run)
            done += 1
        known = {run.id for run in runs}
        self._asked = {run: at for run, at in self._asked.items() if run in known}
        return done

    def _due(self, run: Run) -> Callable[[Run], None] | None:
        if run.state is RunState.ASKED:
            return self._withdraw if self._over(run) else None
        if run.state is RunState.REQUESTED:
            start = self._skip if self._rehearse else self._start
            return start if run.not_before <= self._clock.now() else None
        due = self._clock.monotonic() - self._asked.get(run.id, float("-inf")) >= self._poll / SECOND
        return self._follow if due else None

    # Asked

    def _over(self, run: Run) -> bool:
        """Whether a run that nobody has answered is about an incident that is over."""
        if not run.incident_id:
            return False
        try:
            return not self._store.incident(run.incident_id).open
        except NotFound:
            return True

    def _withdraw(self, run: Run) -> None:
        now = self._clock.now()
        why = "the incident was over before anybody answered"
        self._advance(replace(run, state=RunState.DENIED, ended_at=now, why=why), run, f"not started: {why}")

    # Requested

    def _skip(self, run: Run) -> None:
        skipped = replace(run, state=RunState.SKIPPED, ended_at=self._clock.now(), why=REHEARSED)
        self._advance(skipped, run, f"not started: {REHEARSED}")

    def _start(self, run: Run) -> None:
        now, wait = self._clock.now(), self._backoff.wait(run.tries + 1, None, self._rng)
        claim = replace(run, tries=run.tries + 1, not_before=now + round((wait or 0.0) * SECOND), changed_at=now)
        if not self._store.advance_run(claim, RunState.REQUESTED):
            return
        outcome = careful(self.name, lambda: self._target.start(claim))
        if isinstance(outcome, Found):
            self._started(claim, outcome)
        elif outcome.fate is Fate.REFUSED:
            self._metrics.retrain(self.name, Fate.REFUSED.value)
            self._end(claim, RunState.FAILED, f"could not be started: {outcome.detail}")
        elif wait is None:
            self._metrics.retrain(self.name, "given_up")
            self._end(claim, RunState.FAILED, f"could not be started in {claim.tries} tries: {outcome.detail}")
        else:
            self._again(claim, outcome)

    def _again(self, run: Run, outcome: Outcome) -> None:
        self._metrics.retrain(self.name, Fate.AGAIN.value)
        asked = min(outcome.retry_after or 0.0, self._backoff.asked)
        later = max(run.not_before, self._clock.now() + round(asked * SECOND))
        said = f"not started yet, tried again: {outcome.detail}" if outcome.detail != run.error else ""
        self._advance(replace(run, error=outcome.detail, not_before=later), run, said)

    def _started(self, run: Run, found: Found) -> None:
        now, trigger = self._clock.now(), self._target.trigger
        self._metrics.retrain(self.name, "found" if found.earlier else "started")
        where = found.url or found.external_id
        said = "was there already under its key, nothing more was started" if found.earlier else "started"
        begun = replace(
            run, state=RunState.RUNNING, external_id=found.external_id, url=found.url, started_at=now, error="",
        )  # fmt: skip
        if trigger.stages or trigger.waits:
            self._asked[run.id] = self._clock.monotonic()
            self._advance(begun, run, f"{said}{': ' + where if where else ''}")
        else:
            done = replace(begun, state=RunState.SUCCEEDED, ended_at=now, why=HANDED_OVER)
            self._metrics.retrain(self.name, RunState.SUCCEEDED.value)
            self._advance(done, run, f"{said}; {HANDED_OVER}")

    # Running

    def _follow(self, run: Run) -> None:
        self._asked[run.id] = self._clock.monotonic()
        said = "nobody has said that it is over"
        if self._target.trigger.stages:
            outcome = careful(self.name, lambda: self._target.follow(run))
            if isinstance(outcome, Progress) and outcome.state is not RunState.RUNNING:
                return self._ended(run, outcome)
            if self._forgotten(run, outcome):
                return self._end(run, RunState.FAILED, f"{UNKNOWN} any more")
            run, said = self._noted(run, outcome)
        if run.started_at is not None and self._clock.now() - run.started_at >= self._timeout:
            self._end(run, RunState.TIMED_OUT, f"not over after {format_duration(self._timeout)}: {said}")
        return None

    def _forgotten(self, run: Run, outcome: Progress | Outcome) -> bool:
        lost = isinstance(outcome, Outcome) and outcome.detail == UNKNOWN and bool(run.external_id)
        self._unknown[run.id] = self._unknown.get(run.id, 0) + 1 if lost else 0
        return self._unknown[run.id] >= UNKNOWN_MOST

    def _noted(self, run: Run, outcome: Progress | Outcome) -> tuple[Run, str]:
        """Where it stands, written down if that is news; and what the target says of it."""
        if isinstance(outcome, Outcome):
            news, said = replace(run, error=outcome.detail), outcome.detail
        else:
            found, said = outcome.found, f"it says {outcome.word!r}" if outcome.word else "it runs"
            news = replace(run, external_id=found.external_id, url=found.url or run.url, error="")
        if news == run:
            return run, said
        moved = news.external_id != run.external_id
        return self._advance(news, run, f"runs: {news.url or news.external_id}" if moved else ""), said

    def _ended(self, run: Run, progress: Progress) -> None:
        error = ""
        if progress.state is RunState.FAILED:
            error = f"it says {progress.word!r}{': ' + progress.error if progress.error else ''}"
        self._end(replace(run, url=progress.found.url or run.url), progress.state, error)

    # Writing down

    def _end(self, run: Run, state: RunState, error: str) -> None:
        self._metrics.retrain(self.name, state.value)
        self._unknown.pop(run.id, None)
        words = {RunState.SUCCEEDED: "succeeded", RunState.FAILED: "failed", RunState.TIMED_OUT: "timed out"}
        ended = replace(run, state=state, error=error, ended_at=self._clock.now())
        self._advance(ended, run, f"{words[state]}{': ' + error if error else ''}{_at(run)}")

    def _advance(self, news: Run, run: Run, said: str) -> Run:
        """Write `news` with an event (none: no event); `run` was what is there."""
        now = self._clock.now()
        news = replace(news, changed_at=now)
        event = Event(run.incident_id, Happening.RUN, f"{self.name}: {said}", now) if said else None
        if not self._store.advance_run(news, run.state, event):
            log.warning("somebody else ended the run meanwhile", trigger=self.name, run=run.id, said=said)
            if run.state is RunState.REQUESTED and news.started_at is not None:
                self._store.add_event(
                    Event(run.incident_id, Happening.RUN, f"{self.name}: {said}, although it was ended meanwhile", now)
                )
        elif said:
            log.info("retrain run", trigger=self.name, run=run.id, state=news.state.value, said=said)
        return news


def _at(run: Run) -> str:
    return f" ({run.url})" if run.url else ""
