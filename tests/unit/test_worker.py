"""The worker's turns on a timeline: what it reads, when it commits, and who owns what.

The log on the left, what SQL holds on the right:

    0 1 2 3 4 5 6 7 8 9          counted() == [1, 1, 1, …]: each event exactly once
"""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from drift.core.commit import IngestCommit, Partition
from drift.core.errors import StoreUnavailable
from drift.core.records import Chunk
from tests.rig.timeline import T0, Timeline, event, partition


@pytest.fixture
def t(tmp_path: Path) -> Iterator[Timeline]:
    with Timeline(tmp_path) as timeline:
        yield timeline


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Timeline]:
    with Timeline(tmp_path, partitions=2) as timeline:
        yield timeline


def reading(t: Timeline, *events: int, number: int = 0) -> None:
    """The worker owns all partitions and has read these events, not yet committed."""
    if not t.worker.held:
        t.source.assign(*(p.number for p in t.log.values))
        t.step(2)
    t.log.append(number, *map(event, events))
    t.step()


# ---- reading and committing


def test_commits_after_the_flush_interval(t: Timeline) -> None:
    reading(t, 0, 1, 2)
    assert (t.counted(), t.position()) == ([], 0)
    t.wait(4.9)
    assert t.counted() == []
    t.wait(0.2)
    assert (t.counted(), t.position()) == ([1, 1, 1], 3)


def test_commits_early_when_the_buffer_is_full(tmp_path: Path) -> None:
    with Timeline(tmp_path, commit_bytes=1) as t:
        reading(t, 0)
        assert t.counted() == [1]


def test_tells_the_source_what_is_safe_once_it_is(t: Timeline) -> None:
    reading(t, 0, 1)
    assert t.source.committed == [({partition(): 0}, t.store.uuid)]
    t.wait(5)
    assert t.source.committed[1:] == [({partition(): 2}, t.store.uuid)]


def test_a_finished_file_is_committed_at_once(t: Timeline) -> None:
    t.source.ended = True
    reading(t, 0, 1)
    assert (t.counted(), t.worker.finished) == ([1, 1], True)
    [status] = t.store.partitions()
    assert status.finished


def test_an_empty_file_ends_too(t: Timeline) -> None:
    t.source.ended = True
    reading(t)
    assert t.worker.finished
    assert t.store.partitions()[0].finished


def test_the_first_position_is_committed_before_any_record(t: Timeline) -> None:
    """Else `start: latest` would mean another position after a crash."""
    t.log.append(0, event(0))
    t.log.first[partition()] = 1
    t.source.assign(0)
    t.step(2)
    assert t.position() == 1
    t.log.first[partition()] = 0
    t.restart()
    reading(t, 1)
    t.wait(5)
    assert t.counted() == [0, 1]


def test_goes_on_where_the_last_process_stopped(t: Timeline) -> None:
    reading(t, 0, 1)
    t.wait(5)
    t.restart()
    reading(t, 2)
    t.wait(5)
    assert t.counted() == [1, 1, 1]


def test_dies_without_a_commit(t: Timeline) -> None:
    reading(t, 0, 1)
    t.restart()
    reading(t, 2)
    t.wait(5)
    assert t.counted() == [1, 1, 1]


def test_a_poll_without_records_commits_nothing(t: Timeline) -> None:
    reading(t)
    for _ in range(4):
        t.wait(10)
    assert t.flaky.calls["commit"] == 1


def test_is_idle_only_when_everything_is_committed(t: Timeline) -> None:
    states = [t.worker.idle]
    reading(t, 0)
    states.append(t.worker.idle)
    t.wait(5)
    states.append(t.worker.idle)
    t.log.append(0, event(1))
    t.source.pause()
    t.wait(5)
    states.append(t.worker.idle)
    assert states == [True, False, True, False]
    assert t.metric("drift_lag_records", source="mem", topic="t", partition="0") == 1


def test_registers_every_partition_of_the_topic(two: Timeline) -> None:
    two.source.assign(0)
    two.step()
    assert [(s.partition.number, s.owner) for s in two.store.partitions()] == [(0, "w1"), (1, None)]


def test_dead_letters_go_with_the_rows_around_them(t: Timeline) -> None:
    t.log.append(0, event(0), b"{broken", event(1))
    reading(t)
    assert [letter.offset for letter in t.source.refused] == [1]
    assert t.store.dead_letters() == []
    t.wait(5)
    assert (t.counted(), t.store.dead_letters_by_reason()) == ([1, 1], {"malformed": 1})
    [stored] = t.store.dead_letters()
    assert (stored.letter.offset, stored.letter.payload) == (1, b"{broken")
    assert t.metric("drift_dead_letters_total", reason="malformed") == 1


def test_every_event_of_an_array_is_judged_by_itself(t: Timeline) -> None:
    good = json.loads(event(3))
    t.log.append(0, json.dumps([good, {"model": "m"}, {**good, "features": {"n": 4}}]).encode())
    reading(t)
    t.wait(5)
    assert (t.counted()[3:], t.store.dead_letters_by_reason()) == ([1, 1], {"missing_time": 1})


def test_events_from_the_future_move_no_watermark(t: Timeline) -> None:
    reading(t)
    t.log.append(0, event(0, second=60), event(1, second=2 * 3600))
    t.step()
    t.wait(5)
    assert (t.counted(), t.store.dead_letters_by_reason()) == ([1], {"future_time": 1})
    assert t.store.watermarks(partition()) == {t.model.id: T0 + 60_000_000}


def test_late_rows_are_counted_and_noted_also_after_a_restart(t: Timeline) -> None:
    reading(t)
    t.log.append(0, event(0, second=600))
    t.step()
    t.wait(5)
    t.restart()
    reading(t)
    t.log.append(0, event(1, second=0), event(2, second=601))
    t.step()
    t.wait(5)
    assert (t.counted(), t.store.totals().late) == ([1, 1, 1], 1)
    assert t.metric("drift_late_rows_total", model="m") == 1


def test_events_of_one_record_do_not_make_each_other_late(t: Timeline) -> None:
    reading(t)
    both = [json.loads(event(0, second=600)), json.loads(event(1, second=0))]
    t.log.append(0, json.dumps(both).encode())
    t.step()
    t.wait(5)
    assert (t.counted(), t.store.totals().late) == ([1, 1], 0)


def test_metrics_say_what_was_committed(t: Timeline) -> None:
    reading(t, 0, 1)
    assert t.metric("drift_records_total", source="mem", topic="t") == 0
    t.wait(5)
    assert t.metric("drift_records_total", source="mem", topic="t") == 2
    assert t.metric("drift_events_total", model="m") == 2
    assert t.metric("drift_commit_duration_seconds_count") == t.flaky.calls["commit"] == 2
    watermark = t.metric("drift_watermark_timestamp_seconds", source="mem", topic="t", partition="0", model="m")
    assert watermark == T0 / 1e6


# ---- what a client may hand over


def chunk(first: int, *values: bytes, number: int = 0, next_: int | None = None) -> Chunk:
    after = first + len(values)
    return Chunk(
        partition(number), range(first, after), [-1] * len(values), values, after if next_ is None else next_, after
    )


def test_records_of_partitions_that_are_not_ours_are_dropped(two: Timeline) -> None:
    two.source.assign(0)
    two.step()
    two.source.extra = [chunk(0, event(7), number=1)]
    two.step()
    two.wait(5)
    assert two.counted() == []


def test_records_already_read_are_dropped(t: Timeline) -> None:
    reading(t, 0, 1, 2)
    t.source.extra = [chunk(0, event(0), event(1)), chunk(1, event(1), event(2), event(3))]
    t.source.positions[partition()] = 4
    t.log.append(0, event(3))
    t.step()
    t.wait(5)
    assert (t.counted(), t.position()) == ([1, 1, 1, 1], 4)


def test_holes_in_the_log_are_passed(t: Timeline) -> None:
    reading(t)
    t.source.extra = [chunk(0, event(0), next_=5)]
    t.step()
    t.source.extra = [chunk(5, next_=9)]
    t.step()
    t.wait(5)
    assert (t.counted(), t.position()) == ([1], 9)
    assert t.store.partitions()[0].records == 1


# ---- somebody else owns the partition


def test_a_fenced_worker_drops_its_buffer_and_reads_again(t: Timeline) -> None:
    reading(t, 0, 1)
    t.store.acquire(partition(), "other")
    t.wait(5)
    assert (t.counted(), t.metric("drift_fenced_commits_total")) == ([], 1)
    assert t.worker.held == {}
    t.wait(1)
    t.wait(5)
    assert (t.counted(), t.owner()) == ([1, 1], "w1")


def test_a_zombie_counts_nothing_twice(t: Timeline) -> None:
    reading(t, 0, 1, 2)
    # w1 is stopped here; w2 takes over, counts the same events and more
    source, _, _, w2 = t.another("w2")
    t.log.append(0, event(3))
    source.assign(0)
    w2.step()
    w2.step()
    t.clock.advance(5)
    w2.step()
    assert t.counted() == [1, 1, 1, 1]
    # w1 goes on and commits what it had
    t.step()
    assert (t.counted(), t.metric("drift_fenced_commits_total")) == ([1, 1, 1, 1], 1)


def test_the_heartbeat_notices_a_lost_partition(two: Timeline) -> None:
    reading(two, 0, 1)
    reading(two, 2, number=1)
    two.source.flush_interval = 60
    two.store.acquire(partition(1), "other")
    two.wait(5)
    assert list(two.worker.held) == [partition(0)]
    # partition 0 is read again, partition 1 comes back after the backoff
    two.until(lambda: len(two.worker.held) == 2)
    two.wait(60)
    assert two.counted() == [1, 1, 1]


def test_the_heartbeat_says_where_the_log_ends(t: Timeline) -> None:
    reading(t, 0)
    t.wait(5)
    t.source.pause()
    t.log.append(0, event(1), event(2))
    t.wait(5)
    [status] = t.store.partitions()
    assert (status.log_end, status.lag, status.caught_up_at) == (3, 2, None)


def test_no_heartbeat_without_partitions(t: Timeline) -> None:
    t.wait(10)
    assert t.flaky.calls["heartbeat"] == 0


def test_backoff_after_a_fence_grows_with_every_fence(t: Timeline) -> None:
    waits = []
    reading(t, 0)
    for _ in range(4):
        t.store.acquire(partition(), "other")
        t.wait(5)
        assert t.worker.held == {}
        started = t.clock.monotonic()
        t.until(lambda: bool(t.worker.held), every=0.05)
        waits.append(t.clock.monotonic() - started)
    for wait, most in zip(waits, (0.5, 1, 2, 4), strict=True):
        assert most / 2 <= wait <= most + 0.1


# ---- rebalances


def test_a_revoked_partition_is_committed_first(two: Timeline) -> None:
    reading(two, 0)
    reading(two, 1, number=1)
    two.source.revoke(1)
    two.step()
    assert (two.counted(), two.owner(1), two.owner(0)) == ([1, 1], None, "w1")
    assert list(two.worker.held) == [partition(0)]


def test_revoked_and_assigned_again_between_two_polls(t: Timeline) -> None:
    reading(t, 0, 1)
    t.source.revoke(0)
    t.source.assign(0)
    t.log.append(0, event(2))
    t.step()
    t.wait(5)
    assert t.counted() == [1, 1, 1]


def test_assigned_again_without_having_been_revoked(t: Timeline) -> None:
    """librdkafka can miss that an assignment was lost; the source then waits for `start`."""
    reading(t, 0, 1)
    t.source.assign(0)
    t.log.append(0, event(2))
    t.step()
    t.wait(5)
    t.wait(5)
    assert t.counted() == [1, 1, 1]


def test_revoked_while_the_fence_has_fallen(t: Timeline) -> None:
    """Nothing is committed, and the partition is not acquired again: it belongs to somebody else."""
    reading(t, 0)
    t.store.acquire(partition(), "other")
    t.source.revoke(0)
    t.step()
    for _ in range(20):
        t.wait(5)
    assert (t.counted(), t.owner(), t.worker.idle) == ([], "other", True)


def test_revoked_while_the_store_is_away(two: Timeline) -> None:
    """What was read of the revoked one is dropped; the other is read again; nobody steals."""
    reading(two, 0, 1)
    reading(two, 2, number=1)
    two.flaky.fail("commit", times=3)
    two.flaky.fail("release")
    two.wait(5)
    assert two.source.paused
    two.source.revoke(1)
    two.step()
    other, _, _, w2 = two.another("w2")
    other.assign(1)
    w2.step()
    w2.step()
    two.until(lambda: two.position() == 2)
    for _ in range(20):
        two.wait(5)
        w2.step()
    assert (two.counted(), two.owner(1), two.owner(0)) == ([1, 1, 1], "w2", "w1")


def test_both_revoked_while_the_store_is_away(two: Timeline) -> None:
    """Reading again must not seek a partition that is gone, and must not ask SQL for it later."""
    reading(two, 0)
    reading(two, 1, number=1)
    two.flaky.fail("commit", times=2)
    two.wait(5)
    two.source.revoke(0, 1)
    two.step()
    others = [two.another(f"w{n}")[0::3] for n in (2, 3)]
    for n, (source, _) in enumerate(others):
        source.assign(n)
    for _ in range(20):
        for _, worker in others:
            worker.step()
        two.wait(5)
    assert (two.counted(), two.owner(0), two.owner(1)) == ([1, 1], "w2", "w3")


def test_one_of_three_revoked_while_the_store_is_away(tmp_path: Path) -> None:
    with Timeline(tmp_path, partitions=3) as t:
        for n in range(3):
            reading(t, n, number=n)
        t.flaky.fail("commit", times=4)
        t.wait(5)
        t.source.revoke(1)
        t.source.assign(1)
        t.step()
        t.until(lambda: t.worker.idle)
        assert t.counted() == [1, 1, 1]


# ---- the catalogue changes


def test_a_new_reference_recounts_what_was_not_committed(t: Timeline) -> None:
    """0    1    2  |  3    4      events, a minute each
    reference 1            | reference 2, from minute 3 on
    """
    t.log.append(0, *(event(n, second=60 * n) for n in range(5)))
    reading(t)
    second = t.add_reference(t.model, active_from=T0 + 180_000_000)
    t.wait(5)
    assert t.counted() == []
    t.step()
    t.wait(5)
    assert t.counted() == [1] * 5
    assert t.store.counted(t.reference.id, 0, 2**62).rows == 3
    assert t.store.counted(second.id, 0, 2**62).rows == 2


def test_a_new_model_is_noticed_without_any_commit(t: Timeline) -> None:
    reading(t)
    other = t.store.put_model("other", pane=60_000_000)
    reference = t.add_reference(other)
    t.wait(5)
    t.log.append(0, event(0, model="other"))
    t.step()
    t.wait(5)
    assert t.store.counted(reference.id, 0, 2**62).rows == 1
    assert t.store.dead_letters_by_reason() == {}


def test_the_catalogue_is_read_only_when_its_version_grew(t: Timeline) -> None:
    reading(t)
    loaded = t.flaky.calls["catalogue"]
    for _ in range(5):
        t.wait(5)
    assert t.flaky.calls["catalogue"] == loaded
    assert t.flaky.calls["catalogue_version"] == 5


def test_the_store_goes_away_while_the_new_catalogue_is_read(t: Timeline) -> None:
    reading(t, 0)
    t.add_reference(t.model, active_from=T0 + 600_000_000)
    t.flaky.fail("catalogue")
    t.wait(5)
    assert t.source.paused
    t.until(lambda: t.worker.idle)
    assert (t.counted(), t.source.paused) == ([1], False)


# ---- the store is away


def test_pauses_keeps_the_buffer_and_carries_on(t: Timeline) -> None:
    reading(t, 0, 1)
    t.flaky.fail("commit", times=3)
    t.wait(5)
    assert t.source.paused
    t.log.append(0, event(2))
    commits, polls = t.flaky.calls["commit"], t.source.polls
    t.until(lambda: not t.source.paused, every=0.1)
    assert (t.flaky.calls["commit"] - commits, t.counted()) == (3, [1, 1])
    assert t.source.polls - polls > 10
    t.step()
    t.wait(5)
    assert t.counted() == [1, 1, 1]


def test_backoff_doubles_with_jitter_up_to_its_most(tmp_path: Path) -> None:
    with Timeline(tmp_path, backoff_least=1.0, backoff_most=6.0) as t:
        reading(t, 0)
        t.flaky.fail("commit", times=6)
        t.wait(5)
        moments = [t.clock.monotonic()]
        while not t.counted():
            before = t.flaky.calls["commit"]
            t.until(lambda before=before: t.flaky.calls["commit"] > before, every=0.05)  # type: ignore[misc]
            moments.append(t.clock.monotonic())
        waits = [b - a for a, b in pairwise(moments)]
        for wait, most in zip(waits, (1, 2, 4, 6, 6, 6), strict=True):
            assert most / 2 <= wait <= most + 0.1


def test_nothing_else_asks_the_store_while_it_is_away(t: Timeline) -> None:
    reading(t, 0)
    t.flaky.fail("commit", times=10)
    t.wait(5)
    calls = t.flaky.calls - t.flaky.calls.__class__(commit=t.flaky.calls["commit"])
    for _ in range(20):
        t.wait(0.5)
    assert t.flaky.calls - t.flaky.calls.__class__(commit=t.flaky.calls["commit"]) == calls


def test_away_while_nothing_was_read(t: Timeline) -> None:
    reading(t)
    t.flaky.fail("catalogue_version", times=2)
    t.wait(5)
    assert t.source.paused
    t.until(lambda: not t.source.paused)
    reading(t, 0)
    t.wait(5)
    assert t.counted() == [1]


@pytest.mark.parametrize("method", ["register_partitions", "acquire", "watermarks"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_away_while_a_partition_is_acquired(t: Timeline, method: str, when: str) -> None:
    t.log.append(0, event(0))
    t.flaky.fail(method, when=when)
    t.source.assign(0)
    t.step()
    assert (t.worker.held, t.worker.idle, t.source.paused) == ({}, False, True)
    t.until(lambda: t.worker.idle and bool(t.worker.held))
    assert t.counted() == [1]


def test_away_at_the_heartbeat(t: Timeline) -> None:
    t.source.flush_interval = 60
    reading(t, 0)
    t.flaky.fail("heartbeat")
    t.wait(5)
    assert t.source.paused
    t.until(lambda: not t.source.paused)
    assert t.counted() == [1]


def test_the_answer_to_a_commit_got_lost(t: Timeline) -> None:
    """The commit stands, the worker does not know: the next attempt finds another position and is refused."""
    reading(t, 0, 1)
    t.flaky.fail("commit", when="after")
    t.wait(5)
    assert t.counted() == [1, 1]
    t.log.append(0, event(2))
    t.until(lambda: t.worker.idle and t.position() == 3)
    assert (t.counted(), t.metric("drift_fenced_commits_total")) == ([1, 1, 1], 1)


def test_the_answer_to_the_last_commit_of_a_file_got_lost(t: Timeline) -> None:
    t.source.ended = True
    t.flaky.fail("commit", when="after")
    reading(t, 0)
    t.until(lambda: t.worker.finished)
    assert t.counted() == [1]


def test_the_answer_got_lost_and_the_catalogue_changed(t: Timeline) -> None:
    reading(t, 0, 1)
    t.flaky.fail("commit", when="after")
    t.wait(5)
    t.add_reference(t.model, active_from=T0 + 600_000_000)
    t.until(lambda: t.worker.idle)
    assert t.counted() == [1, 1]


# ---- the source is away


@pytest.mark.parametrize("method", ["start", "partitions"])
def test_a_broker_away_during_the_assignment(t: Timeline, method: str) -> None:
    t.log.append(0, event(0))
    t.source.fail(method, times=2)
    t.source.assign(0)
    t.step()
    assert t.worker.held == {}
    t.until(lambda: t.worker.idle and bool(t.worker.held))
    assert t.counted() == [1]


def test_a_seek_that_fails_gives_everything_up_until_it_works(two: Timeline) -> None:
    """After a changed catalogue; reading on from where the client stands would skip records."""
    reading(two, 0, 1)
    reading(two, 2, number=1)
    two.add_reference(two.model, active_from=T0 + 600_000_000)
    two.source.fail("start")
    two.wait(5)
    assert two.worker.held == {}
    two.log.append(0, event(3))
    two.until(lambda: two.worker.idle)
    assert two.counted() == [1, 1, 1, 1]


def test_what_was_read_is_committed_while_the_broker_is_away(t: Timeline) -> None:
    reading(t, 0, 1)
    t.source.fail("poll", times=30)
    for _ in range(30):
        t.wait(0.5)
    assert t.counted() == [1, 1]


def test_no_heartbeat_while_the_broker_is_away(t: Timeline) -> None:
    """The worker cannot know whether it is at the log's end; a heartbeat would say so and let windows close."""
    reading(t, 0)
    t.wait(5)
    beats = t.flaky.calls["heartbeat"]
    t.source.fail("poll", times=30)
    for _ in range(30):
        t.wait(0.5)
    assert t.flaky.calls["heartbeat"] == beats


def test_no_heartbeat_while_the_end_is_not_known(t: Timeline) -> None:
    reading(t, 0)
    t.wait(5)
    beats = t.flaky.calls["heartbeat"]
    t.source.fail("log_ends", times=3)
    for _ in range(3):
        t.wait(5)
    assert t.flaky.calls["heartbeat"] == beats
    t.wait(5)
    assert t.flaky.calls["heartbeat"] == beats + 1


def test_waits_between_two_polls_of_a_broker_that_is_away(t: Timeline) -> None:
    t.source.fail("poll")
    before = t.clock.monotonic()
    assert t.step() == 0
    assert t.clock.monotonic() == before + 0.5


# ---- stopping


def test_run_commits_and_hands_back_when_told_to_stop(t: Timeline) -> None:
    t.log.append(0, event(0))
    t.source.assign(0)
    stop, turns = Event(), iter(range(100))
    step = t.worker.step

    def counted_step(timeout: float = 0.2) -> int:
        if next(turns) == 3:
            stop.set()
        return step(timeout)

    t.worker.step = counted_step  # type: ignore[method-assign]
    t.worker.run(stop)
    assert (t.counted(), t.owner(), t.source.closed) == ([1], None, True)


@pytest.mark.parametrize("method", ["commit", "release"])
def test_stops_while_the_store_is_away(t: Timeline, method: str) -> None:
    reading(t, 0)
    t.flaky.fail(method, times=5)
    t.worker.close()
    assert (t.source.closed, t.worker.held) == (True, {})
    t.flaky.heal()
    t.restart()
    reading(t)
    t.wait(5)
    assert t.counted() == [1]


def test_stops_at_once_while_waiting_for_the_store(t: Timeline) -> None:
    reading(t, 0)
    t.flaky.fail("commit", times=5)
    t.wait(5)
    commits = t.flaky.calls["commit"]
    t.worker.close()
    assert t.flaky.calls["commit"] == commits


def test_an_error_that_is_a_defect_ends_the_worker_but_leaves_the_source(t: Timeline) -> None:
    reading(t, 0)
    t.flaky.fail("commit", times=2, error=RuntimeError("a defect"))
    with pytest.raises(RuntimeError, match="a defect"):
        t.wait(5)
    with pytest.raises(RuntimeError, match="a defect"):
        t.worker.close()
    assert t.source.closed


# ---- what reaches the store


def test_a_commit_is_in_one_order_for_all(two: Timeline, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[IngestCommit] = []
    commit = two.store.commit

    def spy(batch: IngestCommit) -> Any:
        batches.append(batch)
        return commit(batch)

    monkeypatch.setattr(two.store, "commit", spy)
    reading(two, 0, number=1)
    two.log.append(0, *(event(n, second=-60.0 * n) for n in range(1, 6)))
    two.step()
    two.wait(5)
    batch = batches[-1]
    assert [step.claim.partition for step in batch.advances] == [partition(0), partition(1)]
    assert [pane.start for pane in batch.panes] == sorted(pane.start for pane in batch.panes)
    assert len(batch.panes) == 6


def test_another_store_away_message_keeps_the_position(t: Timeline) -> None:
    """The position is never read again from SQL: what this buffer was read from decides."""
    reading(t, 0, 1)
    t.flaky.fail("commit", error=StoreUnavailable("the store did not confirm a commit"))
    t.wait(5)
    held = t.worker.held[Partition("mem", "t", 0)]
    assert (held.expected, held.next) == (0, 2)


def test_a_large_poll_is_decoded_in_portions(t: Timeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """As columns records take many times their size. What they add up to does not depend on the portions."""
    monkeypatch.setattr("drift.pipeline.worker.DECODED_AT_ONCE", 250)
    taken: list[int] = []
    take = t.worker._intake.take

    def spy(chunks: list[Chunk], held: Any, buffer: Any) -> Any:
        taken.append(sum(len(chunk.offsets) for chunk in chunks))
        return take(chunks, held, buffer)

    monkeypatch.setattr(t.worker._intake, "take", spy)
    reading(t)
    taken.clear()
    t.log.append(0, event(0), b"x" * 400, event(1), None, event(2), event(3))
    t.step()
    t.wait(5)
    assert taken == [1, 1, 3, 1]
    assert (t.counted(), t.position(), t.store.partitions()[0].records) == ([1, 1, 1, 1], 6, 6)
    assert sorted(stored.letter.offset for stored in t.store.dead_letters()) == [1, 3]
