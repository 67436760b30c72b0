"""Both Kafka clients against a real broker, behind the same source."""

import contextlib
import gc
import gzip
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from confluent_kafka import Producer
from kafka import KafkaAdminClient, TopicPartition

from drift.core.clock import SystemClock
from drift.core.commit import Claim, Partition
from drift.core.errors import ConfigError, OffsetGap, SourceError, SourceUnavailable
from drift.core.records import Poll
from ingest.sources import confluent, kafka_python
from ingest.sources.kafka import STORE, KafkaSource
from ingest.sources.kafka_options import Value, for_confluent, for_kafka_python
from tests.rig.kafka import Kafka
from tests.rig.proc import wait_until

FAST = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 300, "fetch.wait.max.ms": 50}
AWAY = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
"""kafka-python leaves the sockets of failed connections to the garbage collector."""
STORE_ID = "11111111-0000-0000-0000-000000000000"


class Opened:
    """A source with what it said so far."""

    def __init__(self, source: KafkaSource) -> None:
        self.source = source
        self.mine: set[Partition] = set()
        self.records: dict[Partition, list[tuple[int, bytes | None, int]]] = {}
        self.next: dict[Partition, int] = {}
        self.gaps: list[OffsetGap] = []
        self.revoked: list[Partition] = []

    def poll(self, timeout: float = 0.1, max_records: int = 1000) -> Poll:
        poll = self.source.poll(timeout, max_records)
        self.mine -= set(poll.revoked)
        self.mine |= set(poll.assigned)
        self.revoked += poll.revoked
        self.gaps += poll.gaps
        for chunk in poll.chunks:
            assert len(chunk.offsets) == len(chunk.values) == len(chunk.timestamps) <= max_records
            assert list(chunk.offsets) == sorted(chunk.offsets)
            assert chunk.next > (chunk.offsets[-1] if chunk.offsets else -1)
            assert chunk.log_end >= chunk.next
            held = self.records.setdefault(chunk.partition, [])
            held += zip(chunk.offsets, chunk.values, chunk.timestamps, strict=True)
            self.next[chunk.partition] = chunk.next
        return poll

    def until(self, condition: Callable[[], object], timeout: float = 30) -> None:
        wait_until(lambda: (self.poll(), condition())[1], timeout=timeout)

    def assigned(self, n: int) -> list[Partition]:
        self.until(lambda: len(self.mine) == n)
        return sorted(self.mine)

    def start(self, n: int = 1, **positions: int | None) -> list[Partition]:
        """Start all `n` partitions, from `p0=…`, `p1=…` where given, else from the start policy."""
        partitions = self.assigned(n)
        self.source.start([Claim(p, 1, positions.get(f"p{p.number}")) for p in partitions])
        return partitions

    def values(self, partition: Partition) -> list[bytes | None]:
        return [value for _, value, _ in self.records.get(partition, [])]


Open = Callable[..., Opened]


@pytest.fixture(params=["kafka-python", "confluent"])
def open_source(request: pytest.FixtureRequest, kafka: Kafka) -> Iterator[Open]:
    opened: list[Opened] = []
    group = f"g-{uuid.uuid4().hex[:8]}"

    def open_one(topic: str, start: str | int = "earliest", store: str = STORE_ID, **options: Any) -> Opened:
        clock = SystemClock()
        client: Any
        if request.param == "confluent":
            client = confluent.Client("kafka", kafka.bootstrap, [topic], group, {**FAST, **options})
        else:
            client = kafka_python.Client("kafka", kafka.bootstrap, [topic], group, {**FAST, **options}, clock)
        opened.append(Opened(KafkaSource("kafka", client, start, store, clock)))
        return opened[-1]

    yield open_one
    for one in opened:
        one.source.close()
    gc.collect()  # here, where a test that takes the broker away ignores the warnings


def produce(
    kafka: Kafka, topic: str, values: list[bytes], partition: int = 0, options: Mapping[str, Any] | None = None
) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap, **(options or {})})
    for value in values:
        producer.produce(topic, value, partition=partition)
    assert producer.flush(20) == 0


def numbered(first: int, last: int) -> list[bytes]:
    return [f"value {i}".encode() for i in range(first, last)]


def test_records_come_in_order_with_their_positions(kafka: Kafka, open_source: Open) -> None:
    topic = kafka.create_topic(partitions=2)
    for number in range(2):
        produce(kafka, topic, numbered(0, 300), number)
    one = open_source(topic)
    partitions = one.start(2)
    assert partitions == [Partition("kafka", topic, 0), Partition("kafka", topic, 1)]
    one.until(lambda: all(one.next.get(p) == 300 for p in partitions))
    for partition in partitions:
        assert [offset for offset, _, _ in one.records[partition]] == list(range(300))
        assert one.values(partition) == numbered(0, 300)
        # microseconds of this century
        assert all(1_600_000_000_000_000 < stamp < 4_000_000_000_000_000 for _, _, stamp in one.records[partition])
    assert one.source.log_ends() == dict.fromkeys(partitions, 300)
    assert list(one.source.partitions()) == partitions


def test_nothing_is_delivered_before_start(kafka: Kafka, open_source: Open) -> None:
    topic = kafka.create_topic()
    produce(kafka, topic, numbered(0, 10))
    one = open_source(topic)
    (partition,) = one.assigned(1)
    one.source.commit({partition: 2}, STORE_ID)  # a committed offset must not set off reading either
    for _ in range(5):
        assert not one.poll().chunks
    one.source.start([Claim(partition, 1, 4)])
    one.until(lambda: one.next.get(partition) == 10)
    assert one.values(partition) == numbered(4, 10)


def test_a_null_value_is_a_record(kafka: Kafka, open_source: Open) -> None:
    topic = kafka.create_topic()
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    producer.produce(topic, None, key=b"k")
    producer.flush(20)
    one = open_source(topic)
    (partition,) = one.start()
    one.until(lambda: one.next.get(partition) == 1)
    assert one.values(partition) == [None]


def test_at_most_so_many_records_come_at_once(kafka: Kafka, open_source: Open) -> None:
    topic = kafka.create_topic()
    produce(kafka, topic, numbered(0, 500))
    one = open_source(topic)
    (partition,) = one.start(p0=0)
    sizes: list[int] = []

    def all_there() -> bool:
        sizes.extend(len(chunk.offsets) for chunk in one.poll(max_records=70).chunks)
        return one.next.get(partition) == 500

    wait_until(all_there, timeout=20)
    assert max(sizes) <= 70
    assert one.values(partition) == numbered(0, 500)


def test_starting_again_reads_again(kafka: Kafka, open_source: Open) -> None:
    topic = kafka.create_topic(partitions=2)
    produce(kafka, topic, numbered(0, 20), 0)
    produce(kafka, topic, numbered(0, 20), 1)
    one = open_source(topic)
    zero, other = one.start(2, p0=0, p1=0)
    one.until(lambda: one.next == {zero: 20, other: 20})
    one.source.start([Claim(zero, 1, 5)])
    one.until(lambda: len(one.values(zero)) == 35)
    assert one.values(zero) == numbered(0, 20) + numbered(5, 20)
    for _ in range(3):
        one.poll()
    assert one.values(other) == numbered(0, 20)


def test_latest_is_a_position_at_once(kafka: Kafka, open_source: Open) -> None:
    topic = kafka.create_topic()
    produce(kafka, topic, numbered(0, 10))
    one = open_source(topic, start="latest")
    (partition,) = one.start()
    one.until(lambda: partition in one.next)
    assert (one.next[partition], one.values(partition)) == (10, [])
    produce(kafka, topic, numbered(10, 12))
    one.until(lambda: one.next[partition] == 12)
    assert one.values(partition) == numbered(10, 12)


def test_earliest_and_an_empty_topic_are_positions_at_once(kafka: Kafka, open_source: Open) -> None:
    one = open_source(kafka.create_topic())
    (partition,) = one.start()
    one.until(lambda: one.next.get(partition) == 0)
    assert one.records[partition] == []


def test_a_time_to_start_from(kafka: Kafka, open_source: Open) -> None:
    topic = kafka.create_topic(partitions=2)
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for i in range(10):
        producer.produce(topic, numbered(i, i + 1)[0], partition=0, timestamp=1_700_000_000_000 + i * 1000)
    producer.flush(20)
    one = open_source(topic, start=1_700_000_004_000_000)
    zero, empty = one.start(2)
    one.until(lambda: one.next.get(zero) == 10 and empty in one.next)
    assert one.values(zero) == numbered(4, 10)
    assert one.records[zero][0][2] == 1_700_000_004_000_000
    assert one.next[empty] == 0


def test_two_consumers_share_and_hand_over(kafka: Kafka, open_source: Open) -> None:
    topic = kafka.create_topic(partitions=2)
    for partition in range(2):
        produce(kafka, topic, numbered(0, 10), partition)
    one, two = open_source(topic), open_source(topic)
    both = one.start(2)
    one.until(lambda: one.next == dict.fromkeys(both, 10))

    wait_until(lambda: (one.poll(), two.poll(), len(one.mine) == len(two.mine) == 1)[-1], timeout=30)
    assert one.mine.isdisjoint(two.mine)
    assert two.mine <= set(one.revoked)
    (handed,) = two.mine
    before = len(one.records[handed])
    produce(kafka, topic, numbered(10, 20), handed.number)
    two.source.start([Claim(handed, 2, 10)])
    wait_until(lambda: (one.poll(), two.poll(), two.next.get(handed) == 20)[-1], timeout=20)
    assert two.values(handed) == numbered(10, 20)
    assert len(one.records[handed]) == before

    two.source.close()
    one.assigned(2)
    # what is kept after a rebalance waits for a new claim as well
    one.source.start([Claim(p, 3, 10) for p in both])
    one.until(lambda: one.next[handed] == 20)


def test_a_pause_keeps_the_membership_and_loses_nothing(kafka: Kafka, open_source: Open) -> None:
    topic = kafka.create_topic(partitions=2)
    one = open_source(topic)
    partitions = one.start(2, p0=0, p1=0)
    one.source.pause()
    for partition in range(2):
        produce(kafka, topic, numbered(0, 50), partition)
    for _ in range(70):  # longer than the session would last
        assert not one.poll().chunks
    assert one.mine == set(partitions)
    assert not one.revoked
    one.source.start([Claim(partitions[0], 2, 7)])  # a start while paused delivers nothing either
    for _ in range(5):
        assert not one.poll().chunks
    one.source.resume()
    one.until(lambda: one.next == dict.fromkeys(partitions, 50))
    assert one.values(partitions[0]) == numbered(7, 50)
    assert one.values(partitions[1]) == numbered(0, 50)


def test_a_pause_that_ends_between_two_assignments(kafka: Kafka, open_source: Open) -> None:
    topic = kafka.create_topic(partitions=2)
    one, two = open_source(topic), open_source(topic)
    one.start(2, p0=0, p1=0)
    one.poll()
    one.source.pause()
    wait_until(lambda: (one.poll(), two.poll(), len(one.mine) == len(two.mine) == 1)[-1], timeout=30)
    one.source.resume()
    (kept,) = one.mine
    one.source.start([Claim(kept, 2, 0)])
    produce(kafka, topic, numbered(0, 10), kept.number)
    wait_until(lambda: (one.poll(), two.poll(), one.next.get(kept) == 10)[-1], timeout=20)
    assert one.values(kept) == numbered(0, 10)


def test_deleted_records_are_a_gap(kafka: Kafka, open_source: Open) -> None:
    topic = kafka.create_topic(partitions=2)
    for partition in range(2):
        produce(kafka, topic, numbered(0, 100), partition)
    kafka.delete_records(topic, {0: 40})
    one = open_source(topic)
    zero, other = one.start(2, p0=10, p1=10)
    one.until(lambda: one.next.get(zero) == one.next.get(other) == 100)
    assert [(g.source, g.topic, g.partition, g.first, g.last, g.resume) for g in one.gaps] == [
        ("kafka", topic, 0, 10, 39, 40)
    ]
    assert one.values(zero) == numbered(40, 100)
    assert one.values(other) == numbered(10, 100)


def test_a_topic_made_anew_is_a_gap(kafka: Kafka, open_source: Open) -> None:
    topic = kafka.create_topic()
    produce(kafka, topic, numbered(0, 5))
    one = open_source(topic)
    (partition,) = one.start(p0=80)
    one.until(lambda: one.next.get(partition) == 5)
    assert [(g.first, g.last, g.resume) for g in one.gaps] == [(80, 80, 0)]
    assert one.values(partition) == numbered(0, 5)


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_every_codec_is_read(kafka: Kafka, open_source: Open, codec: str) -> None:
    topic = kafka.create_topic()
    produce(kafka, topic, numbered(0, 200), options={"compression.type": codec, "linger.ms": 50})
    one = open_source(topic)
    (partition,) = one.start(p0=3)  # within the batch
    one.until(lambda: one.next.get(partition) == 200)
    assert one.values(partition) == numbered(3, 200)


def test_aborted_transactions_are_not_read_and_markers_are_passed(kafka: Kafka, open_source: Open) -> None:
    topic = kafka.create_topic()
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": topic})
    producer.init_transactions(20)
    for keep in (True, False, True, False):
        producer.begin_transaction()
        for value in numbered(0, 5):
            producer.produce(topic, value)
        producer.flush(20)
        if keep:
            producer.commit_transaction(20)
        else:
            producer.abort_transaction(20)
    one = open_source(topic)
    (partition,) = one.start(p0=0)
    # 4 × (5 records and a marker); the end is reached although no record stands there
    one.until(lambda: one.next.get(partition) == 24)
    assert [offset for offset, _, _ in one.records[partition]] == [0, 1, 2, 3, 4, 12, 13, 14, 15, 16]
    assert one.source.log_ends()[partition] == 24


def test_offsets_are_committed_with_the_stores_name(kafka: Kafka, open_source: Open) -> None:
    topic = kafka.create_topic()
    produce(kafka, topic, numbered(0, 5))
    one = open_source(topic)
    (partition,) = one.start()
    one.until(lambda: one.next.get(partition) == 5)
    one.source.commit({partition: 5}, STORE_ID)
    group = one.source._client._config.get("group_id") or one.source._client._config["group.id"]  # type: ignore[attr-defined]

    def committed() -> Any:
        one.poll()
        with kafka.admin() as admin:
            return list_offsets(admin, group).get(TopicPartition(topic, 0))

    found = wait_until(committed, timeout=20)
    assert (found.offset, found.metadata.rstrip("\0")) == (5, f"{STORE}{STORE_ID}")
    one.source.start([Claim(partition, 2, 5)])  # the same store may go on
    one.source.close()

    other = open_source(topic, store="22222222-0000-0000-0000-000000000000")
    (partition,) = other.assigned(1)
    with pytest.raises(SourceError, match=f"{STORE_ID}.*group"):
        other.source.start([Claim(partition, 1, None)])


def list_offsets(admin: KafkaAdminClient, group: str) -> dict[TopicPartition, Any]:
    found = admin.list_group_offsets(group)
    return dict(found.get(group, found))


@AWAY
def test_a_broker_that_is_away_comes_back(kafka: Kafka, open_source: Open) -> None:
    topic = kafka.create_topic()
    produce(kafka, topic, numbered(0, 5))
    one = open_source(topic)
    (partition,) = one.start(p0=0)
    one.until(lambda: one.next.get(partition) == 5)
    kafka.kill()
    for _ in range(5):
        with contextlib.suppress(SourceUnavailable):
            assert not one.poll().chunks
    one.source.commit({partition: 5}, STORE_ID)
    kafka.start()
    produce(kafka, topic, numbered(5, 10))

    def all_there() -> bool:
        try:
            one.poll()
        except SourceUnavailable:
            return False
        if partition in one.revoked and one.mine:
            one.revoked.clear()
            one.source.start([Claim(partition, 2, one.next[partition])])
        return one.next[partition] == 10

    wait_until(all_there, timeout=60)
    assert one.values(partition) == numbered(0, 10)


@AWAY
def test_no_broker_is_unavailable(open_source: Open, kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    one = open_source("anything")
    config = one.source._client._config  # type: ignore[attr-defined]
    if "bootstrap_servers" in config:
        config |= {"bootstrap_servers": ["127.0.0.1:1"], "bootstrap_timeout_ms": 500}
        with pytest.raises(SourceUnavailable, match="kafka"):
            one.poll()
    else:
        config |= {"bootstrap.servers": "127.0.0.1:1"}
        assert not one.poll().chunks
        monkeypatch.setattr(confluent, "ANSWER", 0.5)
        with pytest.raises(SourceUnavailable, match="kafka"):
            one.source.partitions()


def test_a_compressed_bomb_is_one_bad_record(kafka: Kafka) -> None:
    topic = kafka.create_topic(configs={"max.message.bytes": "104857600"})
    bomb = bytes(80 << 20)
    assert len(gzip.compress(bomb)) < 1 << 20
    for codec in ("gzip", "zstd", "lz4"):
        produce(kafka, topic, [bomb], options={"compression.type": codec, "message.max.bytes": 104857600})
        produce(kafka, topic, [f"after {codec}".encode()])
    clock = SystemClock()
    client = kafka_python.Client("kafka", kafka.bootstrap, [topic], topic, FAST, clock)
    one = Opened(KafkaSource("kafka", client, "earliest", STORE_ID, clock))
    (partition,) = one.start(p0=0)
    one.until(lambda: one.next.get(partition) == 6)
    one.source.close()
    values = one.values(partition)
    assert values[1::2] == [b"after gzip", b"after zstd", b"after lz4"]
    for value in values[::2]:
        assert value is not None
        assert b"unpacks to more than" in value


def test_options_are_known_in_both_spellings() -> None:
    given: dict[str, Value] = {
        "sasl.username": "u",
        "ssl_cafile": "/ca",
        "max_partition_fetch_bytes": 5,
        "ssl_check_hostname": False,
    }
    python, librdkafka = for_kafka_python(given), for_confluent(given)
    assert python["sasl_plain_username"] == librdkafka["sasl.username"] == "u"
    assert python["ssl_cafile"] == librdkafka["ssl.ca.location"] == "/ca"
    assert python["max_partition_fetch_bytes"] == librdkafka["max.partition.fetch.bytes"] == 5
    assert (python["ssl_check_hostname"], librdkafka["ssl.endpoint.identification.algorithm"]) == (False, "none")
    assert for_confluent({"fetch_max_bytes": 200 << 20})["receive.message.max.bytes"] == (200 << 20) + 512


@pytest.mark.parametrize("name", ["enable.auto.commit", "isolation_level", "group_id", "auto.offset.reset", "nonsense"])
def test_other_options_are_refused(name: str) -> None:
    for translate in (for_kafka_python, for_confluent):
        with pytest.raises(ConfigError, match=name):
            translate({name: "x"})


def test_an_option_of_the_other_client_is_refused() -> None:
    with pytest.raises(ConfigError, match="confluent"):
        for_kafka_python({"queued.min.messages": 1})
    with pytest.raises(ConfigError, match="kafka-python"):
        for_confluent({"bootstrap_timeout_ms": 1})
