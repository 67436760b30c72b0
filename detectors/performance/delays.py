"""How long labels take, by class: fraud is reported within days, and that nothing came of a loan is known in months."""

from collections.abc import Sequence

import numpy as np

from drift.core.clock import MINUTE
from drift.core.outcome.grid import Task
from drift.core.outcome.sums import Outcomes
from drift.core.performance import Delay
from drift.core.window import lasting


def delays(outcomes: Outcomes) -> tuple[Delay, ...]:
    """Of each class whose labels came, in the grid's order; of a regression one, without a name. O(classes).

    Cells of delays grow twofold, so a quantile is known to within a factor of 2; within a cell it is interpolated.
    """
    classes = outcomes.outcome.classes if outcomes.outcome.task is not Task.REGRESSION else ("",)
    table = outcomes.whole("delays")
    return tuple(
        Delay(name, int(row.sum()), _quantile(row, 0.5), _quantile(row, 0.9))
        for name, row in zip(classes, table, strict=False)
        if row.sum() > 0
    )


def sentence(found: Sequence[Delay]) -> str:
    """As in `Half of the labels 1 came within 2h, nine in ten within 9h.`; empty where there are none."""
    return " ".join(_said(one) for one in found)


def _said(one: Delay) -> str:
    of = f" {one.name}" if one.name else ""
    return f"Half of the labels{of} came within {_lasting(one.median)}, nine in ten within {_lasting(one.most)}."


def _lasting(seconds: float) -> str:
    """To the minute; delays are known to within a factor of 2."""
    return lasting(max(round(seconds / 60), 1) * MINUTE)


def _quantile(row: np.ndarray[tuple[int, ...], np.dtype[np.int64]], share: float) -> float:
    """Seconds below which a share of the labels came."""
    counts = np.maximum(row, 0)
    upto = np.cumsum(counts)
    rank = share * float(upto[-1])
    cell = int(np.searchsorted(upto, rank, "left"))
    before = float(upto[cell - 1]) if cell else 0.0
    low, high = 2.0**cell - 1, 2.0 ** (cell + 1) - 1
    part = (rank - before) / max(float(counts[cell]), 1.0)
    return 60 * (low + part * (high - low)) if cell else 60 * part * high
