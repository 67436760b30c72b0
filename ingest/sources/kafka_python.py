"""kafka-python behind the Kafka source. Its rebalance listeners run on a thread of its own and only enqueue."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from operator import itemgetter
from typing import Any, Final

import kafka.errors as errors
import structlog
from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from drift.core.clock import Clock
from drift.core.commit import Partition
from drift.core.errors import SourceError, SourceUnavailable
from drift.core.records import Chunk
from ingest.sources import decompress
from ingest.sources.kafka import ANSWER, Fetched
from ingest.sources.kafka_options import Value, for_kafka_python

log = structlog.get_logger(__name__)

_LOOKED: Final = 1.0
"""Seconds between two looks for positions that moved without a record."""
_ANSWER: Final = round(ANSWER * 1000)
_HOPELESS: Final = (
    errors.AuthorizationError,
    errors.SaslAuthenticationFailedError,
    errors.UnsupportedSaslMechanismError,
    errors.KafkaConfigurationError,
    errors.UnsupportedVersionError,
    errors.UnsupportedCodecError,
    errors.InvalidTopicError,
)
_GONE: Final = (errors.IllegalStateError, ValueError, KeyError)
"""What the consumer raises for a partition that its own thread has given up a moment ago."""
# the places of what is needed in kafka-python's ConsumerRecord
_offset, _timestamp, _value = itemgetter(3), itemgetter(4), itemgetter(7)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Runs on the client's thread."""

    def __init__(self, events: "deque[tuple[bool, Collection[TopicPartition]]]") -> None:
        self._events = events

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        self._events.append((False, list(revoked)))

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._events.append((True, list(assigned)))


class Client:
    """One consumer of a group. Partitions are read once `place` was called for them.

    Raises:
        ConfigError: an option that is not allowed.
    """

    def __init__(
        self, name: str, bootstrap: str, topics: Sequence[str], group: str, options: Mapping[str, Value], clock: Clock
    ) -> None:
        self._name, self._topics, self._clock = name, tuple(topics), clock
        self._config: dict[str, Any] = {
            **for_kafka_python(options),
            "bootstrap_servers": bootstrap.split(","),
            "group_id": group,
            "isolation_level": "read_committed",
            "auto_offset_reset": "none",
            "enable_auto_commit": False,
            "allow_auto_create_topics": False,
            "metrics_enabled": False,
            "default_offset_commit_callback": self._on_commit,
        }
        self._events: deque[tuple[bool, Collection[TopicPartition]]] = deque()
        self._placed: dict[TopicPartition, int] = {}
        self._looked_at = 0.0
        self._open: Any = None
        decompress.install()

    def poll(self, timeout: float, max_records: int) -> Fetched:
        """Records of placed partitions, and rebalances since the last call."""
        out_of_range: list[TopicPartition] = []
        got: Mapping[TopicPartition, list[Any]] = {}
        with _translated(self._name):
            try:
                got = self._consumer.poll(timeout_ms=round(timeout * 1000), max_records=max_records)
            except errors.NoOffsetForPartitionError:
                pass  # just assigned, and never committed: it gets its position from `place`
            except (errors.OffsetOutOfRangeError, errors.LogTruncationError) as error:
                out_of_range = list(error.args[0])
        rebalances = self._rebalances()
        chunks = [self._chunk(tp, records) for tp, records in got.items() if tp in self._placed]
        try:
            chunks += self._moved(bool(got))
        except (errors.OffsetOutOfRangeError, errors.LogTruncationError) as error:
            out_of_range += error.args[0]
        except errors.KafkaError as error:
            # what was fetched above must not be lost
            log.info("Kafka does not say where a position has moved", source=self._name, error=str(error))
        missing = [self._partition(tp) for tp in out_of_range if tp in self._placed]
        return Fetched(chunks, rebalances, missing)

    def place(self, positions: Mapping[Partition, int], paused: bool) -> None:
        """Read these partitions from there on."""
        mine = self._consumer.assignment()
        for partition, position in positions.items():
            tp = TopicPartition(partition.topic, partition.number)
            if tp not in mine:
                continue  # its revocation is on the way
            with suppress(*_GONE):
                self._consumer.seek(tp, position)
                self._placed[tp] = position
                if not paused:
                    self._consumer.resume(tp)

    def pause(self) -> None:
        """Deliver nothing of placed partitions."""
        self._consumer.pause(*(self._consumer.assignment() & self._placed.keys()))

    def resume(self) -> None:
        """Deliver again."""
        self._consumer.resume(*(self._consumer.assignment() & self._placed.keys()))

    def bounds(self, partitions: Sequence[Partition], timeout: float = ANSWER) -> Mapping[Partition, tuple[int, int]]:
        """First position and end of each log, as the broker says now."""
        tps = _tps(partitions)
        with _translated(self._name):
            low = self._consumer.beginning_offsets(tps, timeout_ms=round(timeout * 1000))
            high = self._consumer.end_offsets(tps, timeout_ms=round(timeout * 1000))
        return {p: (low[tp], high[tp]) for p, tp in zip(partitions, tps, strict=True)}

    def at_time(self, partitions: Sequence[Partition], micros: int) -> Mapping[Partition, int]:
        """Position of the first record of that time or later; the end where there is none."""
        tps = _tps(partitions)
        with _translated(self._name):
            # rounded up: a record of the same millisecond may be older
            found = self._consumer.offsets_for_times(dict.fromkeys(tps, -(-micros // 1000)), timeout_ms=_ANSWER)
            ends = self._consumer.end_offsets(tps, timeout_ms=_ANSWER)
        return {p: found[tp].offset if found.get(tp) else ends[tp] for p, tp in zip(partitions, tps, strict=True)}

    def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, str]:
        """Metadata of the group's committed offsets, where there are any."""
        found: dict[Partition, str] = {}
        with _translated(self._name):
            for partition, tp in zip(partitions, _tps(partitions), strict=True):
                committed = self._consumer.committed(tp, metadata=True, timeout_ms=_ANSWER)
                if committed is not None and committed.metadata:
                    # librdkafka sends the terminating NUL along
                    found[partition] = committed.metadata.rstrip("\0")
        return found

    def commit(self, positions: Mapping[Partition, int], metadata: str) -> None:
        """Commit in the background."""
        offsets = {
            TopicPartition(p.topic, p.number): OffsetAndMetadata(position, metadata, -1)
            for p, position in positions.items()
        }
        try:
            self._consumer.commit_async(offsets)
        except errors.KafkaError as error:
            self._on_commit(offsets, error)

    def ends(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """Ends of logs as last seen."""
        if self._open is None:
            return {}
        mine = self._open.assignment()
        known = {p: self._open.highwater(tp) for p, tp in zip(partitions, _tps(partitions), strict=True) if tp in mine}
        return {p: end for p, end in known.items() if end is not None}

    def listed(self) -> Sequence[Partition]:
        """Every partition of the subscribed topics."""
        with _translated(self._name):
            return [
                Partition(self._name, topic, number)
                for topic in self._topics
                for number in sorted(self._consumer.partitions_for_topic(topic) or ())
            ]

    def close(self) -> None:
        """Leave the group."""
        if self._open is not None:
            self._open.close(autocommit=False, timeout_ms=5_000)
            self._open = None

    @property
    def _consumer(self) -> Any:
        if self._open is None:
            with _translated(self._name):
                self._open = self._joined(KafkaConsumer(**self._config))
        return self._open

    def _joined(self, consumer: Any) -> Any:
        try:
            consumer.subscribe(list(self._topics), listener=_Listener(self._events))
            # a member that leads its group before it knows the partitions assigns none
            unknown = [topic for topic in self._topics if not consumer.partitions_for_topic(topic)]
            if unknown:
                log.warning("topics do not exist, or may not be read", source=self._name, topics=unknown)
        except BaseException:
            consumer.close(autocommit=False, timeout_ms=0)
            raise
        return consumer

    def _rebalances(self) -> list[tuple[bool, Sequence[Partition]]]:
        """What the listener enqueued. New partitions wait, paused, until they are placed."""
        seen: list[tuple[bool, Sequence[Partition]]] = []
        while self._events:
            gained, tps = self._events.popleft()
            for tp in tps:
                self._placed.pop(tp, None)
            if gained:
                for tp in self._consumer.assignment() & set(tps):
                    # gone again meanwhile, by the client's thread: then its revocation is on the way
                    with suppress(*_GONE):
                        self._consumer.pause(tp)
                        # with any position the client does not look for one of its own
                        self._consumer.seek(tp, 0)
            seen.append((gained, [self._partition(tp) for tp in tps]))
        return seen

    def _chunk(self, tp: TopicPartition, records: list[Any]) -> Chunk:
        offsets = list(map(_offset, records))
        position = offsets[-1] + 1
        self._placed[tp] = position
        return Chunk(
            self._partition(tp),
            offsets,
            [stamp * 1000 if stamp > 0 else stamp for stamp in map(_timestamp, records)],
            list(map(_value, records)),
            position,
            max(self._end(tp), position),
        )

    def _moved(self, busy: bool) -> list[Chunk]:
        """Positions that moved past transactions' markers and aborted records, where no record says so."""
        now = self._clock.monotonic()
        if busy and now - self._looked_at < _LOOKED:
            return []
        self._looked_at = now
        chunks = []
        for tp, known in list(self._placed.items()):
            end = self._end(tp)
            if known >= end:
                continue
            position = None
            with suppress(*_GONE):
                position = self._consumer.position(tp, timeout_ms=0)
            if position is not None and position > known:
                self._placed[tp] = position
                chunks.append(Chunk(self._partition(tp), (), (), (), position, max(end, position)))
        return chunks

    def _end(self, tp: TopicPartition) -> int:
        return (self._consumer.highwater(tp) or 0) if tp in self._consumer.assignment() else 0

    def _partition(self, tp: TopicPartition) -> Partition:
        return Partition(self._name, tp.topic, tp.partition)

    def _on_commit(self, offsets: object, response: object) -> None:
        if isinstance(response, Exception):
            log.info("Kafka did not take the informative offsets", source=self._name, error=str(response))


def _tps(partitions: Sequence[Partition]) -> list[TopicPartition]:
    return [TopicPartition(p.topic, p.number) for p in partitions]


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """The client's errors as ours."""
    try:
        yield
    except _HOPELESS as error:
        raise SourceError(f"Kafka refuses source {name!r}: {error}; check credentials and rights") from error
    except errors.KafkaError as error:
        raise SourceUnavailable(f"Kafka does not serve source {name!r} now: {error!r}") from error
