"""What a method under test is, and the reference that it is fitted on."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from benchmarks.quality.streams import COLUMNS, Block, Kind, Stream

Bools = npt.NDArray[np.bool_]

SAMPLE_ROWS: Final = 200_000
"""Rows of the reference from which bins are cut; as many as `build_reference` samples."""
HELD_VALUES: Final = 32_000_000
"""Values (256 MB) of a reference kept in memory; a larger one is made anew for each reading."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Held-out hours in the order of time, all before production."""

    stream: Stream
    hours: range
    held: list[Block] = field(default_factory=list, init=False)
    sampled: list[Block] = field(default_factory=list, init=False)

    @property
    def kinds(self) -> Sequence[Kind]:
        return self.stream.base.kinds

    def blocks(self) -> Iterator[Block]:
        """Every window, in order."""
        if self.held:
            yield from self.held
            return
        keep, blocks = self.rows * len(self.kinds) <= HELD_VALUES, []
        for block in self.stream.blocks(self.hours):
            if keep:
                blocks.append(block)
            yield block
        self.held.extend(blocks)

    @property
    def rows(self) -> int:
        """Of all windows."""
        return sum(map(self.stream.rows, self.hours))

    def sample(self, most: int = SAMPLE_ROWS) -> list[Block]:
        """Windows cut to equal shares of their rows, about `most` rows together. Rows have no order within an hour."""
        if not self.sampled:
            self.sampled.extend(_cut(self.blocks(), SAMPLE_ROWS / self.rows))
        return _cut(self.sampled, most / sum(block.rows for block in self.sampled))


def _cut(blocks: Iterable[Block], share: float) -> list[Block]:
    # copied: a slice would keep all of its window in memory
    share = min(1.0, share)
    return [Block(block.hour, block.values[:, : ceil(share * block.rows)].copy()) for block in blocks]


class Run(Protocol):
    """One method going through one stream's production."""

    def alarm(self, block: Block) -> Bools:
        """(columns,) on which columns it fires in this window, or has an alarm standing."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A method that has seen the reference."""

    start: Callable[[], Run]
    """From the first window of production on."""
    reliable: Bools = field(default_factory=lambda: np.ones(COLUMNS, np.bool_))
    """(columns,) whether it says of itself that its false-alarm rate is known."""


class Stateless:
    """A run of a method that looks at each window by itself."""

    def __init__(self, fires: Callable[[Block], Bools]) -> None:
        self._fires = fires

    def alarm(self, block: Block) -> Bools:
        return self._fires(block)


@dataclass(frozen=True, slots=True)
class Method:
    """One method, and what can be afforded of it."""

    name: str
    title: str
    fit: Callable[[Reference], Fitted]
    most_windows: Callable[[int], int]
    """Rows of a window → windows of one run; 0: not run at that size."""
    once: bool = False
    """Run in the first replication only."""
    changes: bool = True
    """Run where something changes, too."""
