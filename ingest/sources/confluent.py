"""confluent-kafka (librdkafka) behind the Kafka source: the same reading, about five times faster.

An assignment is answered with nothing; `place` assigns what is to be read, with absolute offsets. So librdkafka never
seeks, never looks for a position of its own, and drops what it had fetched for an earlier assignment.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import structlog

from drift.core.commit import Partition
from drift.core.errors import ConfigError, SourceError, SourceUnavailable
from drift.core.records import Chunk
from ingest.sources.kafka import ANSWER, Fetched
from ingest.sources.kafka_options import Value, for_confluent

try:
    from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
except ImportError as missing:
    raise ConfigError("`client: confluent` needs the extra: pip install 'driftsum[confluent]'") from missing

log = structlog.get_logger(__name__)

_LOST: Final = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})  # noqa: SLF001
_HOPELESS: Final = frozenset(
    {
        KafkaError._AUTHENTICATION,  # noqa: SLF001
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError._INVALID_ARG,  # noqa: SLF001
        KafkaError._FATAL,  # noqa: SLF001
    }
)


class Client:
    """One consumer of a group. Partitions are read once `place` was called for them.

    Raises:
        ConfigError: an option that is not allowed.
    """

    def __init__(
        self, name: str, bootstrap: str, topics: Sequence[str], group: str, options: Mapping[str, Value]
    ) -> None:
        self._name, self._topics = name, tuple(topics)
        self._config: dict[str, Any] = {
            **for_confluent(options),
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "allow.auto.create.topics": False,
            "partition.assignment.strategy": "range,roundrobin",
            "on_commit": self._on_commit,
            "error_cb": self._on_error,
            # what it would print comes to `error_cb` as well
            "log_level": 2,
        }
        self._events: list[tuple[bool, Sequence[Partition]]] = []
        self._placed: dict[tuple[str, int], int] = {}
        self._ends: dict[tuple[str, int], int] = {}
        self._mine: set[Partition] = set()
        self._open: Any = None
        self._trouble: Any = None

    def poll(self, timeout: float, max_records: int) -> Fetched:
        """Records of placed partitions, and rebalances since the last call."""
        with _translated(self._name):
            got = self._consumer.consume(max_records, timeout)
        errors = [message for message in got if message.error() is not None]
        if errors:
            got = [message for message in got if message.error() is None]
            self._complain(errors)
        # taken only now: what is raised above must not lose a rebalance
        events, self._events = self._events, []
        chunks = self._chunks(got)
        ends, lost = self._errors(errors)
        return Fetched([*chunks, *ends], events, lost)

    def place(self, positions: Mapping[Partition, int], paused: bool) -> None:
        """Read these partitions from there on, and the others from where they are."""
        # what is no longer ours is left out: its revocation is on the way
        self._placed |= {(p.topic, p.number): at for p, at in positions.items() if p in self._mine}
        with _translated(self._name):
            self._consumer.assign([TopicPartition(*key, position) for key, position in self._placed.items()])
            # librdkafka remembers a pause beyond the assignment in which it was asked for
            if paused:
                self.pause()
            else:
                self.resume()

    def pause(self) -> None:
        """Deliver nothing of placed partitions."""
        with _translated(self._name):
            self._consumer.pause([TopicPartition(*key) for key in self._placed])

    def resume(self) -> None:
        """Deliver again."""
        with _translated(self._name):
            self._consumer.resume([TopicPartition(*key) for key in self._placed])

    def bounds(self, partitions: Sequence[Partition], timeout: float = ANSWER) -> Mapping[Partition, tuple[int, int]]:
        """First position and end of each log, as the broker says now."""
        found: dict[Partition, tuple[int, int]] = {}
        with _translated(self._name):
            for partition, tp in zip(partitions, _tps(partitions), strict=True):
                bounds = self._consumer.get_watermark_offsets(tp, timeout=timeout)
                if bounds is None:
                    raise SourceUnavailable(f"Kafka does not say where {partition} begins and ends")
                found[partition] = bounds
        return found

    def at_time(self, partitions: Sequence[Partition], micros: int) -> Mapping[Partition, int]:
        """Position of the first record of that time or later; the end where there is none."""
        asked = [TopicPartition(p.topic, p.number, -(-micros // 1000)) for p in partitions]
        with _translated(self._name):
            found = self._consumer.offsets_for_times(asked, timeout=ANSWER)
        places = {Partition(self._name, tp.topic, tp.partition): tp.offset for tp in found}
        after = self.bounds([p for p, place in places.items() if place < 0])
        return {p: place if place >= 0 else after[p][1] for p, place in places.items()}

    def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, str]:
        """Metadata of the group's committed offsets, where there are any."""
        with _translated(self._name):
            found = self._consumer.committed(_tps(partitions), timeout=ANSWER)
        # librdkafka sends the terminating NUL along
        return {Partition(self._name, tp.topic, tp.partition): tp.metadata.rstrip("\0") for tp in found if tp.metadata}

    def commit(self, positions: Mapping[Partition, int], metadata: str) -> None:
        """Commit in the background."""
        offsets = [TopicPartition(p.topic, p.number, position, metadata) for p, position in positions.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            self._on_commit(error.args[0], offsets)

    def ends(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """Ends of logs as last seen."""
        for partition in partitions:
            key = (partition.topic, partition.number)
            if key in self._placed:
                self._see_end(key)
        return {p: end for p in partitions if (end := self._ends.get((p.topic, p.number))) is not None}

    def listed(self) -> Sequence[Partition]:
        """Every partition of the subscribed topics."""
        with _translated(self._name):
            return [
                Partition(self._name, topic, number)
                for topic in self._topics
                for number in sorted(self._consumer.list_topics(topic, timeout=ANSWER).topics[topic].partitions)
            ]

    def close(self) -> None:
        """Leave the group."""
        if self._open is not None:
            self._open.close()
            self._open = None

    @property
    def _consumer(self) -> Any:
        if self._open is None:
            with _translated(self._name):
                consumer = Consumer(self._config)
                consumer.subscribe(
                    list(self._topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
                )
            self._open = consumer
        return self._open

    def _on_assign(self, consumer: Any, tps: Sequence[Any]) -> None:
        # answered with nothing: what is read, and from where, is up to `place`
        self._placed.clear()
        consumer.assign([])
        gained = [Partition(self._name, tp.topic, tp.partition) for tp in tps]
        self._mine = set(gained)
        self._events.append((True, gained))

    def _on_revoke(self, consumer: Any, tps: Sequence[Any]) -> None:
        self._placed.clear()
        self._ends.clear()
        self._mine.clear()
        consumer.unassign()
        self._events.append((False, [Partition(self._name, tp.topic, tp.partition) for tp in tps]))

    def _chunks(self, messages: list[Any]) -> list[Chunk]:
        if not messages:
            return []
        self._trouble = None
        topics: list[Any] = list(map(Message.topic, messages))
        numbers: list[Any] = list(map(Message.partition, messages))
        if len(set(numbers)) == 1 and len(set(topics)) == 1:
            chunk = self._chunk((topics[0], numbers[0]), messages)
            return [chunk] if chunk is not None else []
        groups: dict[tuple[str, int], list[Any]] = {}
        for key, message in zip(zip(topics, numbers, strict=True), messages, strict=True):
            groups.setdefault(key, []).append(message)
        return [chunk for key, group in groups.items() if (chunk := self._chunk(key, group)) is not None]

    def _chunk(self, key: tuple[str, int], messages: list[Any]) -> Chunk | None:
        if key not in self._placed:
            return None  # fetched for an assignment that is over
        offsets: list[Any] = list(map(Message.offset, messages))
        position = self._placed[key] = offsets[-1] + 1
        self._see_end(key)
        # (type, milliseconds), −1 where there is none
        stamps = [stamp * 1000 if stamp > 0 else -1 for _, stamp in map(Message.timestamp, messages)]
        return Chunk(
            Partition(self._name, *key), offsets, stamps, list(map(Message.value, messages)), position,
            max(self._ends.get(key, 0), position),
        )  # fmt: skip

    def _see_end(self, key: tuple[str, int]) -> None:
        bounds = self._consumer.get_watermark_offsets(TopicPartition(*key), cached=True)
        if bounds is not None and bounds[1] >= 0:
            self._ends[key] = bounds[1]

    def _errors(self, messages: Sequence[Any]) -> tuple[list[Chunk], list[Partition]]:
        """Ends that were reached (an end is an error to librdkafka) and partitions whose position is not in the log."""
        ends: list[Chunk] = []
        lost: list[Partition] = []
        for message in messages:
            error, key = message.error(), (message.topic(), message.partition())
            if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                # the only word on a position behind transactions' markers
                if key in self._placed and message.offset() > self._placed[key]:
                    self._placed[key] = self._ends[key] = message.offset()
                    ends.append(Chunk(Partition(self._name, *key), (), (), (), message.offset(), message.offset()))
            elif error.code() in _LOST:
                lost.append(Partition(self._name, *key))
        return ends, lost

    def _complain(self, messages: Sequence[Any]) -> None:
        """Raise for an error that is neither an end nor a position that is not in the log."""
        for message in messages:
            error = message.error()
            if error.code() != KafkaError._PARTITION_EOF and error.code() not in _LOST:  # noqa: SLF001
                _raise(self._name, error)

    def _on_commit(self, error: Any, offsets: Sequence[Any]) -> None:
        if error is not None:
            log.info("Kafka did not take the informative offsets", source=self._name, error=str(error))

    def _on_error(self, error: Any) -> None:
        # the same trouble comes several times a second
        if error.code() != self._trouble:
            self._trouble = error.code()
            log.warning("trouble with Kafka", source=self._name, error=error.str())


def _tps(partitions: Sequence[Partition]) -> list[Any]:
    return [TopicPartition(p.topic, p.number) for p in partitions]


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """The client's errors as ours."""
    try:
        yield
    except KafkaException as error:
        _raise(name, error.args[0])


def _raise(name: str, error: Any) -> None:
    if error.code() in _HOPELESS:
        raise SourceError(f"Kafka refuses source {name!r}: {error}; check its address, credentials and rights")
    raise SourceUnavailable(f"Kafka does not serve source {name!r} now: {error}")
