"""The login page."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Login:
    """A form for an access token."""

    goes_to: str
    """The path of this service to go to afterwards."""
    why: str = ""
    """Why the token that was given, or is in the browser, is none; empty: none was given."""
    who: str = ""
    """The token that is signed in already; empty: none."""
    again: bool = False
    """Go there at once: the browser brings its cookie only along with links of this service's own."""
