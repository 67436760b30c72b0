"""The fleet: which model needs somebody?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dashboards.web.views.figure import Pages
from dashboards.web.views.performance import Glance

STATES: Final = {
    "page": "Drifting",
    "warning": "Warning",
    "stale": "No data",
    "blind": "Cannot be judged",
    "learning": "Learning",
    "waiting": "Waiting",
    "quiet": "Quiet",
}
"""State → what it is called, worst first."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One window of the small picture."""

    state: str
    """`drift`, `no_drift`, `insufficient_data` or `incomplete`."""
    height: int
    """1–20."""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model. Times in microseconds."""

    name: str
    state: str
    """One of `STATES`."""
    cause: str
    """One sentence: because of what; or why nothing is said."""
    since: int | None = None
    """Since when it is in trouble, event time."""
    incident: int = 0
    """Id of the worst open incident; 0: none."""
    column: str = ""
    """The worst column of it."""
    open_incidents: int = 0
    window: str = ""
    """Window spec of the last final window."""
    end: int | None = None
    """End of it."""
    late: bool = False
    """It is older than it should be."""
    rows: int = 0
    incomplete: bool = False
    """The newest window lacks rows."""
    ticks: Sequence[Tick] = ()
    """Oldest first."""
    told: str = ""
    """What the ticks show, in words."""
    performance: Glance | None = None
    """None: nothing is known."""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """One page of models, worst first."""

    rows: Sequence[ModelRow]
    counts: Sequence[tuple[str, str, int, str]]
    """(state, words, how many, link that shows these alone); the state `` is all of them."""
    pages: Pages
    query: str = ""
    """What names have to hold."""
    state: str = ""
    total: int = 0
    """Models that whoever asks may see."""
