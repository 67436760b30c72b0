"""One final window: every watch is stepped, and what they say becomes alarms."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.alarms import Told, alarm
from detectors.sequential.contract import Evidence, Watch
from detectors.sequential.default.series import disjoint
from drift.core.alarm import Alarm, Severity
from drift.core.answer import Action, Answer
from drift.core.baseline import Baseline
from drift.core.commit import AlarmChange
from drift.core.profile import Profile
from drift.core.window import Window
from drift.evaluation.baselines import Standard
from drift.evaluation.memory import Ended, Key, Memory, adopted, same
from drift.evaluation.watching import Chosen, Detectors, Place, Watches

BACK: Final = "the column is back within its tolerance"
ANSWERED: Final = "somebody answered it"
UNWATCHED: Final = "the detector that raised it does not watch this model any more"
OF_THE_MODEL: Final = frozenset({"performance", "estimated_performance", "realized_performance", "concept"})
"""Watched wherever labels are, whatever the settings choose for columns."""
_MOST_TOLD: Final = 10_000
"""Windows that the evidence of an alarm is measured over at most: the latest."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a step needs of the world around it."""

    detectors: Detectors
    answers: Sequence[Answer]
    """All of the model's."""
    in_force: tuple[int, ...]
    """Ids of the answers that change the baseline of the window."""
    standard: Callable[[int], Standard]
    """Segment → its baseline for the window."""
    total: Callable[[int, int], Profile | None]
    """The sums of a stretch, without predictions and labels …"""
    whole: Callable[[int, int], Profile | None]
    """… and with them."""
    watches: Watches
    beat: Callable[[], None]
    """Called before each piece of long work; raises Fenced where there is no right to go on."""


@dataclass
class Found:
    """What a step gave."""

    changes: list[AlarmChange] = field(default_factory=list)
    abouts: dict[tuple[int, str], bytes] = field(default_factory=dict)
    wrong: dict[int, list[str]] = field(default_factory=dict)
    """Segment → why a detector does not watch it."""
    matured: list[Window] = field(default_factory=list)
    """Earlier windows whose labels became mature with this one."""


@dataclass(frozen=True)
class Step:
    """One window of one reference and spec: all segments and detectors."""

    place: Place
    """Its segment is of no account."""
    window: Window
    profile: Profile
    memory: Memory
    """As after the window before; it is as after this one when the step has run."""
    given: Given
    found: Found = field(default_factory=Found)
    judged: dict[int, npt.NDArray[np.bool_]] = field(default_factory=dict)
    """Segment → (C,) whether a detector judges the column."""

    def run(self) -> Found:
        """Step every watch."""
        answered = frozenset(self.given.in_force) ^ frozenset(self.memory.answers)
        for segment in self.place.reference.grid.segments:
            for chosen in self.given.detectors.chosen:
                if segment.index == 0 or self.profile.rows(segment.index):
                    self.given.beat()
                    _One(self, replace(self.place, segment=segment.index), chosen, answered).run()
        self._unwatched()
        return self.found

    def close(self) -> None:
        """The window is stepped: what comes next is the one after it."""
        self._snoozes()
        memory = self.memory
        memory.judged |= self.judged
        memory.answers, memory.last = self.given.in_force, self.window
        memory.first = self.window.start if memory.first is None else min(memory.first, self.window.start)
        memory.stepped[self.window.start] = self.profile.rows()

    def end(self, one: Alarm, why: str) -> None:
        """An alarm is over."""
        del self.memory.alarms[one.key]
        self.memory.ended[one.key] = Ended(one, self.window.end, why)
        self.found.changes.append(AlarmChange("ended", one, why, self.window.end))

    def _unwatched(self) -> None:
        """Alarms of detectors that were taken out of the settings."""
        names = {chosen.detector.name for chosen in self.given.detectors.chosen} | OF_THE_MODEL
        for one in [one for one in self.memory.alarms.values() if one.detector not in names]:
            self.end(one, UNWATCHED)
        kept = {place: state for place, state in self.memory.states.items() if place.split("/", 1)[1] in names}
        self.memory.states = kept

    def _snoozes(self) -> None:
        """Alarms fall silent and wake up again when somebody asked for it, and not only when they are measured."""
        for key, one in self.memory.alarms.items():
            asleep = self.snoozed(one.column, one.segment)
            if asleep != one.snoozed:
                self.memory.alarms[key] = changed = replace(one, snoozed=asleep)
                self.found.changes.append(AlarmChange("updated", changed, "", self.window.end))

    def snoozed(self, column: str, segment: int) -> bool:
        """Whether somebody asked for silence on it."""
        return any(
            answer.action is Action.SNOOZE
            and answer.reference_id == self.place.reference.id
            and answer.covers(self.place.spec.name, column, segment)
            and answer.holds(self.window.end)
            for answer in self.given.answers
        )


@dataclass(frozen=True)
class _One:
    """One segment under one detector."""

    step: Step
    place: Place
    chosen: Chosen
    answered: frozenset[int]
    """Ids of answers that came or went since the step before."""
    told: dict[int, Told] = field(default_factory=dict)
    """Onset → what there is to tell of the stretch since."""

    def run(self) -> None:
        """Step the watch; alarms that it raises and ends are in the memory then."""
        given, memory = self.step.given, self.step.memory
        known = given.standard(self.place.segment)
        if known.baseline is None:
            return
        windows = given.detectors.alarm_windows(self.place.spec)
        watch, wrong, about = given.watches.get(self.place, self.chosen, known.baseline, known.key, windows, given.beat)
        if watch is None:
            self.step.found.wrong.setdefault(self.place.segment, []).append(wrong)
            return
        name, segment = self.chosen.detector.name, self.place.segment
        if about is not None:
            self.step.found.abouts[segment, name] = about
        at = f"{segment}/{name}"
        state, columns = adopted(memory.states.get(at), watch.start()), self._columns()
        if columns.size:
            state = watch.forget(state, columns)
        memory.states[at], evidence = watch.step(state, self.step.window, self.step.profile)
        others = self.step.judged.get(segment)
        self.step.judged[segment] = evidence.judged if others is None else evidence.judged | others
        self._alarms(watch, evidence, known.baseline, frozenset(columns.tolist()))

    def _columns(self) -> npt.NDArray[np.int64]:
        """Columns whose baseline somebody changed since the last step."""
        if not self.answered:
            return np.zeros(0, np.int64)
        grid, spec = self.place.reference.grid, self.place.spec.name
        mine = [answer for answer in self.step.given.answers if answer.id in self.answered]
        found = [
            at
            for at, name in enumerate(grid.names)
            if any(answer.covers(spec, name, self.place.segment) for answer in mine)
        ]
        return np.array(found, np.int64)

    def _alarms(self, watch: Watch, evidence: Evidence, baseline: Baseline, answered: frozenset[int]) -> None:
        grid, alarms = self.place.reference.grid, self.step.memory.alarms
        had = {one.column: one for one in alarms.values() if self._mine(one)}
        for column, one in had.items():
            at = grid.index[column]
            if not evidence.standing[at] or evidence.raised[at]:
                self.step.end(one, ANSWERED if at in answered else BACK)
        for at in np.flatnonzero(evidence.standing).tolist():
            before = None if evidence.raised[at] else had.get(grid.names[at])
            if before is not None and not self._due(before):
                continue
            made = self._measured(watch, evidence, at, baseline, before)
            alarms[made.key] = made
            self.step.found.changes.append(
                AlarmChange("raised" if before is None else "updated", made, "", self.step.window.end)
            )

    def _mine(self, one: Alarm) -> bool:
        return one.segment == self.place.segment and one.detector == self.chosen.detector.name

    def _due(self, one: Alarm) -> bool:
        """Measured again 1, 2, 4, 8, … windows after it was raised."""
        age = (self.step.window.start - one.raised.start) // self.place.spec.length
        return age > 0 and age & (age - 1) == 0

    def _measured(
        self, watch: Watch, evidence: Evidence, column: int, baseline: Baseline, before: Alarm | None
    ) -> Alarm:
        onset = min(int(evidence.onset[column]), self.step.window.start) if before is None else before.onset
        if onset not in self.told:
            self.told[onset] = self._told(onset, baseline)
        name, segment = self.place.reference.grid.names[column], self.place.segment
        made = alarm(
            watch, evidence, column, self.told[onset], baseline, detector=self.chosen.detector.name, segment=segment,
            raised=self.step.window if before is None else before.raised, snoozed=self.step.snoozed(name, segment),
        )  # fmt: skip
        return made if before is None else _louder(before, made)

    def _told(self, onset: int, baseline: Baseline) -> Told:
        """The stretch since the onset, measured."""
        self.step.given.beat()
        windows = [self.step.window]
        while windows[-1].start > onset and len(windows) < _MOST_TOLD:
            windows.append(disjoint(self.place.spec, windows[-1].start - 1))
        windows.reverse()
        profile = None
        if len(windows) > 1:
            profile = self.step.given.total(windows[0].start, self.step.window.end)
        return Told.of(profile or self.step.profile, windows, baseline, self.place.segment)


def _louder(before: Alarm, now: Alarm) -> Alarm:
    """An alarm measured again never gets quieter: what paged stays a page until it ends."""
    severity = Severity.PAGE if Severity.PAGE in (before.severity, now.severity) else Severity.WARNING
    return replace(now, severity=severity, level=before.level, onset=before.onset)


def revised(before: Memory, after: Memory, since: int, forgotten: int, by: Window) -> Iterable[AlarmChange]:
    """What stepping again changed: the lives of alarms as they were known, and as they are now.

    Args:
        before: as it was known.
        after: as it is.
        since: end of the window that was gone back to; what ended by then is as it was.
        forgotten: alarms that ended before are not remembered.
        by: the window whose late rows made it so.
    """
    at = after.last.end if after.last is not None else by.end
    was, now = _lives(before), _lives(after)
    for key in sorted(was.keys() | now.keys()):
        if (key not in now or key not in was) and 0 < (now.get(key) or was[key]).at <= max(since, forgotten):
            continue
        if key not in now:
            yield AlarmChange("retracted", was[key].alarm, f"late rows of {by} took its cause back", at)
        elif key not in was:
            yield AlarmChange("raised", now[key].alarm, f"late rows of {by} brought it to light", at)
            if now[key].at:
                yield AlarmChange("ended", now[key].alarm, now[key].why, now[key].at)
        elif was[key].at != now[key].at or not same(was[key].alarm, now[key].alarm):
            life = now[key]
            yield AlarmChange("ended" if life.at else "updated", life.alarm, life.why, life.at or at)


def _lives(memory: Memory) -> dict[Key, Ended]:
    """Every alarm with its end; 0: it stands."""
    return memory.ended | {key: Ended(one, 0, "") for key, one in memory.alarms.items()}
