"""The flights as a live stream: what the compose stack watches.

    python -m drift.demo.live prepare DIRECTORY --bootstrap kafka:9092
    python -m drift.demo.live produce DIRECTORY --bootstrap kafka:9092

`prepare` writes the reference and the events, every time moved by the same whole weeks so that it is a week in November
now, and makes the topic. `produce` sends what lies behind at once and each later flight when it is due. Both may be
started again and again: record i belongs to partition i mod n, whose end says how far it has come.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError, TopicAlreadyExistsError
from kafka.structs import TopicPartition

from drift.core.clock import DAY, SECOND, Clock, SystemClock, from_datetime
from drift.core.errors import DriftError, InputError, SourceUnavailable
from drift.demo import flights
from drift.demo.stream import BROKEN, events, write_reference

TOPIC: Final = "flights"
PARTITIONS: Final = 4
EVENTS: Final = "events.jsonl"
REFERENCE: Final = "reference.parquet"
LIVE_FROM: Final = from_datetime(datetime(2013, 11, 11, tzinfo=UTC))
"""A Monday. Now falls into the week that begins there: seven months lie behind, six weeks are still to come."""
_WEEK: Final = 7 * DAY
_NAP: Final = 1.0
_ANSWER_MS: Final = 30_000


class _Timed(msgspec.Struct):
    time: datetime


def moved(now: int) -> int:
    """Microseconds, whole weeks, by which the flights are moved: weekdays and hours stay what they were."""
    return (now - LIVE_FROM) // _WEEK * _WEEK


def prepare(directory: Path, clock: Clock) -> None:
    """Write the reference and the events, unless they are there.

    Raises:
        InputError: the demo's data is not installed.
    """
    if (directory / EVENTS).exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    frame = flights.load()
    frame["score"] = flights.scores(frame)
    frame["time"] += np.timedelta64(moved(clock.now()), "us")
    write_reference(frame, directory / REFERENCE)
    unfinished = directory / f"{EVENTS}.part"
    unfinished.write_bytes(b"".join(line + b"\n" for line in events(frame, labels=False)))
    unfinished.rename(directory / EVENTS)


def make_topic(bootstrap: str, topic: str = TOPIC) -> None:
    """Make the topic, unless it is there.

    Raises:
        KafkaError: no broker answers.
    """
    admin = KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=_ANSWER_MS)
    try:
        admin.create_topics({topic: {"num_partitions": PARTITIONS, "replication_factor": 1}})
    except TopicAlreadyExistsError:
        return
    finally:
        admin.close()


def due(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """(moment, line): a line is due at its event time, a broken one with the line before it."""
    decode, at = msgspec.json.Decoder(_Timed).decode, 0
    for line in lines:
        record = line.rstrip(b"\n")
        if record not in BROKEN:
            at = from_datetime(decode(record).time)
        yield at, record


def produce(directory: Path, bootstrap: str, clock: Clock, topic: str = TOPIC) -> int:
    """Send what was not sent yet, each record when it is due; ends after the last. Returns how many were sent.

    Raises:
        InputError: `prepare` has not written the events.
        SourceUnavailable: a record was not taken; started again, it goes on with that one.
        KafkaError: no broker answers.
    """
    path = directory / EVENTS
    if not path.exists():
        raise InputError(f"{path}: there is no such file; `python -m drift.demo.live prepare` writes it")
    producer = KafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=50, compression_type="lz4",
        bootstrap_timeout_ms=_ANSWER_MS,
    )  # fmt: skip
    try:
        with path.open("rb") as lines:
            return _send(producer, due(lines), _taken(bootstrap, producer, topic), clock, topic)
    finally:
        producer.close()


def _send(
    producer: KafkaProducer, records: Iterable[tuple[int, bytes]], taken: Mapping[int, int], clock: Clock, topic: str
) -> int:
    failures: list[BaseException] = []
    sent = 0
    for number, (moment, record) in enumerate(records):
        index, partition = divmod(number, len(taken))
        if index < taken[partition]:
            continue
        while moment > clock.now() and not failures:
            clock.sleep(min(_NAP, (moment - clock.now()) / SECOND))
        if failures:
            break
        producer.send(topic, record, partition=partition).add_errback(failures.append)
        sent += 1
    producer.flush()
    if failures:
        raise SourceUnavailable(f"Kafka did not take a record ({failures[0]}); start it again and it goes on there")
    return sent


def _taken(bootstrap: str, producer: KafkaProducer, topic: str) -> Mapping[int, int]:
    """Partition → records that were ever sent to it."""
    from kafka import KafkaConsumer

    numbers = sorted(producer.partitions_for(topic) or ())
    if not numbers:
        raise InputError(f"there is no topic {topic!r}; `python -m drift.demo.live prepare` makes it")
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, bootstrap_timeout_ms=_ANSWER_MS)
    try:
        ends = consumer.end_offsets([TopicPartition(topic, number) for number in numbers])
    finally:
        consumer.close()
    return {place.partition: end for place, end in ends.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """The two commands; returns the exit code."""
    parser = argparse.ArgumentParser("python -m drift.demo.live", description="The demo's flights as a live stream.")
    parser.add_argument("command", choices=("prepare", "produce"))
    parser.add_argument("directory", type=Path, help="where the reference and the events are")
    parser.add_argument("--bootstrap", required=True, help="Kafka, as host:port")
    given = parser.parse_args(arguments)
    clock = SystemClock()
    try:
        if given.command == "prepare":
            prepare(given.directory, clock)
            make_topic(given.bootstrap)
        else:
            produce(given.directory, given.bootstrap, clock)
    except (DriftError, KafkaError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
