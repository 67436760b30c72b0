"""What the runner needs of others."""

import traceback
from collections.abc import Callable, Collection
from typing import Protocol, TypeVar

import structlog

from alerts.retrain.target import Found, Progress
from alerts.retrain.trigger import Trigger
from alerts.routes.contract import Fate, Outcome
from drift.core.alert import Event, Incident, Run, RunState
from drift.core.errors import DriftError

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Store(Protocol):
    """What the runner needs of the store."""

    def runs(self, *, states: Collection[RunState] | None, trigger: str | None, limit: int) -> list[Run]:
        """Runs, newest first."""

    def advance_run(self, run: Run, expected: RunState, event: Event | None = None) -> bool:
        """Write what changes, with an event, if it is `expected` still; whether it was."""

    def incident(self, incident_id: int) -> Incident:
        """One incident; raises NotFound."""

    def add_event(self, event: Event) -> Event:
        """One line of history."""


class Duty(Protocol):
    """The right to start runs."""

    def held(self) -> bool:
        """Take or renew it; whether it is ours for longer than an attempt takes."""


class Metrics(Protocol):
    """What the runner reports."""

    def retrain(self, trigger: str, outcome: str) -> None:
        """An attempt ended as `started`, `found`, `again`, `refused`, `given_up`; or a run as its state says."""


class Pipeline(Protocol):
    """What `alerts.retrain.target.Target` does."""

    trigger: Trigger

    def start(self, run: Run) -> Found | Outcome:
        """Start a run unless its key was started before."""

    def follow(self, run: Run) -> Progress | Outcome:
        """Ask how it is doing."""


def careful(trigger: str, act: Callable[[], T | Outcome]) -> T | Outcome:
    """What a target says. A mistake in it stops nothing; its text is not shown, since it may quote a secret."""
    try:
        return act()
    except DriftError as error:
        return Outcome(Fate.AGAIN, str(error))
    except Exception as error:  # noqa: BLE001  logged, as its kind and place
        frames = traceback.extract_tb(error.__traceback__)
        where = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
        kind = type(error).__name__
        log.error("a trigger failed; this is a bug, please report it", trigger=trigger, error=kind, at=where)
        return Outcome(Fate.AGAIN, f"the trigger failed with {kind}; the log says where")
