"""A batch of events of one model as columns: what decoding hands to counting."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from drift.core.fields import Looked
from drift.core.schema import Column, Kind, Role, Schema


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
        """Numeric, ordinal and derived columns are numbers; the others, and every segment column, are keys.

        So is the id, where rows are sampled or predictions meet their labels; then the label and the weight are, too.
        """
        counted = schema.counted
        numbers = tuple(c for c in counted if c.kind in (Kind.NUMERIC, Kind.ORDINAL))
        keyed = {c.name for c in counted if c.kind not in (Kind.NUMERIC, Kind.ORDINAL)} | set(schema.segments)
        beside = [Role.ID] * (schema.outcomes or schema.row_sample > 0) + [Role.LABEL, Role.WEIGHT] * schema.outcomes
        more = [replace(c, kind=_plain_kind(c)) for c in schema.with_role(*beside) if not c.derive]
        return Fields(numbers, (*(c for c in schema.columns if c.name in keyed), *more))

    def name_of(self, role: Role) -> str | None:
        """The key column of a role; None: there is none."""
        return next((column.name for column in self.keys if column.role is role), None)


def _plain_kind(column: Column) -> Kind:
    """As a key, whatever it would be counted as; only true and false stay what they are."""
    return Kind.BOOLEAN if column.kind is Kind.BOOLEAN else Kind.CATEGORICAL


def _empty() -> npt.NDArray[np.int64]:
    return np.zeros((0, 3), np.int64)


@dataclass(frozen=True, slots=True)
class Rows:
    """n events of one model, decoded for one schema."""

    time: npt.NDArray[np.int64]
    """(n,) event time in microseconds since the epoch."""
    numbers: npt.NDArray[np.float64]
    """(number columns, n) as in `Fields.numbers`, any memory order; NaN is missing unless `odd` says otherwise."""
    keys: dict[str, Keys]
    """For each of `Fields.keys`: n keys."""
    odd: npt.NDArray[np.int64] = field(default_factory=_empty)
    """(k, 3) number column, row, special slot (`grid.NAN`, `grid.WRONG`, …): values that `numbers` cannot express."""
    record: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """(n,) position of each event's record in the decoded sequence; empty where nobody asks."""
    version: Sequence[str | None] = ()
    """n model versions as events spell them (canonical keys); empty: all None."""
    fields: Fields | None = None
    """The columns decoded; None: those of the one schema that the caller knows."""
    looked: Looked | None = None
    """Fields that no column has, of some of the events; None: nobody looked."""

    def __len__(self) -> int:
        return int(self.time.size)

    def take(self, at: npt.NDArray[np.int64]) -> "Rows":
        """The rows at these positions."""
        keys: dict[str, Keys] = {
            name: Coded(keys.codes[at], keys.dictionary) if isinstance(keys, Coded) else [keys[i] for i in at.tolist()]
            for name, keys in self.keys.items()
        }
        odd, looked = self.odd, self.looked
        if odd.size or looked is not None:
            place = np.full(len(self), -1, np.int64)
            place[at] = np.arange(at.size)
            odd = np.column_stack((odd[:, 0], place[odd[:, 1]], odd[:, 2]))
            odd = odd[odd[:, 1] >= 0]
            looked = looked and looked.take(place)
        version = [self.version[i] for i in at.tolist()] if self.version else ()
        record = self.record[at] if self.record.size else self.record
        return Rows(self.time[at], self.numbers[:, at], keys, odd, record, version, self.fields, looked)

    def project(self, fields: Fields) -> "Rows":
        """The same rows with the columns of another version's schema: absent ones are missing, others dropped."""
        if self.fields is None or self.fields == fields:
            return self
        place = {column.identity: i for i, column in enumerate(self.fields.numbers)}
        numbers = np.full((len(fields.numbers), len(self)), np.nan)
        moved = np.full(len(self.fields.numbers) + 1, -1, np.int64)
        for i, column in enumerate(fields.numbers):
            source = place.get(column.identity, -1)
            if source >= 0:
                numbers[i], moved[source] = self.numbers[source], i
        odd = np.column_stack((moved[self.odd[:, 0]], self.odd[:, 1:]))
        nothing = Coded(np.full(len(self), -1, np.int32), [])
        keys = {column.name: self.keys.get(column.name, nothing) for column in fields.keys}
        return replace(self, numbers=numbers, keys=keys, odd=odd[odd[:, 0] >= 0], fields=fields)
