"""What was counted and not yet committed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from drift.core.catalogue import Reference
from drift.core.commit import DeadLetter, Gap, Joining, PaneDelta
from drift.core.fields import FieldSums
from drift.core.profile import Sums, split
from drift.core.sample import RowSample
from drift.pipeline.meeting import Meeting


@dataclass(slots=True)
class _Pane:
    reference: Reference
    sums: Sums
    rows: int
    late: int
    foreign: int
    sample: RowSample | None
    fields: FieldSums
    outcomes: Sums | None = None

    @property
    def nbytes(self) -> int:
        beside = (self.sample.nbytes if self.sample else 0) + (self.outcomes.nbytes if self.outcomes else 0)
        return self.sums.nbytes + beside + self.fields.nbytes


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
    labels: dict[str, int] = field(default_factory=dict)
    """Model → labels that came by themselves."""
    packed: list[PaneDelta] = field(default_factory=list)
    meeting: dict[int, "Meeting"] = field(default_factory=dict)
    """Model id → predictions and labels that look for each other."""
    size: int = 0
    """Bytes held, about."""

    def add(
        self,
        reference: Reference,
        starts: npt.NDArray[np.int64],
        sums: list[Sums],
        late: npt.NDArray[np.int64],
        foreign: bool,
        samples: Sequence[RowSample | None] = (),
        fields: Sequence[FieldSums] = (),
        outcomes: Sequence[Sums] = (),
    ) -> None:
        """Add the sums of some panes of one reference, samples of their rows where they are kept, unknown fields."""
        for number, (start, part, overdue) in enumerate(zip(starts.tolist(), sums, late.tolist(), strict=True)):
            rows, sample = int(part.ints[0, 0]), samples[number] if samples else None
            unknown = fields[number] if fields else FieldSums()
            known = self.panes.get((reference.id, start))
            if known is None:
                # a copy: one pane must not keep the array of all that were counted together
                met = outcomes[number].copy() if outcomes else None
                fresh = _Pane(reference, part.copy(), rows, overdue, rows * foreign, sample, unknown, met)
                self.panes[reference.id, start] = fresh
                self.size += fresh.nbytes
                continue
            self.size -= known.nbytes
            known.sums.absorb(part)
            known.rows += rows
            known.late += overdue
            known.foreign += rows * foreign
            known.fields = FieldSums.merge((known.fields, unknown))
            if outcomes and known.outcomes is not None:
                known.outcomes.absorb(outcomes[number])
            if sample is not None:
                known.sample = RowSample.merge([known.sample, sample]) if known.sample else sample
            self.size += known.nbytes
        if self.size > self.limit:
            self._pack()

    def _pack(self) -> None:
        fresh = self._unpacked()
        self.packed += fresh
        self.size -= sum(pane.nbytes for pane in self.panes.values())
        beside = [blob for delta in fresh for blob in (delta.sample, delta.fields, delta.outcomes) if blob]
        blobs = [*beside, *(blob for delta in fresh for blob in delta.blobs)]
        self.size += sum(map(len, blobs))
        self.panes.clear()

    def meet(self, model_id: int, part: "Meeting") -> None:
        """Predictions and labels to look for each other at the commit."""
        self.size += part.nbytes
        self.meeting.setdefault(model_id, Meeting()).add(part)

    def joinings(self) -> tuple[Joining, ...]:
        """All of them, a model each."""
        return tuple(part.joining(model_id) for model_id, part in sorted(self.meeting.items()))

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
                sample=pane.sample.dump() if pane.sample else None,
                fields=pane.fields.dump() if pane.fields.looked else None,
                outcomes=pane.outcomes.dump() if pane.outcomes else None,
            )
            for (_, start), pane in self.panes.items()
        ]
