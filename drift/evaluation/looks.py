"""What one result, or one moment, says about each alert that a rule could raise. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from alerts.rules import AlertRule
from alerts.state import Latch, Look
from drift.core.alarm import Alarm
from drift.core.alert import Alert, AlertKey, AlertState, Urgency
from drift.core.catalogue import Model, Reference
from drift.core.clock import MINUTE, isoformat
from drift.core.commit import AlarmChange, WindowResult
from drift.core.result import Breach, Judgement, Outcome, WindowState
from drift.core.window import Window, lasting
from drift.evaluation.closing import Status
from drift.evaluation.performance_looks import LABELLED, calmed, detail, gated, harmed, look_at
from drift.evaluation.verdict import SCHEMA

Known = Mapping[AlertKey, Alert]

URGENCIES: Final = {
    "critical": Urgency.PAGE, "page": Urgency.PAGE, "warning": Urgency.WARNING, "info": Urgency.INFO,
}  # fmt: skip
"""What rules and alarms call a severity → how loud it is."""
SILENT_WINDOWS: Final = 2
SILENT_AT_LEAST: Final = 30 * MINUTE
_ENDS: Final = ("ended", "retracted")
_DIRECTION: Final = "mean_shift"
"""The measure whose sign is a column's direction."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at one alert."""

    rule: AlertRule
    key: AlertKey
    look: Look


def looks_of(
    rule: AlertRule, model: Model, reference: Reference, result: WindowResult, known: Known, *, older: bool = False,
    now: int = 0, overtaken: Callable[[], bool] = lambda: False,
) -> Iterator[Seen]:  # fmt: skip
    """What a final or incomplete result says to one rule.

    Args:
        rule: of the model.
        model: whose result.
        reference: what was compared with.
        result: final, revised or incomplete.
        known: alerts that are pending or fire.
        older: a later window was judged already.
        now: end of the newest final window, as of which labels that come are news; 0: the result's own.
        overtaken: whether a later window's labels are mature.
    """
    if rule.spec not in ("", result.spec):
        return
    harm = harmed(model, result) if rule.harm else True
    about = _About(
        rule, reference, result, _hop(model, result.spec), known, own_rules=_own_rules(model), older=older, harm=harm,
        now=max(now, result.window.end), overtaken=overtaken,
    )  # fmt: skip
    for seen in _all(about):
        yield seen if not rule.harm or seen.look.latch is not None else replace(seen, look=gated(seen.look, harm))


def _all(about: "_About") -> Iterator[Seen]:
    rule, result = about.rule, about.result
    if rule.kind == "incomplete":
        yield from about.incomplete()
    elif result.state is WindowState.FINAL and rule.kind == "drift":
        yield from about.alarms()
        yield from about.breaches()
    elif result.state is WindowState.FINAL and rule.kind == "statistic":
        yield from about.statistics()
    elif result.state is WindowState.FINAL and rule.kind == "performance":
        yield from about.performance()


def standing_looks(result: WindowResult, known: Known) -> list[Alert]:
    """Alerts that stand on a result's reference and windows, seen again by it."""
    if result.state is not WindowState.FINAL:
        return []
    where = result.reference_id, result.spec
    return [
        replace(alert, seen_at=result.window.end)
        for alert in known.values()
        if (alert.key.reference_id, alert.key.spec) == where
        and alert.state is AlertState.FIRING
        and alert.seen_at < result.window.end
        # its next window is the next one whose labels are mature, which is an older one than this
        and alert.key.detail != LABELLED
    ]


@dataclass(frozen=True, slots=True)
class _About:
    rule: AlertRule
    reference: Reference
    result: WindowResult
    hop: int
    known: Known
    own_rules: bool
    """Whether `rules` are the user's own. The built-in ones, on one window, are no alert beside detectors, which look
    at the same shares over time and within the budget."""
    older: bool
    """It revises a window before the one that was judged last, and raises nothing."""
    harm: bool | None
    """Whether performance is affected; True of a rule that does not ask."""
    now: int
    """End of the newest final window."""
    overtaken: Callable[[], bool]

    @property
    def revision(self) -> int:
        """Greater than one only if late rows revised a window that was final."""
        return self.result.revision if self.result.late else 1

    def key(self, segment: int, column: str, detail: str = "") -> AlertKey:
        result = self.result
        return AlertKey(result.model_id, self.rule.name, result.reference_id, result.spec, segment, column, detail)

    def look(self, broken: bool | None, *, over: bool) -> Look:
        return Look(broken, over, self.result.window, self.hop, revision=self.revision, older=self.older)

    def open_here(self) -> Iterator[Alert]:
        """This rule's alerts on this reference and these windows."""
        for key, alert in self.known.items():
            if (key.rule, key.reference_id, key.spec) == (self.rule.name, self.result.reference_id, self.result.spec):
                yield alert

    # Windows that miss rows

    def incomplete(self) -> Iterator[Seen]:
        result, missing = self.result, self.result.state is WindowState.INCOMPLETE
        said = f"window {result.spec} to {isoformat(result.window.end)} misses rows and is not judged: {result.reason}"
        urgency = self.rule.urgency or Urgency.WARNING
        look = replace(self.look(missing, over=not missing), urgency=urgency, sentence=said)
        yield Seen(self.rule, self.key(0, ""), look)
        if (
            not missing
        ):  # rows of all versions come the same way: what one has lacked ends with a whole window of another
            for key, alert in self.known.items():
                mine = replace(key, reference_id=result.reference_id) == self.key(0, "")
                if mine and key.reference_id != result.reference_id and alert.seen_at < result.window.end:
                    yield Seen(self.rule, key, look)

    # Alarms of sequential detectors

    def alarms(self) -> Iterator[Seen]:
        for change in self._changes():
            alarm = change.alarm
            if not self.rule.covers(alarm.column, alarm.segment, self.result.spec):
                continue
            key = self.key(alarm.segment, alarm.column, alarm.detector)
            # it may have turned since it was raised: its end is an end all the same
            if self.rule.direction in ("", alarm.direction) or (key in self.known and change.kind in _ENDS):
                yield Seen(self.rule, key, self._alarm(change))

        if self.harm is False and not self.older:
            for alert, look in calmed(self.open_here(), self.look(False, over=True)):
                yield Seen(self.rule, alert.key, look)

    def _changes(self) -> Iterator[AlarmChange]:
        """What happened to alarms; to a rule that asks for harm, all that stand while there is any, and ends."""
        detection = self.result.detection
        if detection is None:
            return
        if not self.rule.harm:
            yield from detection.changes
            return
        yield from (one for one in detection.changes if one.kind in _ENDS)
        if self.harm and not self.older:
            for alarm in detection.standing:
                yield AlarmChange("updated", alarm, "", self.result.window.end)

    def _alarm(self, change: AlarmChange) -> Look:
        alarm: Alarm = change.alarm
        stands = change.kind in ("raised", "updated")
        return Look(
            stands, not stands, Window(alarm.raised.start, change.at or self.result.window.end), self.hop,
            self.rule.urgency or URGENCIES[alarm.severity.value], alarm.onset, alarm.effect, alarm.tolerance,
            alarm.direction, alarm.sentence, change.why, self.revision, alarm.snoozed, Latch(change.kind),
        )  # fmt: skip

    # Rules of `rules:` and changes of form

    def breaches(self) -> Iterator[Seen]:
        found: dict[AlertKey, Breach] = {}
        for segment, judged in self.result.judgements.items():
            for breach in judged.breaches:
                if not breach.latched and self._wanted(breach, segment):
                    found[self.key(segment, breach.column, breach.rule)] = breach
        for key, breach in found.items():
            yield Seen(self.rule, key, self._breach(key, breach))
        for alert in self.open_here():
            if not alert.latched and alert.key not in found:
                yield Seen(self.rule, alert.key, self.look(self._unbroken(alert.key), over=True))

    def _wanted(self, breach: Breach, segment: int) -> bool:
        if not self.own_rules and not breach.rule.startswith(f"{SCHEMA}:"):
            return False
        covered = self.rule.covers(breach.column, segment, self.result.spec)
        return covered and self.rule.direction in ("", breach.direction)

    def _breach(self, key: AlertKey, breach: Breach) -> Look:
        measured = np.isfinite(breach.value)
        number = f" ({breach.statistic} is {breach.value:.3g})" if measured else ""
        said = f"{breach.column or 'the model'}{self._where(key)}: {breach.rule}{number}"
        return replace(
            self.look(True, over=False), urgency=self.rule.urgency or URGENCIES[breach.severity],
            value=breach.value if measured else None, threshold=breach.threshold if measured else None,
            direction=breach.direction, sentence=said,
        )  # fmt: skip

    def _unbroken(self, key: AlertKey) -> bool | None:
        """False: the rule is kept. None: it cannot be told."""
        judged = self.result.judgements.get(key.segment)
        if judged is None or judged.outcome is Outcome.INSUFFICIENT_DATA:
            return None
        if key.column in judged.columns and self._blind(judged, key.column):
            return None
        return False

    @staticmethod
    def _blind(judged: Judgement, column: str) -> bool:
        """Whether a column had too little data for any statistic."""
        return bool(np.isnan(judged.values[judged.columns.index(column)]).all())

    # Performance

    def performance(self) -> Iterator[Seen]:
        for segment, found in sorted(self.result.performances.items()):
            key = self.key(segment, "", detail(self.rule))
            base = replace(self.look(None, over=False), known_at=self.now if key.detail == LABELLED else 0)
            if self.rule.covers("", segment, self.result.spec):
                look = look_at(self.rule, found, self.known.get(key), base, self._where(key), self.overtaken)
                if look is not None:
                    yield Seen(self.rule, key, look)

    # Statistics

    def statistics(self) -> Iterator[Seen]:
        for segment, judged in self.result.judgements.items():
            names = [one.name for one in self.rule.conditions]
            if not all(name in judged.statistics for name in names):
                continue
            known = {alert.key.column for alert in self.open_here() if alert.key.segment == segment}
            at = [judged.statistics.index(name) for name in names]
            for row in self._rows(judged, at, known):
                column = judged.columns[row]
                if self.rule.covers(column, segment, self.result.spec):
                    values = dict(zip(judged.statistics, judged.values[row].tolist(), strict=True))
                    yield self._measured(segment, column, values)

    def _rows(self, judged: Judgement, at: Sequence[int], known: Iterable[str]) -> list[int]:
        """Columns that break the rule, and those that have an alert."""
        broken = np.ones(len(judged.columns), np.bool_)
        for condition, where in zip(self.rule.conditions, at, strict=True):
            values = judged.values[:, where]
            broken &= np.array([not np.isnan(v) and condition.met(v) for v in values.tolist()], np.bool_)
        alerted = {judged.columns.index(name) for name in known if name in judged.columns}
        return sorted({*np.flatnonzero(broken).tolist(), *alerted})

    def _measured(self, segment: int, column: str, values: Mapping[str, float]) -> Seen:
        first, key = self.rule.conditions[0], self.key(segment, column)
        shift = values.get(_DIRECTION, float("nan"))
        direction = "" if np.isnan(shift) or shift == 0 else ("increase" if shift > 0 else "decrease")
        broken = self.rule.broken(values)
        if broken and self.rule.direction not in ("", direction):
            broken = False
        value = values[first.name]
        said = f"{column}{self._where(key)}: {first.name} is {value:.3g}, the rule is {self.rule.name}"
        look = replace(
            self.look(broken, over=broken is False and self.rule.over(values)),
            urgency=self.rule.urgency or Urgency.WARNING, value=None if np.isnan(value) else value,
            threshold=first.bound, direction=direction, sentence=said,
        )  # fmt: skip
        return Seen(self.rule, key, look)

    def _where(self, key: AlertKey) -> str:
        return f" ({self.reference.grid.segments[key.segment].label})" if key.segment else ""


def away(rule: AlertRule, model: Model, statuses: Sequence[Status], now: int) -> Iterator[Seen]:
    """What partitions say to a rule on data that does not come, or not in time."""
    carrying = [one for one in statuses if model.id in one.watermarks and not one.finished]
    if rule.kind not in _AWAY or not carrying:
        return
    bound = rule.after or max(SILENT_WINDOWS * _shortest(model), SILENT_AT_LEAST)
    yield Seen(rule, AlertKey(model.id, rule.name), _AWAY[rule.kind](rule, model, carrying, bound, now))


def _silence(rule: AlertRule, model: Model, carrying: Sequence[Status], bound: int, now: int) -> Look:
    """By the database's clock: when the model's event time grew last, in any partition."""
    silent = min(one.now - one.advanced_at.get(model.id, one.now) for one in carrying)
    said = f"no data for {lasting(silent)}"
    return Look(
        silent >= bound, silent < bound, Window(now - 1, now), 1, rule.urgency or Urgency.PAGE, now - silent,
        float(silent), float(bound), sentence=said, why="data comes again",
    )  # fmt: skip


def _lag(rule: AlertRule, model: Model, carrying: Sequence[Status], bound: int, now: int) -> Look:
    """Event time of the slowest partition that is behind its log's end."""
    behind = [now - one.watermarks[model.id] for one in carrying if one.caught_up_at is None]
    lag = max(behind, default=0)
    said = f"counting is {lasting(lag)} behind"
    return Look(
        lag >= bound, lag < bound, Window(now - 1, now), 1, rule.urgency or Urgency.WARNING, now - lag, float(lag),
        float(bound), sentence=said, why="counting has caught up",
    )  # fmt: skip


_AWAY: Final[Mapping[str, Callable[[AlertRule, Model, Sequence[Status], int, int], Look]]] = {
    "no_data": _silence, "lag": _lag,
}  # fmt: skip


def _own_rules(model: Model) -> bool:
    return "rules" in model.settings or model.settings.get("detectors") == []


def _shortest(model: Model) -> int:
    return min((spec.length for spec in model.windows), default=0)


def _hop(model: Model, spec: str) -> int:
    return next((one.hop for one in model.windows if one.name == spec), 0)
