"""Charts as inline SVG: no script, no style of their own, told apart by shape and words and not by colour alone.

Classes are given their colours by the page's style sheet, so that light, dark and paper each have their own.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from markupsafe import Markup, escape

from dashboards.reports.incident import Bar, Point
from dashboards.reports.texts import moment, number, plain, share

WIDTH: Final = 720
_LABEL: Final = 190
_BAR: Final = 9
_ROW: Final = 2 * _BAR + 9
_VALUES: Final = 130
_PLOT: Final = WIDTH - _LABEL - _VALUES
_LEFT, _TOP, _HEIGHT = 54, 10, 150
_LETTERS: Final = 28
HATCH: Final = Markup(
    '<svg class="defs" width="0" height="0" aria-hidden="true"><defs>'
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="paper" width="6" height="6"/><path class="ink" d="M0 0V6"/></pattern></defs></svg>'
)
"""The pattern that other charts of the page fill with: once a page."""


def distribution(bars: Sequence[Bar], title: str) -> Markup:
    """Each part's share in the reference (hatched) above that in the stretch (solid), with both in figures."""
    top = max((max(one.before, one.after) for one in bars), default=0.0) or 1.0
    parts = [_row(one, at * _ROW, top) for at, one in enumerate(bars)]
    return _svg(WIDTH, _ROW * len(bars), title, parts)


def _row(bar: Bar, y: int, top: float) -> Markup:
    before, after = (max(_PLOT * value / top, 0.6) if value > 0 else 0.0 for value in (bar.before, bar.after))
    label, whole = plain(bar.label, _LETTERS), plain(bar.label, 200)
    tip = f"{whole}: {share(bar.before)} of the reference, {share(bar.after)} of the stretch"
    return Markup(
        '<g><title>{tip}</title><text x="{right}" y="{middle}" text-anchor="end">{label}</text>'
        '<rect class="before" x="{left}" y="{y1}" width="{before:.1f}" height="{bar}"/>'
        '<rect class="after" x="{left}" y="{y2}" width="{after:.1f}" height="{bar}"/>'
        '<text class="faint" x="{end}" y="{middle}" text-anchor="end">{said}</text></g>'
    ).format(
        tip=tip, right=_LABEL - 8, middle=y + _ROW / 2 + 3, label=label, left=_LABEL, y1=y + 3, before=before, bar=_BAR,
        y2=y + 4 + _BAR, after=after, end=WIDTH - 2, said=f"{share(bar.before)} → {share(bar.after)}",
    )  # fmt: skip


def over_time(points: Sequence[Point], since: int, until: int, title: str) -> Markup:
    """A statistic window by window: the incident shaded, the threshold dashed, windows that drifted as diamonds."""
    known = [one for one in points if math.isfinite(one.value)]
    if len(known) < 2:
        return Markup()
    axis = _Axis(points[0].start, points[-1].end, _reach(known))
    return _svg(WIDTH, _TOP + _HEIGHT + 24, title, [*axis.frame(since, until), *axis.drawn(points, known)])


def traffic(points: Sequence[Point], since: int, until: int, title: str) -> Markup:
    """Rows of each window as bars, the incident shaded."""
    known = [one for one in points if math.isfinite(one.value)]
    if len(known) < 2:
        return Markup()
    axis = _Axis(points[0].start, points[-1].end, max(one.value for one in known) or 1.0)
    path = "".join(
        f"M{axis.x(one.start):.1f} {_TOP + _HEIGHT}V{axis.y(one.value):.1f}"
        f"H{max(axis.x(one.end) - 0.4, axis.x(one.start) + 0.3):.1f}V{_TOP + _HEIGHT}Z"
        for one in known
    )
    bars = Markup('<path class="rows" d="{}"/>').format(path)
    return _svg(WIDTH, _TOP + _HEIGHT + 24, title, [*axis.frame(since, until), bars])


def _reach(known: Sequence[Point]) -> float:
    limits = [one.threshold for one in known if math.isfinite(one.threshold)]
    return 1.08 * max(*(abs(one.value) for one in known), *limits, 1e-9)


class _Axis:
    """Event time to the right, from zero upwards; with negative values from the middle."""

    def __init__(self, first: int, last: int, top: float) -> None:
        self._first, self._span, self._top = first, max(last - first, 1), top

    def x(self, micros: int) -> float:
        inside = min(max(micros - self._first, 0), self._span)
        return _LEFT + (WIDTH - _LEFT - 8) * inside / self._span

    def y(self, value: float) -> float:
        return _TOP + _HEIGHT * (1 - min(max(value / self._top, 0.0), 1.0))

    def frame(self, since: int, until: int) -> Iterator[Markup]:
        left, right = self.x(since), self.x(until)
        yield Markup('<rect class="during" x="{:.1f}" y="{}" width="{:.1f}" height="{}"/>').format(
            left, _TOP, max(right - left, 1.0), _HEIGHT
        )
        for part in (0.0, 0.5, 1.0):
            y = self.y(self._top * part)
            yield Markup('<path class="grid" d="M{} {:.1f}H{}"/>').format(_LEFT, y, WIDTH - 8)
            yield Markup('<text class="faint" x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(
                _LEFT - 6, y + 4, number(self._top * part)
            )
        for part, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
            at = self._first + int(part * self._span)
            yield Markup('<text class="faint" x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(
                self.x(at), _TOP + _HEIGHT + 18, anchor, moment(at)
            )
        yield Markup('<path class="onset" d="M{:.1f} {}v{}"/>').format(left, _TOP, _HEIGHT)

    def drawn(self, points: Sequence[Point], known: Sequence[Point]) -> Iterator[Markup]:
        limit = "".join(
            f"M{self.x(one.start):.1f} {self.y(one.threshold):.1f}H{self.x(one.end):.1f}"
            for one in known if math.isfinite(one.threshold)
        )  # fmt: skip
        yield Markup('<path class="limit" d="{}"/>').format(limit)
        yield Markup('<path class="line" d="{}"/>').format(self._line(points))
        for one in known if len(known) <= 150 else [p for p in known if p.drifted]:
            yield self._dot(one)

    def _line(self, points: Sequence[Point]) -> str:
        """Broken where a window has no value."""
        parts, pen = list[str](), "M"
        for one in points:
            if not math.isfinite(one.value):
                pen = "M"
                continue
            parts.append(f"{pen}{self.x((one.start + one.end) // 2):.1f} {self.y(abs(one.value)):.1f}")
            pen = "L"
        return "".join(parts)

    def _dot(self, one: Point) -> Markup:
        x, y = self.x((one.start + one.end) // 2), self.y(abs(one.value))
        tip = f"{moment(one.start)} to {moment(one.end)}: {number(one.value)}{', drift' if one.drifted else ''}"
        if one.drifted:
            form = Markup('<path class="drifted" d="M{x:.1f} {y:.1f}m0-4l4 4-4 4-4-4z">').format(x=x, y=y)
            return form + Markup("<title>{}</title></path>").format(tip)
        return Markup('<circle class="fine" cx="{:.1f}" cy="{:.1f}" r="1.8"><title>{}</title></circle>').format(
            x, y, tip
        )


def _svg(width: int, height: int, title: str, parts: Sequence[Markup]) -> Markup:
    opening = Markup('<svg viewBox="0 0 {w} {h}" role="img" aria-label="{t}"><title>{t}</title>').format(
        w=width, h=height, t=escape(plain(title, 300))
    )
    return opening + Markup().join(parts) + Markup("</svg>")
