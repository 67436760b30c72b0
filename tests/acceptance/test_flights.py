"""A year of flights: weeks that were kept out raise no more than the budget allows, and what happened later is told."""

from typing import Any

import pandas as pd
import pytest

from benchmarks.flights.data import QUARTER_ENDS, load
from benchmarks.flights.report import bound
from benchmarks.flights.runs import Asked, Found, backtest

pytestmark = [pytest.mark.slow, pytest.mark.statistical, pytest.mark.timeout(600)]

HELD = (1, 5, 9)
"""8–14 January, 5–11 February, 5–11 March."""
BLIZZARD = ("2013-02-07T05:00:00Z", "2013-02-10T05:00:00Z")
"""More than half of the flights of these days were cancelled: an alarm is no false one."""


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return load()


@pytest.fixture(scope="module")
def daily(frame: pd.DataFrame) -> Found:
    return backtest(frame, Asked("1d", HELD))


@pytest.fixture(scope="module")
def hourly(frame: pd.DataFrame) -> Found:
    return backtest(frame, Asked("1h", HELD))


@pytest.fixture(scope="module")
def year(frame: pd.DataFrame) -> Found:
    return backtest(frame, Asked("1d"))


def false(found: Found) -> list[Any]:
    """Alarms that the world did not give a reason for."""
    return [alarm for alarm in found["alarms"] if not BLIZZARD[0] <= alarm["onset"] < BLIZZARD[1]]


@pytest.mark.parametrize("length", ["daily", "hourly"])
def test_weeks_kept_out_stay_within_the_budget_or_cannot_be_judged(length: str, request: pytest.FixtureRequest) -> None:
    found: Found = request.getfixturevalue(length)
    budget = found["budget"]
    assert found["baseline"] == "reference"
    assert budget["windows"] > (350 if length == "hourly" else 20)
    assert len(false(found)) <= bound(budget["allowed"])
    # silence is not bought by judging nothing: every column is judged by the day
    named = set(found["windows"][0]["columns"])
    unjudged = set(found["unjudged"])
    assert len(named - unjudged) > len(named) / 2
    assert not unjudged & {alarm["column"] for alarm in found["alarms"]}
    if length == "hourly":
        assert "temp" in unjudged  # a quarter has few independent swings of the temperature
        assert "cannot be judged" in found["unjudged"]["temp"]


def test_the_blizzard_is_told(daily: Found) -> None:
    (told,) = [alarm for alarm in daily["alarms"] if BLIZZARD[0] <= alarm["onset"] < BLIZZARD[1]]
    assert (told["column"], told["what"], told["severity"]) == ("recent_delay", "share missing", "page")
    assert told["window"]["end"] <= "2013-02-11T05:00:00Z"


def test_what_happened_that_year_is_told(year: Found) -> None:
    alarms = year["alarms"]
    assert len(alarms) < 30
    assert {"temp", "pressure"} <= {alarm["column"] for alarm in alarms}
    (summer, *_) = [alarm for alarm in alarms if alarm["column"] == "temp"]
    assert QUARTER_ENDS < summer["onset"] < summer["window"]["end"] < "2013-05"
    # the weather of the last day of the year is missing, and most of the evening before
    lost = {
        alarm["column"]: alarm["severity"]
        for alarm in alarms
        if alarm["what"] == "share missing" and alarm["window"]["end"] > "2013-12-30"
    }
    assert {"humid", "visib", "wind_speed"} <= set(lost)
    assert "page" in lost.values()
    cold = [alarm for alarm in alarms if alarm["column"] == "pressure" and alarm["onset"] > "2013-10"]
    assert cold, "December's high pressure"


def test_twice_is_the_same(frame: pd.DataFrame, daily: Found) -> None:
    assert backtest(frame, Asked("1d", HELD)) == daily
