"""A model's columns with their places in an event, worked out once."""

from dataclasses import dataclass

from drift.core.rows import Fields
from drift.core.schema import Column, Role
from ingest.decoding.mapping import EventMap, Path


@dataclass(frozen=True, slots=True)
class Placed:
    """One column: its row in `Rows.numbers` (−1: it is a key) and where its value stands."""

    column: Column
    row: int
    path: Path

    @property
    def parent(self) -> Path:
        """The object that holds the value."""
        return self.path[:-1]

    @property
    def name(self) -> str:
        """The value's name there."""
        return self.path[-1]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read for one model. Columns that the map does not reach are not in it: they stay missing."""

    model: str
    fields: Fields
    map: EventMap
    numbers: tuple[Placed, ...]
    derived: tuple[Placed, ...]
    keys: tuple[Placed, ...]
    parents: tuple[Path, ...]
    """Every object that holds a value, once."""
    telling: tuple[Path, ...] = ()
    """Where a value says that an event is more than a label; none within an object that is absent then."""

    @property
    def outcomes(self) -> bool:
        """Whether labels that come by themselves can meet their predictions."""
        return self.fields.name_of(Role.LABEL) is not None and self.fields.name_of(Role.ID) is not None

    @staticmethod
    def of(model: str, fields: Fields, events: EventMap) -> "Plan":
        """Find the place of every column."""
        placed = [
            Placed(column, row, path)
            for row, column in enumerate(fields.numbers)
            if (path := events.place(column, fields)) is not None
        ]
        keys = [Placed(c, -1, path) for c in fields.keys if (path := events.place(c, fields)) is not None]
        return Plan(
            model,
            fields,
            events,
            tuple(p for p in placed if not p.column.derive),
            tuple(p for p in placed if p.column.derive),
            tuple(keys),
            tuple(dict.fromkeys(p.parent for p in (*placed, *keys))),
            tuple(dict.fromkeys(p.path for p in (*placed, *keys) if _tells(p, events))),
        )


def _tells(placed: Placed, events: EventMap) -> bool:
    if placed.column.role in (Role.ID, Role.LABEL, Role.WEIGHT) or placed.path in (events.label, events.id):
        return False
    within = events.features if events.own_object and isinstance(events.features, tuple) else None
    return within is None or placed.path[: len(within)] != within
