"""The runbooks: what a person does about an alert. `python -m dashboards` copies them here from `docs/runbooks/`."""

import re
from pathlib import Path
from typing import Final

from drift.core.errors import NotFound

FOLDER: Final = Path(__file__).with_name("runbooks")


def runbook(name: str) -> str:
    """The page of an alert as text (Markdown).

    Raises:
        NotFound: there is none of this name.
    """
    path = FOLDER / f"{name}.md"
    if not re.fullmatch(r"[A-Za-z]{1,80}", name) or not path.is_file():
        raise NotFound(f"there is no runbook {name!r}")
    return path.read_text("utf-8")
