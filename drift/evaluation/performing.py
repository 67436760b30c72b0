"""Performance among the windows before: one more step of its watch, and the alarms that follow.

Estimates are stepped with each final window. What came true is stepped with the windows that have become mature by
then, each once and in order; a window whose labels do not come is passed over after a month.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.performance.say import alarm_of
from detectors.performance.watch import CONCEPT, ESTIMATED, REALIZED, PerformanceWatch, Reading
from detectors.sequential.default.series import disjoint
from drift.core.answer import Answer
from drift.core.catalogue import Model, Reference
from drift.core.clock import DAY
from drift.core.commit import AlarmChange
from drift.core.outcome.sums import Outcomes
from drift.core.profile import Profile
from drift.core.window import Window, WindowSpec
from drift.evaluation.memory import adopted
from drift.evaluation.stepping import Step

PLACE: Final = "0/performance"
"""Where the watch's state stands in a memory."""
DETECTORS: Final = {ESTIMATED: "estimated_performance", REALIZED: "realized_performance", CONCEPT: "concept"}
"""Stream → the name that its alarms are under."""
BACK: Final = "performance is back within what is borne"
AT_ONCE: Final = 48
"""Windows that become mature and are stepped with one: labels of weeks may come in an hour."""
GIVEN_UP: Final = 30 * DAY
"""Later than this after they should have, labels are waited for no more."""


@dataclass(frozen=True, slots=True)
class Duty:
    """What is watched of one reference and window length."""

    watch: PerformanceWatch
    after: int | None
    """When labels are mature, microseconds; None: when nearly all have come."""
    labelled: float
    """That is this share of them."""
    view: Callable[[Outcomes], Outcomes]
    """Mature outcomes with the labels that their absence implies."""


Duties = Callable[[Model, Reference, WindowSpec], Duty | None]
"""None: the reference counts no outcomes."""


def performed(step: Step, duty: Duty) -> None:
    """Step the performance of one final window; alarms are in the step's memory and changes then."""
    memory, watch = step.memory, duty.watch
    state = adopted(memory.states.get(PLACE), watch.start())
    if _answered(step):
        state = watch.forget(state)
    if state["matured"][0] < 0:
        before = disjoint(step.place.spec, step.window.start - 1)
        state = {**state, "matured": np.full(1, before.start, np.int64)}
    found: list[Reading] = []
    if step.profile.outcomes is not None:
        state, said = watch.step(state, ESTIMATED, step.window.start, step.profile.outcomes, step.profile)
        found += [said] if said else []
    for window, outcomes in _matured(step, duty, int(state["matured"][0])):
        state = {**state, "matured": np.full(1, window.start, np.int64)}
        if outcomes is not None and duty.after is not None and window != step.window:
            step.found.matured.append(window)
        for stream in (REALIZED, CONCEPT) if outcomes is not None else ():
            state, said = watch.step(state, stream, window.start, duty.view(outcomes))  # type: ignore[arg-type]
            if said is not None:
                found.append(said)
                state = {**state, "compared": np.full(1, window.end, np.int64)}
    memory.states[PLACE] = state
    for reading in found:
        _tell(step, watch, reading)


def _answered(step: Step) -> bool:
    """Whether somebody answered an alarm on performance since the last step."""
    fresh = frozenset(step.given.in_force) ^ frozenset(step.memory.answers)
    mine: list[Answer] = [answer for answer in step.given.answers if answer.id in fresh]
    return any(answer.column == "" and answer.covers(step.place.spec.name, "", 0) for answer in mine)


def _matured(step: Step, duty: Duty, last: int) -> Iterator[tuple[Window, Outcomes | None]]:
    """Windows after the last one that are mature by now, oldest first; None: passed over, its labels did not come."""
    spec = step.place.spec
    window = disjoint(spec, disjoint(spec, last).end)
    if not _worth_a_look(duty, step.window.end - window.end, spec):
        return
    for _ in range(AT_ONCE):
        if window.start > step.window.start:
            return
        profile = _profile(step, window)
        outcomes = profile.outcomes if profile is not None else None
        age = step.window.end - window.end
        if outcomes is None or not outcomes.joinable():
            if age < spec.length:
                return
            yield window, None
        elif _is_mature(duty, outcomes, age) or _overtaken(step, duty, window):
            yield window, outcomes
        elif age > GIVEN_UP + (duty.after or 0):
            yield window, None
        else:
            return
        window = disjoint(spec, window.end)


def _worth_a_look(duty: Duty, age: int, spec: WindowSpec) -> bool:
    """Whether the oldest window that waits is read at all: where labels never come, 1, 2, 4, 8, … windows later."""
    if duty.after is not None:
        return age >= duty.after
    windows = max(age // spec.length, 0)
    return windows & (windows - 1) == 0


def _overtaken(step: Step, duty: Duty, window: Window) -> bool:
    """Whether the labels of the window after it have come, where nobody says when they do: no more are expected."""
    later = disjoint(step.place.spec, window.end)
    if duty.after is not None or later.start > step.window.start:
        return False
    profile = _profile(step, later)
    outcomes = profile.outcomes if profile is not None else None
    return outcomes is not None and outcomes.joinable() > 0 and _is_mature(duty, outcomes, 0)


def _profile(step: Step, window: Window) -> Profile | None:
    return step.profile if window == step.window else step.given.whole(window.start, window.end)


def _is_mature(duty: Duty, outcomes: Outcomes, age: int) -> bool:
    if duty.after is not None:
        return age >= duty.after
    return outcomes.joined() >= duty.labelled * outcomes.joinable()


def _tell(step: Step, watch: PerformanceWatch, reading: Reading) -> None:
    """Raise, keep or end the stream's alarm."""
    name, memory = DETECTORS[reading.stream], step.memory
    standing = [one for one in memory.alarms.values() if one.detector == name]
    if reading.ended or not reading.standing:
        for one in standing:
            step.end(one, BACK)
        return
    if not reading.raised or standing:
        return
    made = alarm_of(watch, reading, name, step.window, snoozed=step.snoozed("", 0), zone=step.place.model.zone)
    memory.alarms[made.key] = made
    step.found.changes.append(AlarmChange("raised", made, "", step.window.end))
