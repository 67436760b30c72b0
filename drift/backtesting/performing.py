"""A backtest's performance: in each window as estimated and as it came true, and what both say together."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final

from detectors.performance.harm import affected, headline
from detectors.performance.summary import apart, named, said
from detectors.wording import count
from drift.core.alarm import Alarm
from drift.core.clock import from_datetime
from drift.core.performance import Measure, Measures, Performance

if TYPE_CHECKING:
    import pandas as pd

    from drift.backtesting.numbering import Numbering
    from drift.backtesting.result import Backtest, Judged

_MOMENT: Final = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d(?::\d\d)?")
_ZONED: Final = re.compile(r"(row [\d,]+) \(UTC\)")


def in_rows(text: str, numbering: "Numbering") -> str:
    """A sentence with numbers of rows in the place of the times that stand for them."""

    def row(found: re.Match[str]) -> str:
        form = "%a %d %b %Y %H:%M:%S" if found[0].count(":") == 2 else "%a %d %b %Y %H:%M"
        at = from_datetime(datetime.strptime(found[0], form).replace(tzinfo=UTC))
        return "the reference" if at < numbering.base else f"row {numbering.row(at):,}"

    return _ZONED.sub(r"\1", _MOMENT.sub(row, text))


def numbered(performance: Performance, numbering: "Numbering") -> Performance:
    """One that speaks of rows."""
    return replace(
        performance, assumption=in_rows(performance.assumption, numbering),
        summary=in_rows(performance.summary, numbering),
    )  # fmt: skip


def numbered_alarm(alarm: Alarm, numbering: "Numbering") -> Alarm:
    """One that speaks of rows."""
    return replace(alarm, sentence=in_rows(alarm.sentence, numbering))


def plain(performance: Performance) -> dict[str, Any]:
    """`performance` and `causes` of a window, for JSON."""
    return {
        "performance": {
            "estimated": _measures(performance.estimated),
            "realized": _measures(performance.realized),
            "reference": _measures(performance.reference),
            "assumption": performance.assumption,
            "predictions": performance.predicted,
            "labels": performance.joined,
            "summary": performance.summary,
        },
        "causes": [
            {
                "column": one.column, "composition": _rounded(one.composition), "within": _rounded(one.within),
                "z": _rounded(one.z),
            }
            for one in performance.causes
        ],
    }  # fmt: skip


def _measures(measures: Measures) -> dict[str, dict[str, float | None]]:
    return {
        name: {"value": _rounded(one.value), "low": _rounded(one.low), "high": _rounded(one.high)}
        for name, one in measures.items()
    }


def _rounded(value: float) -> float | None:
    from drift.backtesting.plain import rounded

    return rounded(value)


def frame(test: "Backtest") -> "pd.DataFrame":
    """One row for each window and metric."""
    import pandas as pd

    from drift.backtesting.tables import stamp

    rows = [
        {
            "start": stamp(test, one.window.start), "end": stamp(test, one.window.end), "metric": metric,
            "reference": _of(found.reference, metric).value, **_banded("estimated", _of(found.estimated, metric)),
            **_banded("realized", _of(found.realized, metric)),
        }
        for one in test.judged
        if (found := one.performance) is not None
        for metric in {**found.reference, **found.estimated, **found.realized}
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=None if rows else ["start", "end", "metric"])


def _of(measures: Measures, metric: str) -> Measure:
    return measures.get(metric, Measure(float("nan")))


def _banded(name: str, measure: Measure) -> dict[str, float]:
    return {name: measure.value, f"{name}_low": measure.low, f"{name}_high": measure.high}


def lines(test: "Backtest", max_drop: float) -> Iterator[str]:
    """What there is to say of it, below the alarms."""
    from drift.backtesting.tables import moment

    known = [(one, one.performance) for one in test.judged if one.performance is not None]
    metric = next((name for _, found in known if (name := headline(found))), "")
    if not metric:
        return
    reference = _of(known[-1][1].reference, metric)
    parts = [f"{said(metric, reference.value)} in the reference"] if reference.known else []
    pairs = [(_of(found.estimated, metric), _of(found.realized, metric)) for _, found in known]
    parts += _range(metric, "estimated", [one for one, _ in pairs])
    parts += _range(metric, "realised", [one for _, one in pairs])
    both = [abs(one.value - other.value) for one, other in pairs if one.known and other.known]
    if both:
        parts.append(f"the two differ by {apart(metric, fmean(both))} on average, {apart(metric, max(both))} at most")
    yield f"Performance: {named(metric)} {', '.join(parts)}."
    yield from _affected(
        [(one, found) for one, found in known if affected(found, max_drop)], lambda at: moment(test, at)
    )
    assumption = known[-1][1].assumption
    if assumption and any(one.known for one, _ in pairs):
        yield assumption


def _range(metric: str, word: str, measures: Sequence[Measure]) -> list[str]:
    values = [one.value for one in measures if one.known]
    if not values:
        return []
    low, high = said(metric, min(values)), said(metric, max(values))
    return [f"{word} {low if low == high else f'{low} to {high}'} in {count(len(values), 'window')}"]


def _affected(some: "Sequence[tuple[Judged, Performance]]", moment: Any) -> Iterator[str]:
    if some:
        window, found = some[0][0].window, some[0][1]
        where = f"{moment(window.start)} to {moment(window.end)}"
        yield f"Performance is affected in {count(len(some), 'window')}, first from {where}: {found.summary}"
