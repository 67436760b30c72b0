"""Numbers and texts of one column as they go by, in bounded memory."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from drift.core.vectors import LONGEST, SHORTEST, vectors_of

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MAX_NUMBERS: Final = 4_096
"""Distinct numbers counted exactly per column."""
MAX_TEXTS: Final = 100_000
"""Distinct texts counted exactly per column …"""
MAX_CHARACTERS: Final = 8 << 20
"""… as long as they are no longer than this together; 1,000 columns share 32 times as much."""
_DATE: Final = r"^\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d|$)"


@dataclass(slots=True)
class Numbers:
    """Numbers seen. `counts` is None once there were too many distinct ones."""

    n: int = 0
    """Finite ones."""
    minus: int = 0
    plus: int = 0
    """Infinite ones."""
    low: float = np.inf
    high: float = -np.inf
    huge: dict[int, int] | None = field(default_factory=dict)
    """Integers beyond 2**53, which doubles cannot tell apart; None: too many distinct ones."""
    counts: dict[float, int] | None = field(default_factory=dict)

    @property
    def infinite(self) -> int:
        """Infinite numbers of both signs."""
        return self.minus + self.plus

    def see_huge(self, values: list[int]) -> None:
        """Integers beyond 2**53, which `see` is given as well."""
        if self.huge is not None:
            for value in values:
                self.huge[value] = self.huge.get(value, 0) + 1
            if len(self.huge) > MAX_NUMBERS:
                self.huge = None

    def see(self, values: Floats) -> None:
        """Values in any order; NaN is none."""
        finite = values[np.isfinite(values)]
        self.minus += int((values == -np.inf).sum())
        self.plus += int((values == np.inf).sum())
        if not finite.size:
            return
        self.n += finite.size
        self.low, self.high = min(self.low, float(finite.min())), max(self.high, float(finite.max()))
        if self.counts is None:
            return
        distinct, counts = _counted(finite)
        if distinct.size <= MAX_NUMBERS:
            for value, count in zip(distinct.tolist(), counts.tolist(), strict=True):
                self.counts[value] = self.counts.get(value, 0) + count
        if max(distinct.size, len(self.counts)) > MAX_NUMBERS:
            self.counts = None


@dataclass(slots=True)
class Texts:
    """Texts seen. `counts` is None once there were too many distinct ones."""

    n: int = 0
    characters: int = 0
    spaces: int = 0
    dates: int = 0
    """Texts that start as an ISO date does."""
    counts: dict[str, int] | None = field(default_factory=dict)
    held: int = 0

    def see(self, values: Any, counts: Ints, room: int) -> None:
        """Distinct texts of a batch (Arrow) and how often each is there."""
        import pyarrow.compute as pc

        def total(per_value: Any) -> int:
            return int((per_value.to_numpy(zero_copy_only=False).astype(np.int64) * counts).sum())

        self.n += int(counts.sum())
        self.characters += total(pc.utf8_length(values))
        self.spaces += total(pc.count_substring(values, " "))
        self.dates += total(pc.match_substring_regex(values, _DATE))
        if self.counts is None:
            return
        for value, count in zip(values.to_pylist(), counts.tolist(), strict=True):
            if value in self.counts:
                self.counts[value] += count
            else:
                self.counts[value] = count
                self.held += len(value)
        if len(self.counts) > MAX_TEXTS or self.held > room:
            self.counts = None


@dataclass(slots=True)
class Lists:
    """Lists of numbers seen: how long they are, and the sum of those of one length."""

    sizes: dict[int, int] = field(default_factory=dict)
    """Length → how often; at most 64 lengths."""
    size: int = 0
    """The first length that an embedding can have; only its lists are summed."""
    summed: int = 0
    total: Floats = field(default_factory=lambda: np.zeros(0))

    @property
    def n(self) -> int:
        """Lists of numbers, whatever their length."""
        return sum(self.sizes.values())

    @property
    def embedded(self) -> int:
        """Lists of the one length."""
        return self.sizes.get(self.size, 0)

    def see(self, raw: Any, lengths: Ints, counts: Ints | None = None) -> None:
        """Lists of a batch as `vectors_of` takes them, how long each is (−1: none), and how often it is there."""
        for length in np.unique(lengths[lengths >= 0]).tolist():
            if not self.size and SHORTEST <= length <= LONGEST:
                self.size, self.total = length, np.zeros(length)
            if length in self.sizes or len(self.sizes) < 64:
                at = lengths == length
                self.sizes[length] = self.sizes.get(length, 0) + int(at.sum() if counts is None else counts[at].sum())
        if self.size:
            vectors = vectors_of(raw, self.size)
            sound = np.isfinite(vectors.values).all(axis=1)
            weights = np.ones(int(sound.sum()), np.int64) if counts is None else counts[vectors.at[sound]]
            self.total += weights @ vectors.values[sound]
            self.summed += int(weights.sum())


def _counted(values: Floats) -> tuple[Floats, Ints]:
    import pyarrow as pa
    import pyarrow.compute as pc

    counted = pc.value_counts(pa.array(values))
    return counted.field("values").to_numpy(), counted.field("counts").to_numpy()
