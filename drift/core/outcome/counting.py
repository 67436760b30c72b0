"""From predictions, and predictions with their labels, to sums of outcomes. Signed: a correction takes one back."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from drift.core.clock import MINUTE
from drift.core.outcome.fixed import split
from drift.core.outcome.grid import Task
from drift.core.outcome.layout import DELAYS, PLAIN_BITS, SHARE_BITS, SQUARE_BITS, OutcomeLayout, losses_of
from drift.core.outcome.pairs import PairCells
from drift.core.outcome.seen import Predictions, Seen, cell_of_none, spans
from drift.core.profile import Sums

if TYPE_CHECKING:
    from drift.core.grid import Grid

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

EPSILON: Final = 2.0**-52
"""Probabilities are clipped to this and 1 − this before their logarithm, as scikit-learn does in doubles."""
AT_ONCE: Final = 1 << 16
"""Rows counted at once: sums of their parts stay exact in a double."""
_PLAIN: Final = float(1 << PLAIN_BITS)
_HEAVIEST: Final = float(1 << 16)


@dataclass(frozen=True, slots=True)
class _Groups:
    """How rows are grouped for one run of segments: everything, or one segment column's values."""

    code: Ints
    """(n,) pane · size + value."""
    first: int
    size: int
    """Segments `first` … `first + size − 1`."""


class OutcomeCounter:
    """Counts predictions and joined labels on one grid. Built once per grid, then reused."""

    def __init__(self, grid: "Grid") -> None:
        self.grid, self.layout, self.predictions = grid, OutcomeLayout(grid), Predictions(grid)
        self._outcome = self.layout.outcome
        self._spans = spans(self.predictions.sizes)
        index = grid.index
        self._bins = [grid.columns[index[name]].bins for name in self._outcome.scores]
        self._calibrated = [np.array([*values, np.nan]) for values in self._outcome.calibrated]
        self._o = self._outcome.outcomes
        self._pairs = PairCells(self.layout)

    def predicted(self, seen: Seen, met: Mask, pane: Ints, panes: int) -> list[Sums]:
        """Sums of predictions, one a pane.

        Args:
            seen: (n,) records.
            met: (n,) whether a label has come with it or can still come: it has an id.
            pane: (n,) which pane each belongs to, 0 … panes−1.
            panes: how many.
        """
        total = self._empty(panes)
        for part in _parts(seen.size):
            self._predicted(seen[part], met[part], pane[part], total)
        return total

    def joined(
        self, seen: Seen, truth: Floats, sign: Ints, delay: Ints, pane: Ints, panes: int, conflicts: Ints | None = None
    ) -> list[Sums]:
        """Sums of predictions with their labels, one a pane.

        Args:
            seen: (n,) records.
            truth: (n,) as `Predictions.truths` gives them; none is NaN, and counts nothing.
            sign: (n,) 1, or −1 where a label is taken back.
            delay: (n,) from prediction to label, microseconds; negative counts as 0.
            pane: (n,) which pane each belongs to.
            panes: how many.
            conflicts: (panes,) labels that said otherwise than one before.
        """
        total = self._empty(panes)
        good = ~np.isnan(truth)
        seen, truth, sign, delay, pane = seen[good], truth[good], sign[good], delay[good], pane[good]
        for part in _parts(seen.size):
            self._joined(seen[part], truth[part], sign[part], delay[part], pane[part], total)
        if conflicts is not None:
            for sums, count in zip(total, conflicts.tolist(), strict=True):
                sums.cross[self.layout.shared["conflicts"]] += count
        return total

    def _empty(self, panes: int) -> list[Sums]:
        return [self.layout.empty() for _ in range(panes)]

    def _groups(self, seen: Seen, pane: Ints) -> Iterator[_Groups]:
        yield _Groups(pane, 0, 1)
        for number, (first, last) in enumerate(self._spans):
            size = last - first
            yield _Groups(pane * size + seen["segments"][:, number].astype(np.int64), first, size)

    def _add(self, total: list[Sums], groups: _Groups, name: str, flat: Ints, weights: Floats | None = None) -> None:
        """Add a bincount of positions within a block, by pane and segment."""
        place = self.layout.places[name]
        width = place.stop - place.start
        counted = np.bincount(groups.code * width + flat, weights, minlength=len(total) * groups.size * width)
        counted = np.rint(counted).astype(np.int64).reshape(len(total), groups.size, width)
        for sums, mine in zip(total, counted, strict=True):
            sums.ints[groups.first : groups.first + groups.size, place] += mine

    def _add_real(self, total: list[Sums], groups: _Groups, name: str, at: int, values: Floats, sign: Floats) -> None:
        """Add real numbers to a pair (high, low) of a block; `at` counts pairs."""
        for limb, part in enumerate(split(values)):
            position = np.full(values.size, 2 * at + limb, np.int64)
            self._add(total, groups, name, position, part * sign)

    def _add_whole(self, total: list[Sums], pane: Ints, name: str, flat: Ints, weights: Floats | None = None) -> None:
        place = self.layout.shared[name]
        width = place.stop - place.start
        counted = np.bincount(pane * width + flat, weights, minlength=len(total) * width)
        for sums, mine in zip(total, np.rint(counted).astype(np.int64).reshape(len(total), width), strict=True):
            sums.cross[place] += mine

    def _cell(self, seen: Seen, number: int) -> Ints:
        return cell_of_none(self._bins[number], seen["cells"][:, number].astype(np.int64))

    def _first_axis(self, seen: Seen) -> Ints:
        """The cell where the task has one score, else 0."""
        if self._outcome.task is Task.BINARY and self._bins:
            return self._cell(seen, 0)
        return np.zeros(seen.size, np.int64)

    def _predicted(self, seen: Seen, met: Mask, pane: Ints, total: list[Sums]) -> None:
        guess, o = seen["guess"].astype(np.int64), self._o
        flat = self._first_axis(seen) * o + guess
        for groups in self._groups(seen, pane):
            self._add(total, groups, "predicted", flat)
            if not met.all():
                alone = _Groups(groups.code[~met], groups.first, groups.size)
                self._add(total, alone, "alone", flat[~met])
            if self._outcome.task is Task.BINARY and self._bins:
                self._terms(seen, met, groups, total)
            if self._outcome.task is Task.MULTICLASS and self._bins:
                self._shares(seen, guess, groups, total)
        loss = self._expected_loss(seen, guess)
        if loss is not None:
            self._by_cause(seen, pane, total, ("cause_rows", "cause_expected"), loss, np.ones(seen.size))

    def _terms(self, seen: Seen, met: Mask, groups: _Groups, total: list[Sums]) -> None:
        scores = seen["scores"][:, 0]
        there = np.flatnonzero(met & ~np.isnan(scores))
        clipped = np.clip(scores[there], EPSILON, 1 - EPSILON)
        mine, sign = _Groups(groups.code[there], groups.first, groups.size), np.ones(there.size)
        for at, values in enumerate((scores[there], scores[there] ** 2, -np.log1p(-clipped), -np.log(clipped))):
            self._add_real(total, mine, "terms", at, values, sign)

    def _posterior(self, seen: Seen) -> Floats:
        """(n, C) calibrated probabilities that sum to 1; NaN where a score is missing."""
        raw = np.stack([table[self._cell(seen, at)] for at, table in enumerate(self._calibrated)], axis=1)
        whole = raw.sum(axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):
            return np.where(whole > 0, raw / whole, np.where(np.isnan(whole), np.nan, 1.0 / raw.shape[1]))

    def _shares(self, seen: Seen, guess: Ints, groups: _Groups, total: list[Sums]) -> None:
        o, k, unit = self._o, self.layout.cells, float(1 << SHARE_BITS)
        for number in range(len(self._bins)):
            self._add(total, groups, "cells", number * k + self._cell(seen, number))
        if not self._calibrated:
            return
        share = np.nan_to_num(self._posterior(seen))
        for number in range(share.shape[1]):
            self._add(total, groups, "expected", number * o + guess, np.rint(share[:, number] * unit))
        padded = np.column_stack((share, np.zeros(seen.size)))
        mine = padded[np.arange(seen.size), np.minimum(guess, share.shape[1])]
        self._add(total, groups, "doubt", guess, np.rint(mine * (1 - mine) * unit))

    def _expected_loss(self, seen: Seen, guess: Ints) -> Floats | None:
        """(n,) the probability that the prediction is wrong, as the reference's calibrator has it; NaN: unknown."""
        if not self._calibrated:
            return None
        if self._outcome.task is Task.BINARY:
            positive = self._calibrated[0][self._cell(seen, 0)]
            loss = np.where(guess == 1, 1 - positive, positive)
        else:
            share = np.column_stack((self._posterior(seen), np.full(seen.size, np.nan)))
            loss = 1 - share[np.arange(seen.size), guess]
        return np.where(guess < len(self._outcome.classes), loss, np.nan)

    def _by_cause(
        self, seen: Seen, pane: Ints, total: list[Sums], names: tuple[str, str], loss: Floats, sign: Floats
    ) -> None:
        there = np.flatnonzero(~np.isnan(loss))
        whole, signs = np.rint(np.minimum(loss[there], _HEAVIEST) * _PLAIN), sign[there]
        for number, first in enumerate(self.layout.cause_slots[:-1]):
            flat = first + seen["bins"][there, number].astype(np.int64)
            self._add_whole(total, pane[there], names[0], flat, signs)
            self._add_whole(total, pane[there], names[1], flat, whole * signs)
        for flat in self._pairs.of(seen["bins"][there]):
            self._add_whole(total, pane[there], names[0].replace("cause", "pair"), flat, signs)
            self._add_whole(total, pane[there], names[1].replace("cause", "pair"), flat, whole * signs)

    def _joined(self, seen: Seen, truth: Floats, sign: Ints, delay: Ints, pane: Ints, total: list[Sums]) -> None:
        signs, regression = sign.astype(np.float64), self._outcome.task is Task.REGRESSION
        if regression:
            # a prediction that is no number has no error
            there = ~np.isnan(seen["value"])
            seen, truth, signs, delay, pane = (one[there] for one in (seen, truth, signs, delay, pane))
        guess = seen["guess"].astype(np.int64)
        true = np.zeros(seen.size, np.int64) if regression else truth.astype(np.int64)
        flat = (self._first_axis(seen) * self._o + guess) * self._o + true
        losses = self._losses(seen, truth)
        for groups in self._groups(seen, pane):
            self._add(total, groups, "joined", flat, signs)
            self._add_losses(losses, seen, groups, signs, total)
            if self._outcome.weight:
                self._add_weights(seen, flat, groups, signs, total)
            if regression:
                self._errors(losses, groups, signs, total)
            elif self._outcome.task is Task.MULTICLASS:
                for number in range(len(self._bins)):
                    cell = number * self.layout.cells + self._cell(seen, number)
                    self._add(total, groups, "met", 2 * cell + (true == number), signs)
        cells = np.floor(np.log2(np.maximum(delay, 0) / MINUTE + 1)).astype(np.int64)
        self._add_whole(total, pane, "delays", true * DELAYS + np.clip(cells, 0, DELAYS - 1), signs)
        known = (guess < self._o - 1) & (true < self._o - 1)
        loss = np.abs(losses[0]) if regression else np.where(known, (guess != true).astype(np.float64), np.nan)
        self._by_cause(seen, pane, total, ("cause_seen", "cause_loss"), loss, signs)

    def _add_losses(self, losses: list[Floats], seen: Seen, groups: _Groups, signs: Floats, total: list[Sums]) -> None:
        for at, values in enumerate(losses):
            there = np.flatnonzero(~np.isnan(values))
            mine, x, sign = _Groups(groups.code[there], groups.first, groups.size), values[there], signs[there]
            for power, one in enumerate((x, x * x)):
                self._add_real(total, mine, "losses", 2 * at + power, one, sign)
            if self._outcome.weight:
                w = np.minimum(seen["weight"][there], _HEAVIEST)
                for power, one in enumerate((w * x, w * w * x, w * w * x * x)):
                    self._add_real(total, mine, "losses_w", 3 * at + power, one, sign)

    def _add_weights(self, seen: Seen, flat: Ints, groups: _Groups, signs: Floats, total: list[Sums]) -> None:
        weight = np.minimum(seen["weight"], _HEAVIEST)
        self._add(total, groups, "joined_w", flat, np.rint(weight * _PLAIN) * signs)
        self._add(total, groups, "joined_w2", flat, np.rint(weight**2 * float(1 << SQUARE_BITS)) * signs)

    def _losses(self, seen: Seen, truth: Floats) -> list[Floats]:
        """(n,) each of the task's losses; NaN where it is not defined."""
        match self._outcome.task:
            case Task.REGRESSION:
                return self._regression(seen["value"], truth)
            case Task.BINARY:
                return self._binary(seen, truth) if self._bins else [np.full(seen.size, np.nan)] * 5
            case _:
                return self._multiclass(seen, truth) if losses_of(self._outcome) else []

    def _binary(self, seen: Seen, truth: Floats) -> list[Floats]:
        score = seen["scores"][:, 0]
        clipped = np.clip(score, EPSILON, 1 - EPSILON)
        negative, positive = -np.log1p(-clipped), -np.log(clipped)
        known = [(score - truth) ** 2, np.where(truth == 1, positive, negative)]
        return [*(np.where(truth < 2, one, np.nan) for one in known), score, negative, positive]

    def _multiclass(self, seen: Seen, truth: Floats) -> list[Floats]:
        scores, c = seen["scores"], len(self._outcome.classes)
        known, true = truth < c, np.minimum(truth, c - 1).astype(np.int64)
        hit = np.zeros_like(scores)
        hit[np.arange(seen.size), true] = 1.0
        brier = ((scores - hit) ** 2).sum(axis=1)
        log_loss = -np.log(np.clip(scores[np.arange(seen.size), true], EPSILON, 1 - EPSILON))
        return [np.where(known, one, np.nan) for one in (brier, log_loss)]

    def _regression(self, value: Floats, truth: Floats) -> list[Floats]:
        unit = self._outcome.unit
        error, label = (value - truth) / unit, (truth - self._outcome.centre) / unit
        percentage = np.abs(value - truth) / np.maximum(np.abs(truth), EPSILON)
        pinballs = [np.maximum(-level * error, (1 - level) * error) for level in self._outcome.quantiles]
        return [error, np.abs(error), error**2, label, label**2, percentage, *pinballs]

    def _errors(self, losses: list[Floats], groups: _Groups, signs: Floats, total: list[Sums]) -> None:
        _, absolute, squared, label = losses[:4]
        for at, values in enumerate((squared * label, squared * label**2, label**3)):
            self._add_real(total, groups, "crossed", at, values, signs)
        edges = np.array(self._outcome.losses) / self._outcome.unit
        self._add(total, groups, "errors", np.searchsorted(edges, absolute, "right"), signs)


def _parts(n: int) -> Iterator[slice]:
    for start in range(0, n, AT_ONCE):
        yield slice(start, start + AT_ONCE)
