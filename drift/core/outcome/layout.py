"""Where each sum of outcomes stands.

Integers of one segment; C classes, o = C+1 outcomes (the last: another class, or none), K+1 cells (the last: no score):

| block | shape | binary | multiclass | regression | what |
|---|---|---|---|---|---|
| predicted | (K+1, o) | ✓ | (1, o) | (1, 1) | predictions by cell and predicted class |
| alone | as predicted | ✓ | ✓ | ✓ | of these, those that no label can ever meet: no id, no label with them |
| terms | (4, 2) | ✓ | | | of those that can be met: Σs, Σs², Σ−ln(1−s), Σ−ln s |
| joined | (K+1, o, o) | ✓ | (1, o, o) | (1, 1, 1) | predictions with a label: cell, predicted, true |
| losses | (L, 2, 2) | ✓ | ✓ | ✓ | Σx, Σx² of each of the task's losses, of joined ones |
| crossed | (3, 2) | | | ✓ | Σe²y, Σe²y², Σy³ |
| errors | (G,) | | | ✓ | joined ones by absolute error |
| cells | (C, K+1) | | ✓ | | predictions by cell, for each class's score |
| met | (C, K+1, 2) | | ✓ | | joined ones by cell; whether the class was true |
| expected | (C, o) | | ✓ | | Σπ_c by predicted class, in 2**-30 |
| doubt | (o,) | | ✓ | | Σπ(1−π) of the predicted class, in 2**-30 |
| joined_w, joined_w2 | as joined | weighted | weighted | weighted | Σw in 2**-20, Σw² in 2**-12 |
| losses_w | (L, 3, 2) | weighted | weighted | weighted | Σwx, Σw²x, Σw²x² |

Of the whole traffic only:

| block | shape | what |
|---|---|---|
| conflicts | (1,) | labels that said otherwise than one before |
| delays | (o, 24) | joined ones by class and by delay: cell d holds 2**d − 1 ≤ minutes < 2**(d+1) − 1 |
| cause_rows, cause_expected | (slots,) | predictions of known probability, by the bins of `causes`; Σ expected loss |
| cause_seen, cause_loss | (slots,) | joined ones; Σ loss: 1 for a wrong class, \\|e\\| ÷ unit |
| pair_rows, pair_expected, pair_seen, pair_loss | (pairs, 8, 8) | the same by pairs of `crossed`; see `pairs` |

Pairs (…, 2) are high and low parts, see `fixed`. Losses are summed in 2**-20 by bins.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Final

import numpy as np

from drift.core.outcome.grid import OutcomeGrid, Task
from drift.core.outcome.pairs import EIGHTHS, pairs_of
from drift.core.profile import Sums

if TYPE_CHECKING:
    from drift.core.grid import Grid

DELAYS: Final = 24
"""The last cell starts at 16 years."""
PLAIN_BITS: Final = 20
"""Losses by bins, and weights, are counted in 2**-20."""
SQUARE_BITS: Final = 12
SHARE_BITS: Final = 30

Shapes = Mapping[str, tuple[int, ...]]


def losses_of(grid: OutcomeGrid) -> tuple[str, ...]:
    """Names of a task's losses, in order.

    Binary and multiclass: `brier` (multiclass: summed over classes, 0–2), `log_loss` (nats, probabilities clipped to
    2**-52 … 1 − 2**-52). Binary also, whatever the label: `score` (of the positive class), `log_negative`
    (−ln(1 − score)) and `log_positive` (−ln score), so that what `terms` sums can be split into joined and not.
    Regression, in units: `error` (prediction − label), `absolute`, `squared`, `label`, `label_squared`, `percentage`
    (|e/y|, of labels that are not 0: scikit-learn's bound of 2**-52 stands for them), one `pinball_<level>` a level.
    """
    match grid.task:
        case Task.BINARY:
            return "brier", "log_loss", "score", "log_negative", "log_positive"
        case Task.MULTICLASS:
            return ("brier", "log_loss") if grid.scores else ()
        case _:
            pinballs = tuple(f"pinball_{level:g}" for level in grid.quantiles)
            return "error", "absolute", "squared", "label", "label_squared", "percentage", *pinballs


@dataclass(frozen=True)
class OutcomeLayout:
    """Where each block stands among a segment's integers (`places`) and among the whole traffic's (`shared`)."""

    grid: "Grid"

    @property
    def outcome(self) -> OutcomeGrid:
        """What is counted."""
        found = self.grid.outcomes
        if found is None:
            raise AssertionError("a grid without outcomes has no layout for them")
        return found

    @cached_property
    def cells(self) -> int:
        """K+1: cells of the (widest) score, and one for none; 1 where there is no score."""
        index = self.grid.index
        return max((self.grid.columns[index[name]].bins for name in self.outcome.scores), default=0) + 1

    @cached_property
    def cause_slots(self) -> tuple[int, ...]:
        """Start of each cause's slots among `slots`; one more at the end."""
        sizes = [self.grid.columns[self.grid.index[name]].slots for name in self.outcome.causes]
        return tuple(np.cumsum([0, *sizes]).tolist())

    @cached_property
    def blocks(self) -> Shapes:
        """Block → shape, of one segment."""
        grid, o = self.outcome, self.outcome.outcomes
        k, losses = (self.cells if grid.task is Task.BINARY else 1), len(losses_of(grid))
        shapes: dict[str, tuple[int, ...]] = {
            "predicted": (k, o), "alone": (k, o), "joined": (k, o, o), "losses": (losses, 2, 2),
        }  # fmt: skip
        if grid.task is Task.BINARY:
            shapes["terms"] = (4, 2)
        if grid.task is Task.REGRESSION:
            shapes |= {"crossed": (3, 2), "errors": (len(grid.losses) + 1,)}
        if grid.task is Task.MULTICLASS and grid.scores:
            c = len(grid.classes)
            shapes |= {"cells": (c, self.cells), "met": (c, self.cells, 2), "expected": (c, o), "doubt": (o,)}
        if grid.weight:
            shapes |= {"joined_w": (k, o, o), "joined_w2": (k, o, o), "losses_w": (losses, 3, 2)}
        return shapes

    @cached_property
    def whole(self) -> Shapes:
        """Block → shape, of the whole traffic."""
        slots = self.cause_slots[-1]
        table = len(pairs_of(self.outcome.crossed)), EIGHTHS, EIGHTHS
        pairs = ("pair_rows", "pair_expected", "pair_seen", "pair_loss") if self.outcome.crossed else ()
        return {
            "conflicts": (1,), "delays": (self.outcome.outcomes, DELAYS), "cause_rows": (slots,),
            "cause_expected": (slots,), "cause_seen": (slots,), "cause_loss": (slots,), **dict.fromkeys(pairs, table),
        }  # fmt: skip

    @cached_property
    def places(self) -> Mapping[str, slice]:
        """Block → its integers in a segment's row."""
        return _places(self.blocks)

    @cached_property
    def shared(self) -> Mapping[str, slice]:
        """Block → its integers in the whole traffic's."""
        return _places(self.whole)

    @cached_property
    def width(self) -> int:
        """Integers per segment."""
        return sum(map(prod, self.blocks.values()))

    @cached_property
    def shared_width(self) -> int:
        """Integers of the whole traffic."""
        return sum(map(prod, self.whole.values()))

    def empty(self) -> Sums:
        """The sums of nothing."""
        segments, nothing = len(self.grid.segments), np.zeros((len(self.grid.segments), 0))
        return Sums(
            np.zeros((segments, self.width), np.int64), nothing, nothing.copy(), np.zeros(self.shared_width, np.int64)
        )


def _places(shapes: Shapes) -> dict[str, slice]:
    places, start = {}, 0
    for name, shape in shapes.items():
        places[name] = slice(start, start + prod(shape))
        start += prod(shape)
    return places
