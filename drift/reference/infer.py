"""From what was noted of a column to its kind, with the reason that the user is shown."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy.typing as npt

from drift.core.errors import SchemaError
from drift.core.schema import COUNTED_ROLES, Column, Kind, Role, Storage
from drift.core.vectors import LONGEST, SHORTEST
from drift.reference.deriving import ORDINAL_MOST, derived_columns, is_ordinal
from drift.reference.noted import MAX_NUMBERS, Lists
from drift.reference.tally import Tally

ORDINAL_OVERRIDE: Final = 1_024
PURE: Final = 0.99
"""Share of a column's values that decides its type; the rest counts as a wrong type."""
ID_SHARE: Final = 0.9
"""A text column with so many distinct values per row is an identifier or free text."""
ID_ROWS: Final = 20
TEXT_SPACES: Final = 2.0
TEXT_LENGTH: Final = 64.0


@dataclass(frozen=True, slots=True)
class Inferred:
    """What became of one column of the data."""

    column: Column
    why: str
    distinct: int | None
    """Distinct values; None: more than were counted."""
    notes: tuple[str, ...] = ()
    derived: tuple[Column, ...] = field(default=())


def infer(tally: Tally, role: Role | None, kind: Kind | None, texts: npt.NDArray[Any], timed: bool) -> Inferred:
    """The kind and role of a column.

    Args:
        tally: what was noted of it.
        role, kind: as given by the user or by the name; None: to be found.
        texts: the text sample, for columns with too many texts to count.
        timed: whether rows have an event time, without which there are no ages.

    Raises:
        SchemaError: the kind asked for does not go with the data.
    """
    if tally.values == 0:
        found = {Kind.NUMERIC: Kind.ORDINAL, Kind.ORDINAL: Kind.ORDINAL, Kind.BOOLEAN: Kind.BOOLEAN}.get(
            kind or Kind.CATEGORICAL, Kind.CATEGORICAL
        )
        why = "no value at all; whatever comes is unseen"
        return _inferred(tally, found, role or Role.FEATURE, why, timed, ("it is always missing",))
    if tally.lists.embedded >= PURE * tally.values and kind in (None, Kind.EMBEDDING):
        size = tally.lists.size
        why = "as configured" if kind else f"vectors of {size} numbers: counted as projections, norm and distance"
        return _inferred(tally, Kind.EMBEDDING, role or Role.FEATURE, why, timed)
    if tally.nested > (1 - PURE) * tally.values or (kind is None and tally.lists.n >= PURE * tally.values):
        if kind is not None and role is not Role.IGNORE:
            raise SchemaError(f"column {tally.name!r} cannot be {kind}: it holds lists, objects, bytes or durations")
        why = _lists(tally.lists) or "lists, objects, bytes or durations are not watched"
        return _inferred(tally, Kind.CATEGORICAL, Role.IGNORE, why, timed)
    if kind is not None:
        _check(tally, kind)
        return _inferred(tally, kind, role or Role.FEATURE, "as configured", timed)
    found, found_role, why = _find(tally, role, texts)
    return _inferred(tally, found, role or found_role, why, timed, tuple(_notes(tally, found, role or found_role)))


def _lists(lists: Lists) -> str:
    """Why lists of numbers are no embedding; empty: there are none."""
    if not lists.sizes:
        return ""
    low, high = min(lists.sizes), max(lists.sizes)
    sizes = f"{low}" if low == high else f"{low} to {high}"
    return f"lists of {sizes} numbers are not watched; an embedding has {SHORTEST} to {LONGEST}, always as many"


def distinct_of(tally: Tally) -> int | None:
    """How many distinct values there are; None: more than were counted, or dates, which are not."""
    if tally.moments or tally.texts.dates or tally.lists.n:
        return None
    keys = tally.key_counts
    return None if keys is None else len(keys)


def _find(tally: Tally, role: Role | None, texts: npt.NDArray[Any]) -> tuple[Kind, Role, str]:
    numbers, total = tally.numbers.n + tally.numbers.infinite, tally.values - tally.nested
    if role is Role.TIME:
        return Kind.DATETIME, role, "the event time"
    if tally.moments + tally.texts.dates >= PURE * total:
        return Kind.DATETIME, Role.FEATURE, "dates: counted as age, hour and weekday"
    if numbers >= PURE * total:
        return _find_number(tally, role)
    if sum(tally.flags) >= PURE * total:
        return Kind.BOOLEAN, Role.FEATURE, "true and false"
    return _find_text(tally, role, texts)


def _find_number(tally: Tally, role: Role | None) -> tuple[Kind, Role, str]:
    numbers = tally.numbers
    counts = numbers.counts
    if role is Role.SCORE and numbers.n:
        return Kind.NUMERIC, role, "a score"
    if _looks_like_id(tally.name) and role is None and _all_distinct(tally):
        return Kind.NUMERIC, Role.IGNORE, "a name and values like an identifier's, all distinct"
    if is_ordinal(numbers):
        return Kind.ORDINAL, Role.FEATURE, _many(len(counts or ()), "number")
    many = f"more than {MAX_NUMBERS}" if counts is None else str(len(counts))
    return Kind.NUMERIC, Role.FEATURE, f"{many} distinct numbers"


def _find_text(tally: Tally, role: Role | None, texts: npt.NDArray[Any]) -> tuple[Kind, Role, str]:
    counts, n = tally.texts.counts, tally.texts.n
    distinct, share = _distinct_share(tally, texts)
    if role is None and n >= ID_ROWS and distinct > ORDINAL_MOST // 4 and share > ID_SHARE / 2:
        if tally.texts.spaces / n >= TEXT_SPACES or tally.texts.characters / n > TEXT_LENGTH:
            return Kind.TEXT, Role.FEATURE, "free text: counted as its length, unknown words and emptiness"
        if share >= ID_SHARE:
            return Kind.CATEGORICAL, Role.IGNORE, f"looks like an identifier: {share:.0%} of the values are distinct"
    if counts is None:
        return Kind.CATEGORICAL, Role.FEATURE, f"more than {distinct} distinct texts"
    return Kind.CATEGORICAL, Role.FEATURE, _many(distinct, "text")


def _many(distinct: int, what: str) -> str:
    return f"{distinct} distinct {what}s" if distinct != 1 else f"one {what} only"


def _distinct_share(tally: Tally, texts: npt.NDArray[Any]) -> tuple[int, float]:
    """Distinct texts, and their share of the rows: of all rows, or of the sample where there are too many."""
    if tally.texts.counts is not None:
        return len(tally.texts.counts), len(tally.texts.counts) / max(tally.texts.n, 1)
    there = [text for text in texts if text is not None]
    # texts too long to be kept as keys count as distinct
    long = 1 - len(there) / max(texts.size, 1)
    return len(set(there)), max(long, len(set(there)) / max(len(there), 1))


def _all_distinct(tally: Tally) -> bool:
    counts = tally.numbers.counts
    return tally.numbers.n > 1 and (counts is None or len(counts) == tally.numbers.n)


def _looks_like_id(name: str) -> bool:
    low = name.lower()
    return low in ("id", "uuid", "guid", "index", "row", "rowid", "unnamed: 0") or low.endswith(("_id", "-id", " id"))


def _check(tally: Tally, kind: Kind) -> None:
    numbers, flags, texts = tally.numbers, sum(tally.flags), tally.texts
    fits = {
        Kind.NUMERIC: numbers.n > 0,
        Kind.ORDINAL: numbers.n > 0,
        Kind.CATEGORICAL: numbers.n + flags + texts.n > 0,
        Kind.BOOLEAN: numbers.n + flags + texts.n > 0,
        Kind.DATETIME: tally.first is not None,
        Kind.TEXT: texts.n > 0,
        Kind.EMBEDDING: False,  # taken before, where there are vectors
    }
    if not fits[kind]:
        raise SchemaError(
            f"column {tally.name!r} cannot be {kind}: it holds {_held(tally)}; leave the kind out to see what fits"
        )
    if kind is Kind.ORDINAL and (numbers.counts is None or len(numbers.counts) > ORDINAL_OVERRIDE):
        raise SchemaError(f"column {tally.name!r} has over {ORDINAL_OVERRIDE} distinct numbers; use kind numeric")
    if kind is Kind.BOOLEAN and not (tally.key_counts or {"": 1}).keys() <= {
        "true",
        "false",
        "0",
        "1",
        "True",
        "False",
    }:
        raise SchemaError(f"column {tally.name!r} cannot be boolean: it holds more than true and false, or 0 and 1")


def _held(tally: Tally) -> str:
    parts = {
        "numbers": tally.numbers.n, "true and false": sum(tally.flags), "texts": tally.texts.n, "dates": tally.moments,
    }  # fmt: skip
    return max(parts, key=parts.__getitem__)


def _inferred(tally: Tally, kind: Kind, role: Role, why: str, timed: bool, notes: tuple[str, ...] = ()) -> Inferred:
    storage = _storage(tally, kind)
    derived: tuple[Column, ...] = ()
    distinct = distinct_of(tally)
    if role in COUNTED_ROLES:
        derived = tuple(derived_columns(tally, kind, role, storage, distinct))
        if kind is Kind.DATETIME and not timed:
            notes = (*notes, "no age is counted: the reference has no event time")
    return Inferred(Column(tally.name, kind, role, storage), why, distinct, notes, derived)


def _storage(tally: Tally, kind: Kind) -> Storage:
    if kind in (Kind.NUMERIC, Kind.ORDINAL):
        return Storage.NUMBER
    if kind is Kind.EMBEDDING:
        return Storage.LIST
    held = {
        Storage.STRING: tally.texts.n + tally.moments,
        Storage.NUMBER: tally.numbers.n,
        Storage.BOOLEAN: sum(tally.flags),
    }
    return max(held, key=held.__getitem__)


def _notes(tally: Tally, kind: Kind, role: Role) -> list[str]:
    notes: list[str] = []
    numbers, distinct = tally.numbers, distinct_of(tally)
    huge = numbers.huge is None or bool(numbers.huge)
    if role not in COUNTED_ROLES:
        return notes
    if distinct == 1:
        notes.append("it is constant")
    if huge:
        notes.append("integers beyond 2**53: neighbours cannot be told apart; ignore it if it is an identifier")
    if numbers.infinite:
        notes.append(f"{numbers.infinite} infinite values")
    if kind is Kind.NUMERIC and role is Role.FEATURE and not huge and _looks_like_id(tally.name):
        notes.append("its name is an identifier's; ignore it if it is one")
    if kind is Kind.CATEGORICAL and distinct is not None and distinct > ORDINAL_MOST and distinct > tally.texts.n / 2:
        notes.append(f"{distinct} distinct texts in {tally.texts.n} rows; ignore it if it is an identifier")
    numeric = tally.numbers.n / tally.values
    if kind is Kind.CATEGORICAL and 0 < numeric < 1:
        notes.append(f"{numeric:.0%} of the values are numbers; with kind numeric the others count as a wrong type")
    return notes
