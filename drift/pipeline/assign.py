"""Which reference and which pane a row belongs to, and whether it came late."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from drift.core.catalogue import Catalogue, Model, Reference
from drift.core.rows import Fields, Rows

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Share:
    """The rows of one batch that one reference counts."""

    reference: Reference
    rows: Rows
    at: Ints
    """(k,) their places in the batch."""
    pane: Ints
    """(k,) index into `starts`."""
    starts: Ints
    """Start of each pane that is touched, ascending."""
    foreign: bool
    """Whether their version has no reference of its own."""

    def pieces(self, panes: int) -> "Iterator[Share]":
        """The same rows, at most so many panes at a time."""
        if self.starts.size <= panes:
            yield self
            return
        for first in range(0, self.starts.size, panes):
            mine = np.flatnonzero((self.pane >= first) & (self.pane < first + panes))
            yield replace(
                self, rows=self.rows.take(mine), at=self.at[mine], pane=self.pane[mine] - first,
                starts=self.starts[first : first + panes],
            )  # fmt: skip


def assign(rows: Rows, model: Model, catalogue: Catalogue) -> Iterator[Share]:
    """Split a batch by reference and pane; a model without a reference yields nothing."""
    everything = np.arange(len(rows))
    own = {reference.version for reference in catalogue.references if reference.model_id == model.id}
    for version, at in _by_version(rows, everything, own):
        for reference, foreign, part in _by_reference(rows.time, at, version, model, catalogue):
            mine = rows if part.size == len(rows) else rows.take(part)
            start = mine.time - mine.time % model.pane
            first = int(start[0])
            if (start == first).all():
                starts, pane = np.array([first]), np.zeros(part.size, np.int64)
            else:
                starts, pane = np.unique(start, return_inverse=True)
            fields = Fields.of(reference.schema)
            yield Share(reference, mine.project(fields), part, pane.astype(np.int64), starts, foreign)


def _by_version(rows: Rows, everything: Ints, own: Set[str]) -> Iterator[tuple[str | None, Ints]]:
    """Versions without a reference of their own are judged alike and stay together, however many there are."""
    present = set(rows.version)
    if len(present) <= 1:
        yield next(iter(present), None), everything
        return
    strangers = sorted(version for version in present if version is not None and version not in own)
    named: dict[str | None, str | None] = {version: version for version in present}
    named |= dict.fromkeys(strangers, strangers[0] if strangers else None)
    versions = np.array([named[version] for version in rows.version], dtype=object)
    for version in sorted(set(named.values()), key=lambda v: v or ""):
        yield version, everything[versions == version]


def _by_reference(
    time: Ints, at: Ints, version: str | None, model: Model, catalogue: Catalogue
) -> Iterator[tuple[Reference, bool, Ints]]:
    """Cut the rows of one version at the event times at which another reference takes over."""
    changes = sorted({r.active_from for r in catalogue.references if r.model_id == model.id})
    era = np.searchsorted(np.array(changes, np.int64), time[at], "right") if len(changes) > 1 else np.zeros(at.size)
    chosen: dict[int, tuple[Reference, bool, list[Ints]]] = {}
    for number in np.unique(era):
        part = at[era == number]
        if not part.size:
            continue
        active = catalogue.active(model.id, version, int(time[part[0]]))
        if active is not None:
            chosen.setdefault(active[0].id, (active[0], not active[1], []))[2].append(part)
    for reference, foreign, parts in chosen.values():
        yield reference, foreign, np.sort(np.concatenate(parts)) if len(parts) > 1 else parts[0]


def lateness_of(
    rows: Rows, owner: Ints, watermarks: Sequence[int | None], pane: int, lateness: int
) -> tuple[Mask, list[int | None]]:
    """Which rows came late, and each partition's watermark afterwards.

    A row is late if an earlier record of its partition has pushed the watermark past the row's pane and the lateness.
    It follows from the log alone, not from how the log was cut into batches.

    Args:
        rows: one model's rows.
        owner: (n,) which partition each row's record belongs to.
        watermarks: the model's watermark of each partition before these rows; None: nothing was seen.
        pane: length, microseconds.
        lateness: microseconds.
    """
    late = np.zeros(len(rows), np.bool_)
    after = list(watermarks)
    order = np.argsort(rows.record, kind="stable") if (np.diff(rows.record) < 0).any() else np.arange(len(rows))
    for number, before in enumerate(watermarks):
        at = order[owner[order] == number] if len(watermarks) > 1 else order
        if not at.size:
            continue
        time = rows.time[at]
        reached = np.maximum.accumulate(time)
        front = -1 if before is None else before
        known = np.maximum(np.concatenate(([front], reached[:-1])), front)
        record = rows.record[at]
        if (record[1:] == record[:-1]).any():
            # events of one record came together: what was known before its first holds for all
            known = known[np.searchsorted(record, record, "left")]
        late[at] = time - time % pane + pane + lateness <= known
        after[number] = max(front, int(reached[-1]))
    return late, after
