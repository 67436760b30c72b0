"""An incident report as Markdown, for a ticket that takes no files: the same facts, charts as small tables."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from dashboards.reports.incident import Column, IncidentReport, Point
from dashboards.reports.texts import markdown as safe
from dashboards.reports.texts import moment, number, share, web_address

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_SPARK: Final = 60
_BAR: Final = 20


def incident(report: IncidentReport) -> str:
    """The whole text, CommonMark with tables."""
    blocks = [*_head(report), *_steps(report)]
    for column in report.columns:
        blocks += _column(column)
    blocks += _tables(report)
    left = f"Not shown here: {safe(', '.join(report.left_out))}. " if report.left_out else ""
    blocks.append(f"{left}Written by Driftsum at {moment(report.made_at)} from sums of rows; no row is in it.")
    return "\n\n".join(blocks) + "\n"


def _head(report: IncidentReport) -> Iterator[str]:
    yield f"# Incident {report.number}: {safe(report.title, 200)}"
    model = f"{safe(report.model, 200)} {safe(report.version, 80)}".strip() or "the service itself"
    facts = [
        ("How bad", f"**{report.severity.upper()}** {safe(report.how_bad)}"),
        ("Since", f"{moment(report.since)} ({report.lasted}{'' if report.over else ' so far'})"),
        ("Because of", safe(report.because)),
        ("Now", safe(report.status)),
        ("Model", model),
        ("Owner", safe(report.owner, 200)),
        ("Page", f"<{report.link}>" if web_address(report.link) else ""),
    ]
    yield "\n".join(f"- {name}: {value}" for name, value in facts if value)


def _steps(report: IncidentReport) -> Iterator[str]:
    never = "no" if report.over else "not yet"
    yield "## How it went"
    rows = (
        (
            step.name, "–" if step.event is None else moment(step.event),
            "–" if step.clock is None else moment(step.clock), safe(step.text, 240) if step.done else never,
        )
        for step in report.steps
    )  # fmt: skip
    yield _table(("step", "event time", "by the clock", "what"), rows)


def _column(column: Column) -> Iterator[str]:
    where = f" in {safe(column.segment, 120)}" if column.segment else ""
    yield f"## {safe(column.name, 120)}{where}"
    yield f"**{column.severity}**, {column.state}: {safe(column.sentence)}"
    stretch = f"{moment(column.since)} to {moment(column.until)}"
    yield f"Shares of rows, {stretch}, against the reference. {safe(column.note)}".rstrip()
    top = max((max(one.before, one.after) for one in column.bars), default=0.0) or 1.0
    if column.bars:
        before, after = (f"{rows:,} rows" for rows in column.rows)
        rows = (
            (safe(one.label, 60), share(one.before), share(one.after), _bar(one.before / top), _bar(one.after / top))
            for one in column.bars
        )
        yield _table(("value", f"reference, {before}", f"stretch, {after}", "reference", "stretch"), rows)
    line = _spark(column.points)
    if line:
        first = moment(column.points[0].start)
        yield f"{safe(column.statistic, 60)} in windows of {safe(column.window, 60)}, from {first}: {line}"
    if column.measured:
        said = ", ".join(f"{safe(name, 60)} {number(value)}" for name, value in column.measured)
        yield f"Over the stretch, against the baseline: {said}."


def _bar(part: float) -> str:
    return "█" * max(round(_BAR * part), 1 if part > 0 else 0)


def _spark(points: Sequence[Point]) -> str:
    """The highest of each few windows as blocks, and from what to what they reach."""
    known = [abs(one.value) for one in points if math.isfinite(one.value)]
    if len(known) < 2:
        return ""
    step = math.ceil(len(known) / _SPARK)
    highest = [max(known[at : at + step]) for at in range(0, len(known), step)]
    top = max(highest) or 1.0
    drawn = "".join(_BLOCKS[min(int(len(_BLOCKS) * value / top), len(_BLOCKS) - 1)] for value in highest)
    return f"{drawn} (0 to {number(top)})"


def _tables(report: IncidentReport) -> Iterator[str]:
    yield from _section(
        "Alerts", ("severity", "column", "segment", "window", "state", "since", "what"),
        [
            (one.severity, safe(one.column, 120), safe(one.segment, 120), safe(one.window, 60), one.state,
             moment(one.since), safe(one.sentence)) for one in report.findings
        ],
    )  # fmt: skip
    yield from _section(
        "Who did what", ("by the clock", "what", "column", "why", "who"),
        [
            (moment(one.clock), one.what, safe(one.column, 120), safe(one.why), safe(one.who or "the service", 120))
            for one in report.history
        ],
    )  # fmt: skip
    yield from _section(
        "Who was told", ("by the clock", "receiver", "message", "state", "its answer"),
        [
            (moment(one.clock), safe(one.receiver, 120), one.change, one.state, safe(one.error, 300))
            for one in report.told
        ],
    )  # fmt: skip
    yield from _section(
        "Retraining", ("run", "trigger", "state", "since", "who", "why", "where"),
        [
            (str(one.number), safe(one.trigger, 120), one.state, moment(one.clock), safe(one.who or "the service", 120),
             safe(one.why, 300), safe(one.url, 300)) for one in report.runs
        ],
    )  # fmt: skip
    yield from _section(
        "What else happened",
        ("when", "what", "", "who"),
        [(moment(one.event), safe(one.kind, 60), safe(one.text), safe(one.who, 120)) for one in report.marks],
    )


def _section(heading: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if rows:
        yield f"## {heading}"
        yield _table(headings, rows)


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
