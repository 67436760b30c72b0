"""Numbers and times as a person reads them; times in UTC with their zone, and how long ago that is."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from drift.core.clock import SECOND, isoformat, to_datetime
from drift.core.window import lasting

DASH = "–"
_NONE = Markup("–")
_UNSAFE = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&'\u2028\u2029"}


def day_and_time(micros: int) -> str:
    """`2026-11-23 14:05 UTC`, with seconds only where there are any."""
    moment = to_datetime(micros)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC" if moment.second else "%Y-%m-%d %H:%M UTC")


def ago(micros: int, now: int) -> str:
    """`3d 4h ago`, `in 2h`, `just now`."""
    if abs(now - micros) < SECOND:
        return "just now"
    return f"{lasting(now - micros)} ago" if now > micros else f"in {lasting(micros - now)}"


def time_tag(micros: int | None, now: int, *, relative: bool = True) -> Markup:
    """A moment as `<time>`, with its age; a dash where there is none."""
    if micros is None:
        return _NONE
    tag = Markup('<time datetime="{}">{}</time>').format(isoformat(micros), day_and_time(micros))
    age = Markup(' <span class="age">{}</span>').format(ago(micros, now))
    return tag + age if relative else tag


def age_tag(micros: int | None, now: int) -> Markup:
    """How long ago a moment is, with the moment itself on hovering."""
    if micros is None:
        return _NONE
    shown, title = ago(micros, now), day_and_time(micros)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(isoformat(micros), title, shown)


def span(start: int, end: int) -> str:
    """`2026-11-23 14:00–15:00 UTC`, or both days in full."""
    first, last = to_datetime(start), to_datetime(end)
    if first.date() == last.date():
        return f"{first:%Y-%m-%d %H:%M}–{last:%H:%M} UTC"
    if first.time() == last.time() and not (first.hour or first.minute):
        days = round((last - first).total_seconds() / 86_400)
        return f"{first:%Y-%m-%d}, {days} days UTC" if days > 1 else f"{first:%Y-%m-%d} UTC"
    return f"{first:%Y-%m-%d %H:%M} – {last:%Y-%m-%d %H:%M} UTC"


def number(value: float | None) -> str:
    """Three significant digits, thousands apart; a dash for none and NaN."""
    if value is None or math.isnan(value):
        return DASH
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e15):
        return _minus(f"{int(value):,}")
    if abs(value) >= 1e15 or abs(value) < 1e-4:
        return _minus(f"{value:.2e}")
    return _minus(f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}")


def percent(share: float | None) -> str:
    """A share as percent: `3.4 %`."""
    return DASH if share is None or math.isnan(share) else f"{number(share * 100)} %"


def count(n: int, noun: str, many: str = "") -> str:
    """`1 row`, `2,000 rows`."""
    return f"{n:,} {noun if n == 1 else many or noun + 's'}"


def _minus(text: str) -> str:
    return text.replace("-", "−", 1) if text.startswith("-") else text


def data(value: Any) -> Markup:
    """JSON for a `<script type="application/json">`: no sign in it can end the element; NaN and ±inf become null."""
    text = json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.translate(_UNSAFE))  # noqa: S704  every sign that HTML knows is escaped


def plain(value: Any) -> Any:
    """The same with lists and dicts, null for what is no number, and no lone surrogate."""
    if isinstance(value, Mapping):
        return {_text(str(key)): plain(one) for key, one in value.items()}
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Sequence):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def short(text: str, most: int = 80) -> Markup:
    """A name that may be very long: its beginning, with all of it (to 1,000 characters) on hovering."""
    if len(text) <= most:
        return escape(text)
    return Markup('<span title="{}">{}…</span>').format(text[:1000], text[:most])
