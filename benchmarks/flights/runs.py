"""The backtests: weeks of the first quarter held out, and the nine months after it; by the hour and by the day."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Final

from benchmarks.flights.data import FOLDS, ZONE, in_weeks, load, quarter, rest
from benchmarks.measuring import THREADS
from drift.demo.flights import THRESHOLD

if TYPE_CHECKING:
    import pandas as pd

WINDOWS: Final = ("1h", "1d")
STATISTICS: Final = ("psi", "chi2_p")
"""What fixed thresholds look at."""
PROCESSES: Final = 2

Found = dict[str, Any]
"""A backtest as plain data: what `drift backtest --json` prints."""


@dataclass(frozen=True, slots=True, order=True)
class Asked:
    """One backtest."""

    window: str
    held: tuple[int, ...] = ()
    """Weeks of the first quarter that are the events, the others being the reference; empty: the rest of the year."""


def everything() -> list[Asked]:
    """All of them, the longest first."""
    return [Asked(window, held) for held in ((), *FOLDS) for window in WINDOWS]


def backtest(frame: "pd.DataFrame", asked: Asked) -> Found:
    """Through `drift.backtest`, as any user would; half a minute to some minutes.

    Rules on single windows are left to the fixed thresholds: their statistics are in the result, however few rows a
    window has.
    """
    import drift

    known = quarter(frame)
    if asked.held:
        held = in_weeks(known, asked.held)
        reference, events = known[~held], known[held]
    else:
        reference, events = known, rest(frame)
    found = drift.backtest(
        reference.drop(columns="day"), events.drop(columns=["day", "label"]), time="time", window=asked.window,
        timezone=ZONE, ignore=["id"], thresholds=[THRESHOLD], statistics=STATISTICS, rules=["psi > 0.2"], min_rows=1,
        held_out=True,
    )  # fmt: skip
    plain: Found = found.as_plain()
    return plain


def gather(asked: Sequence[Asked], tell: Callable[[Asked], None]) -> dict[Asked, Found]:
    """All of them, on two processes."""
    # children inherit it, and none of them may use the other's core
    os.environ.update(dict.fromkeys(THREADS, "1"))
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn"), initializer=_begin) as pool:
        futures = {pool.submit(_one, one): one for one in asked}
        found = {}
        for done in as_completed(futures):
            found[futures[done]] = done.result()
            tell(futures[done])
    return found


_FRAMES: Final[list["pd.DataFrame"]] = []


def _begin() -> None:
    _FRAMES.append(load())


def _one(asked: Asked) -> Found:
    return backtest(_FRAMES[0], asked)
