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
PARTS: Final = (0.30, 0.10, 0.05, 0.05, 0.20, 0.30)
SPECIAL: Final = ("share missing", "share invalid", "share unseen")
TABLES: Final = 48 << 20
"""Bytes of logarithms kept between windows of the same season cell."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one step found, for every column."""

    level: Floats
    """(C,) log M over what is off by more than is borne; −inf where nothing is."""
    ungated: Floats
    """(C,) log M over everything."""
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
        self._parts = np.concatenate((scores, shares), axis=1)
        self._score_weight, self._share_weight = _weights(streams, self._parts)
        self._tables: dict[int, tuple[Floats, betting.Singles]] = {}

    def start(self) -> State:
        """Nothing seen."""
        columns, width, bins = self.streams.weights.shape
        scores = (columns, SCORES, 2, betting.THETAS.size)
        shares = (columns, width - SCORES, 2, betting.RAISES.size)
        return {
            "base": np.zeros(1, np.int64),
            "scores": np.full(scores, -np.inf, np.float32),
            "shares": np.full(shares, -np.inf, np.float32),
            "peak": np.zeros((columns, width, 2), np.float32),
            "since": np.zeros((columns, width, 2), np.float32),
            "rows": np.zeros((columns, width, 2), np.float32),
            "moved": np.zeros((columns, width, 2), np.float32),
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
        sizes = np.where(np.arange(means.shape[1]) < SCORES, n_values[:, None], n_rows[:, None])
        weight, bet = self.learned.weight(sizes), delta - self.learned.delta[:, None]
        score_e = self._score_bets(total, expected[:, :SCORES], bet[:, :SCORES], weight[:, :SCORES])
        share_e = self._share_bets(total, n_rows, expected, bet, weight)
        scores = betting.advance(state["scores"], score_e, stepped)
        shares = betting.advance(state["shares"], share_e, stepped)
        gain = np.concatenate((_suited(score_e, delta[:, :SCORES]), share_e[..., betting.RAISES.size // 2]), axis=1)
        after: State = {
            "base": np.array([base], np.int64),
            "scores": scores,
            "shares": shares,
            **_stretch(state, gain, now, sizes, self.streams.means(total) - expected, stepped),
            "carry": np.where(stepped[:, None], 0.0, total).astype(np.float32),
            "expected": np.where(stepped[:, None], 0.0, expected * n_rows[:, None]).astype(np.float32),
        }
        return after, self._reading(after, self._reaches(expected, delta), stepped)

    def _reaches(self, expected: Floats, delta: Floats) -> Floats:
        """(C, S, 2) what is borne upwards and downwards."""
        upper, lower = betting.bounds(expected[:, SCORES:], delta[:, SCORES:], self._strict)
        up = np.concatenate((delta[:, :SCORES], upper - expected[:, SCORES:]), axis=1)
        down = np.concatenate((delta[:, :SCORES], expected[:, SCORES:] - lower), axis=1)
        return np.stack((up, down), axis=2)

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

    def _score_bets(self, counts: Floats, means: Floats, delta: Floats, weight: Floats) -> Floats:
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
        strict = np.ones(len(counts), np.bool_)
        upper, lower = betting.bounds(expected[:, SCORES:], delta[:, SCORES:], strict)
        w = weight[:, SCORES:]
        return betting.share_bets(hits * w, rows[:, None] * w, upper, lower)

    def _reading(self, state: State, reach: Floats, stepped: Bools) -> Reading:
        """M = Σ weight·R over the components whose stretch is off by more than is borne, and which of them leads."""
        off = state["moved"] / np.maximum(state["rows"], 1.0) * np.array([1.0, -1.0])
        gate = self._parts & (off > reach)
        scores = state["scores"].astype(np.float64) + self._score_weight[..., None]
        shares = state["shares"].astype(np.float64) + self._share_weight[..., None]
        scores = np.where(self._parts[:, :SCORES, :, None], scores, -np.inf)
        shares = np.where(self._parts[:, SCORES:, :, None], shares, -np.inf)
        ungated = np.logaddexp(betting.total(scores), betting.total(shares))
        scores = np.where(gate[:, :SCORES, :, None], scores, -np.inf)
        shares = np.where(gate[:, SCORES:, :, None], shares, -np.inf)
        level = np.logaddexp(betting.total(scores), betting.total(shares))
        leader, sign, minutes = self._leader(state, scores, shares)
        return Reading(level, ungated, leader, sign, minutes, stepped)

    def _leader(self, state: State, scores: Floats, shares: Floats) -> tuple[Ints, Ints, Floats]:
        columns = scores.shape[0]
        best = np.concatenate((scores.max(axis=3), shares.max(axis=3)), axis=1).reshape(columns, -1)
        row, at = np.arange(columns), best.argmax(axis=1)
        found = np.isfinite(best[row, at])
        since = state["since"].reshape(columns, -1)[row, at].astype(np.float64)
        return np.where(found, at // 2, -1), np.where(at % 2 == 0, 1, -1), since

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


def _suited(log_e: Floats, delta: Floats) -> Floats:
    """(C, 4, 2) the gain of the bet that suits shifts of three times what is borne, the smallest worth a page or so."""
    best = np.abs(betting.THETAS - 2 * delta[..., None]).argmin(axis=2)[:, :, None, None]
    found: Floats = np.take_along_axis(log_e, np.broadcast_to(best, (*log_e.shape[:3], 1)), axis=3)[..., 0]
    return found


def _stretch(
    state: State, gain: Floats, now: float, sizes: Floats, off: Floats, stepped: Bools
) -> dict[str, betting.Singles]:
    """(C, S, 2) each: since when a stream is off, over how many rows, and these times by how much their mean is off.

    The onset is where one bet's gains began to add up, the last zero of its cumulative sum (Page 1954).
    """
    again = state["peak"] <= 0
    n = sizes[:, :, None]
    parts = {
        "peak": np.where(again, 0.0, state["peak"]) + gain,
        "since": np.where(again, now, state["since"]),
        "rows": np.where(again, 0.0, state["rows"]) + n,
        "moved": np.where(again, 0.0, state["moved"]) + n * off[:, :, None],
    }
    step = stepped[:, None, None]
    return {name: np.where(step, part, state[name]).astype(np.float32) for name, part in parts.items()}


def _weights(streams: Streams, parts: Bools) -> tuple[Floats, Floats]:
    """Logarithms of (C, 4, 2) and (C, I, 2): how the budget is shared; those of a column's components add up to 1.

    Location has 30 %, spread 10 %, skew and kurtosis 5 % each, what is missing, invalid or unseen 20 %, other shares
    30 %; what a column lacks goes to the others.
    """
    special = np.array([[label in SPECIAL for label in labels] for labels in streams.labels])
    family = np.where(special, SCORES, SCORES + 1)
    family[:, :SCORES] = np.arange(SCORES)
    weight = np.zeros(parts.shape)
    for one, part in enumerate(PARTS):
        mine = parts & (family == one)[:, :, None]
        weight += mine * part / np.maximum(mine.sum(axis=(1, 2)), 1)[:, None, None]
    weight /= np.maximum(weight.sum(axis=(1, 2)), 1e-300)[:, None, None]
    with np.errstate(divide="ignore"):
        logs = np.log(weight)
    return logs[:, :SCORES] - np.log(betting.THETAS.size), logs[:, SCORES:] - np.log(betting.RAISES.size)


def _fits(direction: Ints, wanted: Ints) -> Bools:
    """A share without a direction of its own (missing, one category) is watched whatever the direction wanted."""
    fits: Bools = (wanted == 0) | (direction == 0) | (direction == wanted)
    return fits
