"""What a pipeline says itself of its end, where its target cannot be asked (`POST /v1/runs/{id}/ended`)."""

from dataclasses import replace
from typing import Final, Protocol

from drift.core.alert import AuditEntry, Event, Happening, Run, RunState
from drift.core.errors import Conflict

HANDED_OVER: Final = "handed over: nobody can ask this target how a run ends; its pipeline may say so"
"""Why such a run has succeeded; its pipeline can still correct it."""
_ENDS: Final = (RunState.SUCCEEDED, RunState.FAILED)


class Store(Protocol):
    """What reporting needs of the store."""

    def run(self, run_id: int) -> Run:
        """One run; raises NotFound."""

    def advance_run(
        self, run: Run, expected: RunState, event: Event | None = None, entry: AuditEntry | None = None
    ) -> bool:
        """Write what changes, with an event and a line of the audit, if it is `expected` still; whether it was."""


def report(store: Store, run_id: int, state: RunState, url: str, error: str, who: str, now: int) -> Run:
    """End a run as its pipeline says. Said again, it changes nothing.

    Args:
        store: where runs are.
        run_id: which.
        state: `SUCCEEDED` or `FAILED`.
        url: where a person can look at it; empty: as known.
        error: what went wrong.
        who: who says so.
        now: the clock's.

    Raises:
        NotFound: there is no such run.
        Conflict: it was never started, ended otherwise, or was changed just now.
    """
    if state not in _ENDS:
        raise Conflict(f"a run ends as succeeded or failed, not as {state.value}")
    run = store.run(run_id)
    corrected = run.state is RunState.SUCCEEDED and run.why == HANDED_OVER
    if run.state is state and not corrected:
        return run
    tried = run.state is RunState.REQUESTED and run.tries > 0  # the pipeline may be faster than the answer to us
    late = run.state is RunState.TIMED_OUT  # it knows better
    if not (run.state is RunState.RUNNING or tried or corrected or late):
        raise Conflict(f"run {run_id} is {run.state.value}; only one that runs can end")
    said = f"{run.trigger}: {state.value}, says {who}{': ' + error if error else ''}"
    ended = replace(
        run, state=state, url=url or run.url, error=error, ended_at=now, changed_at=now, why=f"said by {who}",
        started_at=run.started_at or now,
    )  # fmt: skip
    entry = AuditEntry(now, who, "run.ended", f"run {run_id}", state.value)
    if not store.advance_run(ended, run.state, Event(run.incident_id, Happening.RUN, said, now, who=who), entry):
        raise Conflict(f"run {run_id} was changed by somebody else just now; look at it and say it again")
    return ended
