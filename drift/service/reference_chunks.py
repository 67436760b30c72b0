"""A reference's stretches of time, put together to about the length of a window."""

from collections.abc import Sequence
from typing import overload

from drift.core.outcome.sums import Outcomes
from drift.core.window import Window, WindowSpec


class Regrouped(Sequence[Outcomes]):
    """Outcomes of each disjoint window of a reference; added up when they are asked for, one at a time.

    Stretches longer than a window stay as they are.
    """

    def __init__(self, chunks: Sequence[tuple[Window, Outcomes]], spec: WindowSpec) -> None:
        self._chunks = chunks
        groups: dict[int, list[int]] = {}
        for at, (stretch, _) in enumerate(chunks):
            window = next(iter(spec.covering(stretch.start)))
            groups.setdefault(max(window.start, 0) if stretch.end <= window.end else stretch.start, []).append(at)
        self._groups = list(groups.values())

    def __len__(self) -> int:
        return len(self._groups)

    @overload
    def __getitem__(self, at: int) -> Outcomes: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Outcomes]: ...
    def __getitem__(self, at: int | slice) -> Outcomes | Sequence[Outcomes]:
        """One window's."""
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        first, *rest = (self._chunks[i][1] for i in self._groups[at])
        total = first
        for one in rest:
            total = total + one
        return total
