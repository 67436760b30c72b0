"""What the REST API needs of the service."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from prometheus_client import CollectorRegistry

from drift.config import Config
from drift.core.alert import Run
from drift.core.catalogue import Model, Reference
from drift.core.clock import Clock
from drift.core.errors import InputError, NotFound
from drift.service.access import Keys
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

    def __call__(self, path: Path, model: str, version: str, active_from: int | None = None) -> Reference:
        """Build the reference of a registered model's version and store it; `active_from` is event time, microseconds.

        Raises:
            ReferenceRefused, SchemaError: the data cannot become one.
        """


def _not_told(_body: bytes, _media_type: str) -> Collection[str]:
    raise InputError("events cannot be told apart by model here; send them with a token for all models")


class Retrain(Protocol):
    """The way a person asks for a retraining."""

    def __call__(self, model: Model, trigger: str, who: str, why: str) -> Run:
        """Keep the run that is asked for; it starts as soon as the service can.

        Raises:
            NotFound: no trigger of this name is configured for the model.
            Conflict: a run of the model is in flight.
        """


class _NoTriggers:
    """None is configured."""

    def __call__(self, model: Model, trigger: str, who: str, why: str) -> Run:
        """Refuse."""
        raise NotFound(
            f"there is no trigger {trigger!r} for model {model.name!r}; put one under `triggers:` in drift.yaml"
        )


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
    named: Callable[[bytes, str], Collection[str]] = _not_told
    """(body, media type) → the models that its events are about."""
    retrain: Retrain = field(default_factory=_NoTriggers)
    """Asks for a retraining."""
    wake: Callable[[], object] = lambda: None
    """Says that something waits to be delivered or started."""
    keys: Keys = field(init=False)
    """The access tokens."""

    def __post_init__(self) -> None:
        admin = self.config.server.admin_token
        object.__setattr__(self, "keys", Keys(self.store, self.clock, admin.get if admin is not None else None))
