"""What the numbers say, in sentences that follow from them."""

from collections.abc import Iterator, Mapping

from benchmarks.flights.data import WEATHER
from benchmarks.flights.fixed import fixed
from benchmarks.flights.runs import Asked, Found
from benchmarks.flights.times import last
from detectors.wording import listed, percent

DELAYS = ("recent_delay", "score", "prediction")


def learnt(found: Mapping[Asked, Found], late: Mapping[str, float]) -> Iterator[str]:
    """Points of a list.

    Args:
        found: every backtest.
        late: month → share of its flights that came late.
    """
    yield from _summer(found[Asked("1d")])
    yield _delays(found[Asked("1d")], late)
    yield from _blind(found[Asked("1h")])
    yield _thresholds(found)


def _summer(daily: Found) -> Iterator[str]:
    told = [one for one in daily["alarms"] if one["column"] == "temp" and one["onset"] < "2013-05"]
    if told:
        end = "the end" if told[0]["ended"] is None else last(told[0]["ended"]["end"], "1d")
        yield (
            f"- A quarter knows no summer. By the day `temp` is told on {last(told[0]['window']['end'], '1d')} "
            f"and stands until {end}: once, not every day. What helps: accept it as baseline, or a year's reference."
        )


def _delays(daily: Found, late: Mapping[str, float]) -> str:
    told = [one for one in daily["alarms"] if one["column"] in DELAYS]
    least, most = min(late, key=lambda name: late[name]), max(late, key=lambda name: late[name])
    shares = f"in {least} {percent(late[least])} of the flights came late, in {most} {percent(late[most])}"
    names = listed([f"`{name}`" for name in DELAYS])
    if told:
        days = listed([f"`{one['column']}` on {last(one['window']['end'], '1d')}" for one in told])
        return f"- The delays ({names}): {shares}. By the day this was told: {days}."
    return (
        f"- The delays ({names}): {shares}. By the day nobody is told: from one day of the quarter to the next they "
        "wander so far that no month stands out. Who must know watches the labels as well."
    )


def _blind(hourly: Found) -> Iterator[str]:
    blind = [f"`{name}`" for name in hourly["unjudged"] if name in (*WEATHER, "pressure", "precip", *DELAYS)]
    if blind:
        yield (
            f"- By the hour {listed(blind)} cannot be judged from a quarter: they change over days and weeks, so that "
            "thousands of hours are worth a few. The detector says so instead of alarming; days are the better windows."
        )


def _thresholds(found: Mapping[Asked, Found]) -> str:
    kept = [fixed(one)[0] for asked, one in found.items() if asked.window == "1d" and asked.held]
    hit = sum(one.hit for one in kept) / sum(one.windows for one in kept)
    year = fixed(found[Asked("1d")])[0]
    days, quarter = percent(round(year.share, 2)), percent(round(hit, 2))
    return (
        f"- `{year.rule}` hits {days} of the year's days, and {quarter} of the days of the quarter itself that were "
        "kept out: it tells that a day is not a quarter."
    )
