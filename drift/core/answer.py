"""Answers: what people said to alarms, kept with who and why. They change what is normal from a stated window on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from drift.core.baseline import Stretch

Stretches = Mapping[str, Iterable[Stretch]]
"""Window spec → the sums that an answer keeps, ascending and disjoint. They may be read as they are asked for, once."""


class Action(StrEnum):
    """What an answer does."""

    ACCEPT = "accept"
    """The stretch becomes the baseline."""
    DISMISS = "dismiss"
    """The stretch is normal: it tells how far the process wanders; where it stands does not change."""
    SNOOZE = "snooze"
    """Alarms stand and tell nobody until a moment."""
    REREFERENCE = "rereference"
    """Another reference was registered."""
    LEARN = "learn"
    """Production's first windows were taken as baseline; nobody was asked."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. Times in microseconds; `start`, `until` and `applies_from` are event time, `at` is the clock's."""

    id: int
    """0: not stored yet."""
    model_id: int
    reference_id: int
    spec: str
    """Window spec; empty: all of the model."""
    column: str
    """Empty: all columns."""
    segment: int | None
    """Index in the grid; None: all."""
    action: Action
    who: str
    why: str
    at: int
    start: int
    """The stretch that is meant: its start …"""
    until: int
    """… and its end; the end of a snooze."""
    applies_from: int
    """Windows that end after it are judged with this answer, those that end by it never were: end of the latest final
    window when it was given, so that a replay applies it at the same window."""
    withdrawn_at: int | None = None
    """When somebody took it back; None: it holds."""
    withdrawn_from: int | None = None
    """Windows that end after it are judged without it again."""
    withdrawn_by: str = ""
    """Who took it back."""

    def holds(self, end: int) -> bool:
        """Whether windows that end at `end` are judged with this answer; a snooze ends by itself."""
        over = self.withdrawn_from is not None and end > self.withdrawn_from
        slept = self.action is Action.SNOOZE and end > self.until
        return end > self.applies_from and not over and not slept

    def covers(self, spec: str, column: str, segment: int) -> bool:
        """Whether it speaks of this column and segment of this window spec."""
        return self.spec in ("", spec) and self.column in ("", column) and self.segment in (None, segment)
