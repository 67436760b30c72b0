"""Time comes from a clock that is passed in; nothing else in the project asks the machine for it."""

import time
from datetime import UTC, datetime
from typing import Protocol

MICROSECOND = 1
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Clock(Protocol):
    """What the rest of the project may ask of time."""

    def now(self) -> int:
        """Wall-clock time in microseconds since 1970-01-01 UTC."""

    def monotonic(self) -> float:
        """Seconds that never run backwards; for durations and timeouts."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Wall-clock time in microseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class ShiftedClock:
    """The machine's clock, moved: for replaying old data as if it were happening now."""

    def __init__(self, now: int) -> None:
        """Starts at `now`, microseconds since the epoch."""
        self._shift = now - time.time_ns() // 1_000

    def now(self) -> int:
        """Microseconds since the epoch, moved."""
        return time.time_ns() // 1_000 + self._shift

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class ManualClock:
    """A clock that moves when told to: for tests, and for replays that take the time from the data."""

    def __init__(self, now: int = 0) -> None:
        self._now = now
        self._monotonic = 0.0

    def now(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds advanced so far."""
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        """Advance instead of waiting."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move both times forward."""
        self._now += round(seconds * SECOND)
        self._monotonic += seconds

    def set(self, now: int) -> None:
        """Put the wall clock to `now` (microseconds); the monotonic time follows forward moves only."""
        self._monotonic += max(0, now - self._now) / SECOND
        self._now = now


def to_datetime(micros: int) -> datetime:
    """Microseconds since the epoch as an aware UTC datetime."""
    seconds, rest = divmod(micros, SECOND)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def isoformat(micros: int) -> str:
    """RFC 3339 in UTC with a `Z`, fractions only where there are any."""
    return to_datetime(micros).isoformat().replace("+00:00", "Z")


def from_datetime(moment: datetime) -> int:
    """An aware datetime as microseconds since the epoch; a naive one raises ValueError."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone is ambiguous: write 2026-11-23T10:00:00Z or …+01:00")
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * SECOND)
