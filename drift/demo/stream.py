"""The flights as a reference file and as a stream of events, and the embedded source that hands the stream out."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from drift.core.commit import Claim, DeadLetter, Partition
from drift.core.records import Chunk, Poll
from drift.demo.flights import CATEGORIES, FEATURES, NUMBERS, THRESHOLD, trained

if TYPE_CHECKING:
    import pandas as pd

MODEL: Final = "flights"
VERSION: Final = "2013Q1"

BROKEN: Final = (
    b'{"model": "flights", "version": "2013Q1", "id": "cut-off", "time": "2013-05-',
    b'{"model": "flights", "version": "2013Q1", "id": "no-time", "features": {"hour": 9}, "prediction": false}',
    b'{"model": "flights", "id": "no-zone", "time": "2013-07-01T09:00:00", "features": {}, "prediction": false}',
    b'{"model": "trains", "id": "other-model", "time": "2013-09-01T09:00:00Z", "features": {}, "prediction": true}',
    b'{"model": "flights", "id": "wrong-century", "time": "2113-11-01T09:00:00Z", "features": {}, "prediction": true}',
)
"""Spread over the stream, as in any real log: each is refused and shows up among the dead letters with its reason."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """One line of the prediction log, in Driftsum's own event format. This log was joined with what came true, as far
    as it is known; elsewhere labels come by themselves, hours or weeks later."""

    model: str
    version: str
    id: str
    time: str
    features: dict[str, Any]
    prediction: bool
    score: float
    label: bool | None = None


def write_reference(frame: "pd.DataFrame", path: Path) -> int:
    """Write the first quarter as the table that a data scientist would have kept; returns its rows."""
    quarter = frame[trained(frame)]
    table = quarter[["id", "time", *FEATURES]].assign(
        prediction=quarter["score"] >= THRESHOLD, score=quarter["score"], label=quarter["label"]
    )
    table.to_parquet(path, index=False)
    return len(table)


def events(frame: "pd.DataFrame", *, labels: bool = True) -> list[bytes]:
    """The rest of the year as JSON, in order of scheduled departure, with the broken ones in between."""
    stream = frame[~trained(frame)]
    encode = msgspec.json.Encoder().encode
    out = [encode(event) for event in _rows(stream, labels=labels)]
    step = len(out) // (len(BROKEN) + 1)
    for place, broken in reversed(list(enumerate(BROKEN, 1))):
        out.insert(place * step, broken)
    return out


def _rows(stream: "pd.DataFrame", *, labels: bool) -> Iterator[Event]:
    times = np.datetime_as_string(stream["time"].to_numpy("datetime64[s]"), timezone="UTC").tolist()
    # JSON has no NaN: what is missing is null
    numbers = [[None if x != x else x for x in stream[name].tolist()] for name in NUMBERS]
    columns = (*numbers, *(stream[name].tolist() for name in CATEGORIES))
    late = [bool(one) if known else None for one, known in zip(stream["label"], stream["label"].notna(), strict=True)]
    rows = zip(
        stream["id"].tolist(), times, stream["score"].tolist(), zip(*columns, strict=True), late, strict=True
    )  # fmt: skip
    for key, time, score, values, label in rows:
        features = dict(zip(FEATURES, values, strict=True))
        yield Event(MODEL, VERSION, key, time, features, score >= THRESHOLD, score, label if labels else None)


class EmbeddedSource:
    """A stream that is already in memory: one partition that ends. Delivers from where the store says."""

    name = "embedded"
    flush_interval = 5.0

    def __init__(self, records: Sequence[bytes], topic: str) -> None:
        self._records = records
        self._partition = Partition(self.name, topic)
        self._position: int | None = None
        """None: not told yet where to begin."""
        self._assigned = self._paused = False

    @property
    def position(self) -> int:
        """Records delivered."""
        return self._position or 0

    def poll(self, timeout: float, max_records: int) -> Poll:
        """The next records; the first call assigns the partition."""
        if not self._assigned:
            self._assigned = True
            return Poll(assigned=(self._partition,))
        if self._position is None or self._paused:
            return Poll()
        first, end = self._position, len(self._records)
        self._position = last = min(first + max_records, end)
        stamps = [-1] * (last - first)
        chunk = Chunk(self._partition, range(first, last), stamps, self._records[first:last], last, end, last == end)
        return Poll(chunks=(chunk,))

    def start(self, claims: Sequence[Claim]) -> None:
        """Go on from the position that is safe in SQL."""
        for claim in claims:
            self._position = claim.next or 0

    def commit(self, positions: Mapping[Partition, int], metadata: str) -> None:
        """Nothing to tell: SQL has the position."""

    def refuse(self, letters: Sequence[DeadLetter]) -> None:
        """Nothing to tell: the store has the dead letters."""

    def answers(self, positions: Mapping[Partition, int]) -> Mapping[str, bytes]:
        """Nobody waits for an answer."""
        return {}

    def repeated(self, answers: Mapping[str, bytes]) -> None:
        """Nobody asked."""

    def pause(self) -> None:
        """Deliver nothing until `resume`."""
        self._paused = True

    def resume(self) -> None:
        """Deliver again."""
        self._paused = False

    def log_ends(self) -> Mapping[Partition, int]:
        """The number of records."""
        return {self._partition: len(self._records)}

    def partitions(self) -> Sequence[Partition]:
        """The one there is."""
        return (self._partition,)

    def close(self) -> None:
        """Nothing is open."""
