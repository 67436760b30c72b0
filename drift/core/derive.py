"""What is counted in place of a date: age, hour, weekday. And the one way a time is read.

A number is an epoch in the coarsest of seconds, milliseconds, microseconds, nanoseconds that puts it before 2262.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from drift.core.clock import DAY, HOUR, SECOND

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

NO_TIME: Final = np.iinfo(np.int64).min
"""Stands for a missing moment in an array of microseconds; NumPy's own NaT."""
MOMENTS: Final = ("age", "hour", "weekday")
"""What a datetime column derives."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST_YEAR: Final = 9_214_646_400
"""Start of 2262 in seconds: nanoseconds since 1970 fit into 64 bits until April of that year."""
_UNITS: Final = ((1, SECOND, 1), (1_000, 1_000, 1), (1_000_000, 1, 1), (1_000_000_000, 1, 1_000))
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]|$)")
_FIRST_DAY: Final = 3  # 1970-01-01 was a Thursday


def parse_time(value: object, *, naive: bool = False) -> int:
    """An event's time as microseconds since the epoch.

    Args:
        value: an RFC 3339 string with a zone, an epoch number, or an aware datetime.
        naive: take one without a zone, as UTC.

    Raises:
        ValueError: none of these, no zone, or a year outside 1970–2261; says what to write instead.
    """
    if isinstance(value, str | datetime):
        moment = _read(value) if isinstance(value, str) else value
        if moment.tzinfo is None and naive:
            moment = moment.replace(tzinfo=UTC)
        if moment.tzinfo is None:
            raise ValueError(
                f"the time {_shown(value)} has no zone and is ambiguous; write 2026-11-23T10:00:00Z or …+01:00"
            )
        micros = _of_datetime(moment)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        micros = _of_number(value)
    else:
        raise ValueError(f"a time is an RFC 3339 string or an epoch number, not {type(value).__name__}")
    if not 0 <= micros < LAST_YEAR * SECOND:
        raise ValueError(f"the time {_shown(value)} lies outside the years 1970 to 2261")
    return micros


def parse_times(raw: Sequence[object] | npt.NDArray[Any]) -> tuple[Ints, Ints]:
    """Many moments at once, of any year; without a zone they are UTC. For columns of data, not for events' times.

    Args:
        raw: n of None, NaN, RFC 3339 strings, dates, datetimes, epoch numbers; or an array of datetime64 or numbers.

    Returns:
        (n,) microseconds since the epoch with `NO_TIME` where there is none, and the positions that hold no moment.
    """
    if isinstance(raw, np.ndarray) and raw.dtype.kind == "M":
        return raw.astype("datetime64[us]").view(np.int64), np.zeros(0, np.int64)
    if isinstance(raw, np.ndarray) and raw.dtype.kind in "iuf":
        return _of_numbers(raw)
    return _each(raw)


def derive_moments(what: str, micros: Ints, time: Ints) -> Floats:
    """What is counted of moments that `parse_times` has read.

    Args:
        what: `age` (event time − value, in days), `hour` (0–23, UTC), `weekday` (0 is Monday).
        micros: (n,) moments, `NO_TIME` where there is none.
        time: (n,) event times in microseconds, `NO_TIME` where there is none; asked by `age` alone.

    Returns:
        (n,) values with NaN where there is none.

    Raises:
        ValueError: `what` is none of the three.
    """
    match what:
        case "age":
            values = (time.astype(np.float64) - micros.astype(np.float64)) / DAY
            values[time == NO_TIME] = np.nan
        case "hour":
            values = (micros // HOUR % 24).astype(np.float64)
        case "weekday":
            values = ((micros // DAY + _FIRST_DAY) % 7).astype(np.float64)
        case _:
            raise ValueError(f"{what!r} cannot be derived from a moment; there are {', '.join(MOMENTS)}")
    values[micros == NO_TIME] = np.nan
    return values


def _each(raw: Sequence[object] | npt.NDArray[Any]) -> tuple[Ints, Ints]:
    """Read each value, a repeated string once; positions of those that could not be read."""
    wrong: list[int] = []
    known: dict[str, int] = {}
    out = np.full(len(raw), NO_TIME, np.int64)
    for at, value in enumerate(raw):
        text = isinstance(value, str)
        if not text and is_missing(value):
            continue
        try:
            if not text:
                out[at] = _micros(value)
            elif value in known:
                out[at] = known[value]
            else:
                out[at] = known[value] = _micros(value)
        except (ValueError, TypeError, OverflowError):
            wrong.append(at)
    return out, np.array(wrong, np.int64)


def is_missing(value: object) -> bool:
    """Whether a value stands for none: None, NaN, NaT, NA."""
    if value is None:
        return True
    # NaN, pandas.NaT and numpy.datetime64('NaT') differ from themselves; pandas.NA has no truth value
    if isinstance(value, float | datetime | np.datetime64):
        return bool(value != value)
    return type(value).__name__ == "NAType"


def _micros(value: object) -> int:
    if isinstance(value, str):
        value = _read(value)
    if isinstance(value, datetime):
        return _of_datetime(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, date):
        return (value.toordinal() - _EPOCH.toordinal()) * DAY
    if isinstance(value, np.datetime64):
        return int(value.astype("datetime64[us]").astype(np.int64))
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _of_number(value)
    raise TypeError("no moment")


def _read(text: str) -> datetime:
    try:
        # fromisoformat alone also takes 20261123 and week dates, which are rather numbers and names
        if _DATE.match(text):
            return datetime.fromisoformat(text.upper())
    except ValueError:
        pass
    raise ValueError(f"{_shown(text)} is no time; write it as 2026-11-23T10:00:00Z")


def _of_datetime(moment: datetime) -> int:
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def _of_number(value: int | float) -> int:
    size = abs(value)
    for per_second, times, divided in _UNITS:
        if size < LAST_YEAR * per_second:
            return value * times // divided if isinstance(value, int) else round(value * times / divided)
    raise ValueError(
        f"the time {_shown(value)} lies outside the years 1970 to 2261 in every unit from seconds to nanoseconds"
    )


def _of_numbers(values: npt.NDArray[Any]) -> tuple[Ints, Ints]:
    out = np.full(values.size, NO_TIME, np.int64)
    left = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(values.size, bool)
    for per_second, times, divided in _UNITS:
        fits = left & (np.abs(values.astype(np.float64)) < LAST_YEAR * per_second)
        part = values[fits]
        if values.dtype.kind == "f":
            out[fits] = np.rint(part * times / divided).astype(np.int64)
        else:
            out[fits] = part.astype(np.int64) * times // divided
        left &= ~fits
    return out, np.flatnonzero(left)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
