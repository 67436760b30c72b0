"""What a worker needs of a source, a format, a store and the metrics."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from drift.core.catalogue import Catalogue
from drift.core.commit import Claim, DeadLetter, Gap, IngestCommit, Partition
from drift.core.records import Decoded, Poll
from drift.core.schema import Schema


class Source(Protocol):
    """A stream of records. All methods are called on the worker's thread."""

    @property
    def name(self) -> str:
        """The first part of its partitions' identity: `kafka`, `file`, `http`."""

    @property
    def flush_interval(self) -> float:
        """Seconds after which read records shall be committed: 5 for a log, 0.1 where somebody waits for the answer."""

    def poll(self, timeout: float, max_records: int) -> Poll:
        """Records of started partitions, and what was assigned, revoked or found missing since the last call."""

    def start(self, claims: Sequence[Claim]) -> None:
        """Deliver these partitions from `claim.next` on (None: from where the configuration says)."""

    def commit(self, positions: Mapping[Partition, int], metadata: str) -> None:
        """Everything before these positions is safe in SQL. Informative."""

    def refuse(self, letters: Sequence[DeadLetter]) -> None:
        """These events of records read from here cannot be counted; they are about to be committed as dead letters."""

    def answers(self, positions: Mapping[Partition, int]) -> Mapping[str, bytes]:
        """Idempotency key → answer, of requests that end before these positions; a log has none."""

    def repeated(self, answers: Mapping[str, bytes]) -> None:
        """Requests with these keys were counted elsewhere: drop them; a `start` follows."""

    def pause(self) -> None:
        """Stay alive but deliver nothing, newly assigned partitions included."""

    def resume(self) -> None:
        """Deliver again."""

    def log_ends(self) -> Mapping[Partition, int]:
        """The end of each assigned partition; surely not before our position if the log goes on behind it.

        Raises:
            SourceUnavailable: that cannot be told now.
        """

    def partitions(self) -> Sequence[Partition]:
        """Every partition of the subscribed topics, whoever reads it."""

    def close(self) -> None:
        """Leave."""


class Decoder(Protocol):
    """A payload format, compiled for the models known now."""

    def decode(self, values: Sequence[bytes | None], timestamps: Sequence[int]) -> Decoded:
        """Columns by model, and rejects. What becomes of a record does not depend on its neighbours."""


DecoderFactory = Callable[[Mapping[str, Sequence[Schema]]], Decoder]
"""Makes a decoder for models by name, each with the schemas of its references, oldest first."""


class Sink(Protocol):
    """The part of the store that a worker writes to."""

    @property
    def uuid(self) -> str:
        """Identity of the store."""

    def catalogue(self) -> Catalogue:
        """Models and references as they are now."""

    def catalogue_version(self) -> int:
        """Grows with every change of models or references."""

    def acquire(self, partition: Partition, owner: str) -> Claim:
        """Become the partition's owner; fences every earlier one."""

    def release(self, claim: Claim) -> None:
        """Stop being the owner, if still so."""

    def register_partitions(self, source: str, topic: str, numbers: Sequence[int]) -> None:
        """Give each partition a row, so that one that nobody reads is noticed."""

    def watermarks(self, partition: Partition) -> dict[int, int]:
        """Model id → largest event time committed."""

    def gaps(self) -> Sequence[Gap]:
        """Records that were lost before they were read, newest first."""

    def heartbeat(self, log_ends: Mapping[Claim, int]) -> set[Claim]:
        """Say that the owner lives and where the partitions end; returns the claims that were lost."""

    def commit(self, batch: IngestCommit) -> None:
        """All of it, or nothing.

        Raises:
            Fenced, CatalogueChanged, Conflict, StoreUnavailable: nothing was written.
        """

    def idempotent(self, key: str) -> bytes | None:
        """The answer stored under an idempotency key."""


class Metrics(Protocol):
    """What a worker counts about itself."""

    def records(self, source: str, topic: str, n: int) -> None:
        """Records committed."""

    def rows(self, model: str, n: int) -> None:
        """Events counted and committed."""

    def dead_letter(self, reason: str, n: int) -> None:
        """Events refused and committed as dead letters."""

    def late(self, model: str, n: int) -> None:
        """Rows that came after their pane's end and the lateness."""

    def labels(self, model: str, n: int) -> None:
        """Labels that came by themselves and were kept to meet their predictions."""

    def lag(self, partition: Partition, records: int) -> None:
        """Records between the position and the end."""

    def watermark(self, partition: Partition, model: str, micros: int) -> None:
        """Largest event time committed."""

    def forget(self, partition: Partition) -> None:
        """The partition went to another worker."""

    def commit(self, seconds: float) -> None:
        """Duration of one commit."""

    def fenced(self) -> None:
        """A commit was refused because somebody else owns the partition."""

    def gap(self, records: int) -> None:
        """Records that were deleted before they were read."""
