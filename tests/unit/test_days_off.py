"""Holidays: dates and countries; what is neither is refused, and so is a country where the package is missing."""

import sys
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from detectors.sequential.default.days_off import DaysOff, spelled
from detectors.sequential.default.options import Options
from drift.config import ModelSettings
from drift.core.clock import from_datetime
from drift.core.errors import ConfigError


def test_dates_and_countries_of_any_year() -> None:
    days = DaysOff.read(["US", "DE-BY", "2026-12-24", date(2026, 12, 31)])
    known = {
        date(2026, 7, 4): True, date(1999, 7, 4): True,  # Independence Day
        date(2040, 1, 6): True,  # Epiphany, in Bavaria
        date(2026, 12, 24): True, date(2025, 12, 24): False, date(2026, 12, 31): True, date(2026, 7, 14): False,
    }  # fmt: skip
    assert {day: day in days for day in known} == known
    assert date(2040, 1, 6) not in DaysOff.read(["DE"])


def test_a_holiday_is_a_sunday_to_the_detector() -> None:
    calendar = Options.read({"holidays": ["US"]}).calendar("America/New_York")
    independence, day_after = (from_datetime(datetime(2025, 7, day, 16, tzinfo=UTC)) for day in (4, 7))
    assert (calendar.cell("weekday", independence), calendar.cell("weekday", day_after)) == (6, 0)
    # in New York it is still the fourth
    assert calendar.zone == ZoneInfo("America/New_York")
    assert calendar.cell("weekday", from_datetime(datetime(2025, 7, 5, 3, tzinfo=UTC))) == 6


def test_settings_keep_what_was_written_and_come_back_as_they_were() -> None:
    settings = ModelSettings.model_validate({"holidays": ["us", "DE-BY", date(2026, 12, 24), "2026-12-31"]})
    assert settings.holidays == ("US", "DE-BY", "2026-12-24", "2026-12-31")
    assert ModelSettings.model_validate(settings.model_dump(mode="json")) == settings
    assert settings.watching["holidays"] == list(settings.holidays)
    assert spelled(datetime(2026, 12, 24, tzinfo=UTC)) == "2026-12-24"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("ZZ", "no country"),
        ("US-QQ", "no country"),
        ("JUL", "no country"),
        ("MON", "no country"),
        ("christmas", "neither a date"),
        ("2026-13-01", "neither a date"),
    ],
)
def test_what_is_no_holiday_is_refused(said: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        spelled(said)
    with pytest.raises(ValueError, match=why):
        ModelSettings.model_validate({"holidays": [said]})


def test_without_the_package_dates_do_and_countries_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    assert date(2026, 12, 24) in DaysOff.read(["2026-12-24"])
    with pytest.raises(ConfigError, match=r"pip install 'driftsum\[holidays\]'"):
        DaysOff.read(["US"])
