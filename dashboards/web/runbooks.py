"""The runbooks, as `docs/runbooks/` has them: what a person does about an alert."""

import re
from pathlib import Path
from typing import Final

from drift.core.errors import NotFound

_HERE: Final = Path(__file__).parent
_FOLDERS: Final = (_HERE / "runbooks", _HERE.parents[1] / "docs" / "runbooks")
"""In an installed package, and in a checkout."""


def runbook(name: str) -> str:
    """The page of an alert as text (Markdown).

    Raises:
        NotFound: there is none of this name.
    """
    for folder in _FOLDERS if re.fullmatch(r"[A-Za-z]{1,80}", name) else ():
        path = folder / f"{name}.md"
        if path.is_file():
            return path.read_text("utf-8")
    raise NotFound(f"there is no runbook {name!r}")
