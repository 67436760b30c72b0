"""Tables beside a model's performance: causes, worst slices, gaps between groups, confusion matrix."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Final

from dashboards.web.formats import count, span
from dashboards.web.links import column_url
from dashboards.web.views.figure import Cell, Link, Table
from dashboards.web.views.performance import Part
from detectors.performance.causes import PROVEN
from detectors.performance.summary import apart, named
from drift.core.performance import Gap, Performance
from drift.service.pages.scope import WHOLE, Scope
from drift.store.rows import WindowRow

CAUSES: Final = 10
SHOWN: Final = 2.0
"""Standard errors from which on a column is listed …"""
FEW: Final = 3
"""… or so many, where none has them."""
GAPS: Final = 40
Found = Sequence[tuple[WindowRow, Performance]]


def parts(of: Scope, found: Found) -> list[Part]:
    """Those that are known, of the newest window that has them; `found`: oldest first."""
    made = (_causes(of, found), _slices(found), _gaps(found), _confusion(of, found))
    return [one for one in made if one is not None]


def _newest(found: Found, has: Callable[[Performance], object]) -> tuple[WindowRow, Performance] | None:
    return next(((row, one) for row, one in reversed(found) if has(one)), None)


def _counted(of: Scope) -> bool:
    """Whether a loss is a share of wrong classes; else it is in the label's unit."""
    outcomes = of.newest.grid.outcomes if of.newest is not None else None
    return outcomes is not None and bool(outcomes.classes)


def _causes(of: Scope, found: Found) -> Part | None:
    last = _newest(found, lambda one: one.causes)
    if last is None:
        return None
    row, causes = last[0], last[1].causes
    shown = [one for one in causes if abs(one.z) >= SHOWN] or causes[:FEW]
    weighed = any(one.weight != 1 for one in causes)
    unit, sized = ("points of the error rate", _points) if _counted(of) else ("the label's unit", float)
    rows = [
        (
            Link(one.column, column_url(of.model.name, one.column, window=of.spec, segment=_part(of), at=row.id)),
            sized(one.composition), round(one.z, 1), sized(one.within), *((one.weight,) if weighed else ()),
        )
        for one in shown[:CAUSES]
    ]  # fmt: skip
    head = ("Column", "By other values", "z", "By the same values", *(("Importance",) if weighed else ()))
    says = (
        f"{_at(row)}: by how much, in {unit}, the error grew, or fell (−), against the reference because other values "
        "of a column came, and because the same values went with other errors. From "
        f"{PROVEN:g} standard errors (z) on it is more than chance. Each column by itself: what moves together is "
        "counted in each."
    )
    return Part("causes", "What has to do with it", says, Table(head, rows))


def _slices(found: Found) -> Part | None:
    row, of = found[-1]
    if not of.slices:
        return None
    what, times = ("Error rate, %", 100) if of.confusion else ("Mean error", 1)
    rows = [
        (
            " and ".join(f"{column}: {value}" for column, value in one.where), one.rows, one.loss * times,
            one.rest * times, one.p_value,
        )
        for one in of.slices
    ]  # fmt: skip
    head = ("Rows with", "Rows", what, "Of all others", "p, corrected")
    says = f"{_at(row)}: parts of the traffic that are worse off than the rest."
    return Part("slices", "Where it is worst", says, Table(head, rows))


def _gaps(found: Found) -> Part | None:
    last = _newest(found, lambda one: one.gaps)
    if last is None:
        return None
    row, of = last
    ordered = sorted(of.gaps, key=lambda one: (not beyond(one), one.attribute))[:GAPS]
    rows = [
        (one.attribute, named(one.metric), apart(one.metric, one.difference),
         apart(one.metric, one.null) if isfinite(one.null) else None,
         "yes" if beyond(one) else "no", one.worst, one.best)
        for one in ordered
    ]  # fmt: skip
    many = sum(map(beyond, of.gaps))
    says = (
        f"{_at(row)}: how far apart groups of sensitive attributes are. {count(many, 'gap')} of {len(of.gaps):,} "
        f"{'is' if many == 1 else 'are'} beyond what groups of these sizes show by chance in 95 % of cases."
    )
    head = ("Attribute", "Metric", "Difference", "Chance", "Beyond", "Worst", "Best")
    return Part("gaps", "Gaps between groups", says, Table(head, rows))


def beyond(one: Gap) -> bool:
    """Whether a gap is more than chance."""
    return one.difference > one.null


def _confusion(of: Scope, found: Found) -> Part | None:
    last = _newest(found, lambda one: one.mature and any(map(any, one.confusion)))
    if last is None:
        return None
    row, table = last[0], last[1].confusion
    names = _classes(of, row, len(table))
    # a class that is none of the model's, or none at all, is shown where there is such a row
    other = len(table) - 1
    keep = [at for at in range(len(table)) if at < other or any(table[other]) or any(line[other] for line in table)]
    rows: list[tuple[Cell, ...]] = [
        (names[at], *(table[at][to] for to in keep), _right(table[at], at)) for at in keep if any(table[at])
    ]
    head = ("True class", *(f"predicted {names[to]}" for to in keep), "Right, %")
    says = f"{_at(row)}, the newest whose labels are mature: labelled predictions by true and predicted class."
    says += " Labels that absence implies are not in it." if _implied(of) else ""
    return Part("confusion", "Confusion matrix", says, Table(head, rows))


def _classes(of: Scope, row: WindowRow, n: int) -> list[str]:
    outcomes = of.references[row.reference_id].grid.outcomes
    known = list(outcomes.classes) if outcomes is not None else []
    return [*known, *("other or none" for _ in range(max(0, n - len(known))))]


def _implied(of: Scope) -> bool:
    label = of.model.settings.get("label")
    return isinstance(label, Mapping) and label.get("absent_means") is not None


def _right(line: Sequence[int], at: int) -> float:
    return 100 * line[at] / sum(line)


def _at(row: WindowRow) -> str:
    return f"Window of {span(row.window.start, row.window.end)}"


def _part(of: Scope) -> str:
    return "" if of.segment == WHOLE else of.segment


def _points(change: float) -> float:
    """Hundredths of all rows, with as many digits as a person compares."""
    return round(change * 100, 1 if abs(change) >= 0.01 else 2)
