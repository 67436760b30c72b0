"""What people and pipelines say about retrain runs: each is one conditional update, with its event and audit line."""

from dataclasses import replace
from typing import Final, Protocol

from drift.core.alert import AuditEntry, Event, Happening, Run, RunState
from drift.core.clock import Clock
from drift.core.errors import Conflict

_ENDS_FROM: Final = (RunState.RUNNING, RunState.REQUESTED, RunState.TIMED_OUT)
"""A pipeline knows better than we do: an answer that was lost left it `requested`, slowness `timed_out`."""


class Runs(Protocol):
    """What is asked of the store."""

    def run(self, run_id: int) -> Run:
        """One run."""

    def advance_run(
        self, run: Run, expected: RunState, event: Event | None = None, entry: AuditEntry | None = None
    ) -> bool:
        """Write what changes in a run that is in the state `expected` still; whether it was."""


def approve(store: Runs, clock: Clock, run: Run, who: str, why: str) -> Run:
    """Let a run that was asked for start.

    Raises:
        Conflict: nobody has to approve it, or somebody decided meanwhile.
    """
    changed = replace(run, state=RunState.REQUESTED, who=who, why=why)
    return _decided(store, clock, run, changed, "approve")


def deny(store: Runs, clock: Clock, run: Run, who: str, why: str) -> Run:
    """Say no to a run that was asked for.

    Raises:
        Conflict: nobody has to approve it, or somebody decided meanwhile.
    """
    changed = replace(run, state=RunState.DENIED, who=who, why=why, ended_at=clock.now())
    return _decided(store, clock, run, changed, "deny")


def end(store: Runs, clock: Clock, run: Run, who: str, state: RunState, url: str, error: str) -> Run:
    """Take a pipeline's word that its run is over; the same word again changes nothing.

    Raises:
        Conflict: it did not run, or ended otherwise.
    """
    if run.state is state:
        return run
    if run.state not in _ENDS_FROM:
        raise Conflict(f"run {run.id} is {run.state.value}; only one that runs can end as {state.value}")
    now = clock.now()
    changed = replace(run, state=state, url=url or run.url, error=error, ended_at=now, changed_at=now)
    said = f"{run.trigger}: {state.value}" + (f": {error}" if error else "")
    return _advance(store, run, changed, Event(run.incident_id, Happening.RUN, said, now, who=who), who, "ended")


def _decided(store: Runs, clock: Clock, run: Run, changed: Run, verb: str) -> Run:
    if run.state is not RunState.ASKED:
        raise Conflict(f"run {run.id} is {run.state.value}; only one that is asked for can be decided")
    now = clock.now()
    said = f"{run.trigger}: {'approved' if verb == 'approve' else 'denied'}: {changed.why}"
    event = Event(run.incident_id, Happening.RUN, said, now, who=changed.who)
    return _advance(store, run, replace(changed, changed_at=now), event, changed.who, verb)


def _advance(store: Runs, run: Run, changed: Run, event: Event, who: str, verb: str) -> Run:
    entry = AuditEntry(event.on, who, f"run.{verb}", f"run {run.id}", event.why)
    if not store.advance_run(changed, run.state, event, entry):
        raise Conflict(f"run {run.id} is {store.run(run.id).state.value} by now; look at it again")
    return changed
