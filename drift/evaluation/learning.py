"""Production's first windows become the baseline where the reference cannot be one.

They are normal from then on, whatever the reference looks like; how far production is from it is told once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.alarms import STATISTICS, bins_moved
from detectors.judge import judge
from detectors.plan import ONCE, Plan
from detectors.wording import count, number
from drift.core.alarm import Alarm, Severity
from drift.core.answer import Action, Answer
from drift.core.baseline import Baseline, Stretch
from drift.core.catalogue import Model, Reference
from drift.core.clock import DAY
from drift.core.commit import AlarmChange
from drift.core.profile import Profile
from drift.core.result import Outcome
from drift.core.window import Window, WindowSpec
from drift.evaluation.ports import DetectionStore

WINDOWS: Final = 30
TIME: Final = 14 * DAY
"""Production's first stretch, where the reference cannot be the baseline: so long, and so many windows at least."""
DETECTOR: Final = "reference"
"""The name under which the distance from the reference is told."""
LARGE: Final = 0.25
"""PSI from which that pages."""
LEARNING: Final = "are being learnt"
"""Stands in the reason of windows as long as they are."""
TOLD: Final = "told once: production is the baseline now"
_PSI: Final = next(condition.bound for condition in ONCE[0].conditions if condition.name == "psi")


def ready(windows: Sequence[Window]) -> bool:
    """Whether production's first windows, ascending and disjoint, are enough to be a baseline."""
    return len(windows) >= WINDOWS and windows[-1].end - windows[0].start >= TIME


def progress(windows: Sequence[Window], why: str = "") -> str:
    """How far the learning is, and why it is needed, as `why_not` has it."""
    days = (windows[-1].end - windows[0].start) // DAY if windows else 0
    because = f": {why}" if why else ""
    return (
        f"the reference is no baseline for these windows{because}; production's first ones {LEARNING}: "
        f"{min(len(windows), WINDOWS)} of {WINDOWS} windows, {min(days, TIME // DAY)} of {TIME // DAY} days"
    )


@dataclass(frozen=True, slots=True)
class Lesson:
    """Windows of one reference and spec that are to be the baseline."""

    store: DetectionStore
    model: Model
    reference: Reference
    spec: WindowSpec

    def learn(self, windows: Sequence[Window], known: Sequence[Answer]) -> Answer:
        """Keep their sums as an answer that nobody was asked for; the one there is, if they were learnt before.

        It is known before the last window's result is committed. Should that fail, the window finds it here.
        """
        for answer in known:
            mine = answer.reference_id == self.reference.id and answer.spec == self.spec.name
            if mine and answer.action is Action.LEARN and answer.withdrawn_at is None:
                return answer
        why = f"the reference is no baseline for windows of {self.spec.name}: {why_not(self.model)}"
        first, last = windows[0].start, windows[-1].end
        answer = Answer(
            0, self.model.id, self.reference.id, self.spec.name, "", None, Action.LEARN, "driftsum", why, last, first,
            last, last,
        )  # fmt: skip
        return self.store.answer(answer, {self.spec.name: self._sums(windows)})

    def _sums(self, windows: Sequence[Window]) -> Iterator[Stretch]:
        for one in windows:
            profile = self.store.profile(self.reference, one.start, one.end, outcomes=False).profile
            if profile is not None:
                yield Stretch(one, profile.sums)

    def told(self, learnt: Baseline, reference: Profile, raised: Window) -> list[AlarmChange]:
        """An alarm for each column of which production's first windows differ from the reference, ended at once."""
        plan = Plan(rules=ONCE, statistics=STATISTICS)
        judged = judge(learnt.profile, reference, plan)
        directions = {breach.column: breach.direction for breach in judged.breaches}
        changes: list[AlarmChange] = []
        for at in np.flatnonzero(judged.outcomes == Outcome.DRIFT).tolist():
            numbers = {
                name: float(value)
                for name, value in zip(judged.statistics, judged.values[at].tolist(), strict=True)
                if name in STATISTICS and np.isfinite(value)
            }
            made = _alarm(learnt, reference, at, numbers, directions.get(judged.columns[at], ""), raised)
            changes += [AlarmChange("raised", made, "", raised.end), AlarmChange("ended", made, TOLD, raised.end)]
        return changes


def why_not(model: Model) -> str:
    """Why a model's reference is no baseline."""
    if model.settings.get("held_out") is False:
        return "its rows were trained on (held_out: false)"
    if model.settings.get("baseline") == "production":
        return "so it is configured (baseline: production)"
    return "its rows are not in the order of time, or too few for them"


def _alarm(
    learnt: Baseline, reference: Profile, column: int, numbers: dict[str, float], direction: str, raised: Window
) -> Alarm:
    grid, first, rows = learnt.grid, learnt.stretches[0].window, learnt.profile.rows()
    psi = numbers.get("psi", float("nan"))
    return Alarm(
        column=grid.names[column], segment=0, detector=DETECTOR,
        severity=Severity.PAGE if psi >= LARGE else Severity.WARNING, raised=raised, onset=first.start,
        until=raised.end, direction=direction, what="psi", effect=psi, tolerance=_PSI, rows=rows, level=psi,
        limit=_PSI, statistics=numbers,
        moved=bins_moved(Baseline(grid, reference, (), learnt.origin), learnt.profile, column, 0),
        sentence=f"{grid.names[column]}: production is not where the reference is (PSI {number(psi)} over "
        f"{count(rows, 'row')}); it is told once, and production is the baseline from here on",
    )  # fmt: skip
