"""The year as a picture: columns × days, by the hour above each other. A hand-written SVG without scripts, readable on
light and on dark."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from html import escape
from typing import Any, Final
from zoneinfo import ZoneInfo

from benchmarks.flights.data import ZONE
from benchmarks.flights.runs import Found
from benchmarks.flights.times import last, local, said

LEFT, TOP, DAY, ROW, BAR = 112, 54, 2, 24, 8
"""Pixels: the names' width, the head's height, a day's width, a column's height, a bar's height."""
FIRST, DAYS = date(2013, 1, 1), 365
WIDTH: Final = LEFT + DAYS * DAY + 16
STYLE: Final = """<style>
svg{color-scheme:light dark;font:12px system-ui,sans-serif;--ink:#24292f;--faint:#57606a;--rest:#8c959f33;
--known:#0969da26;--page:#cf222e;--warning:#bf8700;--none:#8c959f}
@media(prefers-color-scheme:dark){svg{--ink:#e6edf3;--faint:#9198a1;--rest:#9198a133;--known:#388bfd40;--page:#ff6a60;
--warning:#e3b341;--none:#9198a1}}
text{fill:var(--ink)}.f{fill:var(--faint)}.rest{fill:var(--rest)}.known{fill:var(--known)}.page{fill:var(--page)}
.warning{fill:var(--warning)}.none{fill:none;stroke:var(--none);stroke-dasharray:2 3}
.grid{stroke:var(--rest)}.told{stroke:Canvas}
</style>"""


def picture(found: dict[str, Found]) -> str:
    """An SVG document.

    Args:
        found: window length → backtest of the nine months; each has a bar in every column's row, in this order.
    """
    columns = _columns(found)
    bars = len(found)
    row = ROW + BAR * (bars - 1)
    height = TOP + row * len(columns) + 34
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="alarms of 2013 by column and day">{STYLE}'
    )
    parts = [opening, *_head(found)]
    for at, name in enumerate(columns):
        top = TOP + row * at
        parts.append(f'<text x="{LEFT - 10}" y="{top + row / 2 + 2:.0f}" text-anchor="end">{escape(name)}</text>')
        for bar, (window, one) in enumerate(found.items()):
            parts += _bar(one, window, name, top + 3 + bar * (BAR + 2))
    parts += _axis(TOP - 4, TOP + row * len(columns))
    return "\n".join([*parts, "</svg>\n"])


def _columns(found: dict[str, Found]) -> list[str]:
    """Columns with alarms first, by the first of them; then the others in their order."""
    raised = [alarm for one in found.values() for alarm in one["alarms"]]
    named = [alarm["column"] for alarm in sorted(raised, key=lambda alarm: alarm["onset"])]
    every = [name for one in found.values() for window in one["windows"][:1] for name in window["columns"]]
    return list(dict.fromkeys([*named, *every]))


def _head(found: dict[str, Found]) -> Iterator[str]:
    order = ", ".join({"1h": "by the hour", "1d": "by the day"}.get(window, window) for window in found)
    yield f'<text x="0" y="14">Alarms of 2013. The bars of each column, from above: {order}</text>'
    keys = (("known", "reference"), ("rest", "watched"), ("none", "cannot be judged"), ("warning", "warning stands"),
            ("page", "page stands"))  # fmt: skip
    x = LEFT
    for kind, words in keys:
        yield f'<rect class="{kind}" x="{x}" y="23" width="16" height="8"/>'
        yield f'<text class="f" x="{x + 21}" y="31">{words}</text>'
        x += 40 + 7 * len(words)
    yield f'<path class="page told" d="{_mark(x + 5, 23)}"/><text class="f" x="{x + 14}" y="31">told</text>'


def _bar(found: Found, window: str, column: str, y: int) -> Iterator[str]:
    end = _x(found["windows"][-1]["end"])
    start = _x(found["windows"][0]["start"])
    yield f'<rect class="known" x="{LEFT}" y="{y}" width="{start - LEFT:.1f}" height="{BAR}"/>'
    blind = column in found["unjudged"]
    why = f"<title>{escape(found['unjudged'][column])}</title>" if blind else ""
    kind = "none" if blind else "rest"
    yield f'<rect class="{kind}" x="{start:.1f}" y="{y}" width="{end - start:.1f}" height="{BAR}">{why}</rect>'
    for alarm in found["alarms"]:
        if alarm["column"] == column:
            yield from _alarm(alarm, window, y, end)


def _alarm(alarm: dict[str, Any], window: str, y: int, end: float) -> Iterator[str]:
    first = (alarm["paged"] or alarm["window"])["end"]
    start, told = _x(alarm["onset"]), _x(first)
    until = end if alarm["ended"] is None else _x(alarm["ended"]["end"])
    since = f"told {last(first, window)}, since {said(alarm['onset'], window)}"
    tip = f"{alarm['severity']}, {since}: {alarm['sentence']}"
    kind = alarm["severity"]
    yield (
        f'<g><title>{escape(tip)}</title><rect class="{kind}" x="{start:.1f}" y="{y}" '
        f'width="{max(until - start, 2):.1f}" height="{BAR}"/><path class="{kind} told" d="{_mark(told, y - 5)}"/></g>'
    )


def _axis(top: int, bottom: int) -> Iterator[str]:
    for number in range(1, 13):
        start = _at(date(2013, number, 1))
        yield f'<path class="grid" d="M{start} {top}V{bottom}"/>'
        yield f'<text class="f" x="{start + 4}" y="{bottom + 18}">{date(2013, number, 1):%b}</text>'


def _mark(x: float, y: float) -> str:
    """A triangle that points down at a moment."""
    return f"M{x - 5:.1f} {y:.1f}h10l-5 8z"


def _at(when: date) -> int:
    return LEFT + (when - FIRST).days * DAY


def _x(moment: str) -> float:
    begin = datetime.combine(FIRST, time(), ZoneInfo(ZONE))
    return LEFT + DAY * min(max((local(moment) - begin) / timedelta(days=1), 0), DAYS)
