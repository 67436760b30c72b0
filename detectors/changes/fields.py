"""Fields that came and went: renamed, vanished, new."""

from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import SequenceMatcher
from typing import Final

from detectors.changes.contract import ALL, MOST, ChangeKind, SchemaChange, Sides
from drift.core.schema import Column, Kind, Storage

OFTEN: Final = 0.1
"""A renamed field stands in as many rows as before, give or take this share of them."""
ALIKE: Final = 0.6
"""Names that share so much of their letters are like each other; asked where several fields could be meant."""
RARE: Final = 0.01
"""A new field in fewer rows is not worth a word."""

Took = Callable[[str, str], bool]
"""(Column's field, unknown field) → whether the one left as the other came. Names that are alike need no witness."""


def field_changes(
    sides: Sides, unknown: Mapping[str, int], types: Mapping[str, Storage], old: Collection[str], took: Took
) -> Iterator[SchemaChange]:
    """Renamed, then vanished, then new fields; see `find.schema_changes`."""
    vanished, left = _vanished(sides), dict(unknown)
    named = _renamed(sides, vanished, left, types, took)
    for name, other in named.items():
        yield SchemaChange(
            ChangeKind.RENAMED, name, other,
            sentence=f"{name} is missing from every row and a field {other!r} came in its place: was it renamed? Send "
            f"it as {name!r} again, map it, or register a new reference",
        )  # fmt: skip
        del left[other]
    for name in vanished:
        if name not in named:
            yield SchemaChange(
                ChangeKind.VANISHED, name,
                sentence=f"{name} is missing from {_percent(vanished[name][0])} of the rows, "
                f"{_percent(vanished[name][1])} before",
            )  # fmt: skip
    rows = max(sides.window.rows(), 1)
    for name, count in left.items():
        if count >= RARE * rows and name not in old:
            sentence = (
                f"the field {name!r} is new, in {_percent(min(count / rows, 1.0))} of the rows; it is not counted"
            )
            yield SchemaChange(ChangeKind.NEW, name, sentence=sentence)


def _vanished(sides: Sides) -> dict[str, tuple[float, float]]:
    """Field → the smallest share of rows without it in the window, and the largest in the reference."""
    shares: dict[str, tuple[float, float]] = {}
    for at, grid in enumerate(sides.window.grid.columns):
        now, then = sides.missing(at)
        least, most = shares.get(grid.column.field, (1.0, 0.0))
        shares[grid.column.field] = min(now, least), max(then, most)
    return {name: pair for name, pair in shares.items() if pair[0] >= ALL and pair[1] <= MOST}


def _renamed(
    sides: Sides, vanished: Mapping[str, tuple[float, float]], unknown: Mapping[str, int],
    types: Mapping[str, Storage], took: Took,
) -> dict[str, str]:  # fmt: skip
    """Vanished field → the unknown one that took its place: the only one that fits it and fits nothing else."""
    rows = max(sides.window.rows(), 1)
    columns = {grid.column.field: grid.column for grid in sides.window.grid.columns}
    fits = {
        name: [
            other
            for other, count in unknown.items()
            if abs(count / rows - (1 - then)) <= OFTEN and _of_type(columns[name], types.get(other))
            if took(name, other) or _alike(name, other)
        ]
        for name, (_, then) in vanished.items()
    }
    named: dict[str, str] = {}
    for name, candidates in fits.items():
        rivals = {other for rival, others in fits.items() if rival != name for other in others}
        alone = [other for other in candidates if other not in rivals]
        alike = [other for other in candidates if _alike(name, other)]
        chosen = candidates if len(candidates) == len(alone) == 1 else alike
        if len(chosen) == 1 and chosen[0] not in named.values():
            named[name] = chosen[0]
    return named


def _of_type(column: Column, storage: Storage | None) -> bool:
    return storage is None or column.kind in (Kind.DATETIME, Kind.TEXT) or storage is column.storage


def _alike(name: str, other: str) -> bool:
    one, two = (text.casefold().replace("_", "").replace("-", "") for text in (name, other))
    return SequenceMatcher(None, one, two).ratio() >= ALIKE


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
