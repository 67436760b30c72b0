"""Reading sums of outcomes."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from drift.core.errors import ProfileMismatch
from drift.core.outcome.fixed import value
from drift.core.outcome.grid import OutcomeGrid
from drift.core.outcome.layout import PLAIN_BITS, OutcomeLayout, losses_of
from drift.core.profile import Sums

if TYPE_CHECKING:
    from drift.core.grid import Grid

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Outcomes:
    """The sums of some predictions and labels on a grid with outcomes; they add like everything else."""

    grid: "Grid"
    sums: Sums

    def __post_init__(self) -> None:
        expected = (len(self.grid.segments), self.layout.width)
        if self.sums.ints.shape != expected or self.sums.cross.size != self.layout.shared_width:
            raise ProfileMismatch(
                f"sums of outcomes have shape {self.sums.ints.shape} and {self.sums.cross.size}; the grid "
                f"{self.grid.id} needs {expected} and {self.layout.shared_width}: they were counted on another grid"
            )

    @staticmethod
    def empty(grid: "Grid") -> "Outcomes":
        """Those of nothing."""
        return Outcomes(grid, OutcomeLayout(grid).empty())

    @staticmethod
    def load(grid: "Grid", blob: bytes) -> "Outcomes":
        """Read what `sums.dump` wrote."""
        return Outcomes(grid, Sums.load(blob))

    def __add__(self, other: "Outcomes") -> "Outcomes":
        if self.grid.id != other.grid.id:
            raise ProfileMismatch(f"outcomes on grid {self.grid.id} and on grid {other.grid.id} cannot be added")
        return Outcomes(self.grid, self.sums + other.sums)

    @cached_property
    def layout(self) -> OutcomeLayout:
        """Where each sum stands."""
        return OutcomeLayout(self.grid)

    @property
    def outcome(self) -> OutcomeGrid:
        """What is counted."""
        return self.layout.outcome

    def block(self, name: str, segment: int = 0) -> Ints:
        """The integers of one segment's block, in its shape. Zeros where the task has no such block are an error.

        Raises:
            KeyError: the task has no such block.
        """
        return self.sums.ints[segment, self.layout.places[name]].reshape(self.layout.blocks[name])

    def whole(self, name: str) -> Ints:
        """The integers of a block of the whole traffic, in its shape."""
        return self.sums.cross[self.layout.shared[name]].reshape(self.layout.whole[name])

    def losses(self, segment: int = 0) -> dict[str, tuple[float, float]]:
        """Loss → (Σx, Σx²) over joined predictions, in the loss's own unit; see `layout.losses_of`."""
        numbers = value(self.block("losses", segment))
        return {name: (float(one), float(two)) for name, (one, two) in zip(self.names, numbers, strict=True)}

    def weighted(self, segment: int = 0) -> dict[str, tuple[float, float, float]]:
        """Loss → (Σwx, Σw²x, Σw²x²), where rows are weighted."""
        numbers = value(self.block("losses_w", segment))
        return {name: (float(a), float(b), float(c)) for name, (a, b, c) in zip(self.names, numbers, strict=True)}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the losses."""
        return losses_of(self.outcome)

    def predicted(self, segment: int = 0) -> int:
        """Number of predictions."""
        return int(self.block("predicted", segment).sum())

    def joinable(self, segment: int = 0) -> int:
        """Number of predictions that have a label or may still get one."""
        return self.predicted(segment) - int(self.block("alone", segment).sum())

    def joined(self, segment: int = 0) -> int:
        """Number of predictions with a label."""
        return int(self.block("joined", segment).sum())

    def by_pair(self, name: str) -> Ints | Floats:
        """(pairs, 8, 8) counts, or for `pair_expected` and `pair_loss` Σ loss, of each pair of `crossed` columns."""
        raw = self.whole(name)
        return raw / float(1 << PLAIN_BITS) if name in ("pair_expected", "pair_loss") else raw

    def by_cause(self, name: str) -> list[Ints | Floats]:
        """One array a cause, over its column's slots: counts, or for `cause_expected` and `cause_loss` Σ loss."""
        raw = self.whole(name)
        values = raw / float(1 << PLAIN_BITS) if name in ("cause_expected", "cause_loss") else raw
        starts = self.layout.cause_slots
        return [values[first:last] for first, last in pairwise(starts)]
