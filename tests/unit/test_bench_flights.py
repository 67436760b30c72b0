"""What benchmarks.flights makes of backtests: thresholds counted, a picture, sentences."""

from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest

from benchmarks.flights.data import FOLDS, Odd, in_weeks, odd_days
from benchmarks.flights.fixed import fixed
from benchmarks.flights.picture import picture
from benchmarks.flights.report import Measured, bound, render
from benchmarks.flights.runs import Asked, Found, everything
from benchmarks.flights.times import last, month, said

ALARM: dict[str, Any] = {
    "column": "temp", "severity": "page", "window": {"start": "2013-04-09T04:00:00Z", "end": "2013-04-10T04:00:00Z"},
    "paged": {"start": "2013-04-10T04:00:00Z", "end": "2013-04-11T04:00:00Z"}, "onset": "2013-04-06T04:00:00Z",
    "ended": None, "direction": "increase", "what": "location", "effect": 1.5, "tolerance": 0.4, "sentence": "a < b",
}  # fmt: skip


def found(alarms: list[dict[str, Any]], *psis: float | None) -> Found:
    windows = [
        {
            "start": f"2013-04-{at + 1:02}T04:00:00Z",
            "end": f"2013-04-{at + 2:02}T04:00:00Z",
            "columns": {"temp": {"psi": psi, "chi2_p": 0.5}, "hour": {"psi": 9.0, "chi2_p": 0.0}},
        }
        for at, psi in enumerate(psis)
    ]
    pages = sum(alarm["severity"] == "page" for alarm in alarms)
    budget = {"windows": len(windows), "allowed": 0.7, "raised": len(alarms), "pages": pages}
    unjudged = {"wind": "too short"}
    return {"windows": windows, "alarms": alarms, "incidents": alarms, "budget": budget, "unjudged": unjudged,
            "warnings_only": {}}  # fmt: skip


def test_fixed_thresholds_count_windows_and_beginnings() -> None:
    strong, weak, p = fixed(found([], 0.3, 0.15, None, 0.21, 0.5))
    assert (strong.rule, strong.hit, strong.windows, strong.values, dict(strong.starts)) == (
        "psi > 0.2", 3, 5, 3, {"Apr": 2},
    )  # fmt: skip
    assert (weak.hit, weak.starts["Apr"], weak.share) == (4, 2, 0.8)
    assert (p.hit, p.starts["Apr"]) == (0, 0)


def test_a_bound_is_what_a_poisson_count_stays_within() -> None:
    # P(N <= 2) = 0.966, P(N <= 1) = 0.844 at a mean of 0.7
    assert bound(0.7) == 2
    assert bound(2.8) == 6


def test_moments_are_the_airports_own() -> None:
    assert said("2013-04-10T04:00:00Z", "1h") == "10 Apr 00:00"
    assert last("2013-04-10T04:00:00Z", "1d") == "9 Apr"
    assert last("2013-04-10T04:00:00Z", "1h") == "10 Apr 00:00"
    assert month("2013-05-01T03:00:00Z") == "Apr"


def test_each_week_is_kept_out_once() -> None:
    assert sorted(week for fold in FOLDS[:4] for week in fold) == list(range(12))
    assert len(set(everything())) == 2 * (len(FOLDS) + 1)
    frame = pd.DataFrame({"time": pd.to_datetime(["2013-01-01T05:00Z", "2013-01-08T04:59Z", "2013-01-08T05:00Z"])})
    assert in_weeks(frame, [0]).tolist() == [True, True, False]


def test_days_without_weather_or_with_many_cancelled_are_odd() -> None:
    day = pd.Timestamp("2013-02-08").date()
    frame = pd.DataFrame(
        {
            "day": [day] * 4 + [pd.Timestamp("2013-02-10").date()] * 4,
            "label": pd.array([None, None, True, False, True, True, False, False], dtype="boolean"),
            "recent_delay": [None, 1.0, 1, 1, 1, 1, 1, 1],
            **dict.fromkeys(("temp", "humid", "wind_speed", "visib"), 1.0),
        }
    )
    assert odd_days(frame) == [Odd(day, 4, 0.5, 0.0, 0.25)]


def test_the_picture_is_an_image_without_scripts() -> None:
    drawn = picture({"1h": found([], 0.1, 0.1), "1d": found([ALARM], 0.1, 0.1)})
    root = ElementTree.fromstring(drawn)
    texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "temp" in texts
    assert "script" not in drawn
    tips = [one.text for one in root.iter("{http://www.w3.org/2000/svg}title")]
    assert tips == ["page, told 10 Apr, since 6 Apr: a < b"]


@pytest.mark.parametrize("alarms", [[], [ALARM]])
def test_the_document_says_what_was_measured(alarms: list[dict[str, Any]]) -> None:
    measured = {one: found(alarms, 0.3, 0.1) for one in everything()}
    late = {"September": 0.134, "December": 0.333}
    text = render(Measured(measured, [Odd(pd.Timestamp("2013-02-08").date(), 930, 0.51, 0.0, 0.23)], late, 9.0))
    assert "| 8 Feb | 930 | 51 % | 0 % | 23 % | blizzard |" in text
    assert "| **daily** | each once | 8 | 2.80 | 6 |" in text
    assert "- hourly, not judged, `wind`: too short." in text
    row = "| 10 Apr | **page** | `temp` | 6 Apr | typical value | +1.50 sd (0.40) | the end |"
    assert (row in text) is bool(alarms)
    assert "in September 13.4 % of the flights came late, in December 33.3 %" in text
    assert Asked("1d") in measured
