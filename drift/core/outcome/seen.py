"""One prediction as a fixed-size record: all that is needed to count it, now or when its label comes.

It holds no value of a feature: the bins they fell into, the score, what was predicted, and when.
"""

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from drift.core.binning import Extent, Table, is_whole
from drift.core.grid import SPECIALS
from drift.core.keys import KeySlots, key_slots, segment_slots
from drift.core.outcome.grid import Task
from drift.core.rows import WRONG_TYPE, Coded, Key, Keys, Rows
from drift.core.schema import canonical_key

if TYPE_CHECKING:
    from drift.core.grid import Grid

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Seen = npt.NDArray[np.void]
"""(n,) records of `Predictions.dtype`: time, pane (µs), cells, guess, value, scores, weight, segments, bins."""

MOST_SLOTS: Final = 256
"""A cause's slots fit a byte."""
_TRUE: Final = {"1": "true", "0": "false", "true": "1", "false": "0", "True": "true", "False": "false"}


LONGEST_LABEL: Final = 256
"""Characters of a label that are kept."""


def spelled_labels(keys: Keys) -> list[str | None]:
    """(n) labels as they are stored: canonically, without what no database takes; None where there is none."""
    if isinstance(keys, Coded):
        table = [*map(_spell_label, keys.dictionary), None]
        return [table[code] for code in keys.codes.tolist()]
    return [_spell_label(key) for key in keys]


def _spell_label(key: Key) -> str | None:
    if not _is_key(key):
        return None
    return canonical_key(key)[:LONGEST_LABEL].replace("\0", "\ufffd")  # type: ignore[arg-type]  # a name or a number


class ClassIndex(dict[Key, int]):
    """Key → index of a class; the number of classes for any other key and for none. `1`, `1.0` and `true` are one."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        super().__init__()
        self._known = {name: at for at, name in enumerate(classes)}
        for name, at in list(self._known.items()):
            self._known.setdefault(_TRUE.get(name, name), at)
        self.other = len(classes)

    def __missing__(self, key: Key) -> int:
        if key is None or key is WRONG_TYPE or key != key:
            return self.other
        found = self._known.get(canonical_key(key), self.other)  # type: ignore[arg-type]  # a name or a number
        if found != self.other:
            # few spellings mean a class; what means none may be anything, and is not remembered
            self[key] = found
        return found

    def of(self, keys: Keys, n: int) -> Ints:
        """(n,) index of each key."""
        if isinstance(keys, Coded):
            table = np.fromiter(map(self.__getitem__, (*keys.dictionary, None)), np.int64, len(keys.dictionary) + 1)
            return table[keys.codes]
        return np.fromiter(map(self.__getitem__, keys), np.int64, n)


def numbers_of(keys: Keys, n: int) -> Floats:
    """(n,) keys as numbers; NaN for what is none."""
    if isinstance(keys, Coded):
        table = np.fromiter(map(_number, (*keys.dictionary, None)), np.float64, len(keys.dictionary) + 1)
        return table[keys.codes]
    return np.fromiter(map(_number, keys), np.float64, n)


def _number(key: Key) -> float:
    if isinstance(key, bool) or not isinstance(key, int | float | str):
        return float(key) if isinstance(key, bool) else np.nan
    try:
        found = float(key)
    except (ValueError, OverflowError):
        return np.nan
    return found if np.isfinite(found) else np.nan


class Predictions:
    """Makes records of rows. Built once per grid, then reused."""

    def __init__(self, grid: "Grid") -> None:
        outcome = grid.outcomes
        if outcome is None:
            raise AssertionError("a grid without outcomes has no predictions to record")
        self.grid, self.outcome = grid, outcome
        self._classes = ClassIndex(outcome.classes)
        at = {column.name: position for position, column in enumerate(_numbers(grid))}
        self._number_row = at
        self._cells = [_Bins(grid, name, at) for name in outcome.scores]
        self._causes = [_Bins(grid, name, at) for name in outcome.causes]
        self._segments = [(one.name, segment_slots(one.values)) for one in grid.segment_grids]
        self.sizes = [len(one.values) + 1 for one in grid.segment_grids]
        """Number of values of each segment column, `other` among them."""
        self.dtype = np.dtype(
            [
                ("time", "<i8"), ("pane", "<i8"), ("value", "<f8"), ("weight", "<f8"),
                ("scores", "<f8", (len(outcome.scores),)), ("cells", "<u2", (len(outcome.scores),)),
                ("guess", "u1"), ("segments", "u1", (len(self._segments),)), ("bins", "u1", (len(self._causes),)),
            ]
        )  # fmt: skip

    def of(self, rows: Rows, pane: Ints) -> Seen:
        """(n,) records of rows that were decoded for this grid's schema. Cost: about 10 ns a cause and row.

        Args:
            rows: with the label's, the id's and the weight's keys among theirs.
            pane: (n,) start of each row's pane, microseconds.
        """
        n, outcome = len(rows), self.outcome
        seen = np.zeros(n, self.dtype)
        seen["time"], seen["pane"] = rows.time, pane
        for number, bins in enumerate(self._cells):
            scores = rows.numbers[self._number_row[outcome.scores[number]]]
            seen["scores"][:, number] = np.where(np.isfinite(scores), scores, np.nan)
            seen["cells"][:, number] = bins.of(rows)
        for number, bins in enumerate(self._causes):
            seen["bins"][:, number] = bins.of(rows)
        for number, (name, slots) in enumerate(self._segments):
            seen["segments"][:, number] = key_slots(rows.keys[name], slots, n)
        seen["guess"], seen["value"] = self._guess(rows, seen)
        seen["weight"] = 1.0
        if outcome.weight:
            weight = numbers_of(rows.keys[outcome.weight], n)
            seen["weight"] = np.where(np.isnan(weight) | (weight < 0), 0.0, weight)
        return seen

    def _guess(self, rows: Rows, seen: Seen) -> tuple[Ints | int, Floats | float]:
        """Index of the predicted class, and the predicted number."""
        outcome, n = self.outcome, len(rows)
        if outcome.task is Task.REGRESSION:
            return 0, rows.numbers[self._number_row[outcome.prediction]]
        if not outcome.prediction:
            return self._by_score(seen), 0.0
        if outcome.prediction in self._number_row:
            numbers = rows.numbers[self._number_row[outcome.prediction]]
            distinct, inverse = np.unique(numbers, return_inverse=True)
            return self._classes.of(distinct.tolist(), distinct.size)[inverse], 0.0
        return self._classes.of(rows.keys[outcome.prediction], n), 0.0

    def _by_score(self, seen: Seen) -> Ints:
        scores = seen["scores"]
        if self.outcome.task is Task.BINARY:
            guess = (scores[:, 0] >= self.outcome.threshold).astype(np.int64)
        else:
            guess = np.argmax(np.nan_to_num(scores, nan=-np.inf), axis=1)
        guess[np.isnan(scores).all(axis=1)] = self._classes.other
        return guess

    def truths(self, keys: Keys, n: int) -> Floats:
        """(n,) labels: index of the class, or the number; NaN where there is none that can be used."""
        if self.outcome.task is Task.REGRESSION:
            return numbers_of(keys, n)
        index = self._classes.of(keys, n).astype(np.float64)
        return np.where(_there(keys, n), index, np.nan)

    def truth(self, spelled: list[str]) -> Floats:
        """(n,) the same of stored labels, each spelled canonically."""
        keys: list[Key] = list(spelled)
        return self.truths(keys, len(keys))


def _there(keys: Keys, n: int) -> npt.NDArray[np.bool_]:
    """Whether there is a label at all."""
    if isinstance(keys, Coded):
        known = np.array([*(_is_key(key) for key in keys.dictionary), False])
        return np.asarray(known[keys.codes])
    return np.fromiter(map(_is_key, keys), np.bool_, n)


def _is_key(key: Any) -> bool:
    return key is not None and key is not WRONG_TYPE and key == key


def _numbers(grid: "Grid") -> list[Any]:
    """The columns that arrive as numbers, in the order of `Fields.numbers`."""
    return [column.column for column in grid.columns if column.measured]


class _Bins:
    """The slot of one column's values, counted from its first."""

    def __init__(self, grid: "Grid", name: str, rows: dict[str, int]) -> None:
        self._at = grid.index[name]
        column = grid.columns[self._at]
        self._first, self._name, self._row = int(grid.layout.slots[self._at]), name, rows.get(name)
        self._specials = column.slots - SPECIALS
        self._table: Table | KeySlots = KeySlots(column)
        if self._row is not None:
            self._table = Table(grid, [self._at], np.array([self._row], np.int64), is_whole(column))

    def of(self, rows: Rows) -> Ints:
        """(n,) slots."""
        if isinstance(self._table, KeySlots) or self._row is None:
            return key_slots(rows.keys[self._name], self._table, len(rows))  # type: ignore[arg-type]  # keys have no row
        values = np.ascontiguousarray(rows.numbers[self._row])[None]
        found: Ints = self._table.counters(values, Extent.of(values).odd)[0] - self._first
        for number, row, special in rows.odd.tolist():
            if number == self._row:
                found[row] = self._specials + special
        return found


def cell_of_none(bins: int, slots: Ints) -> Ints:
    """Slots as a score's cells: what is no number is the last cell."""
    return np.minimum(slots, bins)


def spans(sizes: list[int]) -> list[tuple[int, int]]:
    """(first, last + 1) of each segment column's segments; segment 0 is everything."""
    edges = np.cumsum([1, *sizes]).tolist()
    return list(pairwise(edges))
