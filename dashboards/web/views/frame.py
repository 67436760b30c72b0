"""What every page has around its own content, and what errors show."""

from dataclasses import dataclass
from typing import Final

SECTIONS: Final = (
    ("models", "Models", "/"),
    ("incidents", "Incidents", "/incidents"),
    ("health", "Ingest health", "/health"),
    ("references", "References", "/references"),
    ("runs", "Runs", "/runs"),
    ("silences", "Silences", "/silences"),
)
"""(key, words, path) of the navigation."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Around a page's content."""

    title: str
    """The page's name, first in the browser's title."""
    section: str = ""
    """Key of the section it belongs to; empty: none."""
    now: int = 0
    """By the clock, microseconds: ages are counted from it."""
    release: str = ""
    theme: str = ""
    """`light` or `dark`, as somebody chose; empty: what the device prefers."""
    who: str = ""
    """Name of the token that is signed in with; empty: nobody has to sign in, or nobody has."""
    name: str = ""
    """Without tokens: the name somebody gave at their last action."""
    csrf: str = ""
    """What forms send back."""
    operates: bool = True
    """Whether buttons that change something are shown."""
    signed_in: bool = False
    """Whether there is a session to sign out of."""
    refresh: int = 0
    """Seconds after which the page is read anew; 0: never."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no page."""

    status: int
    headline: str
    message: str
    """One sentence, as the API says it."""
