"""Kafka: which positions are read and why, whichever client does the reading.

The truth about positions is in SQL. Kafka's group decides only who reads what; its committed offsets are informative
and carry the store's identity, so that two stores never share a group.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from drift.core.clock import Clock
from drift.core.commit import Claim, DeadLetter, Partition
from drift.core.errors import OffsetGap, SourceError, SourceUnavailable
from drift.core.records import Chunk, Poll

log = structlog.get_logger(__name__)

STORE: Final = "driftsum store "
"""Stands before the store's UUID in the metadata of the group's committed offsets."""
ANSWER: Final = 20.0
"""Seconds to wait for an answer of the broker …"""
GLANCE: Final = 2.0
"""… and where nothing depends on it but a heartbeat."""
LISTED_FOR: Final = 30.0
"""Seconds for which the list of a topic's partitions is believed."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one poll of a client brought."""

    chunks: Sequence[Chunk] = ()
    """Without records where only the position moved, past a transaction's marker."""
    rebalances: Sequence[tuple[bool, Sequence[Partition]]] = ()
    """In order: assigned (True) or revoked."""
    out_of_range: Sequence[Partition] = ()
    """Their position is not in the log; nothing comes from them until they are placed again."""


class Client(Protocol):
    """What the source needs of a Kafka client. It connects on first use and reads nothing before `place`.

    Every method may raise `SourceUnavailable` (try again) or `SourceError` (will not get better by itself).
    """

    def poll(self, timeout: float, max_records: int) -> Fetched:
        """Records of placed partitions, not paused; rebalances since the last call."""

    def place(self, positions: Mapping[Partition, int], paused: bool) -> None:
        """Read these partitions from there on. One that is no longer ours is left out."""

    def pause(self) -> None:
        """Deliver nothing of placed partitions."""

    def resume(self) -> None:
        """Deliver again."""

    def bounds(self, partitions: Sequence[Partition], timeout: float = ANSWER) -> Mapping[Partition, tuple[int, int]]:
        """First position and end of each log, as the broker says now."""

    def at_time(self, partitions: Sequence[Partition], micros: int) -> Mapping[Partition, int]:
        """Position of the first record of that time or later; the end where there is none."""

    def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, str]:
        """Metadata of the group's committed offsets, where there are any."""

    def commit(self, positions: Mapping[Partition, int], metadata: str) -> None:
        """Commit in the background; failures are logged."""

    def ends(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """Ends of logs as last seen, without asking the broker."""

    def listed(self) -> Sequence[Partition]:
        """Every partition of the subscribed topics."""

    def close(self) -> None:
        """Leave the group."""


class KafkaSource:
    """Topics of one cluster, read in a group.

    Args:
        name: first part of its partitions' identity.
        client: `kafka_python.Client` or `confluent.Client`.
        start: where to begin where nothing was committed: `latest`, `earliest`, or a time in microseconds.
        store: UUID of the SQL store; a group that committed for another one is refused.
        clock: for the age of the partition list.
    """

    flush_interval = 5.0

    def __init__(self, name: str, client: Client, start: str | int, store: str, clock: Clock) -> None:
        self.name = name
        self._client, self._start, self._store, self._clock = client, start, store, clock
        self._next: dict[Partition, int] = {}
        self._waiting: list[Chunk] = []
        self._missing: dict[Partition, None] = {}
        """Started partitions whose position is not in the log."""
        self._astray = False
        """Whether the client may have dropped what it had fetched."""
        self._paused = False
        self._listed: tuple[float, Sequence[Partition]] = (-LISTED_FOR, ())

    def poll(self, timeout: float, max_records: int) -> Poll:
        """Records of started partitions, and what was assigned, revoked or found missing since the last call.

        Raises:
            SourceUnavailable: the broker is away.
            SourceError: it refuses us.
        """
        fetched = self._fetch(0.0 if self._waiting and not self._paused else timeout, max_records)
        assigned, revoked = self._rebalanced(fetched.rebalances)
        self._missing |= dict.fromkeys(p for p in fetched.out_of_range if p in self._next)
        found = [chunk for chunk in fetched.chunks if self._fresh(chunk)]
        for chunk in found:
            self._next[chunk.partition] = chunk.next
        if self._paused:
            # gaps wait as well: they stand behind the records that wait
            self._waiting += found
            return Poll((), assigned, revoked)
        chunks, self._waiting = self._waiting + found, []
        return Poll(chunks, assigned, revoked, self._gaps({chunk.partition for chunk in chunks}))

    def _fetch(self, timeout: float, max_records: int) -> Fetched:
        if self._astray:
            self._client.place(self._next, self._paused)
            self._astray = False
        try:
            return self._client.poll(timeout, max_records)
        except SourceUnavailable:
            # nobody knows what it had fetched already: read again from where we are
            self._astray = True
            raise

    def start(self, claims: Sequence[Claim]) -> None:
        """Deliver these partitions from `claim.next` on (None: from where the configuration says).

        Raises:
            SourceUnavailable: the broker is away.
            SourceError: the group belongs to another store.
        """
        partitions = [claim.partition for claim in claims]
        self._check_store(partitions)
        places = {claim.partition: claim.next for claim in claims if claim.next is not None}
        fresh = self._begin([claim.partition for claim in claims if claim.next is None])
        self._waiting = [chunk for chunk in self._waiting if chunk.partition not in partitions]
        # said at once, so that the position is committed before the first record and a crash skips none
        self._waiting += [Chunk(p, (), (), (), place, end) for p, (place, end) in fresh.items()]
        places |= {p: place for p, (place, _) in fresh.items()}
        self._next |= places
        for partition in partitions:
            self._missing.pop(partition, None)
        self._client.place(places, self._paused)

    def commit(self, positions: Mapping[Partition, int], metadata: str) -> None:
        """Tell Kafka's tools how far we are; the truth is in SQL."""
        self._client.commit(positions, f"{STORE}{metadata}")

    def refuse(self, letters: Sequence[DeadLetter]) -> None:
        """Nobody waits for an answer here."""

    def answers(self, positions: Mapping[Partition, int]) -> Mapping[str, bytes]:
        """A log has no idempotency keys."""
        return {}

    def repeated(self, answers: Mapping[str, bytes]) -> None:
        """A log has no idempotency keys."""

    def pause(self) -> None:
        """Stay in the group but deliver nothing, newly assigned partitions included."""
        self._paused = True
        self._client.pause()

    def resume(self) -> None:
        """Deliver again."""
        self._paused = False
        self._client.resume()

    def log_ends(self) -> Mapping[Partition, int]:
        """The end of each started partition.

        The end as last seen tells that we are behind; that we are not, only the broker can tell: it may have been out
        of reach for a while, and a partition that is 'caught up' lets windows close.

        Raises:
            SourceUnavailable: the broker is away.
        """
        ends = dict(self._client.ends(list(self._next)))
        at_end = [p for p, position in self._next.items() if ends.get(p, 0) <= position]
        now = self._client.bounds(at_end, GLANCE) if at_end else {}
        return ends | {partition: end for partition, (_, end) in now.items()}

    def partitions(self) -> Sequence[Partition]:
        """Every partition of the subscribed topics, whoever reads it."""
        at, listed = self._listed
        now = self._clock.monotonic()
        if now - at >= LISTED_FOR:
            listed = self._client.listed()
            self._listed = (now, listed)
        return listed

    def close(self) -> None:
        """Leave the group."""
        self._client.close()

    def _rebalanced(
        self, rebalances: Sequence[tuple[bool, Sequence[Partition]]]
    ) -> tuple[list[Partition], list[Partition]]:
        assigned: dict[Partition, None] = {}
        revoked: dict[Partition, None] = {}
        for gained, partitions in rebalances:
            for partition in partitions:
                if gained:
                    assigned[partition] = None
                else:
                    assigned.pop(partition, None)
                    revoked[partition] = None
                # what was read for an earlier owner's sake is read again from the SQL position
                self._next.pop(partition, None)
                self._missing.pop(partition, None)
        self._waiting = [chunk for chunk in self._waiting if chunk.partition in self._next]
        return list(assigned), list(revoked)

    def _fresh(self, chunk: Chunk) -> bool:
        """Whether a chunk is of a started partition and goes on where the last one ended."""
        expected = self._next.get(chunk.partition)
        if expected is None:
            return False
        first = chunk.offsets[0] if chunk.offsets else chunk.next
        return first >= expected and (bool(chunk.offsets) or chunk.next > expected)

    def _gaps(self, busy: Set[Partition]) -> list[OffsetGap]:
        """Gaps of partitions without records in this poll, for gaps are told before records."""
        gaps: list[OffsetGap] = []
        for partition in [p for p in self._missing if p not in busy]:
            try:
                gap = self._gap(partition)
            except SourceUnavailable as error:
                log.warning("broker away; the gap is looked at later", partition=str(partition), error=str(error))
                break
            del self._missing[partition]
            gaps += [gap] if gap is not None else []
        return gaps

    def _gap(self, partition: Partition) -> OffsetGap | None:
        """Go on from what is still there; what is not is reported, never jumped over."""
        position = self._next[partition]
        low, high = self._client.bounds([partition])[partition]
        if low <= position <= high:
            self._client.place({partition: position}, self._paused)
            return None
        # beyond the end: the topic was made anew, or the log truncated; how much was lost cannot be known
        last = low - 1 if position < low else position
        self._next[partition] = low
        self._client.place({partition: low}, self._paused)
        return OffsetGap(partition.source, partition.topic, partition.number, position, last, low)

    def _begin(self, partitions: Sequence[Partition]) -> dict[Partition, tuple[int, int]]:
        """Absolute position and end for partitions that were never read."""
        if not partitions:
            return {}
        bounds = self._client.bounds(partitions)
        if isinstance(self._start, int):
            found = self._client.at_time(partitions, self._start)
            return {p: (found[p], max(found[p], bounds[p][1])) for p in partitions}
        at_end = self._start == "latest"
        return {p: (high if at_end else low, high) for p, (low, high) in bounds.items()}

    def _check_store(self, partitions: Sequence[Partition]) -> None:
        for partition, metadata in self._client.committed(partitions).items():
            if metadata.startswith(STORE) and metadata != f"{STORE}{self._store}":
                raise SourceError(
                    f"the group that reads {partition} belongs to the store {metadata.removeprefix(STORE)} and "
                    f"this is {self._store}; two stores would each count half of the records: set another `group`"
                )
