"""Pages for a notebook: small, without scripts, readable on light and on dark."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

import numpy as np
import numpy.typing as npt

from drift.backtesting.result import Backtest, Judged
from drift.backtesting.tables import HEADINGS, moment, row, summary, title
from drift.core.result import Outcome

Ints = npt.NDArray[np.int64]
Outcomes = npt.NDArray[np.int8]

STYLE: Final = """<style>
.driftsum{font:13px/1.45 system-ui,sans-serif;color:inherit}
.driftsum table{border-collapse:collapse;margin:.6em 0;font:inherit;color:inherit}
.driftsum th,.driftsum td{padding:2px 14px 2px 0;text-align:left;vertical-align:top;border:0;background:none}
.driftsum th{font-weight:600;border-bottom:1px solid #8888;white-space:nowrap}.driftsum td{white-space:nowrap}
.driftsum .n{text-align:right;font-variant-numeric:tabular-nums}
.driftsum .page,.driftsum .drift{color:#d6453a;font-weight:700}.driftsum .warning{color:#b9770e;font-weight:700}
.driftsum .small{opacity:.75;margin:.15em 0}.driftsum svg{display:block;margin:.6em 0}
</style>"""
_CELL: Final = 14
_MOST_COLUMNS: Final = 40
_MOST_CELLS: Final = 240
_WIDEST: Final = 720
_LABEL: Final = 7
"""Width of a letter, about."""
_FILLS: Final = {Outcome.NO_DRIFT: "#7f8c8d33", Outcome.DRIFT: "#d6453a", Outcome.INSUFFICIENT_DATA: "none"}
_WORDS: Final = {Outcome.NO_DRIFT: "no drift", Outcome.DRIFT: "drift", Outcome.INSUFFICIENT_DATA: "too few rows"}


def page(test: Backtest) -> str:
    """The alarms, the columns × windows, and the summary."""
    alarms = [row(test, one) for one in test.raised]
    table = html_table(HEADINGS, alarms, marked=1) if alarms else "<p>No alarm.</p>"
    lines = "".join(f'<p class="small">{escape(line)}</p>' for line in summary(test))
    return f'{STYLE}<div class="driftsum"><b>{escape(title(test))}</b>{table}{picture(test)}{lines}</div>'


def html_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], marked: int = -1, numbers: Sequence[int] = ()
) -> str:
    """A table; the words in column `marked` are their own CSS classes, those in `numbers` stand to the right."""
    head = "".join(
        f'<th class="n">{escape(heading)}</th>' if at in numbers else f"<th>{escape(heading)}</th>"
        for at, heading in enumerate(headings)
    )
    body = "".join(
        f"<tr>{''.join(_cell(cell, at == marked, at in numbers) for at, cell in enumerate(cells))}</tr>"
        for cells in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str, marked: bool, number: bool) -> str:
    names = [*([escape(text, quote=True)] if marked else []), *(["n"] if number else [])]
    attribute = f' class="{" ".join(names)}"' if names else ""
    return f"<td{attribute}>{escape(text)}</td>"


def picture(test: Backtest) -> str:
    """Columns × windows as an inline SVG: red where a column drifted, grey where not, an outline where nobody knows.

    More windows than fit are drawn together, a stretch as bad as its worst window; of more than 40 columns those that
    drifted in most windows are shown.
    """
    judged = [one for one in test.judged if one.whole is not None]
    if not judged or judged[0].whole is None:
        return ""
    names = judged[0].whole.columns
    outcomes = np.array([one.whole.outcomes for one in judged if one.whole is not None]).T
    shown = np.argsort(-(outcomes == Outcome.DRIFT).sum(axis=1), kind="stable")[:_MOST_COLUMNS]
    groups = np.array_split(np.arange(len(judged)), min(len(judged), _MOST_CELLS))
    width = max(3.0, min(float(_CELL), _WIDEST / len(groups)))
    left = _LABEL * min(24, max(len(names[at]) for at in shown.tolist())) + 8
    height, full = _CELL * len(shown) + 18, left + width * len(groups) + 4
    shape = f'width="{full:.0f}" height="{height}" role="img" aria-label="columns by windows"'
    parts = [f'<svg {shape} font-family="system-ui,sans-serif" font-size="11" fill="currentColor">']
    for line, at in enumerate(shown.tolist()):
        parts.append(f'<text x="0" y="{line * _CELL + 11}">{escape(_short(names[at]))}</text>')
        parts += _cells(test, judged, outcomes[at], groups, left, width, line * _CELL)
    first, last = judged[0].window.start, judged[-1].window.end
    parts.append(f'<text x="{left}" y="{height - 4}">{escape(moment(test, first))}</text>')
    parts.append(
        f'<text x="{full - 4:.0f}" y="{height - 4}" text-anchor="end">{escape(moment(test, last))}</text></svg>'
    )
    return "".join(parts)


def _cells(
    test: Backtest, judged: Sequence[Judged], outcomes: Outcomes, groups: Sequence[Ints], left: float, width: float,
    top: int,
) -> list[str]:  # fmt: skip
    """One column's rectangles; neighbours that are alike are one."""
    worst = [_worst(outcomes[group]) for group in groups]
    parts, first = [], 0
    for at in range(1, len(groups) + 1):
        if at < len(groups) and worst[at] is worst[first]:
            continue
        start, end = judged[int(groups[first][0])].window.start, judged[int(groups[at - 1][-1])].window.end
        line = ' stroke="#7f8c8d66"' if worst[first] is Outcome.INSUFFICIENT_DATA else ""
        tip = escape(f"{_WORDS[worst[first]]}, {moment(test, start)} to {moment(test, end)}")
        parts.append(
            f'<rect x="{left + width * first:.1f}" y="{top + 1}" width="{width * (at - first) - 1:.1f}" '
            f'height="{_CELL - 2}" fill="{_FILLS[worst[first]]}"{line}><title>{tip}</title></rect>'
        )
        first = at
    return parts


def _worst(outcomes: Outcomes) -> Outcome:
    for outcome in (Outcome.DRIFT, Outcome.NO_DRIFT):
        if (outcomes == outcome).any():
            return outcome
    return Outcome.INSUFFICIENT_DATA


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:23]}…"
