"""How numbers, times and shifts are said to a person: units always, thousands separated, the model's own time zone."""

import math
from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from drift.core.clock import DAY, HOUR, MINUTE, SECOND, to_datetime
from drift.core.window import Window

SCORES: Final = {
    "location": ("typical value", "rose", "fell"),
    "spread": ("spread", "grew", "shrank"),
    "skew": ("skew", "moved up", "moved down"),
    "kurtosis": ("weight of the tails", "grew", "shrank"),
}
"""What is measured in standard deviations of a score: its name, and what it does upwards and downwards."""
_UNITS: Final = ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second"))


def is_share(what: str) -> bool:
    """Whether it is a share of the rows."""
    return what.startswith("share")


def count(n: int, noun: str) -> str:
    """`1 row`, `1,234 rows`."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def number(value: float) -> str:
    """Three significant digits without an exponent where that can be read; `unknown` where there is none."""
    if not math.isfinite(value):
        return "unknown"
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        digits = 3 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
        shown = f"{value:,.{digits}f}"
        return shown.rstrip("0").rstrip(".") if "." in shown else shown
    return f"{value:.2e}"


def percent(share: float) -> str:
    """A share as `8 %`, with as many digits as small ones need."""
    return "unknown" if not math.isfinite(share) else f"{number(share * 100)} %"


def points(change: float) -> str:
    """A change of a share as `13 points`; points are hundredths of all rows."""
    shown = number(abs(change) * 100)
    return f"{shown} {'point' if shown == '1' else 'points'}"


def amount(what: str, value: float) -> str:
    """How much of `what`, without a sign, with its unit."""
    if is_share(what):
        return points(value)
    if what in SCORES:
        shown = number(abs(value))
        return f"{shown} standard {'deviation' if shown == '1' else 'deviations'}"
    return number(value)


def named(what: str) -> str:
    """What moved, in words."""
    if what in SCORES:
        return SCORES[what][0]
    return "share of missing values" if what == "share missing" else what


def moved(what: str, effect: float) -> str:
    """`rose`, `fell`, … by the sign of the effect."""
    _, up, down = SCORES.get(what, ("", "rose", "fell"))
    return up if effect >= 0 else down


def duration(micros: int) -> str:
    """The two largest units: `3 days 4 hours`."""
    parts, rest = list[str](), max(micros, 0)
    for unit, name in _UNITS:
        n, rest = divmod(rest, unit)
        if n:
            parts.append(count(n, name))
        if len(parts) == 2:
            break
    return " ".join(parts) or "less than a second"


def moment(micros: int, zone: str) -> str:
    """`Mon 23 Nov 2026 14:00`, in the zone; seconds only where there are any."""
    local = to_datetime(micros).astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b %Y %H:%M}" + (f":{local:%S}" if local.second else "")


def stretch(window: Window, zone: str) -> str:
    """`Mon 23 Nov 2026 14:00 to 16:00 (Europe/Berlin)`; the second day is named where it is another one."""
    start, end = moment(window.start, zone), moment(window.end, zone)
    day = start.rsplit(" ", 1)[0]
    return f"{start} to {end.removeprefix(day + ' ')} ({zone})"


def listed(words: Sequence[str], most: int = 8) -> str:
    """`a, b and c`, or the first ones `and 12 more`."""
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most:,} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else list(words))
