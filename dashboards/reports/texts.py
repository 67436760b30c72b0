"""Texts made safe for a report: names of columns, categories and models come from other people's data."""

import re
import unicodedata
from datetime import datetime
from typing import Final

from drift.core.clock import DAY, HOUR, MINUTE, SECOND, to_datetime

NAME: Final = 120
"""Characters of a name that are shown."""
TEXT: Final = 600
"""Characters of a sentence that are shown."""
_JOINER: Final = "\N{WORD JOINER}"
_FORMULA: Final = re.compile(r"^[=+@]|^-(?![\d.])")
"""How a cell begins that a spreadsheet would compute once the table is pasted."""
_REFERENCES: Final = re.compile(r"(?<=[@#!$~%&])(?=\w)|(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
"""Where trackers make mentions, references and links by themselves."""
_PUNCTUATION: Final = re.compile(r"([\\`*_\[\]<>|~&$^]|^[#+-])")
_UNITS: Final = ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second"))


def plain(text: object, most: int = TEXT) -> str:
    """One line of at most so many characters, without any that control or hide, and never a spreadsheet's formula.

    What was left out is counted at the end.
    """
    whole = str(text)
    seen = "".join(char if _shown(char) else " " for char in whole[: 4 * most])
    line = " ".join(seen.split())
    if len(line) > most or len(whole) > 4 * most:
        line = f"{line[:most].rstrip()}… ({len(whole):,} characters)"
    return f"{_JOINER}{line}" if _FORMULA.search(line) else line


def _shown(char: str) -> bool:
    return not unicodedata.category(char).startswith(("C", "Zl", "Zp"))


def markdown(text: object, most: int = TEXT) -> str:
    """`plain` as Markdown that reads the same: no markup, no mention, no link, no table's cell ends in it."""
    return _PUNCTUATION.sub(r"\\\1", _REFERENCES.sub(_JOINER, plain(text, most)))


def web_address(text: str) -> bool:
    """Whether it may become a link: `http:` or `https:`, without spaces and brackets."""
    return re.fullmatch(r"https?://[^\s<>\"'`|\\]{1,2000}", text) is not None and text.isprintable()


def moment(micros: int) -> str:
    """`2026-11-23 14:00 UTC`; seconds only where there are any."""
    at: datetime = to_datetime(micros)
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at.second else f"{at:%Y-%m-%d %H:%M} UTC"


def lasted(micros: int) -> str:
    """The two largest units: `3 days 4 hours`."""
    parts, rest = list[str](), max(micros, 0)
    for unit, name in _UNITS:
        n, rest = divmod(rest, unit)
        if n:
            parts.append(f"{n:,} {name}{'' if n == 1 else 's'}")
        if len(parts) == 2:
            break
    return " ".join(parts) or "less than a second"


def share(value: float) -> str:
    """A share as `8.3 %`; small ones with more digits."""
    percent = 100 * value
    return f"{percent:.0f} %" if percent == 0 or percent >= 99.95 else f"{percent:.3g} %"


def number(value: float | None) -> str:
    """Four significant digits; a dash where there is none."""
    return "–" if value is None or value != value else f"{value:,.4g}"
