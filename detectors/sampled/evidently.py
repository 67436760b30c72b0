"""Evidently's statistical tests, by their own names, over row samples: `evidently:ks`, `evidently:wasserstein`, …

Each compares one column's values in the two samples; rows without a value are left out, as Evidently does. Its
verdict is its own: its thresholds (0.05 for p-values, 0.1 for distances) are fixed, are not corrected for the number of
columns, and know nothing of how the process wanders. They are here for those who know them from notebooks.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from detectors.sampled.contract import LEAST_ROWS, Finding
from drift.core.errors import ConfigError, ProfileMismatch
from drift.core.sample import RowSample

PREFIX: Final = "evidently:"
_SEED: Final = 0


@cache
def names() -> tuple[str, ...]:
    """Every test over a column of numbers or categories, in alphabetical order."""
    return tuple(sorted(PREFIX + name for name, of in _tests().items() if _KINDS & {str(t.value) for t in of}))


_KINDS: Final = frozenset(("num", "cat"))


@cache
def _tests() -> Mapping[str, tuple[Any, ...]]:
    """Name → the feature types that it takes."""
    with warnings.catch_warnings():
        # it says nothing about our use of it
        warnings.simplefilter("ignore")
        from evidently.legacy.calculations import stattests
        from evidently.legacy.calculations.stattests import StatTest

    found = (test for test in vars(stattests).values() if isinstance(test, StatTest))
    return MappingProxyType({test.name: tuple(test.allowed_feature_types) for test in found})


def measure(name: str, window: RowSample, reference: RowSample, threshold: float | None = None) -> tuple[Finding, ...]:
    """One finding for each column that the test takes.

    Args:
        name: `evidently:` and the test's own name.
        window: the window's sample.
        reference: the reference's, of the same columns.
        threshold: in place of the test's own.

    Raises:
        ConfigError: Evidently has no such test over columns of numbers or categories.
        ProfileMismatch: the samples are of other columns.
    """
    if name not in names():
        raise ConfigError(f"{name!r} is no test of Evidently's; there are {', '.join(names())}")
    if (window.names, window.keys.keys()) != (reference.names, reference.keys.keys()):
        raise ProfileMismatch("samples of other columns cannot be compared: they belong to other references")
    kinds = {str(kind.value) for kind in _tests()[name.removeprefix(PREFIX)]}
    columns = [(n, "num") for n in window.names] + [(n, "cat") for n in window.keys]
    mine, others = window.columns(), reference.columns()
    return tuple(_one(name, n, kind, mine[n], others[n], threshold) for n, kind in columns if kind in kinds)


def _one(
    name: str, column: str, kind: str, window: npt.NDArray[Any], reference: npt.NDArray[Any], threshold: float | None
) -> Finding:
    import pandas as pd
    from evidently.legacy.calculations.stattests import get_stattest
    from evidently.legacy.core import ColumnType

    current, before = (pd.Series(_present(values, kind)) for values in (window, reference))
    rows = (len(current), len(before))
    if min(rows) < LEAST_ROWS:
        return Finding(name, column, float("nan"), float("nan"), False, rows, why="too few values")
    # given as a string, the kind is misread: numbers would be compared value by value, as categories
    typed = ColumnType(kind)
    test = get_stattest(before, current, typed, name.removeprefix(PREFIX))
    try:
        with _seeded():
            found = test(before, current, typed, threshold)
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        return Finding(name, column, float("nan"), float("nan"), False, rows, why=f"Evidently: {error}")
    return Finding(name, column, float(found.drift_score), float(found.actual_threshold), bool(found.drifted), rows)


def _present(values: npt.NDArray[Any], kind: str) -> npt.NDArray[Any]:
    wanted = np.isfinite(values) if kind == "num" else np.array([value is not None for value in values], np.bool_)
    found: npt.NDArray[Any] = values[wanted]
    return found


@contextmanager
def _seeded() -> Iterator[None]:
    """Some of the tests draw from NumPy's global generator; the same samples shall give the same answer.

    What SciPy says of its own arguments' future is nothing that a reader of findings can act upon.
    """
    state = np.random.get_state()  # noqa: NPY002  it is the one that they draw from
    np.random.seed(_SEED)  # noqa: NPY002
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
