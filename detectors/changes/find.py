"""Every change of form that a window shows against its reference."""

from collections.abc import Collection, Mapping

from detectors.changes.contract import SEEN, SchemaChange, Sides
from detectors.changes.fields import Took, field_changes
from detectors.changes.units import unit_change
from detectors.changes.values import value_change
from drift.core.errors import ProfileMismatch
from drift.core.profile import Profile
from drift.core.schema import Storage


def schema_changes(
    window: Profile,
    reference: Profile,
    unknown: Mapping[str, int],
    *,
    before: Collection[str] = (),
    types: Mapping[str, Storage] | None = None,
    took: Took | None = None,
) -> tuple[SchemaChange, ...]:
    """Name what changed, by column; fields first, and at most one change of each column's values.

    Args:
        window: the sums of one window, the whole traffic of it.
        reference: those of the reference, on the same grid.
        unknown: fields that the events had and the reference does not know → rows that had them (an estimate will do).
        before: such fields that earlier windows had; they are not new.
        types: unknown fields → the JSON type of most of their values, where that is known.
        took: whether a column left as an unknown field came, for those in `before` as well: a rename lasts longer than
            the window that had it first. None: those not in `before` came as any column left, and no other did.

    Returns:
        Nothing where either side holds fewer than 50 rows. About 0.1 ms a column that changed much, less for others.

    Raises:
        ProfileMismatch: the grids differ.
    """
    if window.grid.id != reference.grid.id:
        raise ProfileMismatch(
            f"a window on grid {window.grid.id} cannot be compared with a reference on grid {reference.grid.id}"
        )
    if min(window.rows(), reference.rows()) < SEEN:
        return ()
    sides = Sides(window, reference)
    old = set(before)
    if took is None:
        unknown = {name: rows for name, rows in unknown.items() if name not in old}
    found = list(field_changes(sides, unknown, types or {}, old, took or _any))
    gone = {change.column for change in found}
    for at, column in enumerate(window.grid.columns):
        if column.column.field not in gone and not column.column.derive:
            change = unit_change(sides, at) or value_change(sides, at)
            found += [change] if change else []
    return tuple(found)


def _any(column: str, field: str) -> bool:  # noqa: ARG001  a `Took`
    return True
