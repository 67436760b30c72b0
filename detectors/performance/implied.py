"""Labels that are implied by their absence: fraud is reported, and what is not reported in time was none.

In a window that is mature every prediction that could have met a label and did not has the implied class. Its counts
follow by subtraction, exactly, and so do the sums of its Brier and log losses, since sums over all predictions that can
meet a label are kept (`terms`), and over those that did. Their sums of squares, which only intervals need, are taken
from the middles of the score's cells.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import numpy as np

from detectors.contract import Floats, Ints
from detectors.performance.cells import Cells
from drift.core.errors import ConfigError
from drift.core.outcome.counting import EPSILON
from drift.core.outcome.fixed import BITS, LIMB, value
from drift.core.outcome.grid import Task
from drift.core.outcome.layout import PLAIN_BITS, SQUARE_BITS
from drift.core.outcome.sums import Outcomes

SQUARE: Final = 1
"""Where Σs² stands in `terms`; Σs, Σs², Σ−ln(1−s), Σ−ln s."""


def matured(outcomes: Outcomes, absent: str, segments: Iterable[int] | None = None) -> Outcomes:
    """The outcomes with the implied labels joined; the argument stays as it is. O(segments·width).

    Not touched: sums of the whole traffic (delays, losses by causes), and multiclass losses, which cannot be implied.
    Where rows are weighted, rows of implied labels weigh 1, for the weights of rows without a label are not summed.

    Args:
        outcomes: of a mature window.
        absent: the class that no label means, as the grid spells it.
        segments: only these; None: all.

    Raises:
        ConfigError: the model has no such class.
    """
    classes = outcomes.outcome.classes
    if absent not in classes:
        raise ConfigError(
            f"label.absent_means is {absent!r}, but the model's classes are {', '.join(map(repr, classes)) or 'none'}; "
            "name one of them"
        )
    sums = replace(outcomes.sums, ints=outcomes.sums.ints.copy())
    found = Outcomes(outcomes.grid, sums)
    for segment in range(len(outcomes.grid.segments)) if segments is None else segments:
        _mature(found, segment, classes.index(absent))
    return found


def _mature(outcomes: Outcomes, segment: int, absent: int) -> None:
    missing = unlabelled(outcomes, segment)
    if not missing.any():
        return
    outcome = outcomes.outcome
    outcomes.block("joined", segment)[:, :, absent] += missing
    if outcome.weight:
        outcomes.block("joined_w", segment)[:, :, absent] += missing << PLAIN_BITS
        outcomes.block("joined_w2", segment)[:, :, absent] += missing << SQUARE_BITS
    if outcome.task is Task.BINARY and outcome.scores:
        _losses(outcomes, segment, absent, missing)
    elif outcome.scores:
        _met(outcomes, segment, absent)


def unlabelled(outcomes: Outcomes, segment: int = 0) -> Ints:
    """(K+1, o) predictions that could meet a label and have none, by cell and predicted class; never negative."""
    joinable = outcomes.block("predicted", segment) - outcomes.block("alone", segment)
    missing: Ints = np.maximum(joinable - outcomes.block("joined", segment).sum(axis=2), 0)
    return missing


def _losses(outcomes: Outcomes, segment: int, absent: int, missing: Ints) -> None:
    """Add the implied rows' losses; pairs of high and low parts are linear, so that they may be subtracted."""
    terms, place = outcomes.block("terms", segment), {name: at for at, name in enumerate(outcomes.names)}
    losses = outcomes.block("losses", segment)
    left = np.stack(
        (
            terms[0] - losses[place["score"], 0], terms[1] - losses[place["score"], 1],
            terms[2] - losses[place["log_negative"], 0], terms[3] - losses[place["log_positive"], 0],
        )
    )  # fmt: skip
    rows = int(missing[:-1].sum())
    brier = left[SQUARE] if absent == 0 else left[SQUARE] - 2 * left[0] + np.array([rows << (BITS - LIMB), 0])
    cells = Cells.of(outcomes.grid)
    squares = _squares(cells, missing[:-1].sum(axis=1).astype(np.float64), absent)
    added = {"brier": brier, "log_loss": left[2 + absent], "score": left[0]}
    added |= {"log_negative": left[2], "log_positive": left[3]}
    squares["score"] = float(value(left[SQUARE]))
    for name, first in added.items():
        losses[place[name], 0] += first
        losses[place[name], 1] += _limbs(squares.get(name, 0.0))
        if outcomes.outcome.weight:
            outcomes.block("losses_w", segment)[place[name]] += np.stack((first, first, _limbs(squares.get(name, 0.0))))


def _squares(cells: Cells, missing: Floats, absent: int) -> dict[str, float]:
    """Σx² of the implied rows' Brier and log losses, from cells."""
    off = np.abs(absent - cells.centres)
    log_loss = -np.log(np.clip(1 - off, EPSILON, 1.0))
    return {"brier": float(missing @ off**4), "log_loss": float(missing @ log_loss**2)}


def _limbs(number: float) -> Ints:
    whole = round(number * (1 << BITS))
    return np.array([whole >> LIMB, whole & ((1 << LIMB) - 1)], np.int64)


def _met(outcomes: Outcomes, segment: int, absent: int) -> None:
    """Multiclass: by cell of each class's score; rows that no label can meet are taken for spread like all others."""
    met, cells = outcomes.block("met", segment), outcomes.block("cells", segment)
    predicted = max(outcomes.predicted(segment), 1)
    left = np.maximum(np.rint(cells * (outcomes.joinable(segment) / predicted)).astype(np.int64) - met.sum(axis=2), 0)
    for number in range(len(met)):
        met[number, :, int(number == absent)] += left[number]
