"""Predictions and labels of a batch, on their way to look for each other in the store."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from drift.core.commit import Joining, Known
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
    known: dict[int, list[Known]] = field(default_factory=dict)
    ids: list[Ints] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    times: list[int] = field(default_factory=list)

    @staticmethod
    def of(labels: Labels, at: Sequence[int] | None = None) -> "Meeting":
        """Labels that came by themselves; those at some positions, or all."""
        places = range(len(labels)) if at is None else at
        ids = id_keys([labels.ids[i] for i in places])
        return Meeting({}, {}, [ids], [labels.labels[i] for i in places], [labels.times[i] for i in places])

    def add(self, other: "Meeting") -> None:
        """Take another's as well."""
        for reference, parts in other.predictions.items():
            self.predictions.setdefault(reference, []).extend(parts)
        for reference, known in other.known.items():
            self.known.setdefault(reference, []).extend(known)
        self.ids += other.ids
        self.labels += other.labels
        self.times += other.times

    @property
    def nbytes(self) -> int:
        """Memory held, about."""
        records = sum(seen.nbytes + seen.size * ROW_BYTES for parts in self.predictions.values() for _, seen in parts)
        known = sum(one.seen.nbytes + 2 * ROW_BYTES * one.seen.size for parts in self.known.values() for one in parts)
        return records + known + ROW_BYTES * len(self.labels)

    def joining(self, model_id: int) -> Joining:
        """As it is committed."""
        predictions = {
            reference: (np.concatenate([keys for keys, _ in parts]), np.concatenate([seen for _, seen in parts]))
            for reference, parts in self.predictions.items()
        }
        ids = np.concatenate(self.ids) if self.ids else np.zeros((0, 2), np.int64)
        known = {
            reference: Known(
                np.concatenate([one.keys for one in parts]), np.concatenate([one.seen for one in parts]),
                [label for one in parts for label in one.labels],
            )
            for reference, parts in self.known.items()
        }  # fmt: skip
        return Joining(model_id, predictions, known, ids, self.labels, self.times)


def met(part: Share, counter: OutcomeCounter) -> tuple[list[Sums], Meeting]:
    """What rows of one reference say of outcomes: sums, one a pane, and what looks for its other half.

    A label beside its prediction is joined at once; with an id, the store is told, for there may have been one before,
    and there may come another. A row without id and label is never joined.
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
    at = np.flatnonzero(~np.isnan(truth))
    if at.size:
        ones, delay = np.ones(at.size, np.int64), np.zeros(at.size, np.int64)
        joined = counter.joined(seen[at], truth[at], ones, delay, part.pane[at], panes)
        sums = [one + other for one, other in zip(sums, joined, strict=True)]
    return sums, _meeting(part, seen, ids, known, keys)


def _meeting(part: Share, seen: Seen, ids: Sequence[str | None], known: npt.NDArray[np.bool_], keys: Keys) -> Meeting:
    at = np.flatnonzero(known)
    if not at.size:
        return Meeting()
    places, labels = id_keys([str(ids[i]) for i in at.tolist()]), spelled_labels(keys)
    told = np.array([labels[i] is not None for i in at.tolist()], np.bool_)
    reference, beside = part.reference.id, [str(labels[i]) for i in at[told].tolist()]
    return Meeting(
        {reference: [(places[~told], seen[at[~told]])]} if not told.all() else {},
        {reference: [Known(places[told], seen[at[told]], beside)]} if told.any() else {},
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
