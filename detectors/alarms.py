"""From evidence to an alarm: what moved since the onset, how far, in which bins, and how loud that is. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import numpy as np

from detectors.judge import judge
from detectors.plan import Plan
from detectors.sequential.contract import Evidence, Watch
from detectors.shares import shares
from detectors.wording import SCORES, amount, count, is_share, moved, named, percent
from drift.core.alarm import Alarm, Moved, Severity
from drift.core.baseline import Baseline
from drift.core.profile import Profile
from drift.core.result import Judgement
from drift.core.window import Window

STATISTICS: Final = ("psi", "ks", "wasserstein_sd", "js", "mean_shift", "missing_ratio", "unseen_ratio")
"""Measured over the stretch since the onset."""
MOST_MOVED: Final = 5
_MOVED: Final = 0.002
"""A bin whose share changed by less has not moved."""


class Effect(Protocol):
    """How far a stretch is off in what the detector watches."""

    value: float
    tolerance: float
    expected: float
    observed: float

    @property
    def grave(self) -> bool:
        """Whether it is worth waking somebody."""


@runtime_checkable
class Measures(Protocol):
    """A watch that knows effects, and not only that there is one."""

    def measure(self, column: int, what: str, profile: Profile, windows: list[Window]) -> Effect:
        """How far a stretch of windows with these sums is off."""


@dataclass(frozen=True)
class Told:
    """What there is to tell of one stretch."""

    profile: Profile
    windows: tuple[Window, ...]
    """The windows it consists of, ascending."""
    judgement: Judgement
    """Its statistics against the baseline."""

    @staticmethod
    def of(profile: Profile, windows: Sequence[Window], baseline: Baseline, segment: int) -> "Told":
        """Measure a stretch; about 10 ms for 1,000 columns."""
        plan = Plan(rules=(), min_rows=1, statistics=STATISTICS)
        return Told(profile, tuple(windows), judge(profile, baseline.profile, plan, segment))


def alarm(
    watch: Watch, evidence: Evidence, column: int, told: Told, baseline: Baseline, *, detector: str, segment: int,
    raised: Window, snoozed: bool,
) -> Alarm:  # fmt: skip
    """The alarm of one column, with its evidence over the stretch since its onset."""
    grid, what = baseline.grid, evidence.what[column]
    known = isinstance(watch, Measures) and bool(what)
    effect = watch.measure(column, what, told.profile, list(told.windows)) if known else None  # type: ignore[attr-defined]
    reliable = bool(evidence.reliable[column])
    grave = effect is None or effect.grave
    row = told.judgement.values[column]
    numbers = {name: float(value) for name, value in zip(STATISTICS, row, strict=True) if np.isfinite(value)}
    rows = told.profile.rows(segment)
    tolerance = effect.tolerance if effect is not None else watch.tolerance(column, what)
    return Alarm(
        column=grid.names[column],
        segment=segment,
        detector=detector,
        severity=Severity.PAGE if grave and reliable else Severity.WARNING,
        raised=raised,
        onset=told.windows[0].start,
        until=told.windows[-1].end,
        direction={1: "increase", -1: "decrease"}.get(int(evidence.direction[column]), ""),
        what=what,
        effect=effect.value if effect is not None else float("nan"),
        tolerance=tolerance,
        rows=rows,
        level=float(evidence.level[column]),
        limit=float(evidence.limit[column]),
        statistics=numbers,
        moved=bins_moved(baseline, told.profile, column, segment),
        snoozed=snoozed,
        sentence=_sentence(grid.names[column], what, effect, rows, detector),
    )


def bins_moved(baseline: Baseline, window: Profile, column: int, segment: int) -> tuple[Moved, ...]:
    """The bins whose shares changed most; at most five."""
    grid = baseline.grid.columns[column]
    before, after = (
        np.append(p.bin_counts(column, segment), _nothing(p, column, segment)) for p in (baseline.profile, window)
    )
    parts = [
        (label.removeprefix("of "), bins) for label, bins, tail in shares(grid, before[:-2].astype(float)) if not tail
    ]
    parts += [("missing", np.array([before.size - 2])), ("invalid", np.array([before.size - 1]))]
    m, n = max(int(before.sum()), 1), max(int(after.sum()), 1)
    found = [Moved(label, float(before[bins].sum() / m), float(after[bins].sum() / n)) for label, bins in parts]
    found = [one for one in found if abs(one.after - one.before) >= _MOVED]
    return tuple(sorted(found, key=lambda one: -abs(one.after - one.before))[:MOST_MOVED])


def _nothing(profile: Profile, column: int, segment: int) -> list[int]:
    return [int(profile.missing(segment)[column]), int(profile.invalid(segment)[column])]


def _sentence(column: str, what: str, effect: Effect | None, rows: int, detector: str) -> str:
    if effect is None:
        return f"{column}: detector {detector} was met{f' ({what})' if what else ''} in {count(rows, 'row')}"
    if is_share(what):
        change = f"{named(what)} went from {percent(effect.expected)} to {percent(effect.observed)}"
    else:
        change = f"{named(what)} {moved(what, effect.value)} by {amount(what, effect.value)}"
    unit = "" if what in SCORES else " either way"
    return f"{column}: {change}; {amount(what, effect.tolerance)}{unit} is borne ({count(rows, 'row')})"
