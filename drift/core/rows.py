"""A batch of events of one model as columns: what decoding hands to counting."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from drift.core.schema import Column, Kind, Schema, Storage


class _Wrong:
    """The one value that stands for 'there was something of a wrong type'."""

    def __repr__(self) -> str:
        return "WRONG"


WRONG_TYPE: Final = _Wrong()

Key = str | float | bool | None | _Wrong
"""A category as it came: None is missing; `WRONG_TYPE` was a list, an object, or a type the column does not have."""


@dataclass(frozen=True, slots=True)
class Coded:
    """Dictionary-encoded keys, as Arrow delivers them: `codes` (n,) point into `dictionary`; −1 is missing."""

    codes: npt.NDArray[np.int32]
    dictionary: list[Key]


Keys = list[Key] | Coded


@dataclass(frozen=True, slots=True)
class Fields:
    """Which columns of a schema arrive as numbers and which as keys. Both orders are the schema's."""

    numbers: tuple[Column, ...]
    keys: tuple[Column, ...]

    @staticmethod
    def of(schema: Schema) -> "Fields":
        """Numeric, ordinal and derived columns are numbers; the others, and every segment column, are keys."""
        counted = schema.counted
        numbers = tuple(c for c in counted if c.kind in (Kind.NUMERIC, Kind.ORDINAL))
        keyed = {c.name for c in counted if c.kind not in (Kind.NUMERIC, Kind.ORDINAL)} | set(schema.segments)
        return Fields(numbers, tuple(c for c in schema.columns if c.name in keyed))


def _empty() -> npt.NDArray[np.int64]:
    return np.zeros((0, 3), np.int64)


@dataclass(frozen=True, slots=True)
class Rows:
    """n events of one model, decoded for one schema."""

    time: npt.NDArray[np.int64]
    """(n,) event time in microseconds since the epoch."""
    numbers: npt.NDArray[np.float64]
    """(number columns, n) in the order of `Fields.numbers`; NaN is missing unless `odd` says otherwise. Any memory order."""
    keys: dict[str, Keys]
    """For each of `Fields.keys`: n keys."""
    odd: npt.NDArray[np.int64] = field(default_factory=_empty)
    """(k, 3) number column, row, special slot (`grid.NAN`, `grid.WRONG`, …): values that `numbers` cannot express."""
    record: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """(n,) position of each event's message in the poll it came from; empty where nobody asks."""

    def __len__(self) -> int:
        return int(self.time.size)

    def take(self, at: npt.NDArray[np.int64]) -> "Rows":
        """The rows at these positions."""
        keys: dict[str, Keys] = {
            name: Coded(keys.codes[at], keys.dictionary) if isinstance(keys, Coded) else [keys[i] for i in at.tolist()]
            for name, keys in self.keys.items()
        }
        odd = self.odd
        if odd.size:
            place = np.full(len(self), -1, np.int64)
            place[at] = np.arange(at.size)
            odd = np.column_stack((odd[:, 0], place[odd[:, 1]], odd[:, 2]))
            odd = odd[odd[:, 1] >= 0]
        return Rows(self.time[at], self.numbers[:, at], keys, odd, self.record[at] if self.record.size else self.record)


__all__ = ["WRONG_TYPE", "Coded", "Fields", "Key", "Keys", "Rows", "Storage"]
