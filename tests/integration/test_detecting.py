"""Sequential detection on a real store: alarms that are raised, latch, end; the same whatever is stopped and when."""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import zstandard

from detectors.judge import judge
from detectors.plan import Plan
from detectors.sequential import names
from detectors.sequential.contract import Context, SequentialDetector, Watch
from drift.core.alarm import Severity
from drift.core.answer import Action, Answer
from drift.core.catalogue import Model
from drift.core.clock import DAY, HOUR, MINUTE, ManualClock
from drift.core.commit import EvaluationCommit, Lease
from drift.core.errors import ConfigError, Fenced, StoreUnavailable
from drift.core.result import Outcome, WindowState
from drift.core.window import WindowSpec
from drift.evaluation import Evaluator, Patience
from drift.evaluation.detecting import REPLACED, Detecting
from drift.evaluation.evaluator import LEASE_SECONDS
from drift.evaluation.learning import TOLD
from drift.evaluation.stepping import ANSWERED, UNWATCHED
from drift.evaluation.watching import Chosen, Detectors
from drift.service.answering import Wish, answer
from drift.service.judging import Judges
from drift.store import Store
from tests.rig.detecting import Silent, World, built, evaluator, hour, world
from tests.rig.storing import T0


def test_a_shift_raises_one_alarm_that_latches_and_ends_when_the_data_come_back(store: Store) -> None:
    here = world(store)
    here.run(range(6))
    assert here.alarms(None) == []
    here.run(range(6, 14), income=0.8)
    told = [(window, change) for window, change in here.store.changes if change.alarm.segment == 0]
    raised = told[0][1].alarm
    assert told[0][1].kind == "raised"
    assert {change.kind for _, change in told[1:]} == {"updated"}, "it latches: nothing is raised again"
    assert {change.alarm.key for _, change in told} == {raised.key}
    assert (raised.column, raised.direction, raised.what, raised.severity) == (
        "income", "increase", "location", Severity.PAGE,
    )  # fmt: skip
    assert raised.onset == hour(6).start
    assert raised.raised.start >= hour(6).start
    assert raised.until == raised.raised.end
    assert raised.sentence.startswith("income: typical value rose by 0.")

    latest = told[-1][1].alarm
    windows = (latest.until - latest.onset) // HOUR
    assert windows >= 2
    total = store.profile(here.reference, latest.onset, latest.until).profile
    assert total is not None
    assert latest.rows == total.rows() == 200 * windows
    direct = judge(
        total, store.reference_profile(here.reference.id), Plan(rules=(), min_rows=1, statistics=("psi", "ks"))
    )
    for name in ("psi", "ks"):
        assert latest.statistics[name] == direct.value("income", name)
    assert latest.moved[0].after > latest.moved[0].before
    [standing] = [row for row in here.alarms() if row.alarm.segment == 0]
    assert standing.alarm == latest
    judged = store.judgements(max(store.windows(here.fed.model.id), key=lambda row: row.window).id)[0]
    assert judged.outcome is Outcome.DRIFT
    assert judged.outcomes[judged.columns.index("income")] == Outcome.DRIFT
    assert judged.outcomes[judged.columns.index("age")] == Outcome.NO_DRIFT

    here.run(range(14, 40))
    assert here.alarms() == []
    ended = [row for row in here.alarms(None) if row.alarm.segment == 0]
    assert [(row.ended_why, row.retracted_by) for row in ended] == [("the column is back within its tolerance", None)]
    assert hour(14).end <= (ended[0].ended_at or 0) <= hour(40).start
    assert here.kinds().count("raised") == here.kinds().count("ended") == 1


def _story(here: World, stop_after: int | None = None) -> None:
    """Six usual hours, five shifted, seven usual ones; in one segment more than in the other."""
    for n in range(18):
        here.send(n, income=0.8 if 6 <= n < 11 else 0.0)
        here.judge()
        if n == stop_after or stop_after == -1:
            here.restart()


def test_stopped_and_started_again_between_any_two_windows_it_says_the_same(store: Store) -> None:
    straight, stopped = world(store, name="straight"), world(store, name="stopped")
    _story(straight)
    _story(stopped, stop_after=-1)
    expected, found = straight.everything(), stopped.everything()
    assert len(straight.alarms(None)) >= 1
    assert found == expected


def test_a_backlog_in_one_slice_says_the_same_as_hour_by_hour(store: Store) -> None:
    straight, behind = world(store, name="straight"), world(store, name="behind")
    _story(straight)
    for n in range(18):
        behind.send(n, income=0.8 if 6 <= n < 11 else 0.0, close=n == 17)
    behind.judge()
    assert behind.everything() == straight.everything()


def test_a_lost_lease_or_a_failed_commit_leaves_nothing_half_done(store: Store) -> None:
    straight, failing = world(store, name="straight"), world(store, name="failing")
    failures = iter((StoreUnavailable("away"), Fenced("the lease is another's"), None))

    def fail(batch: EvaluationCommit) -> None:
        error = next(failures, None)
        if error is not None:
            raise error

    for n in range(12):
        for here in (straight, failing):
            here.send(n, income=0.8 if n >= 6 else 0.0)
        straight.judge()
        if n in (0, 6):
            before = {key: one for key, one in failing.everything().items() if key != "judgements"}
            abouts = store.watch_about(failing.reference.id, "1h", 0, "default")
            failures = iter((StoreUnavailable("away"), Fenced("the lease is another's")))
            failing.store.failing = fail
            for error in (StoreUnavailable, Fenced):
                with pytest.raises(error):
                    failing.judge()
                assert before.items() <= failing.everything().items()
                assert store.watch_about(failing.reference.id, "1h", 0, "default") == abouts
            failing.store.failing = lambda batch: None
        failing.judge()
    assert failing.everything() == straight.everything()
    told_of = [
        [(window, change.kind, change.alarm) for window, change in here.store.changes] for here in (failing, straight)
    ]
    assert told_of[0] == told_of[1]
    assert (hour(6), "raised") in [one[:2] for one in told_of[0]]
    told = store.watch_about(failing.reference.id, "1h", 0, "default")
    assert told is not None
    assert told == store.watch_about(straight.reference.id, "1h", 0, "default")


def _last_rows(here: World) -> bytes:
    found = here.state()
    assert found is not None
    return found[1]


def test_late_rows_of_five_per_cent_give_what_rows_in_time_would_have_given(store: Store) -> None:
    # the ninth hour's rows are usual at first; half as many come late, far above: an alarm that nobody has seen
    late, in_time = world(store, name="late"), world(store, name="in-time")
    for n in range(16):
        late.send(n)
        in_time.send(n)
        if n == 9:
            in_time.send(9, n=100, seed=77, income=3.0)
        late.judge()
        in_time.judge()
    assert [row for row in late.alarms(None) if row.alarm.segment == 0] == []
    assert [row.alarm.raised for row in in_time.alarms(None) if row.alarm.segment == 0] == [hour(9)]
    late.send(9, n=100, seed=77, close=False, late=True, income=3.0)
    late.judge()
    assert _last_rows(late) == _last_rows(in_time)
    expected, found = in_time.everything(), late.everything()
    assert [alarm[:2] for alarm in found["alarms"]] == [alarm[:2] for alarm in expected["alarms"]]
    news = [change for _, change in late.store.changes if change.alarm.segment == 0 and change.kind == "raised"]
    assert [change.alarm.raised for change in news] == [hour(9)], "it says which window it is about"
    assert "late rows" in news[0].why
    for here in (late, in_time):
        here.run(range(16, 20))
    assert _last_rows(late) == _last_rows(in_time)
    assert [row[:2] for row in late.everything()["alarms"]] == [row[:2] for row in in_time.everything()["alarms"]]


def test_an_alarm_whose_cause_late_rows_take_back_is_retracted(store: Store) -> None:
    here, in_time = world(store, name="here"), world(store, name="in-time")
    here.run(range(4))
    here.send(4, n=60, income=0.9)
    here.judge()
    here.run(range(5, 7))
    assert len([row for row in here.alarms() if row.alarm.column == "income" and row.alarm.segment == 0]) == 1
    here.send(4, n=4_000, seed=5, close=False, late=True)
    here.judge()
    assert here.alarms() == []
    [gone] = [row for row in here.alarms(None) if row.alarm.column == "income" and row.alarm.segment == 0]
    window = next(row for row in store.windows(here.fed.model.id) if row.window == hour(4))
    assert gone.retracted_by == window.revision == 2
    assert "took its cause back" in gone.ended_why
    assert here.kinds()[-1] == "retracted"
    in_time.run(range(4))
    in_time.send(4, n=60, income=0.9)
    in_time.send(4, n=4_000, seed=5)
    in_time.judge()
    in_time.run(range(5, 7))
    assert _last_rows(here) == _last_rows(in_time)


def test_few_or_old_late_rows_change_results_only(store: Store) -> None:
    here = world(store)
    here.run(range(30))
    before = _last_rows(here)
    here.send(28, n=9, seed=3, close=False, late=True, income=5.0)
    here.send(2, n=400, seed=4, close=False, late=True, income=5.0)
    here.judge()
    rows = {row.window: (row.rows, row.revision) for row in store.windows(here.fed.model.id, limit=100)}
    assert rows[hour(28)] == (209, 2)
    assert rows[hour(2)] == (600, 2)
    assert _last_rows(here) == before
    assert here.alarms(None) == []
    here.send(28, n=9, seed=6, close=False, late=True, income=5.0)
    here.judge()
    assert _last_rows(here) != before, "nine and nine are more than five per cent"


def test_late_rows_of_the_first_window_and_then_of_a_later_one(store: Store) -> None:
    """The first make every state void but the newest: the second have none to go back to, only the first window."""
    late, in_time = world(store, name="late"), world(store, name="in-time")
    for n in range(8):
        late.send(n, income=0.8 if n >= 2 else 0.0)
        in_time.send(n, income=0.8 if n >= 2 else 0.0)
        if n in (0, 5):
            in_time.send(n, n=60, seed=50, income=1.0)
        late.judge()
        in_time.judge()
    late.send(0, n=60, seed=50, close=False, late=True, income=1.0)
    late.judge()
    assert store.detector_state(late.reference.id, "1h", before=hour(5).start) is None
    late.send(5, n=60, seed=50, close=False, late=True, income=1.0)
    late.judge()
    assert _last_rows(late) == _last_rows(in_time)
    assert [row[:2] for row in late.everything()["alarms"]] == [row[:2] for row in in_time.everything()["alarms"]]
    assert {row.alarm.column for row in late.alarms()} == {"income"}


def test_several_revised_windows_in_one_slice(store: Store) -> None:
    late, in_time = world(store, name="late"), world(store, name="in-time")
    extra = {3: 1.0, 4: 0.0, 8: 2.0}
    for n in range(12):
        if n not in (5, 6):
            late.send(n)
        in_time.send(n)
        if n in extra:
            in_time.send(n, n=60, seed=50, income=extra[n])
        late.judge()
        in_time.judge()
    for n, shift in extra.items():
        late.send(n, n=60, seed=50, close=False, late=True, income=shift)
    late.send(5, 6, close=False, late=True)
    late.send(12)
    in_time.send(12)
    late.judge()
    in_time.judge()
    assert _last_rows(late) == _last_rows(in_time)
    assert [row[:2] for row in late.everything()["alarms"]] == [row[:2] for row in in_time.everything()["alarms"]]


DAILY = (WindowSpec.parse("1d"),)


def _days(here: World, days: Iterable[int], **shifts: Any) -> None:
    """One pane of rows at each day's noon."""
    for day in days:
        here.send(24 * day + 12, **shifts)
        here.send(24 * (day + 1), n=1, close=True)
        here.judge()


def _reason(here: World, day: int, spec: str = "1d") -> tuple[Outcome | None, str]:
    found = here.fed.store.windows(here.fed.model.id, spec=spec, limit=1_000)
    row = next(row for row in found if row.window.start == hour(24 * day).start)
    return row.outcome, here.fed.store.judgements(row.id)[0].reason


@pytest.mark.parametrize("settings", [{}, {"held_out": False}])
def test_production_is_learnt_where_the_reference_cannot_be_the_baseline(
    store: Store, settings: dict[str, object]
) -> None:
    here = world(store, windows=DAILY, timed=bool(settings), settings=settings)
    _days(here, range(30), income=0.6)
    outcome, reason = _reason(here, 11)
    assert outcome is Outcome.INSUFFICIENT_DATA
    assert "12 of 30 windows" in reason
    [learnt] = store.answers(here.fed.model.id)
    assert (learnt.action, learnt.start, learnt.until, learnt.applies_from) == (
        Action.LEARN, hour(0).start, hour(24 * 30).start, hour(24 * 30).start,
    )  # fmt: skip
    assert here.alarms() == []
    [once] = here.alarms(None)
    assert (once.alarm.column, once.alarm.detector, once.alarm.severity) == ("income", "reference", Severity.PAGE)
    assert (once.ended_why, once.alarm.rows) == (TOLD, 30 * 200 + 29)
    assert "the reference differs in income" in _reason(here, 29)[1]
    _days(here, range(30, 60), income=0.6)
    assert here.kinds() == ["raised", "ended"], "a constant offset is told once"
    assert _reason(here, 59)[0] is not Outcome.DRIFT
    _days(here, range(60, 63), income=1.4)
    assert [row.alarm.direction for row in here.alarms() if row.alarm.segment == 0] == ["increase"]


def test_learning_survives_a_stop_anywhere_and_a_commit_that_failed(store: Store) -> None:
    straight = world(store, name="straight", windows=DAILY, timed=False)
    stopped = world(store, name="stopped", windows=DAILY, timed=False)
    for day in range(33):
        _days(straight, [day], income=0.6)
        stopped.send(24 * day + 12, income=0.6)
        stopped.send(24 * (day + 1), n=1)
        if day in (3, 29):

            def fail(batch: EvaluationCommit) -> None:
                raise Fenced("away")

            stopped.store.failing = fail
            with pytest.raises(Fenced):
                stopped.judge()
            stopped.store.failing = lambda batch: None
        stopped.restart()
        stopped.judge()
    assert [answer.action for answer in store.answers(stopped.fed.model.id)] == [Action.LEARN]
    found, expected = stopped.everything(), straight.everything()
    assert found["alarms"] == expected["alarms"]
    assert found["judgements"] == expected["judgements"]


def test_learning_in_a_backlog_ends_at_the_same_window_and_an_offset_pages_nobody_twice(store: Store) -> None:
    here = world(store, windows=DAILY, timed=False)
    for day in range(60):
        here.send(24 * day + 12, close=day == 59, income=0.25)
    here.judge()
    assert len([row for row in here.alarms(None) if row.alarm.severity is Severity.PAGE]) <= 1
    assert here.alarms() == []
    [learnt] = store.answers(here.fed.model.id)
    assert learnt.until == hour(24 * 30).start


def _say(here: World, action: Action, **more: Any) -> Answer:
    return answer(here.fed.store, here.clock, here.fed.model, Wish(action, "ada", "as it should be", **more))


def test_accepting_makes_the_new_level_normal(store: Store) -> None:
    here = world(store, settings={"seasonal": "none"})
    here.run(range(5))
    here.run(range(5, 25), income=0.8)
    assert {row.alarm.column for row in here.alarms()} == {"income"}
    given = _say(here, Action.ACCEPT, column="income")
    assert given.applies_from == hour(25).start
    here.run(range(25, 40), income=0.8)
    assert here.alarms() == []
    whole = [(window, change) for window, change in here.store.changes if change.alarm.segment == 0]
    assert [(window, change.why) for window, change in whole if change.kind == "ended"] == [(hour(25), ANSWERED)]
    here.run(range(40, 50), income=2.2)
    assert [row.alarm.direction for row in here.alarms() if row.alarm.segment == 0] == ["increase"]


def test_accepting_in_one_segment_leaves_the_others_alone(store: Store) -> None:
    here = world(store, settings={"seasonal": "none"})
    here.run(range(5))
    here.run(range(5, 25), income=0.8)
    assert {row.alarm.segment for row in here.alarms()} == {0, 1, 2}
    mine = next(row for row in here.alarms() if row.alarm.segment == 1)
    _say(here, Action.ACCEPT, alarm=mine.id)
    here.run(range(25, 27), income=0.8)
    assert {row.alarm.segment for row in here.alarms()} == {0, 2}
    origins = {
        segment: json.loads(zstandard.ZstdDecompressor().decompress(about))["income"]["origin"]
        for segment in range(3)
        if (about := store.watch_about(here.reference.id, "1h", segment, "default"))
    }
    assert origins == {0: "reference", 1: "accepted", 2: "reference"}


def test_dismissing_keeps_the_same_shift_silent(store: Store) -> None:
    here = world(store)
    here.run(range(4))
    here.run(range(4, 8), income=0.6)
    assert here.alarms()
    _say(here, Action.DISMISS)
    here.run(range(8, 16))
    here.run(range(16, 20), income=0.6)
    assert here.alarms() == []
    assert here.kinds().count("raised") == 1
    assert next(change.why for _, change in here.store.changes if change.kind == "ended") == ANSWERED
    here.run(range(20, 30), income=3.5)
    assert [row.alarm.column for row in here.alarms() if row.alarm.segment == 0] == ["income"]


def test_a_snoozed_alarm_stands_in_silence_until_its_time(store: Store) -> None:
    here = world(store)
    here.run(range(3))
    here.run(range(3, 6), income=0.8)
    here.clock.set(hour(6).start)
    _say(here, Action.SNOOZE, until=hour(9).end)
    here.clock.set(hour(9_000).start)
    seen = []
    for n in range(6, 13):
        here.run([n], income=0.8)
        seen.append({row.alarm.snoozed for row in here.alarms() if row.alarm.segment == 0})
    assert seen == [{True}] * 4 + [{False}] * 3
    assert here.kinds().count("raised") == 1
    assert "ended" not in here.kinds()


@pytest.mark.parametrize("action", [Action.ACCEPT, Action.DISMISS])
def test_answers_apply_at_the_same_window_when_it_is_stepped_again(store: Store, action: Action) -> None:
    # what was answered after hour 9 must not change hours before it, though late rows of hour 5 step them again
    here = world(store)
    here.run(range(4))
    here.run(range(4, 10), income=0.8)
    _say(here, action, column="income", until=hour(9).end)
    here.run(range(10, 14), income=0.8)
    before = here.everything()
    window = (here.state() or (None,))[0]
    here.send(5, n=11, seed=9, close=False, late=True, income=0.8)
    here.judge()
    after = here.everything()
    assert (here.state() or (None,))[0] == window
    assert [(row[2], row[3]) for row in after["alarms"]] == [(row[2], row[3]) for row in before["alarms"]]
    assert "retracted" not in here.kinds()


def test_windows_that_slide_are_stepped_where_they_do_not_overlap(store: Store) -> None:
    sliding = WindowSpec.parse("2h", "1h")
    here = world(store, windows=(sliding, WindowSpec.parse("1h")))
    here.run(range(6))
    here.run(range(6, 14), income=0.8)
    stepped = {
        window for window, change in here.store.changes if change.kind == "raised" and window.end - window.start > HOUR
    }
    assert stepped
    assert all(window.start % sliding.length == 0 for window in stepped)
    between = next(
        row for row in store.windows(here.fed.model.id, spec="2h/1h", limit=100) if row.window.start == hour(11).start
    )
    assert store.judgements(between.id)[0].outcome is Outcome.DRIFT, "it shows what stands"
    assert {row.spec for row in here.alarms()} == {"2h/1h", "1h"}


def test_empty_and_incomplete_windows_are_not_stepped(store: Store) -> None:
    here = world(store)
    here.run(range(3))
    before = here.state()
    here.send(4, n=0)
    here.judge()
    assert here.state() == before
    assert (before or (None,))[0] == hour(2)
    store.register_partitions("kafka", "events-credit", [0, 1])
    here.send(5, income=3.0)
    hasty = Patience(max_hold=0, dead_after=MINUTE)
    Evaluator(
        here.store, Judges(), here.clock, Silent(), "one", hasty, detecting=Detecting(here.store, here.watchers)
    ).tick()
    states = {row.window: row.state for row in store.windows(here.fed.model.id)}
    assert states[hour(5)] is WindowState.INCOMPLETE
    assert here.state() == before


def test_provisional_windows_show_what_stands_and_are_not_stepped(store: Store) -> None:
    here = world(store)
    here.run(range(3))
    here.run([3], income=1.5)
    before, alarms = here.state(), here.alarms()
    here.send(4, until=hour(4).end + MINUTE // 2, age=2.0)
    here.judge()
    latest = max(store.windows(here.fed.model.id), key=lambda row: row.window)
    assert (latest.window, latest.state) == (hour(4), WindowState.PROVISIONAL)
    assert (here.state(), here.alarms()) == (before, alarms)
    assert store.judgements(latest.id)[0].reason.startswith("income: ")


def test_segments_have_alarms_of_their_own_and_one_without_rows_keeps_its_state(store: Store) -> None:
    here = world(store)
    here.run(range(3))
    here.run(range(3, 9), income=0.8)
    assert sorted((row.alarm.segment, row.alarm.column) for row in here.alarms()) == [
        (0, "income"), (1, "income"), (2, "income"),
    ]  # fmt: skip
    labels = {segment.index: segment.label for segment in here.reference.grid.segments}
    assert labels == {0: "all", 1: "plan=a", 2: "plan=other"}
    whole = next(row for row in here.alarms() if row.alarm.segment == 0)
    part = next(row for row in here.alarms() if row.alarm.segment == 1)
    assert part.alarm.rows < whole.alarm.rows


def test_a_detector_that_cannot_watch_stops_nobody(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    made: list[int] = []

    def broken(context: Context) -> Watch:
        made.append(context.segment)
        raise ConfigError("river is not there; install it")

    odd = SequentialDetector("odd", "one that cannot be made", broken)
    detectors = Detectors((Chosen(odd), Chosen(names.detectors()["default"])), lambda spec: 720.0)
    here = world(store, watchers=lambda model: detectors)
    alone = world(store, name="alone", watchers=lambda model: Detectors((Chosen(odd),), lambda spec: 720.0))
    for one in (here, alone):
        one.run(range(4))
        one.run(range(4, 9), income=0.8)
    assert {row.alarm.detector for row in here.alarms()} == {"default"}
    rows = store.windows(alone.fed.model.id)
    found = store.judgements(max(rows, key=lambda row: row.window).id)[0]
    assert "detector odd does not watch: river is not there" in found.reason
    assert found.outcome is Outcome.INSUFFICIENT_DATA
    assert found.value("income", "psi") > 0.2, "rules have judged it"
    assert sorted(made) == [0, 0, 1, 1, 2, 2], "tried once for each segment of each model, not at every window"


def test_a_detector_taken_out_of_the_settings_leaves_no_alarm_standing(store: Store) -> None:
    chosen = [Detectors((Chosen(names.detectors()["default"]),), lambda spec: 720.0)]
    here = world(store, watchers=lambda model: chosen[0])
    here.run(range(3))
    here.run(range(3, 6), income=0.8)
    assert here.alarms()
    chosen[0] = Detectors((Chosen(names.detectors()["cusum"]),), lambda spec: 720.0)
    here.run([6], income=0.8)
    assert "default" not in {row.alarm.detector for row in here.alarms()}
    assert {row.ended_why for row in here.alarms(False)} == {UNWATCHED}


def test_alarms_end_where_another_reference_takes_over(store: Store) -> None:
    here = world(store)
    here.run(range(3))
    here.run(range(3, 6), income=0.8)
    assert here.alarms()
    whole = built()
    store.add_reference(
        here.fed.model.id, version="1", schema=whole.schema, grid=whole.grid, profile=whole.profile, chunks=(),
        content_hash="another", rows=whole.rows, active_from=hour(6).start + 30 * MINUTE, summary={},
    )  # fmt: skip
    here.run([6], income=0.8)
    assert here.alarms() == []
    assert {row.ended_why for row in here.alarms(False)} == {REPLACED}


class SlowWatching:
    """A clock and detector: every watch takes so long to be made that the lease runs out unless it is renewed."""

    def __init__(self, store: Store, seconds: float) -> None:
        self.store, self.seconds, self.clock = store, seconds, ManualClock(T0 + 60 * DAY)
        self.taken: list[object] = []

    def watchers(self, model: Model) -> Detectors:
        default = names.detectors()["default"]

        def slow(context: Context) -> Watch:
            self.clock.advance(self.seconds)
            # the database's clock cannot be moved: what time would do to the lease is done to it here
            self.taken.append(self.store.lease("evaluation", "two", 30) if self.seconds > LEASE_SECONDS else None)
            return default.watch(context)

        slowly = SequentialDetector("default", "slow", slow)
        return Detectors((Chosen(slowly),), lambda spec: 720.0)


def test_the_lease_is_renewed_while_watches_are_made(store: Store) -> None:
    slow = SlowWatching(store, LEASE_SECONDS / 2)
    here = world(store, watchers=slow.watchers)
    here.evaluator = evaluator(here.store, slow.clock, slow.watchers)
    renewed: list[float] = []
    renew = store.renew

    def counting(lease: Lease, seconds: float) -> Lease | None:
        renewed.append(slow.clock.monotonic())
        return renew(lease, seconds)

    here.store.renew = counting  # type: ignore[attr-defined]
    here.send(0)
    assert here.judge() == 1
    made = 3 * LEASE_SECONDS / 2
    gaps = np.diff([0.0, *renewed])
    assert slow.clock.monotonic() >= made
    assert gaps.max() <= LEASE_SECONDS / 2, "three watches of half a lease each: it never ran out"


def test_work_after_a_lost_lease_is_fenced(store: Store) -> None:
    slow = SlowWatching(store, 1.0)
    here = world(store, watchers=slow.watchers)
    here.evaluator = evaluator(here.store, slow.clock, slow.watchers)
    here.send(0)
    taken = False

    def steal(batch: EvaluationCommit) -> None:
        nonlocal taken
        if not taken:
            taken = True
            store.release_lease(batch.lease)
            assert store.lease("evaluation", "two", 30) is not None

    here.store.failing = steal
    with pytest.raises(Fenced):
        here.judge()
    assert here.state() is None
    assert [row.revision for row in store.windows(here.fed.model.id)] == [0]
    assert here.judge() == 0, "the other one works"
