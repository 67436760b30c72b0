"""One column's own grid, reference and baseline, cut out of a model's: for a watch of that column alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from drift.core.answer import Answer
from drift.core.baseline import Stretch
from drift.core.catalogue import Reference
from drift.core.grid import BLOCK_COLUMNS, Grid
from drift.core.profile import Profile, Sums
from drift.store import Store


@dataclass(frozen=True)
class Single:
    """One column of a reference; reads like the store, but of that column only."""

    store: Store
    whole: Reference
    at: int
    """The column's position in the reference."""

    @property
    def reference(self) -> Reference:
        """The reference with this column alone."""
        return replace(self.whole, grid=self.grid)

    @property
    def grid(self) -> Grid:
        """The column and the segments."""
        return Grid((self.whole.grid.columns[self.at],), self.whole.grid.segment_grids)

    def reference_profile(self, reference_id: int) -> Profile:
        """The reference's sums."""
        return self.cut(self.store.reference_column(self.whole, self.at))

    def reference_stretches(self, reference: Reference) -> Sequence[Stretch]:
        """The reference's own stretches of time."""
        return self._cut(self.store.reference_column_stretches(self.whole, self.at))

    def answers(self, model_id: int) -> list[Answer]:
        """A model's answers, oldest first."""
        return self.store.answers(model_id)

    def answer_stretches(self, answer_id: int, spec: str) -> Sequence[Stretch]:
        """The sums that an answer keeps."""
        return self._cut(self.store.answer_column_stretches(self.whole, self.at, answer_id, spec))

    def cut(self, block: Profile) -> Profile:
        """The column's part of a block's profile."""
        return Profile(self.grid, self._sums(block.sums))

    def _cut(self, some: Sequence[Stretch]) -> list[Stretch]:
        return [Stretch(one.window, self._sums(one.sums)) for one in some]

    def _sums(self, block: Sums) -> Sums:
        at, layout = self.at % BLOCK_COLUMNS, self.whole.grid.blocks[self.at // BLOCK_COLUMNS].layout
        first, measured = 1 + layout.counts_width, int(layout.measured[at])
        places = [np.zeros(1, np.int64), np.arange(layout.slots[at], layout.slots[at + 1]) + 1]
        places.append(np.arange(layout.sums[at], layout.sums[at + 1]) + first)
        if measured >= 0:
            places.append(np.array([first + layout.sums_width + measured]))
        bounds: npt.NDArray[np.int64] = np.array([measured] if measured >= 0 else [], np.int64)
        return Sums(block.ints[:, np.concatenate(places)], block.low[:, bounds], block.high[:, bounds])
