"""What a change of form is."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from drift.core.profile import Profile

SEEN: Final = 50
"""Rows (values, where values are looked at) that window and reference must hold before anything is said."""
ALL: Final = 0.99
"""A share from which 'all' is said: late clients of the old form may be among the rows."""
MOST: Final = 0.5
"""A reference in which more than this share was so already has not changed."""


class ChangeKind(StrEnum):
    """What happened to a column."""

    RENAMED = "renamed"
    """It vanished, and a field that nobody knows came at once, as often."""
    VANISHED = "vanished"
    """No row has a value any more."""
    NEW = "new"
    """A field that the reference does not know."""
    TYPE = "type changed"
    """All values are of another JSON type."""
    UNIT = "unit changed"
    """All values were multiplied by one factor, or moved to another scale."""
    RECODED = "recoded"
    """All values are ones that the reference never had."""
    CONSTANT = "constant"
    """All values are one; the reference had several."""


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One change of form in one window."""

    kind: ChangeKind
    column: str
    """Its name in the reference; of a new field, the field's."""
    other: str = ""
    """The new name of a renamed column."""
    factor: float = 1.0
    """new = factor · old + offset, of a changed unit."""
    offset: float = 0.0
    sentence: str = ""
    """What a person should read."""


@dataclass(frozen=True, slots=True)
class Sides:
    """A window and its reference; the whole traffic."""

    window: Profile
    reference: Profile

    def missing(self, column: int) -> tuple[float, float]:
        """Shares of rows without a value in window and reference."""
        return _share(self.window, int(self.window.missing()[column])), _share(
            self.reference, int(self.reference.missing()[column])
        )

    def special(self, which: int, column: int) -> tuple[float, float]:
        """Shares of rows in one of the special slots."""
        return _share(self.window, int(self.window.special(which)[column])), _share(
            self.reference, int(self.reference.special(which)[column])
        )


def _share(profile: Profile, rows: int) -> float:
    return rows / max(profile.rows(), 1)
