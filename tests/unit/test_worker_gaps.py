"""Records that were deleted before they were read: noted with the position, closed by the first row that gets ahead.

offsets   0 1 2 | 3 4 5 | 6 7 8
read      x x x           x x x
gap               first = 3, last = 5, after: event time of 2, until: event time of 6
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from drift.core.clock import MINUTE, SECOND
from drift.core.commit import Gap
from drift.core.errors import OffsetGap
from tests.rig.timeline import T0, Timeline, event, partition


@pytest.fixture
def t(tmp_path: Path) -> Iterator[Timeline]:
    """Nine events, a minute apart; the first three are committed, the next three deleted."""
    with Timeline(tmp_path) as timeline:
        timeline.source.assign(0)
        timeline.log.append(0, *(event(n, second=60 * n) for n in range(3)))
        timeline.step(3)
        timeline.wait(5)
        timeline.log.append(0, *(event(n, second=60 * n) for n in range(3, 6)))
        timeline.log.delete(0, before=6)
        yield timeline


def gaps(t: Timeline) -> list[tuple[int, int, int | None, int | None]]:
    """First, last, after and until (in minutes after T0), oldest first."""

    def minutes(micros: int | None) -> int | None:
        return None if micros is None else (micros - T0) // MINUTE

    return [(g.first, g.last, minutes(g.after), minutes(g.until)) for g in reversed(t.store.gaps())]


COUNTED = [1, 1, 1, 0, 0, 0, 1]


def test_a_gap_is_stored_with_the_position_behind_it(t: Timeline) -> None:
    t.step()
    assert gaps(t) == []
    t.wait(5)
    assert (gaps(t), t.position()) == ([(3, 5, 2, None)], 6)
    assert t.metric("drift_gap_records_total") == 3


def test_the_first_row_behind_it_closes_it(t: Timeline) -> None:
    t.log.append(0, event(6, second=360))
    t.step()
    t.wait(5)
    assert (gaps(t), t.counted()) == ([(3, 5, 2, 6)], COUNTED)


def test_it_closes_after_its_own_commit_too(t: Timeline) -> None:
    t.step()
    t.wait(5)
    t.log.append(0, event(6, second=360))
    t.step()
    t.wait(5)
    assert gaps(t) == [(3, 5, 2, 6)]


def test_a_late_row_closes_nothing(t: Timeline) -> None:
    """It says nothing about how far the lost rows reached."""
    t.log.append(0, event(7, second=30), event(8, second=120), event(6, second=360), event(9, second=300))
    t.step()
    t.wait(5)
    assert gaps(t) == [(3, 5, 2, 6)]


@pytest.mark.parametrize("most", [1, 2, 100])
def test_how_the_log_is_cut_does_not_matter(tmp_path: Path, most: int) -> None:
    with Timeline(tmp_path, poll_records=most) as t:
        t.source.assign(0)
        t.log.append(0, event(0, second=0))
        t.step(3)
        t.log.append(0, event(1), *(event(n, second=60 * m) for n, m in ((6, -1), (7, 9), (8, 4), (9, 12))))
        t.log.delete(0, before=2)
        t.step(6)
        t.wait(5)
        assert gaps(t) == [(1, 1, 0, 9)]


def test_a_crash_before_the_gap_is_committed_finds_it_again(t: Timeline) -> None:
    t.step()
    t.restart()
    t.source.assign(0)
    t.log.append(0, event(6, second=360))
    t.until(lambda: t.position() == 7)
    assert (gaps(t), t.counted()) == ([(3, 5, 2, 6)], COUNTED)


def test_a_crash_before_it_is_closed_does_not_leave_it_open(t: Timeline) -> None:
    t.step()
    t.wait(5)
    t.restart()
    t.source.assign(0)
    t.log.append(0, event(6, second=360))
    t.until(lambda: t.position() == 7)
    assert gaps(t) == [(3, 5, 2, 6)]


@pytest.mark.parametrize("committed", [False, True])
def test_a_fence_between_the_gap_and_the_rows_behind_it(t: Timeline, committed: bool) -> None:
    t.step()
    if committed:
        t.wait(5)
    t.log.append(0, event(6, second=360))
    t.step()
    t.store.acquire(partition(), "other")
    t.until(lambda: t.position() == 7)
    assert (gaps(t), t.counted()) == ([(3, 5, 2, 6)], COUNTED)


@pytest.mark.parametrize("committed", [False, True])
def test_the_catalogue_changes_between_the_gap_and_the_rows_behind_it(t: Timeline, committed: bool) -> None:
    t.step()
    if committed:
        t.wait(5)
    t.log.append(0, event(6, second=360))
    t.step()
    t.add_reference(t.model, active_from=T0 + 600 * SECOND)
    t.until(lambda: t.position() == 7)
    assert (gaps(t), t.counted()) == ([(3, 5, 2, 6)], COUNTED)


def test_two_gaps_without_a_row_between_close_together(t: Timeline) -> None:
    t.step()
    t.log.append(0, event(6), event(7, second=420))
    t.log.delete(0, before=7)
    t.source.positions[partition()] = 6
    t.step()
    t.wait(5)
    assert gaps(t) == [(3, 5, 2, 7), (6, 6, 2, 7)]


def test_the_slowest_model_says_where_a_gap_begins(t: Timeline) -> None:
    slow = t.store.put_model("slow", pane=MINUTE)
    t.add_reference(slow)
    t.log.append(0, event(6, second=360), event(7, second=60, model="slow"))
    t.step()
    t.wait(5)
    t.wait(5)
    t.log.append(0, event(8), event(9, second=540))
    t.log.delete(0, before=9)
    t.step()
    t.wait(5)
    assert gaps(t)[-1] == (8, 8, 1, 9)


def test_nothing_was_ever_read(tmp_path: Path) -> None:
    with Timeline(tmp_path) as t:
        t.source.assign(0)
        t.step(2)
        t.log.append(0, *(event(n, second=60 * n) for n in range(3)))
        t.log.delete(0, before=2)
        t.step()
        t.wait(5)
        assert (gaps(t), t.counted()) == ([(0, 1, None, 2)], [0, 0, 1])


def test_a_topic_made_anew_counts_from_the_start(t: Timeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was lost cannot be known; the position goes back, and the fence lets it."""
    t.log.first[partition()] = 0
    t.log.values[partition()] = [event(7, second=420), event(8, second=480)]
    poll, found = t.source.poll, iter([OffsetGap("mem", "t", 0, 3, 3, 0)])

    def polled(timeout: float, most: int) -> object:
        gap = next(found, None)
        if gap is None:
            return poll(timeout, most)
        t.source.positions[partition()] = 0
        return poll(timeout, 0).__class__((), (), (), (gap,))

    monkeypatch.setattr(t.source, "poll", polled)
    t.step(2)
    t.wait(5)
    assert (gaps(t), t.position()) == ([(3, 3, 2, 7)], 2)
    assert t.counted() == [1, 1, 1, 0, 0, 0, 0, 1, 1]


def test_a_gap_of_a_partition_that_is_not_ours_is_left_to_its_owner(t: Timeline) -> None:
    t.source.revoke(0)
    t.step()
    t.worker._note_gap(OffsetGap("mem", "t", 0, 3, 5))
    for _ in range(5):
        t.wait(5)
    assert (gaps(t), t.position()) == ([], 3)


def test_stored_gaps_are_values(t: Timeline) -> None:
    t.step()
    t.wait(5)
    [gap] = t.store.gaps()
    assert gap == Gap(partition(), 3, 5, gap.at, T0 + 2 * MINUTE, None)
