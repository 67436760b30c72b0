"""What a model predicts and how its outcomes are counted: worked out from the first reading of a reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from detectors.performance.calibration import isotonic
from drift.core.errors import ReferenceRefused
from drift.core.grid import ColumnGrid, fixed_point, key_hash
from drift.core.outcome.grid import MOST_CAUSES, MOST_CLASSES, MOST_CROSSED, OutcomeGrid, Task
from drift.core.outcome.seen import MOST_SLOTS
from drift.core.schema import Column, Kind, Role, Schema
from drift.reference.options import ReferenceOptions
from drift.reference.tally import Tally

Floats = npt.NDArray[np.float64]

MIN_CLASS: Final = 50
"""Rows of each class without which a score is not calibrated."""
ERROR_CELLS: Final = 64
_POSITIVE: Final = ("1", "true", "yes", "y", "t", "positive")


class Sampled(Protocol):
    """Values of the sampled rows."""

    def __call__(self, name: str) -> Floats:
        """(n,) a column's numbers, NaN where there is none; hashes of a label's texts."""


@dataclass(frozen=True, slots=True)
class Found:
    """How outcomes are counted, or why they are not."""

    grid: OutcomeGrid | None
    note: str = ""


def outcomes_of(
    schema: Schema, columns: Sequence[ColumnGrid], tallies: Mapping[str, Tally], sampled: Sampled,
    options: ReferenceOptions,
) -> Found:  # fmt: skip
    """Work it out.

    Args:
        schema: of the reference.
        columns: their grids.
        tallies: what the first reading noted of each column.
        sampled: values of the sampled rows.
        options: what the user said: `task`, `positive`, `scores`, `quantiles`, `thresholds`.

    Returns:
        The grid, or None with a sentence.

    Raises:
        ReferenceRefused: what the user said does not go with the data.
    """
    label = next(iter(schema.with_role(Role.LABEL)), None)
    if label is None:
        return Found(None, "" if options.task is None else _no_label())
    grids = {grid.name: grid for grid in columns}
    prediction = next((c for c in schema.with_role(Role.PREDICTION) if c.name in grids), None)
    scores = [c for c in schema.with_role(Role.SCORE) if c.name in grids and grids[c.name].measured and not c.derive]
    if prediction is None and not scores:
        return Found(None, f"nothing says what was predicted, so {label.name!r} has nothing to be compared with")
    found = _Maker(label, prediction, scores, grids, tallies, sampled, options)
    return found.regression() if found.task() is Task.REGRESSION else found.classes()


def _no_label() -> str:
    return "a task is set, but no column is the label: name it with `label:`"


@dataclass(frozen=True, slots=True)
class _Maker:
    label: Column
    prediction: Column | None
    scores: Sequence[Column]
    grids: Mapping[str, ColumnGrid]
    tallies: Mapping[str, Tally]
    sampled: Sampled
    options: ReferenceOptions

    def task(self) -> Task:
        """As said; else regression where label and prediction are numbers of many kinds, else by the classes."""
        if self.options.task is not None:
            return self.options.task
        keys = self._keys()
        few = keys is not None and len(keys) <= MOST_CLASSES
        if few and keys is not None and (self.scores or not self._continuous()):
            return Task.BINARY if len(keys) <= 2 else Task.MULTICLASS
        if few and keys is not None and len(keys) == 2:
            return Task.BINARY
        return Task.REGRESSION

    def regression(self) -> Found:
        """A number is predicted."""
        name = self.label.name
        if not self.tallies[name].numbers.n:
            return Found(None, f"{name!r} has more than {MOST_CLASSES} classes, which are not judged")
        if self.prediction is None or not self.grids[self.prediction.name].measured:
            return Found(None, f"{name!r} is a number, but no column with numbers is the prediction")
        label, guess = self.sampled(name), self.sampled(self.prediction.name)
        there = np.isfinite(label) & np.isfinite(guess)
        if not there.any():
            return Found(None, f"no row has both {name!r} and {self.prediction.name!r}")
        ordered = np.sort(label[there])
        low, high = ordered[round(0.001 * (ordered.size - 1))], ordered[round(0.999 * (ordered.size - 1))]
        span = float(high - low) or max(abs(float(high)), 1.0)
        errors = np.abs(guess[there] - label[there])
        edges = np.unique(np.quantile(errors, np.arange(1, ERROR_CELLS) / ERROR_CELLS))
        grid = OutcomeGrid(
            Task.REGRESSION, name, self.prediction.name, weight=self._weight(), causes=self._causes(),
            crossed=self._crossed(),
            centre=fixed_point(float(low), float(high), float(ordered.mean()))[0],
            unit=float(2.0 ** np.ceil(np.log2(span))), losses=tuple(edges[edges > 0].tolist()),
            quantiles=self.options.quantiles,
        )  # fmt: skip
        return Found(grid)

    def classes(self) -> Found:
        """A class is predicted."""
        keys = self._keys()
        if keys is None or len(keys) > MOST_CLASSES:
            return Found(None, f"{self.label.name!r} has more than {MOST_CLASSES} classes, which are not judged")
        if len(keys) < 2:
            return Found(None, f"{self.label.name!r} has one class only, so there is nothing to be learnt from it")
        task = Task.BINARY if len(keys) == 2 else Task.MULTICLASS
        if self.options.task is not None and self.options.task is not task:
            raise ReferenceRefused(f"task is {self.options.task}, but {self.label.name!r} has {len(keys)} classes")
        names = self._ordered(keys) if task is Task.BINARY else tuple(sorted(keys))
        scores, prediction = self._scores(task, names)
        if prediction == "" and not scores:
            return Found(None, f"the prediction is no class of {self.label.name!r} and no column is its score")
        calibrated = tuple(self._calibrated(column, at, names, task) for at, column in enumerate(scores))
        known = all(calibrated) and bool(calibrated)
        grid = OutcomeGrid(
            task, self.label.name, prediction, names, scores, calibrated if known else (),
            self.options.thresholds[0] if self.options.thresholds else 0.5, self._weight(), self._causes(),
            self._crossed(),
        )  # fmt: skip
        few = f"fewer than {MIN_CLASS} labelled rows of a class: performance cannot be estimated without labels"
        return Found(grid, "" if known or not scores else few)

    def _keys(self) -> Mapping[str, int] | None:
        counts = self.tallies[self.label.name].key_counts
        return counts and {name: n for name, n in counts.items() if name not in ("inf", "-inf")}

    def _continuous(self) -> bool:
        return self.prediction is not None and self.grids[self.prediction.name].column.kind is Kind.NUMERIC

    def _ordered(self, keys: Mapping[str, int]) -> tuple[str, ...]:
        """Negative class, positive class: as said, by its name, or the later of the two."""
        positive = self.options.positive
        if positive is not None and positive not in keys:
            raise ReferenceRefused(
                f"the positive class is {positive!r}, but {self.label.name!r} has {' and '.join(sorted(keys))}"
            )
        named = [key for key in sorted(keys) if key.lower() in _POSITIVE]
        positive = positive or (named[0] if len(named) == 1 else max(keys))
        return (*(key for key in keys if key != positive), positive)

    def _scores(self, task: Task, names: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
        """Score columns, and the column of the predicted class; empty: by the score."""
        guess = self.prediction.name if self.prediction is not None else ""
        if task is Task.MULTICLASS:
            given = self.options.scores
            missing = [name for name in names if name not in given]
            if given and missing:
                raise ReferenceRefused(f"scores: class {missing[0]!r} has no column; give one for every class")
            return tuple(given[name] for name in names) if given else (), guess
        if self.scores:
            return (self.scores[0].name,), guess
        if self.prediction is not None and self._continuous():
            values = self.sampled(guess)
            values = values[np.isfinite(values)]
            if values.size and values.min() >= 0 and values.max() <= 1:
                return (guess,), ""
            return (), ""
        return (), guess

    def _calibrated(self, name: str, at: int, classes: tuple[str, ...], task: Task) -> tuple[float, ...]:
        """P(class | cell) on the sampled rows, isotonic (Zadrozny & Elkan 2002); empty: too few rows."""
        score, label, grid = self.sampled(name), self.sampled(self.label.name), self.grids[name]
        there = np.isfinite(score) & ~np.isnan(label)
        wanted = classes[-1] if task is Task.BINARY else classes[at]
        hit = np.isin(label[there], _spellings(wanted))
        if min(hit.sum(), (~hit).sum()) < MIN_CLASS:
            return ()
        cell = _cells(grid, score[there])
        total, ones = np.bincount(cell, minlength=grid.bins), np.bincount(cell, hit, minlength=grid.bins)
        seen = np.flatnonzero(total)
        rates, _ = isotonic(ones[seen] / total[seen], total[seen].astype(np.float64))
        return tuple(np.round(np.interp(np.arange(grid.bins), seen, rates), 12).tolist())

    def _weight(self) -> str:
        return next((name for name, role in self.options.roles.items() if role is Role.WEIGHT), "")

    def _causes(self) -> tuple[str, ...]:
        features = [
            grid.name for grid in self.grids.values()
            if grid.column.role is Role.FEATURE and not grid.sketch and grid.slots <= MOST_SLOTS
        ]  # fmt: skip
        return tuple(features[:MOST_CAUSES])

    def _crossed(self) -> tuple[str, ...]:
        """The first causes that came as they are, for tables of pairs."""
        plain = [name for name in self._causes() if not self.grids[name].column.derive]
        return tuple(plain[:MOST_CROSSED])


def _spellings(key: str) -> list[float]:
    """How a class stands in the sample: as a number, or as the hash of a text."""
    found = [float(key_hash(text) >> 12) for text in {key, key.capitalize()}]
    if key in ("true", "false"):
        found.append(float(key == "true"))
    try:
        found.append(float(key))
    except ValueError:
        return found
    return found


def _cells(grid: ColumnGrid, values: Floats) -> npt.NDArray[np.int64]:
    """(n,) value bin of finite values."""
    if grid.column.kind is Kind.NUMERIC:
        return np.searchsorted(np.array(grid.edges), values, "right")
    ordered = np.array(grid.values)
    at = np.minimum(np.searchsorted(ordered, values), ordered.size - 1)
    return np.where(ordered[at] == values, at, grid.bins - 1)
