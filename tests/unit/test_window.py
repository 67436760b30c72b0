"""Windows of every sort: which ones hold a moment, and where they begin and end."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.core.clock import DAY, HOUR, MINUTE, from_datetime
from drift.core.errors import ConfigError
from drift.core.window import WindowSpec, check_pane, format_duration, pane_start, parse_duration


def at(text: str, zone: str = "UTC") -> int:
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def test_tumbling_and_sliding() -> None:
    #            10:00     10:05     10:10     10:15     10:20
    # tumbling     |------------ 15m -----------|
    # sliding      |------------ 15m -----------|
    #   hop 5m               |------------ 15m -----------|
    #                                  |------------ 15m -----------|
    moment = at("2026-11-23T10:12:00")
    [only] = WindowSpec.parse("15m").covering(moment)
    assert str(only) == "2026-11-23T10:00:00Z/2026-11-23T10:15:00Z"
    starts = [str(w)[11:16] for w in WindowSpec.parse("15m", "5m").covering(moment)]
    assert starts == ["10:00", "10:05", "10:10"]


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-03-29", "Europe/Berlin", 23), ("2026-10-25", "Europe/Berlin", 25), ("2026-07-01", "Europe/Berlin", 24),
        ("2026-10-04", "Australia/Lord_Howe", 23.5), ("2026-04-05", "Australia/Lord_Howe", 24.5),
        ("2026-09-06", "America/Santiago", 23),  # midnight itself is skipped
    ],
)  # fmt: skip
def test_days_follow_the_calendar_of_their_zone(day: str, zone: str, hours: float) -> None:
    spec = WindowSpec.parse("1d", zone=zone)
    [window] = spec.covering(at(f"{day}T12:00:00", zone))
    assert (window.end - window.start) / HOUR == hours
    assert window.start % (15 * MINUTE) == 0
    [after] = spec.covering(window.end)
    [before] = spec.covering(window.start - 1)
    assert (before.end, after.start) == (window.start, window.end)


def test_a_week_is_a_calendar_week_and_24h_is_24_hours() -> None:
    [week] = WindowSpec.parse("7d", zone="Europe/Berlin").covering(at("2026-11-25T10:00:00"))
    assert str(week) == "2026-11-22T23:00:00Z/2026-11-29T23:00:00Z"
    [plain] = WindowSpec.parse("24h", zone="Europe/Berlin").covering(at("2026-03-29T12:00:00"))
    assert plain.end - plain.start == DAY


@given(
    st.integers(0, 4 * 10**15), st.sampled_from(["1h", "1d", "7d", "24h"]), st.sampled_from(["UTC", "Europe/Berlin"])
)
def test_every_moment_has_exactly_its_windows(moment: int, length: str, zone: str) -> None:
    [window] = WindowSpec.parse(length, zone=zone).covering(moment)
    assert window.start <= moment < window.end
    for hop, count in (("15m", 4), ("30m", 2)):
        held = list(WindowSpec.parse("1h", hop).covering(moment))
        assert len(held) == count
        assert all(w.start <= moment < w.end and w.end - w.start == HOUR for w in held)


def test_sliding_days() -> None:
    held = list(WindowSpec.parse("7d", "1d", zone="Europe/Berlin").covering(at("2026-03-30T10:00:00")))
    assert len(held) == 7
    # the last one starts after the night in which an hour was skipped
    assert [(w.end - w.start) / HOUR for w in held] == [167] * 6 + [168]


@pytest.mark.parametrize(
    ("length", "hop", "zone", "words"),
    [
        ("7m", None, "UTC", "no multiple of the pane"), ("1h", "2h", "UTC", "longer than the window"),
        ("7d", "5m", "UTC", "finer than"), ("1d", "6h", "UTC", "whole days"), ("1h", None, "Mars/Base", "time zone"),
        ("soon", None, "UTC", "no duration"), ("0s", None, "UTC", "longer than nothing"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_words(length: str, hop: str | None, zone: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        WindowSpec.parse(length, hop, zone)


def test_durations_and_panes() -> None:
    assert parse_duration("1.5h") == 90 * MINUTE
    assert format_duration(parse_duration("2w")) == "14d"
    assert parse_duration("36525d") == parse_duration(36525 * 86400)
    for text in (0, -1, "0s", 1e300, float("inf"), float("nan"), "99999999999w", 2**70):
        with pytest.raises(ConfigError, match="at most a hundred years"):
            parse_duration(text)
    assert check_pane(5 * MINUTE) == 5 * MINUTE
    with pytest.raises(ConfigError, match="does not divide 15 minutes"):
        check_pane(10 * MINUTE)
    assert pane_start(at("2026-11-23T10:12:00"), 5 * MINUTE) == at("2026-11-23T10:10:00")
