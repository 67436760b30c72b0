"""When a window may close: idle is not dead, and a dead partition is waited for, but not for ever."""

from dataclasses import dataclass, field

import pytest

from drift.core.clock import MINUTE, SECOND
from drift.core.commit import Gap, Partition
from drift.core.result import WindowState
from drift.core.window import Window
from drift.evaluation.closing import NEVER, Closing, Patience, closing
from drift.evaluation.decide import Decision, decide

NOW = 1_000 * MINUTE
CREDIT, FRAUD = 1, 2


@dataclass(frozen=True)
class Status:
    """A partition whose owner has just been heard of, still reading, unless said otherwise."""

    number: int = 0
    owner: str | None = "worker"
    heartbeat_at: int | None = NOW
    caught_up_at: int | None = None
    finished: bool = False
    watermarks: dict[int, int] = field(default_factory=dict)
    advanced_at: dict[int, int] = field(default_factory=dict)
    now: int = NOW
    topic: str = "predictions"
    source: str = "kafka"

    @property
    def partition(self) -> Partition:
        return Partition(self.source, self.topic, self.number)


def at(minutes_ago: float, **more: object) -> Status:
    """Delivering credit's events of some minutes ago."""
    time = round(NOW - minutes_ago * MINUTE)
    return Status(watermarks={CREDIT: time}, advanced_at={CREDIT: NOW}, **more)  # type: ignore[arg-type]


def reached(*statuses: Status) -> Closing:
    return closing(CREDIT, statuses, NOW, Patience())


def test_the_slowest_live_partition_decides() -> None:
    result = reached(at(1), at(7, number=1))
    assert result.complete == result.abandoned == NOW - 7 * MINUTE
    assert result.holding == ("kafka:predictions[1] (behind)",)


def test_an_idle_partition_lets_time_pass() -> None:
    idle = at(60, number=1, caught_up_at=NOW - 5 * MINUTE)
    idle.advanced_at[CREDIT] = NOW - 5 * MINUTE
    assert reached(at(1), idle).complete == NOW - 2 * MINUTE  # idle_timeout behind the wall clock


def test_silent_for_a_moment_is_not_idle() -> None:
    quiet = at(60, number=1, caught_up_at=NOW - MINUTE)
    quiet.advanced_at[CREDIT] = NOW - MINUTE
    assert reached(at(1), quiet).complete == NOW - 60 * MINUTE


def test_a_backlog_is_waited_for_as_long_as_its_owner_lives() -> None:
    assert reached(at(1), at(600, number=1)).abandoned == NOW - 600 * MINUTE


@pytest.mark.parametrize("owner", ["worker", None])
@pytest.mark.parametrize(("silent", "given_up"), [(14, False), (16, True)])
def test_a_dead_partition_holds_for_a_while_then_windows_close_as_incomplete(
    owner: str | None, silent: int, given_up: bool
) -> None:
    dead = at(30, number=1, owner=owner, heartbeat_at=NOW - silent * MINUTE, caught_up_at=NOW - 20 * MINUTE)
    result = reached(at(1), dead)
    assert result.complete == NOW - 30 * MINUTE
    assert result.abandoned == NOW - (1 if given_up else 30) * MINUTE
    assert result.holding == ("kafka:predictions[1] (no owner)",)


def test_the_queue_of_a_server_that_died_holds_nothing() -> None:
    gone = at(30, source="http", topic="here:8642", heartbeat_at=NOW - MINUTE)
    assert reached(at(1), gone).complete == NOW - MINUTE
    assert reached(at(1), at(30, source="http", topic="here:8642")).complete == NOW - 30 * MINUTE


def test_a_partition_that_nobody_ever_read_holds_everything() -> None:
    new = Status(number=1, owner=None, heartbeat_at=NOW - MINUTE)
    assert reached(at(1), new).complete == NEVER
    assert reached(at(1), Status(number=1, owner=None, heartbeat_at=NOW - 20 * MINUTE)).abandoned == NOW - MINUTE


def test_where_the_model_never_came_the_others_speak_for_it() -> None:
    other = Status(number=1, watermarks={FRAUD: NOW - 3 * MINUTE}, advanced_at={FRAUD: NOW})
    assert reached(at(1), other).complete == NOW - 3 * MINUTE


def test_a_rare_model_in_a_busy_partition_does_not_wait_for_its_next_event() -> None:
    busy = Status(
        watermarks={CREDIT: NOW - 60 * MINUTE, FRAUD: NOW},
        advanced_at={CREDIT: NOW - 50 * MINUTE, FRAUD: NOW},
        caught_up_at=NOW - SECOND,
    )
    assert reached(busy).complete == NOW - 2 * MINUTE


def test_ended_files_and_other_topics_hold_nothing() -> None:
    ended = at(500, number=1, finished=True, owner=None, heartbeat_at=NOW - 900 * MINUTE)
    other = Status(number=0, topic="elsewhere", owner=None, heartbeat_at=None)
    assert reached(at(1), ended, other).complete == NOW - MINUTE
    assert reached(ended).complete == NOW


def test_no_window_closes_before_its_end_has_passed_on_the_wall() -> None:
    assert reached(at(-4)).complete == NOW


# ---- what is done about a window

#       start        end       end + lateness
#  -----|------------|----------|---------------->  complete
#                    provisional final

HOUR = Window(NOW - 60 * MINUTE, NOW)
LATENESS = 10 * MINUTE


@dataclass(frozen=True)
class Stored:
    window: Window = HOUR
    state: WindowState | None = None
    stale: bool = True
    revision: int = 0
    rows: int = 0
    new_rows: int = 100
    evaluated_at: int | None = None


def step(
    stored: Stored, complete: float, abandoned: float | None = None, gaps: tuple[Gap, ...] = (), later: int = 0
) -> Decision | None:
    """Decide with `complete` and `abandoned` given in minutes after the window's end."""
    state = Closing(
        round(NOW + complete * MINUTE), round(NOW + (complete if abandoned is None else abandoned) * MINUTE), ("p",)
    )
    return decide(stored, state, LATENESS, gaps, NOW + 20 * MINUTE + later)


def state_of(decision: Decision | None) -> WindowState | None:
    return decision.state if decision else None


def test_a_window_is_provisional_then_final() -> None:
    assert step(Stored(), -1) is None
    assert state_of(step(Stored(), 0)) is WindowState.PROVISIONAL
    provisional = Stored(state=WindowState.PROVISIONAL, stale=False, revision=1, evaluated_at=NOW)
    assert step(provisional, 9.9) is None
    assert state_of(step(provisional, 10)) is WindowState.FINAL
    assert step(Stored(state=WindowState.FINAL, stale=False, revision=2, evaluated_at=NOW), 60) is None


def test_half_a_window_is_never_judged() -> None:
    decision = step(Stored(), -30, abandoned=60)
    assert state_of(decision) is WindowState.INCOMPLETE
    assert decision is not None
    assert "p has not delivered this far" in decision.reason
    incomplete = Stored(state=WindowState.INCOMPLETE, stale=False, revision=1, evaluated_at=NOW)
    assert step(incomplete, -30, abandoned=60) is None
    assert state_of(step(incomplete, 10)) is WindowState.FINAL, "the owner came back"


@pytest.mark.parametrize(
    ("new_rows", "minutes", "revision", "again"),
    [(1, 1, 1, False), (10, 1, 1, True), (1, 10, 1, True), (1, 10, 2, False), (1, 20, 2, True), (1, 1_440, 40, True)],
)
def test_late_rows_revise_a_final_window_at_once_if_many_else_ever_more_rarely(
    new_rows: int, minutes: int, revision: int, again: bool
) -> None:
    stored = Stored(
        state=WindowState.FINAL, revision=revision, rows=10_000, new_rows=new_rows, evaluated_at=NOW + 20 * MINUTE
    )
    assert (step(stored, 60, later=minutes * MINUTE) is not None) == again


@pytest.mark.parametrize(
    ("after", "until", "touched"),
    [
        (-90, -70, False),
        (-90, -60, True),
        (-30, -20, True),
        (0, 5, True),
        (9, 15, True),
        (10, 15, False),
        (-30, None, True),
        (None, -30, True),
    ],
)
def test_a_gap_leaves_the_windows_it_touches_incomplete(after: int | None, until: int | None, touched: bool) -> None:
    gap = Gap(
        Partition("kafka", "t"), 5, 9, NOW + MINUTE,
        None if after is None else NOW + after * MINUTE, None if until is None else NOW + until * MINUTE,
    )  # fmt: skip
    decision = step(Stored(), 10, gaps=(gap,))
    assert state_of(decision) is (WindowState.INCOMPLETE if touched else WindowState.FINAL)
