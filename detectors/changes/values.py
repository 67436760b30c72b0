"""Changes of a column's values as a whole: another type, other codes, one value."""

from math import log
from typing import Final

from detectors.changes.contract import ALL, MOST, SEEN, ChangeKind, SchemaChange, Sides
from drift.core.grid import WRONG, ColumnGrid

CHANCE: Final = 1e-9
"""One value in every row is no chance below this probability."""


def value_change(sides: Sides, at: int) -> SchemaChange | None:
    """What became of the values of column number `at`; None: nothing of the kind."""
    return _type(sides, at) or _recoded(sides, at) or _constant(sides, at)


def _type(sides: Sides, at: int) -> SchemaChange | None:
    now, then = sides.special(WRONG, at)
    missing = sides.missing(at)[0]
    valued = 1 - missing
    if valued * sides.window.rows() < SEEN or now < ALL * valued or then > MOST * (1 - sides.missing(at)[1]):
        return None
    column = sides.window.grid.columns[at].column
    sentence = f"{column.name} is no {column.storage.value} any more in any of {sides.window.rows():,} rows; "
    return SchemaChange(ChangeKind.TYPE, column.name, sentence=sentence + "values of another type are not counted")


def _recoded(sides: Sides, at: int) -> SchemaChange | None:
    grid = sides.window.grid.columns[at]
    counts = sides.window.bin_counts(at)
    if grid.unseen is None or counts.sum() < SEEN or sides.reference.bin_counts(at).sum() < SEEN:
        return None
    if counts[grid.unseen] < ALL * counts.sum():
        return None
    codes = "keys" if grid.keys_counted else "values"
    sentence = (
        f"{grid.name} holds {codes} that the reference never had in all of {counts.sum():,} rows: was it recoded?"
    )
    return SchemaChange(ChangeKind.RECODED, grid.name, sentence=sentence)


def _constant(sides: Sides, at: int) -> SchemaChange | None:
    grid = sides.window.grid.columns[at]
    now, then = sides.window.bin_counts(at), sides.reference.bin_counts(at)
    n, m = int(now.sum()), int(then.sum())
    if min(n, m) < SEEN or grid.sketch or (now > 0).sum() != 1 or not _single(sides, at):
        return None
    bin_ = int(now.argmax())
    if (then > 0).sum() < 2:
        return None
    # probability of n rows in this bin, were it as frequent as in the reference
    if n * log((int(then[bin_]) + 0.5) / (m + 1.0)) > log(CHANCE):
        return None
    sentence = f"{grid.name} is {_value(sides, at, grid, bin_)} in all of {n:,} rows"
    return SchemaChange(ChangeKind.CONSTANT, grid.name, sentence=sentence)


def _single(sides: Sides, at: int) -> bool:
    """Whether the window's one bin holds one value."""
    grid = sides.window.grid.columns[at]
    if grid.measured:
        low, high = sides.window.bounds(at)
        return low == high
    return int(sides.window.bin_counts(at).argmax()) < grid.bins - 2


def _value(sides: Sides, at: int, grid: ColumnGrid, bin_: int) -> str:
    return f"{sides.window.bounds(at)[0]:.6g}" if grid.measured else repr(grid.keys[bin_])
