"""Moments as the backtest prints them, told in the airports' own time."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from benchmarks.flights.data import ZONE

_ZONE: Final = ZoneInfo(ZONE)


def local(moment: str) -> datetime:
    """RFC 3339 in UTC → local time."""
    return datetime.fromisoformat(moment).astimezone(_ZONE)


def month(moment: str) -> str:
    """`Apr`."""
    return f"{local(moment):%b}"


def day(moment: str) -> str:
    """`10 Apr`."""
    return f"{local(moment).day} {local(moment):%b}"


def said(moment: str, window: str) -> str:
    """A moment as precise as the windows are: `10 Apr`, or `10 Apr 14:00`."""
    return day(moment) if window.endswith("d") else f"{day(moment)} {local(moment):%H:%M}"


def last(end: str, window: str) -> str:
    """An end: of windows of a day, the last day that is in it."""
    if not window.endswith("d"):
        return said(end, window)
    return said((datetime.fromisoformat(end) - timedelta(seconds=1)).isoformat(), window)
