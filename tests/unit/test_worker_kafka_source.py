"""What the Kafka source makes of a client that fails in the middle of a call: nothing is skipped, nothing forgotten."""

from collections import deque
from collections.abc import Mapping, Sequence

import pytest

from drift.core.clock import ManualClock
from drift.core.commit import Claim, Partition
from drift.core.errors import SourceUnavailable
from drift.core.records import Chunk, Poll
from ingest.sources.kafka import Fetched, KafkaSource

ZERO, ONE = Partition("kafka", "t", 0), Partition("kafka", "t", 1)
AWAY = SourceUnavailable("the broker is away; try again")


class ScriptedClient:
    """A log of 100 records a partition; each poll reads ten of every placed one."""

    def __init__(self) -> None:
        self.at: dict[Partition, int] = {}
        self.first = dict.fromkeys((ZERO, ONE), 0)
        self.rebalances: deque[tuple[bool, Sequence[Partition]]] = deque()
        self.paused = False
        self.lose_next = False
        self.away: set[str] = set()

    def _check(self, method: str) -> None:
        if method in self.away:
            raise AWAY

    def poll(self, timeout: float, max_records: int) -> Fetched:
        chunks, out_of_range = [], []
        for partition, at in self.at.items():
            if at < self.first[partition]:
                out_of_range.append(partition)
            elif not self.paused and at < 100:
                self.at[partition] = at + 10
                chunks.append(Chunk(partition, range(at, at + 10), [-1] * 10, [b"x"] * 10, at + 10, 100))
        if self.lose_next:
            # the position has moved and the records are gone
            self.lose_next = False
            raise AWAY
        rebalances, self.rebalances = list(self.rebalances), deque()
        return Fetched(chunks, rebalances, out_of_range)

    def place(self, positions: Mapping[Partition, int], paused: bool) -> None:
        self._check("place")
        self.at |= positions
        self.paused = paused

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def bounds(self, partitions: Sequence[Partition], timeout: float = 20.0) -> Mapping[Partition, tuple[int, int]]:
        self._check("bounds")
        return {p: (self.first[p], 100) for p in partitions}

    def at_time(self, partitions: Sequence[Partition], micros: int) -> Mapping[Partition, int]:
        return dict.fromkeys(partitions, 0)

    def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, str]:
        return {}

    def commit(self, positions: Mapping[Partition, int], metadata: str) -> None: ...

    def ends(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        return dict.fromkeys(partitions, 100)

    def listed(self) -> Sequence[Partition]:
        return [ZERO, ONE]

    def close(self) -> None: ...


@pytest.fixture
def client() -> ScriptedClient:
    return ScriptedClient()


@pytest.fixture
def source(client: ScriptedClient) -> KafkaSource:
    """Both partitions are assigned and started at 0."""
    source = KafkaSource("kafka", client, "earliest", "uuid", ManualClock())
    client.rebalances.append((True, [ZERO, ONE]))
    assert source.poll(0, 10).assigned == [ZERO, ONE]
    source.start([Claim(ZERO, 1, 0), Claim(ONE, 1, 0)])
    return source


def offsets(*polls: Poll, partition: Partition = ZERO) -> list[int]:
    return [
        offset for poll in polls for chunk in poll.chunks if chunk.partition == partition for offset in chunk.offsets
    ]


def test_records_lost_in_a_call_that_failed_are_read_again(client: ScriptedClient, source: KafkaSource) -> None:
    first = source.poll(0, 10)
    client.lose_next = True
    with pytest.raises(SourceUnavailable):
        source.poll(0, 10)
    rest = [source.poll(0, 10) for _ in range(9)]
    assert offsets(first, *rest) == offsets(first, *rest, partition=ONE) == list(range(100))


def test_it_stays_astray_until_it_could_be_placed(client: ScriptedClient, source: KafkaSource) -> None:
    client.lose_next, client.away = True, {"place"}
    for _ in range(3):
        with pytest.raises(SourceUnavailable):
            source.poll(0, 10)
    client.away.clear()
    assert offsets(*(source.poll(0, 10) for _ in range(10))) == list(range(100))


def test_a_gap_waits_for_the_broker_and_the_others_go_on(client: ScriptedClient, source: KafkaSource) -> None:
    client.first[ZERO], client.away = 40, {"bounds"}
    polls = [source.poll(0, 10), source.poll(0, 10)]
    assert (offsets(*polls), offsets(*polls, partition=ONE)) == ([], list(range(20)))
    client.away.clear()
    polls = [source.poll(0, 10) for _ in range(9)]
    assert [(g.partition, g.first, g.last) for poll in polls for g in poll.gaps] == [(0, 0, 39)]
    assert offsets(*polls) == list(range(40, 100))


def test_a_gap_is_not_told_before_the_records_in_front_of_it(client: ScriptedClient, source: KafkaSource) -> None:
    """Paused with a chunk already fetched: the gap behind it waits until the chunk was handed over."""
    source.pause()
    client.paused = False  # one last chunk was on its way
    assert not source.poll(0, 10).chunks
    client.first[ZERO] = 40
    assert source.poll(0, 10).gaps == ()
    source.resume()
    one, two = source.poll(0, 10), source.poll(0, 10)
    assert (offsets(one), one.gaps) == (list(range(10)), [])
    assert [(g.first, g.last) for g in two.gaps] == [(10, 39)]


def test_a_gap_of_a_partition_that_went_away_is_forgotten(client: ScriptedClient, source: KafkaSource) -> None:
    client.first[ZERO], client.away = 40, {"bounds"}
    source.poll(0, 10)
    client.rebalances.append((False, [ZERO]))
    del client.at[ZERO]
    source.poll(0, 10)
    client.away.clear()
    assert not any(source.poll(0, 10).gaps for _ in range(3))


def test_a_gap_that_was_none_is_not_told(client: ScriptedClient, source: KafkaSource) -> None:
    """Out of range for a moment, in range when looked at."""
    client.first[ZERO], client.away = 40, {"bounds"}
    source.poll(0, 10)
    client.first[ZERO] = 0
    client.away.clear()
    polls = [source.poll(0, 10) for _ in range(11)]
    assert (sum(len(poll.gaps) for poll in polls), offsets(*polls)) == (0, list(range(100)))


def test_the_end_is_asked_for_where_we_seem_to_stand_there(client: ScriptedClient, source: KafkaSource) -> None:
    """The end as last seen may be old; 'caught up' by mistake would let windows close."""
    source.start([Claim(ONE, 1, 100)])
    client.away = {"bounds"}
    with pytest.raises(SourceUnavailable):
        source.log_ends()
    source.start([Claim(ONE, 1, 50)])
    assert source.log_ends() == {ZERO: 100, ONE: 100}
