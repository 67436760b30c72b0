"""What a kind of route is: its options, and how it delivers one message."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from pydantic import BaseModel

from alerts.message import Message
from drift.core.clock import Clock


class Fate(StrEnum):
    """What became of one attempt."""

    SENT = "sent"
    """The receiver has it."""
    AGAIN = "again"
    """It may have it or not; to be tried again with the same key."""
    REFUSED = "refused"
    """It will never take it; trying again is of no use."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt, and why."""

    fate: Fate
    detail: str = ""
    """For a person, without secrets: `503 Service Unavailable`, `connection refused`, …"""
    retry_after: float | None = None
    """Seconds that the receiver asked to wait."""


class Route(Protocol):
    """One configured receiver. Used by one thread at a time; never raises for what a network does."""

    def send(self, message: Message) -> Outcome:
        """Deliver one message."""

    def close(self) -> None:
        """Give connections back."""


class Standing(Protocol):
    """A receiver that forgets what is not said again (Alertmanager)."""

    @property
    def every(self) -> float:
        """Seconds between two posts."""

    def keep(self, firing: Sequence[Message]) -> Outcome:
        """Say again all that fires now; computed from state, never queued."""


@dataclass(frozen=True, slots=True)
class RouteKind:
    """One kind of route; a file in `alerts/routes` has it as `ROUTE`, and is called like its key in drift.yaml."""

    name: str
    options: type[BaseModel]
    """What stands under that key."""
    make: Callable[[Any, "Egress", Clock], Route]
    """(options, egress, clock) → the route."""
    repeats: bool = True
    """Whether what still fires is to be told again after `repeat_interval`; services that do so themselves need not."""
    notes: bool = True
    """Whether it can show messages that open and close nothing (digests, news of runs)."""


class Egress(Protocol):
    """Where connections may go. Implemented by `alerts.egress`."""

    def client(self, *, timeout: float, most: int = 64 << 10) -> Any:
        """An `httpx2.Client`: no redirects, no proxy of the environment, sockets checked, `most` bytes read."""

    def guarded(self, timeout: float) -> AbstractContextManager[Any]:
        """A block in which every connection of this thread is checked, and that ends within `timeout` seconds."""
