"""How far a model's event time has come, from the state of every partition it may arrive by. Pure.

    finished   an ended file                                   holds nothing
    idle       a live owner at the log's end, and the model    holds nothing older than now − idle_timeout
               silent there for `idle_timeout`
    live       anything else with a heartbeat                  holds windows at its watermark, however long it takes
    gone       the queue of a server that died                 holds nothing: what waited there was never acknowledged
    dead       no heartbeat for `dead_after`                   holds windows at its watermark for `max_hold`, then they
                                                               close as incomplete

Idle is not dead: a partition without traffic lets time pass, one without an owner may hide a backlog.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from drift.core.clock import MINUTE, SECOND
from drift.core.commit import PUSHED, Partition

NEVER = -(2**62)


class Status(Protocol):
    """What the store knows of a partition. Times in microseconds; heartbeats by the database's clock."""

    @property
    def partition(self) -> Partition:
        """Which one."""

    @property
    def owner(self) -> str | None:
        """Who reads it; None: nobody."""

    @property
    def heartbeat_at(self) -> int | None:
        """Last sign of life of its owner, or when it was first seen."""

    @property
    def caught_up_at(self) -> int | None:
        """Since when its position has been at the end; None: it is behind."""

    @property
    def finished(self) -> bool:
        """Nothing will ever follow."""

    @property
    def watermarks(self) -> dict[int, int]:
        """Model id → largest event time."""

    @property
    def advanced_at(self) -> dict[int, int]:
        """Model id → when that grew last."""

    @property
    def now(self) -> int:
        """The database's time of this picture."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long silence is borne, microseconds."""

    idle_timeout: int = 2 * MINUTE
    dead_after: int = 30 * SECOND
    max_hold: int = 15 * MINUTE


@dataclass(frozen=True, slots=True)
class Closing:
    """Windows that end at or before `complete` have all their rows; up to `abandoned` they close as incomplete."""

    complete: int
    abandoned: int
    holding: tuple[str, ...] = ()
    """The partitions that hold the next window, with the reason."""


def closing(model_id: int, statuses: Sequence[Status], now: int, patience: Patience) -> Closing:
    """How far `model_id` has come. `now` is wall-clock time: no window closes before its end has passed on the wall."""
    complete = abandoned = now
    holding = []
    for status in _relevant(model_id, statuses):
        mark, dead = _mark(model_id, status, now, patience)
        if dead and status.partition.source == PUSHED:
            continue
        if mark < complete:
            complete, holding = mark, [f"{status.partition} ({'no owner' if dead else 'behind'})"]
        given_up = dead and status.now - (status.heartbeat_at or 0) > patience.max_hold
        if not given_up:
            abandoned = min(abandoned, mark)
    return Closing(complete, max(complete, abandoned), tuple(holding))


def carries(model_id: int, statuses: Sequence[Status]) -> Callable[[Partition], bool]:
    """Whether a partition's topic ever carried the model, in any of its partitions."""
    topics = {(s.partition.source, s.partition.topic) for s in statuses if model_id in s.watermarks}
    return lambda partition: (partition.source, partition.topic) in topics


def _relevant(model_id: int, statuses: Sequence[Status]) -> Iterable[Status]:
    """Every unfinished partition of each topic that ever carried the model."""
    mine = carries(model_id, statuses)
    return (s for s in statuses if not s.finished and mine(s.partition))


def _mark(model_id: int, status: Status, now: int, patience: Patience) -> tuple[int, bool]:
    """Up to where this partition has delivered the model, and whether it is dead."""
    own = status.watermarks.get(model_id)
    # where the model never appeared, what the others have reached there stands for it
    mark = own if own is not None else max(status.watermarks.values(), default=NEVER)
    if status.owner is None or status.heartbeat_at is None or status.now - status.heartbeat_at > patience.dead_after:
        return mark, True
    silent_since = status.advanced_at.get(model_id, status.caught_up_at or 0)
    if status.caught_up_at is not None and status.now - silent_since >= patience.idle_timeout:
        return max(mark, now - patience.idle_timeout), False
    return mark, False
