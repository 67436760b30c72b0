"""Panes and windows: which stretch of event time a row belongs to.

    panes       |  5 min |  5 min |  5 min |  5 min |  5 min |  5 min | …      aligned to the epoch, UTC
    tumbling    |<-------- 15 min -------->|<-------- 15 min -------->|
    sliding     |<-------- 15 min -------->|
      hop 5 min          |<-------- 15 min -------->|
    calendar    a day or n days from midnight to midnight in the model's zone: 23, 24 or 25 hours

A pane's length divides 15 minutes, so that every zone's midnight falls on a pane boundary.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from drift.core.clock import DAY, HOUR, MINUTE, SECOND, isoformat, to_datetime
from drift.core.errors import ConfigError

DEFAULT_PANE: Final = 5 * MINUTE
MOST_HOPS: Final = 288
LONGEST: Final = 36_525 * DAY
_UNITS: Final = {"s": SECOND, "m": MINUTE, "min": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_EPOCH_DAY: Final = date(1970, 1, 5).toordinal()  # a Monday, so that windows of seven days are calendar weeks


def parse_duration(text: str | int | float) -> int:
    """`90s`, `5m`, `1h`, `1d`, `2w`, or a number of seconds, as microseconds.

    Raises:
        ConfigError: it is none of these, not positive, or beyond a hundred years.
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        micros = text * SECOND
    else:
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)\s*", str(text))
        if match is None:
            raise ConfigError(f"{text!r} is no duration; write a number and a unit, as in 90s, 5m, 1h, 1d, 2w")
        micros = float(match[1]) * _UNITS[match[2]]
    # written so that NaN is refused as well
    if not 0.5 < micros <= LONGEST:
        raise ConfigError(f"a duration is longer than nothing and at most a hundred years; {text!r} is not")
    return round(micros)


def format_duration(micros: int) -> str:
    """The shortest spelling that `parse_duration` reads back."""
    for unit in ("d", "h", "m", "s"):
        if micros % _UNITS[unit] == 0:
            return f"{micros // _UNITS[unit]}{unit}"
    return f"{micros / SECOND}s"


def check_pane(length: int) -> int:
    """The pane's length, if it divides 15 minutes.

    Raises:
        ConfigError: it does not.
    """
    if length <= 0 or (15 * MINUTE) % length:
        raise ConfigError(f"pane {format_duration(length)} does not divide 15 minutes; use 1m, 3m, 5m or 15m")
    return length


def pane_start(time: int, length: int) -> int:
    """Start of the pane that holds `time`; microseconds."""
    return time - time % length


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A half-open stretch of event time, start ≤ t < end; microseconds since the epoch."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{isoformat(self.start)}/{isoformat(self.end)}"


@dataclass(frozen=True)
class WindowSpec:
    """How a model's windows are cut. `length` and `hop` in microseconds.

    A length given in days or weeks (`1d`, `7d`, `1w`) follows the calendar of `zone`; `24h` is always 24 hours.
    """

    name: str
    length: int
    hop: int
    calendar: bool = False
    zone: str = "UTC"

    @staticmethod
    def parse(length: str, hop: str | None = None, zone: str = "UTC", pane: int = DEFAULT_PANE) -> "WindowSpec":
        """A spec from the user's words; its name is the length, and `1h/5m` where it slides.

        Raises:
            ConfigError: no multiple of the pane, a hop longer than the window or finer than length / 288, unknown zone.
        """
        size = parse_duration(length)
        calendar = bool(re.search(r"[dw]\s*$", str(length)))
        step = parse_duration(hop) if hop else size
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ConfigError(f"{zone!r} is no IANA time zone; write Europe/Berlin or UTC") from error
        for what, value in (("window", size), ("hop", step)):
            if value % pane:
                raise ConfigError(
                    f"{what} {format_duration(value)} is no multiple of the pane of {format_duration(pane)}"
                )
        if step > size:
            raise ConfigError(f"hop {hop} is longer than the window {length}: rows in between would belong to none")
        if size > step * MOST_HOPS:
            raise ConfigError(f"hop {hop} is finer than the window {length} / {MOST_HOPS}; take a longer hop")
        if calendar and step % DAY:
            raise ConfigError(f"a calendar window of {length} moves by whole days; hop {hop} does not (or write 24h)")
        name = str(length).strip() if step == size else f"{str(length).strip()}/{str(hop).strip()}"
        return WindowSpec(name, size, step, calendar, zone)

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def covering(self, time: int) -> Iterator[Window]:
        """Every window that holds this moment, oldest first; one if tumbling, length / hop if sliding."""
        if self.calendar:
            yield from self._calendar_covering(time)
            return
        last = time - time % self.hop
        first = last - self.length + self.hop
        for start in range(first, last + 1, self.hop):
            if start <= time < start + self.length:
                yield Window(start, start + self.length)

    def _calendar_covering(self, time: int) -> Iterator[Window]:
        days, hop = self.length // DAY, self.hop // DAY
        today = to_datetime(time).astimezone(self._zone).date().toordinal() - _EPOCH_DAY
        last = today - today % hop
        for first in range(last - days + hop, last + 1, hop):
            window = Window(self._midnight(first), self._midnight(first + days))
            if window.start <= time < window.end:
                yield window

    def _midnight(self, day: int) -> int:
        """The first moment of a day in the zone (where midnight is skipped, the moment the clocks jump to)."""
        local = datetime.combine(date.fromordinal(day + _EPOCH_DAY), datetime.min.time(), self._zone)
        return round((local.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def lasting(micros: int) -> str:
    """A stretch of time as a person says it, by its two largest units: `3d 4h`, `1h 30m`, `45m`, `20s`."""
    seconds, parts = max(micros, 0) // 1_000_000, list[str]()
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count or (parts and unit != "s"):
            parts.append(f"{count}{unit}")
    said = [part for part in parts[:2] if not part.startswith("0")]
    return " ".join(said) or "0s"
