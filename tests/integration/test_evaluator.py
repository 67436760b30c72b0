"""The evaluator on a real store: what it judges, when, how often, and what it leaves alone."""

from dataclasses import replace

import numpy as np
import pytest

from drift.core.alarm import Severity
from drift.core.clock import DAY, HOUR, MINUTE, ManualClock
from drift.core.commit import AlarmChange, Detection, Partition, WindowResult
from drift.core.fields import FieldSums
from drift.core.profile import Profile
from drift.core.result import Judgement, Outcome, WindowState
from drift.core.window import Window, WindowSpec
from drift.evaluation import Evaluator, Patience
from drift.evaluation.evaluator import FROZEN
from drift.evaluation.publish import Publisher
from drift.metrics import Snapshot
from drift.store import Store
from drift.store.rows import WindowRow
from tests.rig.alarming import alarm, commit
from tests.rig.storing import PANE, T0, Feed, delta, feed


class Seen:
    """A judge and metrics that remember what they were given."""

    def __init__(self) -> None:
        self.judged: list[tuple[int, int]] = []
        self.published: list[Snapshot] = []

    def judge(self, window: Profile, reference: Profile, model: object, segment: int) -> Judgement:
        self.judged.append((segment, window.rows()))
        assert window.grid.id == reference.grid.id
        columns = len(window.grid.columns)
        outcome = Outcome.DRIFT if window.rows() > 25 else Outcome.NO_DRIFT
        return Judgement(
            window.rows(segment), outcome, window.grid.names, ("psi",),
            np.full((columns, 1), float(window.rows())), np.zeros(columns, np.int8), np.full((columns, 1), np.nan),
        )  # fmt: skip

    def evaluation(self, seconds: float) -> None:
        assert seconds >= 0

    def result(self, snapshot: Snapshot) -> None:
        self.published.append(snapshot)


@pytest.fixture
def seen() -> Seen:
    return Seen()


def evaluator(store: Store, seen: Seen, *, holder: str = "one", clock: ManualClock | None = None) -> Evaluator:
    return Evaluator(store, seen.judge, clock or ManualClock(T0 + 3 * DAY), seen, holder, Patience())


def hours(store: Store, source: Feed) -> list[WindowRow]:
    """The hourly windows, oldest first."""
    return sorted(store.windows(source.model.id, spec="1h"), key=lambda row: row.window.start)


def test_windows_close_as_time_goes_on_and_each_is_judged_once(store: Store, seen: Seen) -> None:
    #          00:00                    01:00
    # panes      | 10 rows … 10 rows      | 10 rows at 01:00 … watermark stands at the last one's start
    # watermark  ------------------------>|        lateness 1 min: not final yet
    # later      ------------------------------>   final
    source = feed(store)
    mine = evaluator(store, seen)
    source.commit(delta(source.reference, 1), delta(source.reference, 2, start=T0 + 11 * PANE))
    assert mine.tick() == 0
    source.commit(delta(source.reference, 3, start=T0 + HOUR))
    assert mine.tick() == 1
    assert hours(store, source)[0].state is WindowState.PROVISIONAL
    source.commit(delta(source.reference, 4, start=T0 + HOUR + PANE))
    assert mine.tick() == 1
    first, second = hours(store, source)
    assert (first.state, first.rows, first.revision, first.outcome) == (WindowState.FINAL, 20, 2, Outcome.NO_DRIFT)
    assert (second.state, second.stale) == (None, True)
    assert mine.tick() == 0
    assert seen.judged == [(s, 20) for s in range(3)] * 2


def test_late_rows_revise_their_window(store: Store, seen: Seen) -> None:
    source = feed(store)
    source.commit(delta(source.reference, 1), delta(source.reference, 2, start=T0 + 2 * HOUR))
    mine = evaluator(store, seen)
    mine.tick()
    source.commit(delta(source.reference, 3, late=10))
    assert mine.tick() == 1
    first = hours(store, source)[0]
    assert (first.rows, first.revision, first.state, first.first_final) == (20, 2, WindowState.FINAL, 1)
    assert store.judgements(first.id)[0].value("n0", "psi") == 20


def test_rows_that_come_while_a_window_is_judged_are_not_forgotten(store: Store, seen: Seen) -> None:
    source = feed(store)
    source.commit(delta(source.reference, 1), delta(source.reference, 2, start=T0 + 2 * HOUR))

    class Racing(Seen):
        def judge(self, window: Profile, reference: Profile, model: object, segment: int) -> Judgement:
            if not self.judged:
                source.commit(delta(source.reference, 3, late=10))
            return super().judge(window, reference, model, segment)

    evaluator(store, Racing()).tick()
    first = hours(store, source)[0]
    assert first.rows == 20
    assert not first.stale


def test_one_evaluator_works_at_a_time_and_the_next_goes_on(store: Store, seen: Seen) -> None:
    source = feed(store)
    source.commit(delta(source.reference, 1), delta(source.reference, 2, start=T0 + 2 * HOUR))
    one, two = evaluator(store, seen), evaluator(store, seen, holder="two")
    assert one.tick() == 1
    source.commit(delta(source.reference, 3, start=T0 + 4 * HOUR))
    assert two.tick() == 0
    one.release()
    assert two.tick() == 1
    assert [row.state for row in hours(store, source)][:2] == [WindowState.FINAL] * 2


def test_a_window_whose_panes_were_compacted_keeps_its_verdict(store: Store, seen: Seen) -> None:
    # hourly windows, but everything was added up to days before the late rows came
    source = feed(store)
    source.commit(*(delta(source.reference, i, start=T0 + i * PANE) for i in range(24)))
    source.commit(delta(source.reference, 30, start=T0 + 2 * DAY))
    mine = evaluator(store, seen)
    mine.tick()
    lease = store.lease("maintenance", "me", 60)
    assert lease is not None
    far = T0 + 9 * DAY
    while store.compact(lease, source.reference, hours_before=far, days_before=far):
        pass
    before = store.judgements(hours(store, source)[0].id)[0].value("n0", "psi")
    source.commit(delta(source.reference, 40, late=10))
    assert mine.tick() >= 1
    first = hours(store, source)[0]
    assert (first.state, first.reason, first.rows) == (WindowState.FINAL, FROZEN, 120)
    assert store.judgements(first.id)[0].value("n0", "psi") == before == 120
    assert mine.tick() == 0


def test_a_dead_partition_leaves_windows_incomplete_until_its_owner_is_back(store: Store, seen: Seen) -> None:
    source = feed(store)
    store.register_partitions("kafka", "events", [0, 1])
    source.commit(delta(source.reference, 1), delta(source.reference, 2, start=T0 + 2 * HOUR))
    patient = evaluator(store, seen)
    assert patient.tick() == 0, "partition 1 has no owner, and is waited for"
    hasty = Evaluator(
        store, seen.judge, ManualClock(T0 + 3 * DAY), seen, "one", Patience(max_hold=0, dead_after=MINUTE)
    )
    assert hasty.tick() == 1
    first = hours(store, source)[0]
    assert first.state is WindowState.INCOMPLETE
    assert "events[1]" in first.reason
    assert store.judgements(first.id) == {}
    assert seen.judged == []

    claim = store.acquire(Partition("kafka", "events", 1), "w2")
    other = Feed(store, source.model, source.reference, claim, claim.next)
    other.commit(delta(source.reference, 5), delta(source.reference, 6, start=T0 + 2 * HOUR))
    assert hasty.tick() >= 1
    first = hours(store, source)[0]
    assert (first.state, first.rows) == (WindowState.FINAL, 20)


def test_what_is_final_is_published_once(store: Store, seen: Seen) -> None:
    source = feed(store)
    unknown = FieldSums(9, {"a": {"number": 9}, "b": {"": 1}}).dump()
    first = replace(delta(source.reference, 1, rows=30), fields=unknown)
    source.commit(first, delta(source.reference, 2, start=T0 + 2 * HOUR))
    judging = evaluator(store, seen)
    judging.tick()
    judging.release()
    publisher = Publisher(store, seen)
    assert publisher.tick() == 1
    [snapshot] = seen.published
    assert snapshot.unknown == 2
    assert (snapshot.model, snapshot.version, snapshot.window) == ("credit", "1", "1h")
    assert snapshot.judgements["all"].outcome is Outcome.DRIFT
    assert set(snapshot.judgements) == {"all", "k=a", "k=other"}
    assert publisher.tick() == 0
    assert snapshot.alarms == {}
    late = Window(T0 - HOUR, T0)
    raised = [AlarmChange("raised", alarm(segment=segment, raised=late, snoozed=segment == 2)) for segment in (0, 1, 2)]
    older = WindowResult(
        source.model.id, source.reference.id, "1h", late, 1, WindowState.FINAL, 0, T0,
        detection=Detection(b"", snapshot=False, changes=tuple(raised)),
    )  # fmt: skip
    commit(source, older)
    assert publisher.tick() == 1
    assert seen.published[-1].alarms == {("all", Severity.PAGE): 1, ("k=a", Severity.PAGE): 1}
    assert publisher.tick() == 0
    assert Publisher(store, Seen()).tick() == 1, "a restarted server shows it at once"


def test_windows_that_are_cut_no_more_are_not_published(store: Store, seen: Seen) -> None:
    source = feed(store)
    source.commit(delta(source.reference, 1, rows=30), delta(source.reference, 2, start=T0 + 2 * HOUR))
    judging = evaluator(store, seen)
    judging.tick()
    judging.release()
    assert Publisher(store, Seen()).tick() == 1
    model = source.model
    days = (WindowSpec.parse("1d"),)
    store.put_model(model.name, pane=model.pane, lateness=model.lateness, windows=days, zone=model.zone, settings={})
    assert Publisher(store, Seen()).tick() == 0
