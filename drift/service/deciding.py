"""What people decide about retrain runs: each decision is one conditional update, with its event and audit line."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Protocol

from drift.core.alert import AuditEntry, Event, Happening, Run, RunState
from drift.core.clock import Clock
from drift.core.errors import Conflict

_DECIDED: Final[Mapping[str, tuple[RunState, ...]]] = {
    "approve": (RunState.ASKED,), "deny": (RunState.ASKED, RunState.REQUESTED),
}  # fmt: skip
_ONLY: Final[Mapping[str, str]] = {
    "approve": "only one that is asked for can be approved",
    "deny": "only one that is asked for, or that could not be started yet, can be denied",
}


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
    """Say no to a run that was asked for, or give one up that could not be started yet.

    What was tried may have been started by the target all the same; its history says so.

    Raises:
        Conflict: it runs or is over, or somebody decided meanwhile.
    """
    tried = f"; it was tried {run.tries} times, and the target may have it" if run.tries else ""
    changed = replace(run, state=RunState.DENIED, who=who, why=why + tried, ended_at=clock.now())
    return _decided(store, clock, run, changed, "deny")


def _decided(store: Runs, clock: Clock, run: Run, changed: Run, verb: str) -> Run:
    if run.state not in _DECIDED[verb]:
        raise Conflict(f"run {run.id} is {run.state.value}; {_ONLY[verb]}")
    now = clock.now()
    said = f"{run.trigger}: {'approved' if verb == 'approve' else 'denied'}: {changed.why}"
    event = Event(run.incident_id, Happening.RUN, said, now, who=changed.who)
    return _advance(store, run, replace(changed, changed_at=now), event, changed.who, verb)


def _advance(store: Runs, run: Run, changed: Run, event: Event, who: str, verb: str) -> Run:
    entry = AuditEntry(event.on, who, f"run.{verb}", f"run {run.id}", event.why)
    if not store.advance_run(changed, run.state, event, entry):
        raise Conflict(f"run {run.id} is {store.run(run.id).state.value} by now; look at it again")
    return changed
