"""The flights as a live stream, on a real Kafka: each record once, in its place, when due, however often started."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from kafka import KafkaConsumer, TopicPartition

from drift.core.clock import DAY, MINUTE, ManualClock, from_datetime
from drift.core.errors import InputError
from drift.demo import live
from drift.demo.stream import BROKEN
from tests.rig.kafka import Kafka
from tests.rig.proc import wait_until

START = live.LIVE_FROM


def line(number: int) -> bytes:
    at = datetime.fromtimestamp((START + number * MINUTE) / 1e6, UTC)
    return msgspec.json.encode({"id": f"f{number}", "time": at})


def write(folder: Path, lines: Sequence[bytes]) -> None:
    (folder / live.EVENTS).write_bytes(b"".join(one + b"\n" for one in lines))


def read(kafka: Kafka, topic: str) -> list[list[bytes]]:
    consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest")
    try:
        places = [TopicPartition(topic, number) for number in range(live.PARTITIONS)]
        consumer.assign(places)
        found: list[list[bytes]] = [[] for _ in places]
        ends = consumer.end_offsets(places)
        while sum(map(len, found)) < sum(ends.values()):
            for place, records in consumer.poll(timeout_ms=500).items():
                found[place.partition] += [record.value for record in records]
        return found
    finally:
        consumer.close()


@pytest.mark.parametrize("days", [0, 3, 100, 4_700])
def test_weekdays_stay_and_now_is_in_the_week_that_is_live(days: int) -> None:
    now = START + days * DAY + 5 * MINUTE
    by = live.moved(now)
    assert by % (7 * DAY) == 0
    assert 0 <= now - by - START < 7 * DAY


def test_a_broken_line_is_due_with_the_one_before_it() -> None:
    found = list(live.due([line(3) + b"\n", BROKEN[0] + b"\n", line(5) + b"\n"]))
    assert found == [(START + 3 * MINUTE, line(3)), (START + 3 * MINUTE, BROKEN[0]), (START + 5 * MINUTE, line(5))]


def test_without_events_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="prepare"):
        live.produce(tmp_path, "127.0.0.1:1", ManualClock(START))


def test_each_record_goes_to_its_place_once_when_it_is_due(tmp_path: Path, kafka: Kafka) -> None:
    topic = kafka.create_topic(partitions=live.PARTITIONS)
    live.make_topic(kafka.bootstrap, topic)  # again: nothing happens
    lines = [line(number) for number in range(10)]
    expected = [lines[partition :: live.PARTITIONS] for partition in range(live.PARTITIONS)]
    write(tmp_path, lines[:7])
    clock = ManualClock(START + 3 * MINUTE)
    assert live.produce(tmp_path, kafka.bootstrap, clock, topic) == 7
    assert clock.now() >= START + 6 * MINUTE  # it waited for the last one
    write(tmp_path, lines)
    assert live.produce(tmp_path, kafka.bootstrap, clock, topic) == 3
    assert live.produce(tmp_path, kafka.bootstrap, clock, topic) == 0
    assert read(kafka, topic) == expected


def test_what_lies_behind_is_sent_before_it_waits(tmp_path: Path, kafka: Kafka) -> None:
    topic = kafka.create_topic(partitions=live.PARTITIONS)
    write(tmp_path, [line(0), line(1), line(60)])

    class Stop(Exception):  # noqa: N818
        pass

    class Waiting(ManualClock):
        def sleep(self, seconds: float) -> None:
            wait_until(lambda: sum(map(len, read(kafka, topic))) == 2, 15, what="what lies behind is sent")
            raise Stop

    with pytest.raises(Stop):
        live.produce(tmp_path, kafka.bootstrap, Waiting(START + 2 * MINUTE), topic)
    assert sorted(value for values in read(kafka, topic) for value in values) == sorted([line(0), line(1)])


def test_the_live_week_begins_on_a_monday() -> None:
    assert datetime.fromtimestamp(START / 1e6, UTC).weekday() == 0
    assert from_datetime(datetime(2013, 11, 11, tzinfo=UTC)) == START
