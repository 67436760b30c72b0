"""The flights with a model's scores, the weeks of their first quarter, and the days on which something was wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from drift.demo import flights

if TYPE_CHECKING:
    import pandas as pd

ZONE: Final = flights.ZONE
QUARTER_ENDS: Final = "2013-04-01"
WEEKS: Final = 12
"""Whole weeks of the first quarter, from 1 January on; the six days that are left are always reference."""
FOLDS: Final = (*((at, at + 4, at + 8) for at in range(4)), (9, 10, 11))
"""Weeks that are held out together: each week once, and then the last three at once."""
WEATHER: Final = ("temp", "humid", "wind_speed", "visib")
"""Missing only where a report is; the pressure is missing in an eighth of the reports."""
LOST: Final = 0.02
CANCELLED: Final = 0.15


@dataclass(frozen=True, slots=True)
class Odd:
    """A day on which something was wrong with the data or the world."""

    day: date
    flights: int
    cancelled: float
    """Share of the flights that never arrived anywhere they should."""
    no_weather: float
    """Share of the flights for whose hour at least one reading is missing."""
    no_delay: float
    """Share of the flights before which too few others had left for a recent delay."""


def load() -> "pd.DataFrame":
    """All flights of 2013 with `score` and `prediction`, as the demo makes them, and their local `day`."""
    frame = flights.load()
    frame["score"] = flights.scores(frame)
    frame["prediction"] = frame["score"] >= flights.THRESHOLD
    frame["day"] = frame["time"].dt.tz_convert(ZONE).dt.date
    return frame.drop(columns="month")


def quarter(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The rows of the first quarter."""
    return frame[frame["day"] < date.fromisoformat(QUARTER_ENDS)]


def rest(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The rows of the other three."""
    return frame[frame["day"] >= date.fromisoformat(QUARTER_ENDS)]


def in_weeks(frame: "pd.DataFrame", weeks: Sequence[int]) -> npt.NDArray[np.bool_]:
    """(n,) whether a row's day lies in one of these weeks, counted from 1 January as 0."""
    day = (frame["time"].dt.tz_convert(ZONE).dt.dayofyear - 1) // 7
    found: npt.NDArray[np.bool_] = day.isin(weeks).to_numpy()
    return found


def odd_days(frame: "pd.DataFrame") -> list[Odd]:
    """Days with readings of the weather missing, or with many flights cancelled, in order."""
    marked = frame.assign(
        cancelled=frame["label"].isna(),
        no_weather=frame[list(WEATHER)].isna().any(axis=1),
        no_delay=frame["recent_delay"].isna(),
    )
    days = marked.groupby("day")[["cancelled", "no_weather", "no_delay"]].mean()
    days["flights"] = frame.groupby("day").size()
    found = days[(days["no_weather"] >= LOST) | (days["cancelled"] >= CANCELLED)].reset_index()
    columns = ("day", "flights", "cancelled", "no_weather", "no_delay")
    return [Odd(*values) for values in zip(*(found[name].tolist() for name in columns), strict=True)]


def late_by_month(frame: "pd.DataFrame") -> dict[str, float]:
    """Month, in full → share of the flights with a label that came late, 0–1."""
    known = frame[frame["label"].notna()]
    months = known["time"].dt.tz_convert(ZONE).dt.month_name()
    late = known["label"].astype(float).groupby(months, sort=False).mean()
    return {str(name): float(share) for name, share in late.items()}
