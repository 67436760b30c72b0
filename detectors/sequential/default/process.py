"""The recursion over windows: counts in, evidence out. For the watch, and for the self-check on the baseline itself."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.contract import Bools, Floats, Ints
from detectors.sequential.contract import State
from detectors.sequential.default import betting
from detectors.sequential.default.learned import Learned
from detectors.sequential.default.season import Calendar
from detectors.sequential.default.streams import SCORES, Streams
from drift.core.clock import MINUTE

ENOUGH: Final = 30.0
"""Rows, over φ, that a step needs; fewer are carried forward."""
TABLES: Final = 48 << 20
"""Bytes of logarithms kept between windows of the same season cell."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one step found, for every column."""

    level: Floats
    """(C,) log M."""
    leader: Ints
    """(C,) stream of the strongest component; −1: none."""
    sign: Ints
    """(C,) its direction: 1 more, −1 less."""
    minutes: Floats
    """(C,) its onset, minutes since the state's first window."""
    stepped: Bools
    """(C,) whether there were rows enough."""


class Process:
    """The e-detectors of C columns; pure, everything that changes is in the state."""

    def __init__(self, streams: Streams, learned: Learned, calendar: Calendar, wanted: Ints, strict: Bools) -> None:
        """Prepare.

        Args:
            streams: what is watched.
            learned: what the baseline taught.
            calendar: season cells.
            wanted: (C,) 1 only increases raise an alarm, −1 only decreases, 0 both.
            strict: (C,) shares have no smallest tolerance.
        """
        self.streams, self.learned, self.calendar = streams, learned, calendar
        self._strict = strict
        signs = np.array([1, -1])
        scores = streams.used[:, :SCORES, None] & ((wanted[:, None, None] == 0) | np.zeros((1, SCORES, 2), np.bool_))
        scores[:, 0] |= streams.used[:, :1] & (wanted[:, None] == signs)
        shares = streams.used[:, SCORES:, None] & (learned.sd[:, SCORES:, None] > 0)
        shares = shares & _fits(streams.signs[:, SCORES:, None] * signs, wanted[:, None, None])
        # that fewer values are new is no news
        known = np.flatnonzero(streams.unseen >= SCORES)
        shares[known, streams.unseen[known] - SCORES, 1] = False
        self._score_parts = np.repeat(scores[..., None], betting.THETAS.size, axis=3)
        self._share_parts = np.repeat(shares[..., None], betting.RAISES.size, axis=3)
        self._tables: dict[int, tuple[Floats, betting.Singles]] = {}

    def start(self) -> State:
        """Nothing seen."""
        columns, width, bins = self.streams.weights.shape
        scores = (columns, SCORES, 2, betting.THETAS.size)
        shares = (columns, width - SCORES, 2, betting.RAISES.size)
        return {
            "base": np.zeros(1, np.int64),
            "scores": np.full(scores, -np.inf, np.float32),
            "scores_at": np.zeros(scores, np.float32),
            "shares": np.full(shares, -np.inf, np.float32),
            "shares_at": np.zeros(shares, np.float32),
            "carry": np.zeros((columns, bins), np.float32),
            "expected": np.zeros((columns, width), np.float32),
        }

    def step(self, state: State, counts: Floats, start: int) -> tuple[State, Reading]:
        """One more window of (C, B) counts that begins at `start`, microseconds."""
        base = int(state["base"][0]) or start
        now = (start - base) / MINUTE
        means, delta = self.learned.at(self.calendar, start)
        valued, rows = self.streams.sizes(counts)
        total, expected, n_values, n_rows = self._carried(state, counts, means, valued, rows)
        stepped = n_rows >= ENOUGH * np.max(self.learned.wander.phi[:, :SCORES], axis=1)
        weight = self.learned.weight(np.where(np.arange(means.shape[1]) < SCORES, n_values[:, None], n_rows[:, None]))
        score_e = self._score_bets(total, expected[:, :SCORES], delta[:, :SCORES], weight[:, :SCORES], start)
        share_e = self._share_bets(total, n_rows, expected, delta, weight)
        scores, scores_at = betting.advance(state["scores"], state["scores_at"], score_e, now, stepped)
        shares, shares_at = betting.advance(state["shares"], state["shares_at"], share_e, now, stepped)
        after: State = {
            "base": np.array([base], np.int64),
            "scores": scores,
            "scores_at": scores_at,
            "shares": shares,
            "shares_at": shares_at,
            "carry": np.where(stepped[:, None], 0.0, total).astype(np.float32),
            "expected": np.where(stepped[:, None], 0.0, expected * n_rows[:, None]).astype(np.float32),
        }
        return after, self._reading(after, stepped)

    def _carried(
        self, state: State, counts: Floats, means: Floats, valued: Floats, rows: Floats
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Counts with those carried, what they are expected to be (by rows), and (C,) values and rows of both."""
        carry = state["carry"].astype(np.float64)
        if not carry.any():
            return counts, means, valued, rows
        had_values, had_rows = self.streams.sizes(carry)
        both = np.maximum(rows + had_rows, 1.0)[:, None]
        expected = np.where(had_rows[:, None] > 0, (state["expected"] + means * rows[:, None]) / both, means)
        return np.maximum(counts + carry, 0.0), expected, valued + had_values, rows + had_rows

    def _score_bets(self, counts: Floats, means: Floats, delta: Floats, weight: Floats, start: int) -> Floats:
        """(C, 4, 2, T)"""
        logs = self._logs(means, delta)
        columns, j, signs, thetas, bins = logs.shape
        flat = np.matmul(logs.reshape(columns, -1, bins), counts[:, :, None].astype(np.float32))
        bets: Floats = flat.reshape(columns, j, signs, thetas).astype(np.float64) * weight[:, :, None, None]
        return bets

    def _logs(self, means: Floats, delta: Floats) -> betting.Singles:
        key = hash((means.tobytes(), delta.tobytes()))
        found = self._tables.get(key)
        if found is None:
            logs = betting.factors(self.streams.scores, self.streams.valued, means, delta)
            if (len(self._tables) + 1) * logs.nbytes > TABLES:
                self._tables.clear()
            self._tables[key] = found = (means, logs)
        return found[1]

    def _share_bets(self, counts: Floats, rows: Floats, expected: Floats, delta: Floats, weight: Floats) -> Floats:
        """(C, I, 2, 3)"""
        hits = np.matmul(self.streams.shares, counts[:, :, None])[:, :, 0]
        upper, lower = betting.bounds(expected[:, SCORES:], delta[:, SCORES:], self._strict)
        w = weight[:, SCORES:]
        return betting.share_bets(hits * w, rows[:, None] * w, upper, lower)

    def _reading(self, state: State, stepped: Bools) -> Reading:
        """M = ½ mean R of scores + ¼ of rises + ¼ of falls of shares; a family that a column lacks leaves its part."""
        scores, shares = state["scores"], state["shares"]
        families = np.stack(
            [
                betting.mixture(scores, self._score_parts),
                betting.mixture(shares[:, :, 0], self._share_parts[:, :, 0]),
                betting.mixture(shares[:, :, 1], self._share_parts[:, :, 1]),
            ]
        )
        parts = [self._score_parts, self._share_parts[:, :, 0], self._share_parts[:, :, 1]]
        there = np.stack([part.reshape(part.shape[0], -1).any(axis=1) for part in parts])
        part = np.array([0.5, 0.25, 0.25])[:, None] * there
        with np.errstate(divide="ignore"):
            log_part = np.log(part / np.maximum(part.sum(axis=0), 1e-9))
        level = np.logaddexp.reduce(families + log_part, axis=0)
        leader, sign, minutes = self._leader(state)
        return Reading(level, leader, sign, minutes, stepped)

    def _leader(self, state: State) -> tuple[Ints, Ints, Floats]:
        scores = np.where(self._score_parts, state["scores"], -np.inf)
        shares = np.where(self._share_parts, state["shares"], -np.inf)
        columns = scores.shape[0]
        best = np.concatenate((scores.max(axis=3), shares.max(axis=3)), axis=1).reshape(columns, -1)
        at = best.argmax(axis=1)
        when = np.concatenate(
            (
                np.take_along_axis(state["scores_at"], scores.argmax(axis=3)[..., None], axis=3)[..., 0],
                np.take_along_axis(state["shares_at"], shares.argmax(axis=3)[..., None], axis=3)[..., 0],
            ),
            axis=1,
        ).reshape(columns, -1)
        row = np.arange(columns)
        found = np.isfinite(best[row, at])
        return np.where(found, at // 2, -1), np.where(at % 2 == 0, 1, -1), when[row, at].astype(np.float64)

    def reset(self, state: State, columns: Ints) -> State:
        """These columns as at the start."""
        fresh = self.start()
        after = dict(state)
        for name in fresh:
            if name != "base":
                changed = state[name].copy()
                changed[columns] = fresh[name][columns]
                after[name] = changed
        return after


def _fits(direction: Ints, wanted: Ints) -> Bools:
    """A share without a direction of its own (missing, one category) is watched whatever the direction wanted."""
    fits: Bools = (wanted == 0) | (direction == 0) | (direction == wanted)
    return fits
