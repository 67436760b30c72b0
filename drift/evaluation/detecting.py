"""Sequential detection: final windows in order, state in, state and alarms out.

For every reference and window spec there is one memory (`drift.evaluation.memory`), read where the last committed
window left it, stepped, and handed to the commit that stores the window's result.

    window after the last one stepped     one step
    rows came late, 5 % or more of it     what stood before it is gone back to, and every window since is stepped again
    fewer, or it is older than a day      its result changes, nothing else
    no baseline yet                       it is one of those that the baseline is learnt from

Stepping again gives what stepping in order would have given: the same bytes. Alarms whose cause is gone are retracted.
Windows that slide are stepped where they do not overlap; incomplete and empty ones never.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import structlog

from detectors.sequential.default.series import disjoint
from drift.core.alarm import Alarm
from drift.core.answer import Answer
from drift.core.baseline import Baseline
from drift.core.catalogue import Model, Reference
from drift.core.clock import DAY, HOUR
from drift.core.commit import AlarmChange, Detection, WindowResult
from drift.core.profile import Profile
from drift.core.window import Window, WindowSpec
from drift.evaluation.baselines import Standards
from drift.evaluation.learning import Lesson, progress, ready, why_not
from drift.evaluation.memory import Memory, worst_first
from drift.evaluation.performing import PLACE, Duties, performed
from drift.evaluation.ports import DetectionStore
from drift.evaluation.stepping import Found, Given, Step, revised
from drift.evaluation.watching import Detectors, Place, Watches

__all__ = ["Detecting", "Seen"]

log = structlog.get_logger(__name__)

REVISION_HORIZON: Final = DAY
"""Late rows of windows older than this change results only."""
REFOLD_SHARE: Final = 0.05
"""Of late rows, from which the windows since are stepped again; fewer change the result only."""
SNAPSHOTS: Final = 6
"""Kept within the horizon, to go back to."""
RELEARN: Final = "what is normal is being learnt anew"
REPLACED: Final = "another reference took over"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the detectors say of one window."""

    judged: Mapping[int, npt.NDArray[np.bool_]]
    """Segment → (C,) whether any detector judges the column."""
    alarms: tuple[Alarm, ...]
    """All that stand after it, worst first."""
    learning: str = ""
    """Why nothing is judged yet; empty: it is."""
    wrong: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """Segment → why a detector does not watch it."""


@dataclass(frozen=True, slots=True)
class Case:
    """One final window to be stepped."""

    model: Model
    reference: Reference
    spec: WindowSpec
    window: Window
    profile: Profile


class Detecting:
    """Steps the watches of all models; one per evaluator.

    A slice of work is `begin`, any number of `step`s, `sealed`, and `committed` once all of it is stored. What was not
    committed is forgotten by the next `begin`.
    """

    def __init__(
        self, store: DetectionStore, chosen: Callable[[Model], Detectors], duties: Duties = lambda *_: None
    ) -> None:
        self._store, self._chosen, self._duties = store, chosen, duties
        self._standards, self._watches = Standards(store), Watches()
        self._memories: dict[tuple[int, str], Memory] = {}
        self._void: dict[tuple[int, str], int] = {}
        self._answers: dict[int, list[Answer]] = {}
        self._references: dict[int, Profile] = {}
        self._beat: Callable[[], None] = lambda: None
        self.matured: list[tuple[int, int, str, Window]] = []
        """Model, reference, spec and window of those whose labels became mature in this slice."""

    def begin(self, beat: Callable[[], None] = lambda: None) -> None:
        """A new slice of work: states and answers are read from the store again.

        `beat` is called before each piece of long work; it raises Fenced where there is no right to go on.
        """
        self._memories.clear()
        self.matured.clear()
        self._void.clear()
        self._answers.clear()
        self._watches.begin()
        self._beat = beat

    def committed(self) -> None:
        """All since `begin` is stored."""
        self._watches.committed()

    def watches(self, model: Model) -> bool:
        """Whether any detector watches a model."""
        return bool(self._chosen(model).chosen)

    def step(
        self, model: Model, reference: Reference, spec: WindowSpec, window: Window, profile: Profile, *,
        last: bool = False,
    ) -> tuple[Seen, Detection | None]:  # fmt: skip
        """One final window with rows. `last`: another reference takes over; its alarms end here.

        Returns:
            What the detectors say, and what is to be committed; None where nothing was stepped.
        """
        case, memory = Case(model, reference, spec, window, profile), self._memory(reference, spec)
        if window != disjoint(spec, window.start):
            return self._still(case, memory), None
        if self._baseline(case, window) is None:
            return self._learn(case, memory)
        if memory.last is None or window.start > memory.last.start:
            return self._forward(case, memory, last=last)
        if self._stale(case, memory):
            return self._again(case, memory)
        return self._still(case, memory), None

    def compared(self, reference: Reference, spec: WindowSpec) -> int | None:
        """End of the last window whose labels were compared with what was expected, microseconds; None: of none."""
        state = self._memory(reference, spec).states.get(PLACE, {})
        end = int(state["compared"][0]) if "compared" in state else -1
        return end if end >= 0 else None

    def standing(self, reference: Reference, spec: WindowSpec) -> Seen:
        """What stands, without a step: for provisional windows."""
        memory = self._memory(reference, spec)
        return Seen(memory.judged, worst_first(memory.alarms.values()))

    def sealed(self, results: Iterable[WindowResult]) -> tuple[WindowResult, ...]:
        """The results of a slice with the states to be stored: packed once, after the last window of each spec."""
        found = list(results)
        newest: dict[tuple[int, str], int] = {}
        for at in sorted(range(len(found)), key=lambda at: found[at].window):
            if found[at].detection is not None:
                newest[found[at].reference_id, found[at].spec] = at
        for key, at in newest.items():
            detection = found[at].detection
            if detection is not None and not detection.state:
                found[at] = replace(found[at], detection=replace(detection, state=self._memories[key].pack()))
        return tuple(found)

    def _still(self, case: Case, memory: Memory) -> Seen:
        """A window that is not stepped."""
        learning = progress(memory.learning, why_not(case.model)) if self._baseline(case, case.window) is None else ""
        return Seen(memory.judged, worst_first(memory.alarms.values()), learning)

    def _forward(self, case: Case, memory: Memory, *, last: bool) -> tuple[Seen, Detection]:
        snapshot = memory.last is None or _group(case.spec, memory.last) != _group(case.spec, case.window)
        found = self._stepped(case, memory)
        if last:
            for one in list(memory.alarms.values()):
                found.end(one, REPLACED)
        memory.forget(_forgotten(case.spec, case.window))
        return _seen(found.found, memory), Detection(
            state=memory.pack() if snapshot else b"",
            snapshot=snapshot,
            changes=tuple(found.found.changes),
            abouts=found.found.abouts,
            keep_states_after=_kept_after(case.spec, case.window),
            standing=worst_first(memory.alarms.values()),
        )

    def _stepped(self, case: Case, memory: Memory) -> Step:
        answers = self._answers_of(case.model)
        about = case.model, case.reference, case.spec, answers, case.window.end
        given = Given(
            detectors=self._chosen(case.model),
            answers=answers,
            in_force=tuple(answer.id for answer in self._standards.in_force(*about)),
            standard=lambda segment: self._standards.standard(*about, segment),
            total=lambda start, end: self._store.profile(case.reference, start, end, outcomes=False).profile,
            whole=lambda start, end: self._store.profile(case.reference, start, end).profile,
            watches=self._watches,
            beat=self._beat,
        )
        step = Step(Place(case.model, case.reference, case.spec, 0), case.window, case.profile, memory, given)
        step.run()
        duty = self._duties(case.model, case.reference, case.spec)
        if duty is not None:
            performed(step, duty)
        step.close()
        mine = case.model.id, case.reference.id, case.spec.name
        self.matured += [(*mine, window) for window in step.found.matured]
        return step

    def _stale(self, case: Case, memory: Memory) -> bool:
        """Whether so many rows came late that the windows since have to be stepped again."""
        if memory.last is None or memory.last.end - case.window.end > REVISION_HORIZON:
            return False
        had = memory.stepped.get(case.window.start, 0)
        return abs(case.profile.rows() - had) >= max(REFOLD_SHARE * had, 1)

    def _again(self, case: Case, memory: Memory) -> tuple[Seen, Detection | None]:
        """Late rows: everything since the snapshot before the window, or the first one, is stepped again."""
        key = case.reference.id, case.spec.name
        # states that this slice has made void are still in the store
        before = self._void[key] = min(case.window.start, self._void.get(key, case.window.start))
        found = self._store.detector_state(*key, before=before)
        if found is None and memory.first is not None:
            # late rows of the first window made the states since void
            before = min(before, memory.first)
        latest = memory.last
        cases = None if latest is None else self._since(case, found[0] if found else None, before, latest)
        if cases is None or latest is None:
            return self._still(case, memory), None
        back = Memory() if found is None else Memory.unpack(found[1])
        abouts: dict[tuple[int, str], bytes] = {}
        step: Step | None = None
        for one in cases:
            step = self._stepped(one, back)
            abouts |= step.found.abouts
            back.forget(_forgotten(case.spec, one.window))
        since, forgotten = found[0].end if found else 0, _forgotten(case.spec, latest)
        changes = tuple(revised(memory, back, since, forgotten, case.window))
        memory.take(back)
        seen = _seen(step.found if step and step.window == case.window else Found(), memory)
        return seen, Detection(
            state=b"", snapshot=False, changes=changes, abouts=abouts, drop_states_from=case.window.start,
            keep_states_after=_kept_after(case.spec, latest), after=memory.last,
        )  # fmt: skip

    def _since(self, case: Case, base: Window | None, before: int, latest: Window) -> list[Case] | None:
        """The windows after `base` up to the latest, with all rows that there are; None: they cannot be told apart."""
        start = base.start + 1 if base is not None else before
        stored = self._store.final_windows(case.reference.id, case.spec.name, start, latest.start + 1)
        memory = self._memories[case.reference.id, case.spec.name]
        # those of this slice are not stored yet
        ours = [disjoint(case.spec, at) for at in memory.stepped if start <= at <= latest.start]
        cases = []
        for one in sorted({*stored, *ours, case.window}):
            if one != disjoint(case.spec, one.start) or self._baseline(case, one) is None:
                continue
            total = self._store.profile(case.reference, one.start, one.end)
            if total.straddles:
                return None
            if total.profile is not None and total.profile.rows():
                cases.append(replace(case, window=one, profile=total.profile))
        return cases

    def _learn(self, case: Case, memory: Memory) -> tuple[Seen, Detection | None]:
        """One more window of those that the baseline is learnt from; with the last one it is the baseline."""
        changes: list[AlarmChange] = []
        if memory.last is not None and case.window.start <= memory.last.start:
            return self._still(case, memory), None
        changes = [AlarmChange("ended", one, RELEARN, case.window.end) for one in memory.alarms.values()]
        memory.alarms, memory.states, memory.stepped, memory.judged = {}, {}, {}, {}
        memory.learning.append(case.window)
        memory.last, done = case.window, ready(memory.learning)
        learning = progress(memory.learning, why_not(case.model))
        if done:
            learning, told = self._learnt(case, memory)
            changes += told
            memory.learning = []
        return Seen({}, (), learning), Detection(
            state=memory.pack() if done else b"", snapshot=done, changes=tuple(changes),
            keep_states_after=_kept_after(case.spec, case.window),
        )  # fmt: skip

    def _learnt(self, case: Case, memory: Memory) -> tuple[str, list[AlarmChange]]:
        self._beat()
        lesson = Lesson(self._store, case.model, case.reference, case.spec)
        answer = lesson.learn(memory.learning, self._answers_of(case.model))
        self._answers.pop(case.model.id, None)
        baseline = self._baseline(case, Window(answer.applies_from, answer.applies_from + 1))
        if baseline is None:
            return progress(memory.learning, why_not(case.model)), []
        log.info(
            "production's first windows are the baseline now", model=case.model.name, window=case.spec.name,
            windows=len(baseline.stretches),
        )  # fmt: skip
        told = lesson.told(baseline, self._reference(case.reference), case.window)
        names = [one.alarm.column for one in told if one.kind == "raised"]
        differ = f"; the reference differs in {', '.join(names[:3])}" if names else ""
        more = f" and {len(names) - 3} more columns" if len(names) > 3 else ""
        return f"production's first {len(baseline.stretches)} windows are the baseline from here on{differ}{more}", told

    def _baseline(self, case: Case, window: Window) -> Baseline | None:
        answers = self._answers_of(case.model)
        return self._standards.standard(case.model, case.reference, case.spec, answers, window.end, 0).baseline

    def _reference(self, reference: Reference) -> Profile:
        if reference.id not in self._references:
            self._references[reference.id] = self._store.reference_profile(reference.id)
        return self._references[reference.id]

    def _answers_of(self, model: Model) -> list[Answer]:
        if model.id not in self._answers:
            self._answers[model.id] = list(self._store.answers(model.id))
        return self._answers[model.id]

    def _memory(self, reference: Reference, spec: WindowSpec) -> Memory:
        key = reference.id, spec.name
        if key not in self._memories:
            found = self._store.detector_state(reference.id, spec.name)
            self._memories[key] = Memory() if found is None else Memory.unpack(found[1])
        return self._memories[key]


def _seen(found: Found, memory: Memory) -> Seen:
    return Seen(memory.judged, worst_first(memory.alarms.values()), wrong=found.wrong)


def _group(spec: WindowSpec, window: Window) -> int:
    """The first window stepped in each group leaves a snapshot."""
    return window.start // max(REVISION_HORIZON // SNAPSHOTS, spec.length)


def _kept_after(spec: WindowSpec, window: Window) -> int:
    """Snapshots of windows that start before it are of no use, but for the newest. A day may have 25 hours."""
    return window.end - REVISION_HORIZON - spec.length - 2 * HOUR


def _forgotten(spec: WindowSpec, window: Window) -> int:
    """What ended before it is not remembered; twice as far as anything can be gone back."""
    return window.end - 2 * (REVISION_HORIZON + spec.length + 2 * HOUR)
