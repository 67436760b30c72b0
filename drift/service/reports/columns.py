"""One column of an incident: its distribution before and since, and its statistic over time, from the sums."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from dashboards.reports.incident import Bar, Column, Point
from dashboards.reports.texts import lasted
from detectors.shares import shares
from drift.core.alarm import Alarm
from drift.core.alert import Alert
from drift.core.catalogue import Model, Reference
from drift.core.clock import DAY
from drift.core.profile import Profile
from drift.core.result import Outcome
from drift.core.window import Window
from drift.store import Store

BARS: Final = 18
"""Parts of a distribution that are drawn; the smallest are added up."""
POINTS: Final = 240
"""Windows of a series at most …"""
QUIET: Final = 40
"""… and before the onset, or as many as there are since."""
LONGEST: Final = 31 * DAY
"""Of a stretch whose sums are added up …"""
COUNTERS: Final = 1 << 26
"""… and counters that are read for it: half a gigabyte, about a second."""
_ALARMS: Final = 100
_DEFAULT: Final = "psi"
_STATISTICS: Final = {"share missing": "missing_ratio", "share unseen": "unseen_ratio"}
"""What moved → the statistic that shows it best."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A column, and the detector's alarm on it, if there is one."""

    column: Column
    alarm: Alarm | None


class Columns:
    """Draws columns of one incident; sums are read once for each stretch."""

    def __init__(self, store: Store, references: Mapping[int, Reference], model: Model) -> None:
        self._store, self._references, self._model = store, references, model
        self._before: dict[int, Profile] = {}
        self._stretches: dict[tuple[int, Window], tuple[Profile | None, str]] = {}

    def drawn(self, alert: Alert) -> Drawn:
        """The column of an alert that names one."""
        key, alarm = alert.key, self._alarm(alert)
        reference = self._references[key.reference_id]
        stretch, note = _stretch(alert, alarm, longest(self._model, reference, key.spec))
        profile, why = self._profile(reference, stretch)
        before = self._reference(reference)
        at = reference.grid.index[key.column]
        bars = bars_of(before, profile, at, key.segment) if profile is not None else ()
        statistic, points = self._series(alert, alarm, stretch)
        column = Column(
            name=key.column, segment=reference.grid.segments[key.segment].label if key.segment else "",
            window=key.spec, severity=alert.urgency.value, state=alert.state.value, sentence=alert.sentence,
            since=stretch.start, until=stretch.end, bars=bars,
            rows=(before.rows(key.segment), profile.rows(key.segment) if profile is not None else 0),
            note=" ".join(word for word in (note, why) if word), statistic=statistic, points=points,
            measured=tuple(sorted(alarm.statistics.items())) if alarm is not None else (),
        )  # fmt: skip
        return Drawn(column, alarm)

    def _alarm(self, alert: Alert) -> Alarm | None:
        """The detector's alarm that the alert stands for."""
        key = alert.key
        for row in self._store.alarms(key.model_id, column=key.column, limit=_ALARMS):
            of = row.alarm
            same = (row.reference_id, row.spec, of.segment, of.detector) == (
                key.reference_id, key.spec, key.segment, key.detail,
            )  # fmt: skip
            raised = of.raised.end == alert.fired_at if alert.raised is None else of.raised.start == alert.raised.start
            if same and raised:
                return of
        return None

    def _reference(self, reference: Reference) -> Profile:
        if reference.id not in self._before:
            self._before[reference.id] = self._store.reference_profile(reference.id)
        return self._before[reference.id]

    def _profile(self, reference: Reference, stretch: Window) -> tuple[Profile | None, str]:
        known = reference.id, stretch
        if known not in self._stretches:
            total = self._store.profile(reference, stretch.start, stretch.end)
            why = ""
            if total.profile is None:
                why = "The sums of this stretch are not kept any more, or were added up to longer ones."
            elif total.straddles:
                why = "Rows at its edges were added up to whole hours or days and are left out."
            self._stretches[known] = total.profile, why
        return self._stretches[known]

    def _series(self, alert: Alert, alarm: Alarm | None, stretch: Window) -> tuple[str, tuple[Point, ...]]:
        """The statistic of windows from well before the onset, ascending."""
        key, name = alert.key, _statistic(alert, alarm)
        reach = max(stretch.end - stretch.start, DAY)
        rows = self._store.series(
            key.model_id, key.spec, key.column, name, segment=key.segment, limit=POINTS,
            before=(stretch.end + reach // 4 + 1, 0),
        )  # fmt: skip
        mine = [row for row in rows if row.reference_id == key.reference_id]
        since = sum(row.window.end > stretch.start for row in mine)
        mine = mine[: since + max(QUIET, since)]
        return name, tuple(
            Point(row.window.start, row.window.end, row.value, row.threshold, row.outcome is Outcome.DRIFT)
            for row in reversed(mine)
        )


def longest(model: Model, reference: Reference, spec: str) -> int:
    """How long a stretch may be whose sums are added up: at least a window, however many columns there are."""
    panes = COUNTERS // (len(reference.grid.segments) * reference.grid.layout.width)
    window = next((one.length for one in model.windows if one.name == spec), 0)
    return max(min(LONGEST, panes * model.pane), window)


def _stretch(alert: Alert, alarm: Alarm | None, most: int) -> tuple[Window, str]:
    """What is compared with the reference: from the onset, so long at most; and a word about that."""
    start = alarm.onset if alarm is not None else alert.since
    end = alarm.until if alarm is not None else alert.resolved_at or alert.seen_at
    end = max(end, start + 1)
    if end - start > most:
        return Window(start, start + most), f"Of it the first {lasted(most)}."
    return Window(start, end), ""


def _statistic(alert: Alert, alarm: Alarm | None) -> str:
    """The one that the rule is about; else the one that shows best what moved."""
    first = alert.key.rule.split(" ")[0] if any(sign in alert.key.rule for sign in "<>") else ""
    return first or _STATISTICS.get(alarm.what if alarm is not None else "", _DEFAULT)


def bars_of(before: Profile, after: Profile, at: int, segment: int) -> tuple[Bar, ...]:
    """A column's parts with their shares of all rows, missing and invalid values among them; at most `BARS`."""
    grid = before.grid.columns[at]
    if grid.sketch:
        return ()
    counts = [_counts(profile, at, segment) for profile in (before, after)]
    parts = [(label.removeprefix("of "), bins) for label, bins, tail in shares(grid, counts[0][:-2]) if not tail]
    parts += [("missing", np.array([counts[0].size - 2])), ("invalid", np.array([counts[0].size - 1]))]
    totals = [max(float(side.sum()), 1.0) for side in counts]
    found = [
        Bar(label, *(float(c[bins].sum() / t) for c, t in zip(counts, totals, strict=True))) for label, bins in parts
    ]
    return _few([one for one in found if one.before > 0 or one.after > 0])


def _counts(profile: Profile, at: int, segment: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    nothing = [profile.missing(segment)[at], profile.invalid(segment)[at]]
    return np.append(profile.bin_counts(at, segment), nothing).astype(np.float64)


def _few(bars: list[Bar]) -> tuple[Bar, ...]:
    """In their order; the smallest, which would not fit, as one."""
    if len(bars) <= BARS:
        return tuple(bars)
    largest = sorted(bars, key=lambda one: -max(one.before, one.after))[: BARS - 1]
    rest = [one for one in bars if one not in largest]
    more = Bar(f"{len(rest)} smaller ones", sum(one.before for one in rest), sum(one.after for one in rest))
    return (*(one for one in bars if one in largest), more)
