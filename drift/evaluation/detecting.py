"""Sequential detection: final windows in order, state in, state and alarms out.

For every reference and window spec there is one state: that of all its watches, one a segment and detector. It is read
where the last committed window left it, stepped, and handed to the commit that stores the window's result.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
import structlog
import zstandard

from detectors.alarms import Told, alarm
from detectors.sequential.contract import Context, Evidence, SequentialDetector, State, Watch
from detectors.sequential.default.series import disjoint
from detectors.sequential.state import dump, load
from drift.core.alarm import Alarm, Severity
from drift.core.answer import Action, Answer
from drift.core.baseline import Baseline, Stretch
from drift.core.catalogue import Model, Reference
from drift.core.clock import DAY
from drift.core.commit import AlarmChange, Detection
from drift.core.profile import Profile
from drift.core.window import Window, WindowSpec
from drift.evaluation import baselines
from drift.evaluation.baselines import Standard, Standards

log = structlog.get_logger(__name__)

REVISION_HORIZON: Final = DAY
"""Late rows of windows older than this change results only."""
REFOLD_SHARE: Final = 0.05
"""Of late rows, from which the windows since are stepped again; fewer change the result only."""
SNAPSHOTS: Final = 6
"""Kept within the horizon, to step again from."""
WATCHES: Final = 256
"""Watches kept in memory, the last used first."""
_ANSWERS, _LAST = "answers", "last"
_AGES: Final = frozenset(1 << n for n in range(24))


@dataclass(frozen=True, slots=True)
class Chosen:
    """A detector with the user's options."""

    detector: SequentialDetector
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Detectors:
    """What a model is watched by, and how often that may err."""

    chosen: tuple[Chosen, ...]
    alarm_windows: Callable[[WindowSpec], float]
    """Windows in which one false alarm is allowed."""


class PaneTotal(Protocol):
    """The sums of a stretch."""

    @property
    def profile(self) -> Profile | None:
        """None: there are no rows."""


class StandingRow(Protocol):
    """A stored alarm that stands."""

    @property
    def alarm(self) -> Alarm:
        """With its evidence."""


class Store(baselines.Store, Protocol):
    """What detection reads."""

    def detector_state(self, reference_id: int, spec: str, before: int | None = None) -> tuple[Window, bytes] | None:
        """The newest state whose window starts before a moment."""

    def standing(self, reference_id: int, spec: str) -> Sequence[StandingRow]:
        """Alarms that stand."""

    def final_windows(self, reference_id: int, spec: str, start: int, end: int) -> Sequence[Window]:
        """Final windows that start within a stretch, ascending."""

    def profile(self, reference: Reference, start: int, end: int) -> PaneTotal:
        """The sums of all panes in a stretch."""

    def answer(self, answer: Answer, stretches: Mapping[str, Sequence[Any]] | None = None) -> Answer:
        """Store an answer and the sums it keeps."""


@dataclass
class Memory:
    """What is known of one reference and window spec within a slice of work."""

    last: Window | None
    """The last window stepped; None: none was."""
    states: dict[str, State]
    """`segment/detector` → its watch's state."""
    answers: tuple[int, ...]
    """Ids of the answers that the states were stepped under."""
    alarms: dict[tuple[str, int, str, int], Alarm]
    """Standing alarms by key."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the detectors say of one window."""

    evidence: Mapping[int, Mapping[str, Evidence]]
    """Segment → detector → evidence."""
    alarms: tuple[Alarm, ...]
    """All that stand after it, worst first."""
    learning: str = ""
    """Why nothing is judged yet; empty: it is."""


class Detecting:
    """Steps the watches of all models. One per evaluator; `begin` forgets what was not committed."""

    def __init__(self, store: Store, chosen: Callable[[Model], Detectors]) -> None:
        self._store, self._chosen = store, chosen
        self._standards = Standards(store)
        self._watches: OrderedDict[tuple[Any, ...], Watch] = OrderedDict()
        self._abouts: dict[tuple[Any, ...], bytes] = {}
        self._memories: dict[tuple[int, str], Memory] = {}
        self._answers: dict[int, list[Answer]] = {}

    def begin(self) -> None:
        """A new slice of work: states are read from the store again, as are answers."""
        self._memories.clear()
        self._answers.clear()

    def step(
        self, model: Model, reference: Reference, spec: WindowSpec, window: Window, profile: Profile, new_rows: float
    ) -> tuple[Seen, Detection | None]:
        """One final window. `new_rows`: its share of rows that came after its last final result; 1: it is the first.

        Returns:
            What the detectors say, and what is to be committed; None where nothing was stepped.
        """
        known = self._standard(model, reference, spec, window)
        memory = self._memory(reference, spec)
        if known.baseline is None:
            known = self._learn(model, reference, spec, window, known)
            if known.baseline is None:
                return Seen({}, tuple(memory.alarms.values()), "production's first windows are being learnt"), None
        if window != disjoint(spec, window.start):
            return Seen({}, tuple(memory.alarms.values())), None
        if memory.last is None or window.start > memory.last.start:
            return self._forward(model, reference, spec, window, profile, known, memory)
        fresh = memory.last.end - window.end <= REVISION_HORIZON
        if new_rows < REFOLD_SHARE or not fresh:
            return Seen({}, tuple(memory.alarms.values())), None
        return self._again(model, reference, spec, window, memory)

    def standing(self, reference: Reference, spec: WindowSpec) -> Seen:
        """What stands, without a step: for provisional windows."""
        return Seen({}, tuple(self._memory(reference, spec).alarms.values()))

    def _forward(
        self, model: Model, reference: Reference, spec: WindowSpec, window: Window, profile: Profile,
        known: Standard, memory: Memory,
    ) -> tuple[Seen, Detection]:  # fmt: skip
        one = _Step(self, model, reference, spec, window, profile, known, memory)
        evidence, changes, abouts = one.run()
        memory.last = window
        ordinal = window.start // spec.length
        every = max(REVISION_HORIZON // spec.length // SNAPSHOTS, 1)
        detection = Detection(
            state=_pack(memory),
            snapshot=ordinal % every == 0,
            changes=tuple(changes),
            abouts=abouts,
            keep_states_after=window.end - REVISION_HORIZON - spec.length,
        )
        return Seen(evidence, _worst_first(memory.alarms.values())), detection

    def _again(
        self, model: Model, reference: Reference, spec: WindowSpec, window: Window, memory: Memory
    ) -> tuple[Seen, Detection | None]:
        """Late rows: everything since the snapshot before the window is stepped again."""
        found = self._store.detector_state(reference.id, spec.name, before=window.start)
        if found is None or memory.last is None:
            return Seen({}, tuple(memory.alarms.values())), None
        before, latest = dict(memory.alarms), memory.last
        back = _unpacked(found[0], found[1])
        back.alarms = {key: one for key, one in before.items() if one.raised.start <= found[0].start}
        changes: dict[tuple[str, int, str, int], AlarmChange] = {}
        evidence: Mapping[int, Mapping[str, Evidence]] = {}
        for one in self._store.final_windows(reference.id, spec.name, found[0].start + 1, latest.start + 1):
            profile = self._store.profile(reference, one.start, one.end).profile
            if profile is None or one != disjoint(spec, one.start):
                continue
            known = self._standard(model, reference, spec, one)
            evidence, stepped, _ = _Step(self, model, reference, spec, one, profile, known, back).run()
            changes |= {change.alarm.key: change for change in stepped}
            back.last = one
        kept = [change for change in changes.values() if _news(change, before)]
        gone = [
            AlarmChange("retracted", one, f"late rows of {window} took its cause back", latest.end)
            for key, one in before.items()
            if key not in back.alarms and key not in changes
        ]
        memory.last, memory.states, memory.answers, memory.alarms = back.last, back.states, back.answers, back.alarms
        detection = Detection(
            state=_pack(memory), snapshot=False, changes=(*kept, *gone), drop_states_from=window.start,
            keep_states_after=latest.end - REVISION_HORIZON - spec.length, after=latest,
        )  # fmt: skip
        return Seen(evidence, _worst_first(memory.alarms.values())), detection

    def _learn(self, model: Model, reference: Reference, spec: WindowSpec, window: Window, known: Standard) -> Standard:
        """Take production's first windows as baseline, once there are enough of them."""
        first = self._store.final_windows(reference.id, spec.name, 0, window.start)
        windows = [one for one in (*first, window) if one == disjoint(spec, one.start)]
        if not baselines.ready_to_learn(windows):
            return known
        stretches = [
            Stretch(one, total.sums)
            for one in windows
            if (total := self._store.profile(reference, one.start, one.end).profile) is not None
        ]
        why = (
            f"the reference is no baseline for windows of {spec.name}: not held out, not in the order of time, or short"
        )
        answer = Answer(
            0, model.id, reference.id, spec.name, "", None, Action.LEARN, "driftsum", why, window.end,
            windows[0].start, window.end, window.end,
        )  # fmt: skip
        self._store.answer(answer, {spec.name: stretches})
        self._answers.pop(model.id, None)
        log.info(
            "production's first windows are the baseline now",
            model=model.name,
            window=spec.name,
            windows=len(stretches),
        )
        return self._standard(model, reference, spec, Window(window.end, window.end + 1))

    def _standard(self, model: Model, reference: Reference, spec: WindowSpec, window: Window) -> Standard:
        if model.id not in self._answers:
            self._answers[model.id] = list(self._store.answers(model.id))
        return self._standards.standard(model, reference, spec, self._answers[model.id], window.end)

    def snoozed(self, model: Model, reference: Reference, spec: WindowSpec, one: tuple[str, int], end: int) -> bool:
        """Whether somebody asked for silence on this (column, segment)."""
        return any(
            answer.action is Action.SNOOZE
            and answer.reference_id == reference.id
            and answer.covers(spec.name, *one)
            and answer.holds(end)
            for answer in self._answers.get(model.id, ())
        )

    def total(self, reference: Reference, start: int, end: int) -> Profile | None:
        """The sums of a stretch."""
        return self._store.profile(reference, start, end).profile

    def chosen(self, model: Model) -> Detectors:
        """What the model is watched by."""
        return self._chosen(model)

    def watch(self, key: tuple[Any, ...], make: Callable[[], Watch]) -> tuple[Watch, bool]:
        """A watch, made where it is not known yet; whether it was made now."""
        if key in self._watches:
            self._watches.move_to_end(key)
            return self._watches[key], False
        made = self._watches[key] = make()
        while len(self._watches) > WATCHES:
            self._watches.popitem(last=False)
        return made, True

    def _memory(self, reference: Reference, spec: WindowSpec) -> Memory:
        key = reference.id, spec.name
        if key not in self._memories:
            found = self._store.detector_state(reference.id, spec.name)
            memory = Memory(None, {}, (), {}) if found is None else _unpacked(*found)
            memory.alarms = {row.alarm.key: row.alarm for row in self._store.standing(reference.id, spec.name)}
            self._memories[key] = memory
        return self._memories[key]


@dataclass(frozen=True)
class _Step:
    """One window of one reference and spec, all segments and detectors."""

    detecting: Detecting
    model: Model
    reference: Reference
    spec: WindowSpec
    window: Window
    profile: Profile
    known: Standard
    memory: Memory

    def run(
        self,
    ) -> tuple[Mapping[int, Mapping[str, Evidence]], list[AlarmChange], dict[tuple[int, str], bytes]]:
        """Step every watch; the memory is as after the window then."""
        changes: list[AlarmChange] = []
        abouts: dict[tuple[int, str], bytes] = {}
        found: dict[int, dict[str, Evidence]] = {}
        answered = frozenset(self.known.key) ^ frozenset(self.memory.answers)
        for segment in self.reference.grid.segments:
            if segment.index and not self.profile.rows(segment.index):
                continue
            for chosen in self.detecting.chosen(self.model).chosen:
                evidence = self._one(chosen, segment.index, answered, changes, abouts)
                if evidence is not None:
                    found.setdefault(segment.index, {})[chosen.detector.name] = evidence
        self.memory.answers = self.known.key
        return found, changes, abouts

    def _one(
        self, chosen: Chosen, segment: int, answered: frozenset[int], changes: list[AlarmChange],
        abouts: dict[tuple[int, str], bytes],
    ) -> Evidence | None:  # fmt: skip
        baseline, name = self.known.baseline, chosen.detector.name
        if baseline is None:
            return None
        options = msgspec.json.encode(chosen.options, order="deterministic")
        key = self.reference.id, self.spec, segment, name, self.known.key, options
        watch, new = self.detecting.watch(key, lambda: chosen.detector.watch(self._context(baseline, chosen, segment)))
        if new:
            abouts[segment, name] = _about(watch, self.reference)
        place = f"{segment}/{name}"
        state = _adopted(self.memory.states.get(place), watch.start())
        columns = self._columns(answered, segment)
        if columns.size:
            state = watch.forget(state, columns)
        self.memory.states[place], evidence = watch.step(state, self.window, self.profile)
        changes.extend(self._changes(watch, evidence, baseline, segment, name, columns))
        return evidence

    def _context(self, baseline: Baseline, chosen: Chosen, segment: int) -> Context:
        streams = len(self.reference.grid.columns) * len(self.reference.grid.segments)
        windows = self.detecting.chosen(self.model).alarm_windows(self.spec)
        return Context(baseline, self.spec, segment, windows, streams, chosen.options)

    def _columns(self, answered: frozenset[int], segment: int) -> npt.NDArray[np.int64]:
        """Columns whose baseline somebody changed since the last step."""
        mine = [answer for answer in self.known.answers if answer.id in answered]
        index = self.reference.grid.index
        names = self.reference.grid.names
        found = {
            index[name]
            for answer in mine
            for name in ((answer.column,) if answer.column else names)
            if name in index and answer.covers(self.spec.name, name, segment)
        }
        return np.array(sorted(found), np.int64)

    def _changes(
        self,
        watch: Watch,
        evidence: Evidence,
        baseline: Baseline,
        segment: int,
        name: str,
        answered: npt.NDArray[np.int64],
    ) -> list[AlarmChange]:
        changes, alarms = list[AlarmChange](), self.memory.alarms
        had = {one.column: one for one in alarms.values() if one.segment == segment and one.detector == name}
        names = self.reference.grid.names
        for column, one in had.items():
            at = self.reference.grid.index[column]
            if evidence.standing[at] and not evidence.raised[at]:
                continue
            why = "somebody answered it" if at in answered else "the column is back within its tolerance"
            del alarms[one.key]
            changes.append(AlarmChange("ended", one, why, self.window.end))
        told: dict[int, Told] = {}
        for at in np.flatnonzero(evidence.standing).tolist():
            before = had.get(names[at])
            if before is not None and not evidence.raised[at] and not self._due(before):
                continue
            made = self._alarm(
                watch, evidence, at, baseline, segment, name, told, before if not evidence.raised[at] else None
            )
            alarms[made.key] = made
            new = before is None or bool(evidence.raised[at])
            changes.append(AlarmChange("raised" if new else "updated", made, "", self.window.end))
        return changes

    def _due(self, one: Alarm) -> bool:
        """Measured again 1, 2, 4, 8, … windows after it was raised."""
        return (self.window.start - one.raised.start) // self.spec.length in _AGES

    def _alarm(
        self, watch: Watch, evidence: Evidence, column: int, baseline: Baseline, segment: int, name: str,
        told: dict[int, Told], before: Alarm | None,
    ) -> Alarm:  # fmt: skip
        onset = before.onset if before is not None else min(int(evidence.onset[column]), self.window.start)
        if onset not in told:
            told[onset] = self._told(onset, baseline, segment)
        raised = before.raised if before is not None else self.window
        snoozed = self.detecting.snoozed(
            self.model, self.reference, self.spec, (self.reference.grid.names[column], segment), self.window.end
        )
        made = alarm(
            watch, evidence, column, told[onset], baseline,
            detector=name, segment=segment, raised=raised, snoozed=snoozed,
        )  # fmt: skip
        return made if before is None else _louder(before, made)

    def _told(self, onset: int, baseline: Baseline, segment: int) -> Told:
        windows = [self.window]
        while windows[0].start > onset and len(windows) < 10_000:
            windows.insert(0, disjoint(self.spec, windows[0].start - 1))
        profile = self.profile
        if windows[0].start < self.window.start:
            profile = self.detecting.total(self.reference, windows[0].start, self.window.end) or self.profile
        return Told.of(profile, windows, baseline, segment)


def _louder(before: Alarm, now: Alarm) -> Alarm:
    """An alarm measured again never gets quieter: what paged stays a page until it ends."""
    severity = Severity.PAGE if Severity.PAGE in (before.severity, now.severity) else Severity.WARNING
    return replace(now, severity=severity, level=before.level)


def _news(change: AlarmChange, before: Mapping[tuple[str, int, str, int], Alarm]) -> bool:
    """Whether stepping again told something that was not known."""
    return change.kind != "raised" or change.alarm.key not in before


def _worst_first(alarms: Any) -> tuple[Alarm, ...]:
    return tuple(
        sorted(alarms, key=lambda one: (one.severity is not Severity.PAGE, one.raised.start, one.segment, one.column))
    )


def _about(watch: Watch, reference: Reference) -> bytes:
    plain = {name: dict(watch.about(at)) for at, name in enumerate(reference.grid.names)}
    return zstandard.ZstdCompressor().compress(msgspec.json.encode(plain))


def _adopted(stored: State | None, fresh: State) -> State:
    """The stored state in the shape that the watch needs now: another baseline may have more or fewer parts."""
    if stored is None:
        return fresh
    found: dict[str, npt.NDArray[Any]] = {}
    for name, start in fresh.items():
        had = stored.get(name)
        if had is None or had.ndim != start.ndim:
            found[name] = start
        elif had.shape == start.shape:
            found[name] = had
        else:
            both = tuple(slice(0, min(a, b)) for a, b in zip(had.shape, start.shape, strict=True))
            grown = start.copy()
            grown[both] = had[both]
            found[name] = grown
    return found


def _pack(memory: Memory) -> bytes:
    arrays: dict[str, npt.NDArray[Any]] = {_ANSWERS: np.array(memory.answers, np.int64)}
    if memory.last is not None:
        arrays[_LAST] = np.array([memory.last.start, memory.last.end], np.int64)
    for place, state in memory.states.items():
        arrays |= {f"{place}/{name}": array for name, array in state.items()}
    return dump(arrays)


def _unpacked(window: Window, blob: bytes) -> Memory:
    states: dict[str, dict[str, npt.NDArray[Any]]] = {}
    answers: tuple[int, ...] = ()
    for name, array in load(blob).items():
        if name == _ANSWERS:
            answers = tuple(array.tolist())
        elif name != _LAST:
            segment, detector, part = name.split("/", 2)
            states.setdefault(f"{segment}/{detector}", {})[part] = array
    return Memory(window, dict(states), answers, {})
