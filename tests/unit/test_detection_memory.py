"""What detection remembers, what stepping again changed, and which baseline holds: without a store."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors.sequential.state import dump
from drift.core.answer import Action, Answer
from drift.core.baseline import Origin, Stretch
from drift.core.catalogue import Model, Reference
from drift.core.clock import DAY, HOUR
from drift.core.errors import ProfileMismatch
from drift.core.profile import Profile
from drift.core.result import Judgement, Outcome
from drift.core.schema import Schema
from drift.core.window import Window, WindowSpec
from drift.evaluation.baselines import Standards
from drift.evaluation.learning import progress, ready
from drift.evaluation.memory import Ended, Memory, adopted
from drift.evaluation.stepping import revised
from drift.evaluation.verdict import with_alarms
from tests.rig.alarming import alarm, hour
from tests.rig.storing import grid, profile


def memory(**more: Any) -> Memory:
    mine, ended = alarm(effect=float("nan")), Ended(alarm(column="n1"), hour(5).end, "back")
    state = {"level": np.array([-np.inf, 2.5], np.float32), "onset": np.array([1, 2])}
    made: dict[str, Any] = {
        "first": hour(0).start, "last": hour(6), "states": {"0/default": state}, "answers": (3, 7),
        "alarms": {mine.key: mine}, "ended": {ended.alarm.key: ended}, "stepped": {hour(6).start: 12, hour(5).start: 9},
        "judged": {0: np.array([True, False])}, "learning": [hour(1)],
    }  # fmt: skip
    return Memory(**(made | more))


def test_a_memory_comes_back_as_it_was_in_the_same_bytes() -> None:
    was = memory()
    found = Memory.unpack(was.pack())
    assert found.pack() == was.pack()
    assert (found.first, found.last, found.answers, found.learning) == (was.first, was.last, (3, 7), [hour(1)])
    assert found.stepped == was.stepped
    assert list(found.alarms) == list(was.alarms)
    assert found.ended == was.ended
    assert found.judged[0].tolist() == [True, False]
    assert found.states["0/default"]["level"].dtype == np.float32
    empty = Memory.unpack(Memory().pack())
    assert (empty.first, empty.last, empty.states, empty.alarms) == (None, None, {}, {})


def test_bytes_do_not_depend_on_the_order_in_which_things_came() -> None:
    one = memory(stepped={1: 1, 2: 2})
    other = memory(stepped={2: 2, 1: 1})
    assert one.pack() == other.pack()


def test_what_is_no_memory_is_refused() -> None:
    with pytest.raises(ProfileMismatch, match="no stored memory"):
        Memory.unpack(dump({"level": np.zeros(2)}))


def test_old_windows_and_alarms_are_forgotten() -> None:
    mine = memory()
    mine.forget(hour(6).start)
    assert mine.stepped == {hour(6).start: 12}
    assert list(mine.ended) == [alarm(column="n1").key], "it ended as that window began"
    mine.forget(hour(6).start + 1)
    assert (mine.stepped, mine.ended) == ({}, {})
    assert mine.alarms, "what stands is never forgotten"


def test_a_state_takes_the_shape_that_is_needed_now() -> None:
    fresh = {"a": np.zeros((2, 3)), "b": np.zeros(2), "c": np.zeros(1, np.int64)}
    stored = {"a": np.ones((2, 2)), "b": np.ones(2), "c": np.ones(1), "gone": np.ones(9)}
    found = adopted(stored, fresh)
    assert found["a"].tolist() == [[1, 1, 0], [1, 1, 0]]
    assert found["b"].tolist() == [1, 1]
    assert found["c"].tolist() == [0], "another type is another meaning"
    assert set(found) == set(fresh)
    assert adopted(None, fresh) is fresh


def changes(before: Memory, after: Memory, *, since: int = 0, forgotten: int = 0) -> list[tuple[str, str]]:
    found = revised(before, after, since, forgotten, hour(4))
    return [(change.kind, change.alarm.column) for change in found]


def standing(*alarms: Any) -> Memory:
    return Memory(last=hour(9), alarms={one.key: one for one in alarms})


def ended(one: Any, at: int) -> Memory:
    return Memory(last=hour(9), ended={one.key: Ended(one, at, "back")})


def test_what_stepping_again_changed() -> None:
    one, nothing = alarm(), Memory(last=hour(9))
    assert changes(standing(one), standing(one)) == []
    assert changes(standing(alarm(effect=float("nan"))), standing(alarm(effect=float("nan")))) == []
    assert changes(standing(one), standing(replace(one, rows=9))) == [("updated", "n0")]
    assert changes(standing(one), nothing) == [("retracted", "n0")]
    assert changes(nothing, standing(one)) == [("raised", "n0")]
    assert changes(nothing, ended(one, hour(7).end)) == [("raised", "n0"), ("ended", "n0")]
    assert changes(standing(one), ended(one, hour(7).end)) == [("ended", "n0")]
    assert changes(ended(one, hour(6).end), ended(one, hour(7).end)) == [("ended", "n0")]
    assert changes(ended(one, hour(7).end), standing(one)) == [("updated", "n0")]
    assert changes(ended(one, hour(7).end), nothing) == [("retracted", "n0")]
    earlier = alarm(raised=hour(2))
    assert changes(standing(one), standing(earlier)) == [("raised", "n0"), ("retracted", "n0")]


def test_what_ended_before_the_stretch_is_left_alone() -> None:
    one, nothing = ended(alarm(), hour(5).end), Memory(last=hour(9))
    assert changes(one, nothing, since=hour(5).end) == []
    assert changes(nothing, one, forgotten=hour(5).end) == []
    assert changes(one, nothing, since=hour(5).end - 1) == [("retracted", "n0")]


def test_learning_takes_thirty_windows_and_fourteen_days() -> None:
    hours = [hour(n) for n in range(14 * 24)]
    days = [Window(n * DAY, (n + 1) * DAY) for n in range(30)]
    assert ready(hours)
    assert not ready(hours[:-1])
    assert ready(days)
    assert not ready(days[:29])
    assert progress(days[:12]).endswith("12 of 30 windows, 12 of 14 days")
    assert progress(hours[:300]).endswith("30 of 30 windows, 12 of 14 days")
    assert progress([]).endswith("0 of 30 windows, 0 of 14 days")


SPEC = WindowSpec.parse("1h")
REFERENCE = Reference(1, 1, "1", "", Schema((), ()), grid(), 500, 0, 0)


class Answering:
    """A store of a reference's stretches and of answers' sums."""

    def __init__(self, hours: int) -> None:
        self.hours, self.read = hours, 0

    def reference_profile(self, reference_id: int) -> Profile:
        return profile(grid(), 99, 500)

    def reference_stretches(self, reference: Reference) -> Sequence[Stretch]:
        return self._stretches(0, self.hours)

    def answers(self, model_id: int) -> list[Answer]:
        return []

    def answer_stretches(self, answer_id: int, spec: str) -> Sequence[Stretch]:
        self.read += 1
        return self._stretches(100 * answer_id, 4)

    def _stretches(self, first: int, count: int) -> tuple[Stretch, ...]:
        return tuple(Stretch(hour(first + n), profile(grid(), first + n, 10).sums) for n in range(count))


def said(number: int, action: Action, column: str = "", segment: int | None = None, **more: Any) -> Answer:
    made = Answer(number, 1, 1, "1h", column, segment, action, "ada", "so", 0, 0, HOUR, hour(3).end)
    return replace(made, **more)


def origin(answers: Sequence[Answer], *, hours: int = 240, end: int = hour(9).end, segment: int = 0, **settings: Any):  # type: ignore[no-untyped-def]
    store = Standards(Answering(hours))
    found = store.standard(Model(1, "m", settings=settings), REFERENCE, SPEC, answers, end, segment)
    return None if found.baseline is None else found.baseline.origin, found.key


def test_which_baseline_holds() -> None:
    learn, accept = said(1, Action.LEARN), said(2, Action.ACCEPT)
    assert origin([]) == (Origin.REFERENCE, ())
    assert origin([], hours=7) == (None, ())
    assert origin([], baseline="production") == (None, ())
    assert origin([], held_out=False) == (None, ())
    assert origin([], hours=2, baseline="reference") == (Origin.REFERENCE, ())
    assert origin([learn]) == (Origin.REFERENCE, ()), "a reference that can be the baseline is"
    assert origin([learn], held_out=False) == (Origin.PRODUCTION, (1,))
    assert origin([learn, said(3, Action.LEARN)], held_out=False) == (Origin.PRODUCTION, (1,)), "learnt once"
    assert origin([accept]) == (Origin.ACCEPTED, (2,))
    assert origin([accept], held_out=False) == (Origin.ACCEPTED, (2,)), "no need to learn any more"
    assert origin([replace(accept, column="n0")], held_out=False) == (None, (2,))
    assert origin([accept], end=hour(3).end) == (Origin.REFERENCE, ()), "not for the window that it was given after"
    assert origin([replace(accept, withdrawn_from=hour(8).end)]) == (Origin.REFERENCE, ())
    assert origin([replace(accept, segment=2)]) == (Origin.REFERENCE, ())
    assert origin([replace(accept, segment=2)], segment=2) == (Origin.ACCEPTED, (2,))
    assert origin([replace(accept, reference_id=2)]) == (Origin.REFERENCE, ())
    assert origin([said(4, Action.SNOOZE)]) == (Origin.REFERENCE, ())


def test_a_baseline_is_put_together_once() -> None:
    store = Answering(240)
    standards = Standards(store)
    for end in (hour(8).end, hour(9).end):
        standards.standard(Model(1, "m"), REFERENCE, SPEC, [said(2, Action.ACCEPT, "n0")], end, 0)
    assert store.read == 1


def test_accepting_a_column_replaces_it_and_what_was_dismissed_of_it() -> None:
    standards = Standards(Answering(240))
    dismissed, accepted = said(2, Action.DISMISS), said(3, Action.ACCEPT, "n0")
    found = standards.standard(Model(1, "m"), REFERENCE, SPEC, [dismissed, accepted], hour(9).end, 0).baseline
    assert found is not None
    assert len(found.stretches) == 244
    assert len(found.dismissed) == 4
    first, last = (Profile(grid(), found.stretches[at].sums) for at in (0, -1))
    assert first.column_counts(0).sum() == 0 != first.column_counts(1).sum()
    assert last.column_counts(0).sum() != 0 == last.column_counts(1).sum()
    assert Profile(grid(), found.dismissed[0].sums).column_counts(0).sum() == 0


def judged() -> Judgement:
    outcomes = np.array([Outcome.NO_DRIFT, Outcome.NO_DRIFT, Outcome.DRIFT], np.int8)
    nothing = np.full((3, 1), np.nan)
    return Judgement(9, Outcome.NO_DRIFT, ("n0", "n1", "k"), ("psi",), nothing, outcomes, nothing, (), "fine")


def test_a_column_that_no_detector_judges_is_not_called_free_of_drift() -> None:
    seen = np.array([True, False, False])
    found = with_alarms(judged(), seen, ())
    assert found.outcomes.tolist() == [Outcome.NO_DRIFT, Outcome.INSUFFICIENT_DATA, Outcome.DRIFT]
    assert with_alarms(judged(), None, ()).outcomes.tolist() == judged().outcomes.tolist()
    learning = with_alarms(judged(), seen, (), "3 of 30 windows")
    assert learning.outcomes.tolist() == [Outcome.INSUFFICIENT_DATA] * 2 + [Outcome.DRIFT]
    wrong = with_alarms(judged(), None, (), wrong=("detector x does not watch: y",))
    assert wrong.outcomes[0] == Outcome.INSUFFICIENT_DATA
    assert wrong.reason == "fine; detector x does not watch: y"
    alarmed = with_alarms(judged(), seen, (alarm(),))
    assert (alarmed.outcome, alarmed.outcomes[0], alarmed.reason) == (Outcome.DRIFT, Outcome.DRIFT, "n0 is higher")
