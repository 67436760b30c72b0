"""A window's performance in a few sentences: what changed, since when, for whom, why, and what it costs.

Each sentence says only what its numbers carry: a change counts where it is beyond `max_drop` and its band excludes that
nothing changed; a cause where |z| ≥ 3; a gap where it is beyond its null. What is not known is left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite, nan, sqrt
from typing import Final

from detectors.performance.causes import PROVEN
from detectors.performance.fairness import LOWER_IS_BETTER
from detectors.performance.options import MAX_DROP
from detectors.wording import count, listed, moment, number, percent, points
from drift.core.performance import Cause, Gap, Measure, Measures, Performance, Slice

NAMES: Final = {
    "auroc": "AUROC", "average_precision": "average precision", "f1": "F1", "log_loss": "log loss",
    "brier": "Brier score", "mae": "mean absolute error", "rmse": "root mean squared error", "r2": "R²",
    "mape": "mean absolute percentage error", "demographic_parity": "selection rate",
    "equalized_odds": "recall or false positive rate",
}  # fmt: skip
"""How metrics are called, where not by their own name."""
_UNBOUNDED: Final = frozenset(("mae", "rmse", "bias", "log_loss", "value"))
"""These, and pinball losses, have no largest value."""
_ERRORS: Final = frozenset(("mae", "rmse", "bias"))
"""In the label's own unit, as are pinball losses."""
_NUMBERS: Final = _UNBOUNDED | {"r2", "auroc", "average_precision", "f1", "brier", "calibration_error"}
"""These are said as numbers, all others in per cent."""
_MOST: Final = 3


class Standing(StrEnum):
    """How a metric stands against the reference's."""

    WORSE = "worse"
    UNPROVEN = "unproven"
    """Beyond what is borne, but so few rows that it may be chance."""
    AS_BEFORE = "as before"
    BETTER = "better"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Change:
    """A metric now and before."""

    metric: str
    now: Measure
    before: Measure
    estimated: bool
    """Whether `now` was estimated without labels."""
    standing: Standing
    worse_by: float
    """How much worse, in the metric's unit; negative: better."""


def change(performance: Performance, metric: str, max_drop: float = MAX_DROP) -> Change:
    """How a metric stands: as realised where labels are mature, else as estimated, else as realised so far.

    Args:
        performance: of one window.
        metric: a name among its measures.
        max_drop: what is borne, 0–1: of a share its fall; of an error its growth in standard
            deviations of the label, as the reference's RMSE and R² tell them.
    """
    realized, estimated = (found.get(metric, Measure(nan)) for found in (performance.realized, performance.estimated))
    use = estimated if estimated.known and not (performance.mature and realized.known) else realized
    before = performance.reference.get(metric, Measure(nan))
    sign = 1 if metric in LOWER_IS_BETTER or metric.startswith("pinball") else -1
    worse = sign * (use.value - before.value)
    near = sign * ((use.low if sign > 0 else use.high) - before.value)
    far = sign * ((use.high if sign > 0 else use.low) - before.value)
    borne = max_drop * _measure_of(metric, before, performance.reference)
    return Change(metric, use, before, use is estimated, _standing(worse, near, far, borne), worse)


def _measure_of(metric: str, before: Measure, reference: Measures) -> float:
    """What a growth is measured in: errors by the label's standard deviation, RMSE/√(1 − R²) in the reference; other
    unbounded metrics by the reference's own; shares by 1."""
    if metric in _ERRORS or metric.startswith("pinball"):
        rmse, r2 = (reference.get(name, Measure(nan)).value for name in ("rmse", "r2"))
        return rmse / sqrt(1 - r2) if isfinite(rmse) and isfinite(r2) and r2 < 1 else abs(before.value)
    return abs(before.value) if metric in _UNBOUNDED else 1.0


def _standing(worse: float, near: float, far: float, borne: float) -> Standing:
    """`near` and `far`: the band's ends, the one that is least bad first."""
    if not isfinite(worse):
        return Standing.UNKNOWN
    if worse > borne:
        return Standing.WORSE if near > 0 else Standing.UNPROVEN
    return Standing.BETTER if far < 0 and -worse > borne else Standing.AS_BEFORE


def summary(
    performance: Performance,
    *,
    metric: str = "",
    max_drop: float = MAX_DROP,
    since: int | None = None,
    zone: str = "UTC",
    drifted: Sequence[str] = (),
) -> str:
    """The sentences, as one paragraph.

    Args:
        performance: of one window, the whole traffic.
        metric: the one that is spoken of; empty: accuracy, or the mean absolute error.
        max_drop: see `change`.
        since: when it began to be worse, microseconds; None: it is not known.
        zone: in which times are said.
        drifted: columns whose values changed, whether that matters or not.
    """
    measured = {**performance.estimated, **performance.realized}
    metric = metric or ("accuracy" if "accuracy" in measured or not measured else "mae" if "mae" in measured else
                        next(iter(measured)))  # fmt: skip
    found = change(performance, metric, max_drop)
    return " ".join(_sentences(performance, found, since, zone, drifted))


def _sentences(
    performance: Performance, found: Change, since: int | None, zone: str, drifted: Sequence[str]
) -> Iterator[str]:
    yield _what(performance, found)
    worse = found.standing is Standing.WORSE
    if worse and since is not None:
        yield f"It has been so since {moment(since, zone)} ({zone})."
    counted = "mae" not in performance.reference
    yield from _worst(performance.slices, counted)
    yield from _unlike(performance.gaps)
    if worse:
        yield from _why(performance.causes, counted)
        yield from _cost(performance, found)
    elif drifted and found.standing in (Standing.AS_BEFORE, Standing.BETTER):
        yield f"Values of {listed(drifted)} have changed, which does no harm so far."
    if found.estimated and found.now.known and performance.assumption:
        yield performance.assumption


def _what(performance: Performance, found: Change) -> str:
    name, now = named(found.metric), found.now
    if not now.known:
        why = f": {now.why}" if now.why else ""
        return f"{_first(name)} is not known{why}."
    band = f" ({said(found.metric, now.low)} to {said(found.metric, now.high)})" if isfinite(now.low) else ""
    on = "" if found.estimated else f" on {count(performance.joined, 'label')} of {performance.predicted:,} predictions"
    verb = "is estimated at" if found.estimated else "is"
    return f"{_first(name)} {verb} {said(found.metric, now.value)}{band}{on}{_against(found)}."


def _against(found: Change) -> str:
    """What that is beside the reference's."""
    before = f"the reference's {said(found.metric, found.before.value)}"
    size = apart(found.metric, found.worse_by)
    match found.standing:
        case Standing.WORSE:
            return f", {size} worse than {before}"
        case Standing.UNPROVEN:
            return f", {size} worse than {before}, which may be chance on so few rows"
        case Standing.BETTER:
            return f", {size} better than {before}"
        case Standing.AS_BEFORE:
            return f", as before: the reference's is {said(found.metric, found.before.value)}"
        case _:
            return ""


def _worst(slices: Sequence[Slice], counted: bool) -> Iterator[str]:
    """The first slice; `counted`: its loss is a share of wrong classes."""
    for worst in slices[:1]:
        where = " and ".join(f"{column} {value}" for column, value in worst.where)
        loss, rest = (percent(one) if counted else number(one) for one in (worst.loss, worst.rest))
        what = "an error rate" if counted else "a mean error"
        rows = count(worst.rows, "row")
        yield f"Worst off is {where}: {what} of {loss} on {rows}, where all others have {rest}."


def _unlike(gaps: Sequence[Gap]) -> Iterator[str]:
    """The gap that is furthest beyond its null."""
    beyond = [gap for gap in gaps if gap.difference > gap.null]
    for gap in sorted(beyond, key=lambda gap: gap.null / gap.difference)[:1]:
        size, chance = apart(gap.metric, gap.difference), apart(gap.metric, gap.null)
        yield (
            f"Between groups of {gap.attribute}, {named(gap.metric)} differs by {size} where up to {chance} would be "
            f"chance: {gap.worst} fares worst, {gap.best} best."
        )


def _why(causes: Sequence[Cause], counted: bool) -> Iterator[str]:
    raising = [one for one in causes if one.z >= PROVEN and one.composition > 0]
    if raising:
        size = points if counted else number
        shown = listed([f"{one.column} ({size(one.composition)})" for one in raising[:_MOST]])
        yield f"Other values came in columns that raise the error, each by itself: {shown}."
    elif any(isfinite(one.within) and one.within > 0 for one in causes):
        yield "No column's values explain it: the same values now do worse."


def _cost(performance: Performance, found: Change) -> Iterator[str]:
    """In the user's unit where a value is set, and in errors."""
    value = change(performance, "value", 0.0)
    if isfinite(value.worse_by) and value.worse_by > 0:
        total = value.worse_by * performance.predicted
        yield f"Each prediction brings {number(value.worse_by)} less than in the reference, {number(total)} in all."
    if found.metric == "accuracy":
        more = round(found.worse_by * performance.predicted)
        yield f"That is about {count(more, 'more wrong prediction')} of {performance.predicted:,}."


def named(metric: str) -> str:
    """What a metric is called in a sentence."""
    return NAMES.get(metric, metric.replace("_", " "))


def said(metric: str, value: float) -> str:
    """A metric's value."""
    return number(value) if _plain(metric) else percent(value)


def apart(metric: str, difference: float) -> str:
    """How far two values of a metric are apart, without a sign."""
    return number(abs(difference)) if _plain(metric) else points(difference)


def _plain(metric: str) -> bool:
    return metric in _NUMBERS or metric.startswith("pinball")


def _first(text: str) -> str:
    return text[:1].upper() + text[1:]
