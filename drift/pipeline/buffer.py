"""What was counted and not yet committed."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from drift.core.catalogue import Reference
from drift.core.commit import DeadLetter, Gap, PaneDelta
from drift.core.profile import Sums, split


@dataclass(slots=True)
class _Pane:
    reference: Reference
    sums: Sums
    rows: int
    late: int
    foreign: int


@dataclass(slots=True)
class Buffer:
    """Sums per pane, dead letters and gaps of the records read since the last commit.

    Rows scattered over many panes (a shuffled day, a backfill) leave as many sums as there are panes, nearly empty and
    megabytes each where there are hundreds of columns. Past `limit` they are packed into the blobs that they are stored
    as, hundreds of times smaller; a pane may then have several.
    """

    limit: int = 32 << 20
    panes: dict[tuple[int, int], _Pane] = field(default_factory=dict)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)
    packed: list[PaneDelta] = field(default_factory=list)
    size: int = 0
    """Bytes held, about."""

    def add(
        self,
        reference: Reference,
        starts: npt.NDArray[np.int64],
        sums: list[Sums],
        late: npt.NDArray[np.int64],
        foreign: bool,
    ) -> None:
        """Add the sums of some panes of one reference."""
        for start, part, overdue in zip(starts.tolist(), sums, late.tolist(), strict=True):
            rows = int(part.ints[0, 0])
            known = self.panes.get((reference.id, start))
            if known is None:
                # a copy: one pane must not keep the array of all that were counted together
                self.panes[reference.id, start] = _Pane(reference, part.copy(), rows, overdue, rows * foreign)
                self.size += part.nbytes
                continue
            known.sums.absorb(part)
            known.rows += rows
            known.late += overdue
            known.foreign += rows * foreign
        if self.size > self.limit:
            self._pack()

    def _pack(self) -> None:
        fresh = self._unpacked()
        self.packed += fresh
        self.size -= sum(pane.sums.nbytes for pane in self.panes.values())
        self.size += sum(len(blob) for delta in fresh for blob in delta.blobs)
        self.panes.clear()

    def letter(self, letter: DeadLetter) -> None:
        """Keep a dead letter."""
        self.dead_letters.append(letter)
        self.size += len(letter.payload) + 200

    def deltas(self) -> tuple[PaneDelta, ...]:
        """The sums as they are stored, in a fixed order so that two workers never wait for each other in a circle."""
        return tuple(sorted((*self.packed, *self._unpacked()), key=lambda delta: (delta.reference_id, delta.start)))

    def _unpacked(self) -> list[PaneDelta]:
        return [
            PaneDelta(
                model_id=pane.reference.model_id,
                reference_id=pane.reference.id,
                start=start,
                rows=pane.rows,
                blobs=tuple(sums.dump() for sums in split(pane.reference.grid, pane.sums)),
                late=pane.late,
                foreign=pane.foreign,
            )
            for (_, start), pane in self.panes.items()
        ]
