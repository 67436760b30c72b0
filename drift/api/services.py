"""What the REST API needs of the service."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from prometheus_client import CollectorRegistry

from drift.config import Config
from drift.core.catalogue import Reference
from drift.core.clock import Clock
from drift.store.store import Store

JSON: Final = "application/json"
"""One event, or an array of events."""
NDJSON: Final = "application/x-ndjson"
"""An event a line."""
ARROW: Final = "application/vnd.apache.arrow.stream"
"""Arrow IPC: a stream or a file of record batches."""
CSV: Final = "text/csv"
"""A header and rows."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An event of a request that was not counted."""

    index: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a request's events, once that is committed."""

    accepted: int
    rejected: tuple[Refused, ...] = ()
    repeated: bool = False
    """The idempotency key was known: this is what it was answered, and nothing was counted now."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of dead letters that were fed in again."""

    replayed: int
    """Fed in now; those that had been before are passed over."""
    counted: int
    """Events of these that were counted; the others are dead letters again."""


class Events(Protocol):
    """The way events of a request are counted."""

    async def submit(self, body: bytes, media_type: str, key: str | None) -> Receipt:
        """Queue the events of a body and wait until they are committed; `media_type` is one of the four above.

        Raises:
            BackPressure: the queue is full.
            Conflict: the idempotency key stands for another request.
            StoreUnavailable: it was not committed in time; it may be later, so send it again with the same key.
        """


class Register(Protocol):
    """The way a file becomes a reference."""

    def __call__(self, path: Path, model: str, version: str) -> Reference:
        """Build the reference of a registered model's version and store it.

        Raises:
            ReferenceRefused, SchemaError: the data cannot become one.
        """


@dataclass(frozen=True, slots=True)
class Services:
    """The running service, as its REST API sees it."""

    store: Store
    config: Config
    registry: CollectorRegistry
    clock: Clock
    events: Events
    register: Register
    replay: Callable[[Sequence[int]], Replayed]
    """Feeds these dead letters in again, each once."""
    ready: Callable[[], str] = lambda: ""
    """Why the service cannot work now; empty: it can. The database is asked beside it."""
    release: str = ""
    holding: Callable[[], Mapping[str, str]] = dict
    """Model → what its next window waits for."""
