"""A bounded sample of rows that depends on the rows' numbers alone: not on batches, not on chance."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

_SLACK: Final = 1.25
_SEED: Final = 0x9E3779B97F4A7C15


class Sample:
    """The `size` rows whose number hashes lowest (bottom-k), column by column. O(size) memory whatever the data."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._below = np.uint64(2**64 - 1)
        self._seen = 0
        self._hashes: npt.NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._columns: dict[str, npt.NDArray[Any]] = {}
        self._fresh: dict[str, npt.NDArray[Any]] = {}
        self._chosen: npt.NDArray[np.uint64] = self._hashes

    def choose(self, n: int) -> npt.NDArray[np.int64]:
        """Positions within the next n rows whose values `put` is to be given."""
        hashes = mixed(np.arange(self._seen, self._seen + n, dtype=np.uint64))
        self._seen += n
        at = np.flatnonzero(hashes <= self._below)
        self._chosen, self._fresh = hashes[at], {}
        return at

    def put(self, name: str, values: npt.NDArray[Any]) -> None:
        """A column's values of the rows just chosen; one not put is missing there, one put twice filled in."""
        had = self._fresh.get(name)
        self._fresh[name] = values if had is None else np.where(_absent(values), had, values)

    def close(self) -> None:
        """End of a batch: keep the lowest `size` hashes."""
        had, more = self._hashes.size, self._chosen.size
        self._hashes = np.concatenate((self._hashes, self._chosen))
        for name in self._columns.keys() | self._fresh.keys():
            new = self._fresh.get(name)
            old = self._columns.get(name)
            like = new if new is not None else old
            new = _missing(more, like) if new is None else new
            old = _missing(had, like) if old is None else old
            self._columns[name] = np.concatenate((old, new))
        self._chosen, self._fresh = self._hashes[:0], {}
        if self._hashes.size > _SLACK * self.size:
            self._cut()

    def column(self, name: str) -> npt.NDArray[Any]:
        """The sampled values of a column in an order that is the same for the same data."""
        if self._hashes.size > self.size:
            self._cut()
        return self._columns.get(name, np.zeros(0))

    @property
    def halves(self) -> npt.NDArray[np.bool_]:
        """Which of two halves of the data each sampled row belongs to; see `halves`."""
        if self._hashes.size > self.size:
            self._cut()
        return _odd(self._hashes)

    def _cut(self) -> None:
        keep = np.sort(np.argpartition(self._hashes, self.size - 1)[: self.size])
        self._hashes = self._hashes[keep]
        self._below = self._hashes.max()
        self._columns = {name: values[keep] for name, values in self._columns.items()}


def halves(first: int, n: int) -> npt.NDArray[np.bool_]:
    """Which of two halves n rows from a row number on belong to: as good as chance, and the same at each reading."""
    return _odd(mixed(np.arange(first, first + n, dtype=np.uint64)))


def _odd(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    odd: npt.NDArray[np.bool_] = (hashes & np.uint64(1)).astype(np.bool_)
    return odd


def _missing(n: int, like: Any) -> npt.NDArray[Any]:
    return np.full(n, None, object) if like.dtype == object else np.full(n, np.nan)


def _absent(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    absent: npt.NDArray[np.bool_] = values == None if values.dtype == object else np.isnan(values)  # noqa: E711
    return absent


def mixed(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Numbers hashed: SplitMix64's finaliser (Steele, Lea, Flood 2014), a bijection, so that no two rows tie."""
    with np.errstate(over="ignore"):
        x = (x + np.uint64(1)) * np.uint64(_SEED)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
