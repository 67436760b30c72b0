"""Days that are expected to look like Sundays: dates, and the public holidays of countries and their parts.

Countries come from the package `holidays` (an extra), which knows them for any year; a year is worked out when a day of
it is asked for. Which days they are is that package's word: another release of it may know better.
"""

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from drift.core.errors import ConfigError

_CODE: Final = re.compile(r"([A-Z]{2,3})(?:-([A-Z0-9]{1,4}))?")
_FORMS: Final = "write it as 2026-12-25, or as a country's code as in US, DE-BY"


@dataclass(frozen=True, slots=True)
class DaysOff:
    """A set of days."""

    dates: frozenset[date] = frozenset()
    countries: tuple[Container[date], ...] = ()

    def __contains__(self, day: object) -> bool:
        return day in self.dates or any(day in country for country in self.countries)

    @staticmethod
    def read(said: Iterable[object]) -> "DaysOff":
        """From dates, and codes of countries (`US`) and their parts (`DE-BY`; ISO 3166).

        Raises:
            ConfigError: one is neither, or the package is not installed.
        """
        named = [spelled(one) for one in said]
        codes = [text for text in named if _CODE.fullmatch(text)]
        return DaysOff(
            frozenset(date.fromisoformat(text) for text in named if text not in codes), tuple(map(_country, codes))
        )


def spelled(value: object) -> str:
    """A day or a code as it is kept: `2026-12-25`, `US`.

    Raises:
        ConfigError: it is neither, or a country that the package does not know.
    """
    if isinstance(value, date):
        return (value.date() if isinstance(value, datetime) else value).isoformat()
    text = str(value).strip()
    if _CODE.fullmatch(text.upper()):
        _country(text.upper())
        return text.upper()
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ConfigError(f"holiday {value!r} is neither a date nor a country; {_FORMS}") from None


def _country(code: str) -> Container[date]:
    try:
        from holidays import country_holidays
    except ImportError as error:
        raise ConfigError(
            f"{code} needs a package that is not installed; pip install 'driftsum[holidays]', or write dates"
        ) from error
    match = _CODE.fullmatch(code)
    country, part = match.groups() if match else (code, None)
    try:
        found: Container[date] = country_holidays(country, subdiv=part)
    except (NotImplementedError, TypeError) as error:  # a name of the package's that is no country: JUL
        raise ConfigError(f"{code} is no country (or part of one) that is known; {_FORMS}") from error
    return found
