"""Predictions and labels of a batch, on their way to look for each other in the store."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from drift.core.commit import Joining
from drift.core.keys import id_keys
from drift.core.outcome.counting import OutcomeCounter
from drift.core.outcome.seen import Seen, spelled_labels
from drift.core.profile import Sums
from drift.core.records import Labels
from drift.core.rows import WRONG_TYPE, Coded, Key, Keys
from drift.core.schema import Role, canonical_key
from drift.pipeline.assign import Share

Ints = npt.NDArray[np.int64]

ROW_BYTES: Final = 200
"""What a prediction or a label costs in memory beside its record, about."""


@dataclass(slots=True)
class Meeting:
    """Of one model."""

    predictions: dict[int, list[tuple[Ints, Seen]]] = field(default_factory=dict)
    ids: list[Ints] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    times: list[int] = field(default_factory=list)

    @staticmethod
    def of(labels: Labels, at: Sequence[int] | None = None) -> "Meeting":
        """Labels that came by themselves; those at some positions, or all."""
        places = range(len(labels)) if at is None else at
        ids = id_keys([labels.ids[i] for i in places])
        return Meeting({}, [ids], [labels.labels[i] for i in places], [labels.times[i] for i in places])

    def add(self, other: "Meeting") -> None:
        """Take another's as well."""
        for reference, parts in other.predictions.items():
            self.predictions.setdefault(reference, []).extend(parts)
        self.ids += other.ids
        self.labels += other.labels
        self.times += other.times

    @property
    def nbytes(self) -> int:
        """Memory held, about."""
        records = sum(seen.nbytes + seen.size * ROW_BYTES for parts in self.predictions.values() for _, seen in parts)
        return records + ROW_BYTES * len(self.labels)

    def joining(self, model_id: int) -> Joining:
        """As it is committed."""
        predictions = {
            reference: (np.concatenate([keys for keys, _ in parts]), np.concatenate([seen for _, seen in parts]))
            for reference, parts in self.predictions.items()
        }
        ids = np.concatenate(self.ids) if self.ids else np.zeros((0, 2), np.int64)
        return Joining(model_id, predictions, ids, self.labels, self.times)


def met(part: Share, counter: OutcomeCounter) -> tuple[list[Sums], Meeting]:
    """What rows of one reference say of outcomes: sums, one a pane, and what looks for its other half.

    A row without an id is joined with the label that stands beside it, or never.
    """
    rows, by = part.rows, counter.predictions
    seen = by.of(rows, part.starts[part.pane])
    keys = rows.keys[by.outcome.label]
    truth = by.truths(keys, len(rows))
    name = rows.fields.name_of(Role.ID) if rows.fields else None
    ids = _ids(rows.keys[name]) if name is not None else [None] * len(rows)
    known = np.array([one is not None for one in ids], np.bool_)
    panes = part.starts.size
    sums = counter.predicted(seen, known | ~np.isnan(truth), part.pane, panes)
    lone = np.flatnonzero(~known & ~np.isnan(truth))
    if lone.size:
        ones, delay = np.ones(lone.size, np.int64), np.zeros(lone.size, np.int64)
        joined = counter.joined(seen[lone], truth[lone], ones, delay, part.pane[lone], panes)
        sums = [one + other for one, other in zip(sums, joined, strict=True)]
    return sums, _meeting(part, seen, ids, known, keys)


def _meeting(part: Share, seen: Seen, ids: Sequence[str | None], known: npt.NDArray[np.bool_], keys: Keys) -> Meeting:
    at = np.flatnonzero(known)
    if not at.size:
        return Meeting()
    places = id_keys([str(ids[i]) for i in at.tolist()])
    labels = spelled_labels(keys)
    beside = [number for number, i in enumerate(at.tolist()) if labels[i] is not None]
    return Meeting(
        {part.reference.id: [(places, seen[at])]},
        [places[beside]] if beside else [],
        [str(labels[int(at[number])]) for number in beside],
        part.rows.time[at[beside]].tolist() if beside else [],
    )


def _ids(keys: Keys) -> list[str | None]:
    """Ids in canonical spelling; None where there is none."""
    if isinstance(keys, Coded):
        table = [*map(_id, keys.dictionary), None]
        return [table[code] for code in keys.codes.tolist()]
    return [_id(key) for key in keys]


def _id(key: Key) -> str | None:
    if key is None or key is WRONG_TYPE or isinstance(key, bool) or key != key:
        return None
    return canonical_key(key) or None  # type: ignore[arg-type]  # None and WRONG_TYPE are gone
