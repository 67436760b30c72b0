"""What a model's columns are: kind, role, how production sends them.

A schema is part of a reference and as immutable. A *derived* column (the age of a date, the length of a text) is an
ordinary column with a `source` and a `derive`; grids and statistics see only numbers and keys.

| kind | counted as |
|---|---|
| datetime | `age`, `hour`, `weekday` |
| text | `length`, `oov`, `empty` |
| embedding | `projection1` … `projection16`, `norm`, `distance` |
| categorical of over 64 keys | itself, and beside it `bucket` and `distinct` |
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from drift.core.errors import SchemaError

MAX_NAME: Final = 512


class Kind(StrEnum):
    """How a column's values are compared."""

    NUMERIC = "numeric"
    """Many distinct numbers: equal-probability bins."""
    ORDINAL = "ordinal"
    """At most 64 distinct numbers: one bin per value, in order."""
    CATEGORICAL = "categorical"
    """Names without an order: one bin per frequent value."""
    BOOLEAN = "boolean"
    """True or false."""
    DATETIME = "datetime"
    """A moment: counted as age at event time, hour and weekday, never raw."""
    TEXT = "text"
    """Free text: counted as its length, its share of words that the reference never had, and whether it is empty."""
    EMBEDDING = "embedding"
    """Vectors of 8 to 4,096 numbers: counted as projections, norm and distance to the reference's centroid."""


class Role(StrEnum):
    """What a column is to the model."""

    FEATURE = "feature"
    PREDICTION = "prediction"
    SCORE = "score"
    LABEL = "label"
    SEGMENT = "segment"
    TIME = "time"
    ID = "id"
    WEIGHT = "weight"
    IGNORE = "ignore"


class Storage(StrEnum):
    """The JSON type that production sends; anything else counts as a wrong type."""

    NUMBER = "number"
    STRING = "string"
    BOOLEAN = "boolean"
    LIST = "list"


COUNTED_ROLES: Final = (Role.FEATURE, Role.PREDICTION, Role.SCORE)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a model."""

    name: str
    kind: Kind
    role: Role
    storage: Storage
    source: str = ""
    """The event's field that a derived column is made from; empty: the column's own name."""
    derive: str = ""
    """What is counted in place of the value, as the table above has it; empty: the value itself."""
    size: int = 0
    """Numbers in a vector; for what derives from an embedding."""
    learned: bytes = b""
    """What deriving needs to know of the reference: a vocabulary (`drift.core.words`) or a centroid
    (`drift.core.vectors`)."""

    @property
    def field(self) -> str:
        """The name of the field in the event."""
        return self.source or self.name

    @property
    def identity(self) -> tuple[str, int, bytes]:
        """What makes two references' columns of one name the same numbers."""
        return self.name, self.size, self.learned


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of one reference, in order; names are unique.

    `segments` names the columns by whose values the traffic is also counted apart. Such a column may be a feature as
    well; one that is a segment alone has the role `segment` and stands in the event under `segments`.
    """

    columns: tuple[Column, ...]
    segments: tuple[str, ...] = ()
    row_sample: int = 0
    """So many rows of each pane are kept, with what is counted of them; 0: none. See `drift.core.sample`."""
    outcomes: bool = False
    """Whether predictions meet their labels, so that events are asked for label, id and weight."""

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for column in self.columns:
            if not column.name or len(column.name) > MAX_NAME:
                raise SchemaError(f"a column's name has 1 to {MAX_NAME} characters; this one has {len(column.name)}")
            if column.name in seen:
                raise SchemaError(f"column {column.name!r} appears twice; rename one of the two")
            seen.add(column.name)
        for name in self.segments:
            if name not in seen:
                raise SchemaError(f"segment {name!r} is no column; there are {_some(seen)}")
        for role in (Role.TIME, Role.ID, Role.LABEL, Role.PREDICTION, Role.WEIGHT):
            names = [column.name for column in self.columns if column.role is role and not column.derive]
            if len(names) > 1:
                raise SchemaError(f"only one column can be the {role}; found {', '.join(names)}")

    def with_role(self, *roles: Role) -> tuple[Column, ...]:
        """The columns of these roles, in order."""
        return tuple(column for column in self.columns if column.role in roles)

    @property
    def counted(self) -> tuple[Column, ...]:
        """The columns that get a grid: features, prediction, scores; dates, texts and vectors only by what derives."""
        raw = (Kind.DATETIME, Kind.TEXT, Kind.EMBEDDING)
        return tuple(c for c in self.columns if c.role in COUNTED_ROLES and (c.derive or c.kind not in raw))

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise SchemaError(f"there is no column {name!r}; there are {_some(c.name for c in self.columns)}")


def canonical_key(value: str | bool | int | float) -> str:
    """The one spelling under which a category is counted: 1 = 1.0 = "1", true = True.

    Raises:
        ValueError: the value is not a number (NaN); the caller counts that apart.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value != value:
            raise ValueError("NaN is no category")
        if value.is_integer() and abs(value) < 2**53:
            return str(int(value))
        return repr(value)
    return str(value)


def _some(names: Iterable[str], most: int = 8) -> str:
    listed = list(names)
    shown = ", ".join(repr(name) for name in listed[:most])
    return shown + (f" and {len(listed) - most} more" if len(listed) > most else "")
