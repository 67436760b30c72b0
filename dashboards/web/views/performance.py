"""How good the predictions are: the section of a model's page, and the cell of the overview."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.web.views.figure import Choice, Figure, Table


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of one window."""

    heading: str
    """Which window, and why this one."""
    state: str
    """What its badge looks like."""
    word: str
    """`worse`, `may be chance`, `as before`, `better` or `unknown`."""
    summary: str
    labels: str
    """How many labels there are, and whether more are to come."""


@dataclass(frozen=True, slots=True)
class Part:
    """A table with what it says."""

    id: str
    title: str
    says: str
    table: Table


@dataclass(frozen=True, slots=True)
class Glance:
    """A model's performance in one cell."""

    state: str
    """What its badge looks like."""
    word: str
    now: str
    """As in `accuracy 91.2 %`."""
    before: str
    """The reference's; empty: not known."""
    how: str
    """`estimated`, `by labels` or `by the labels so far`."""


@dataclass(frozen=True, slots=True)
class Performance:
    """Estimated and realised performance of the windows shown."""

    told: Sequence[Told]
    """The newest window, and the newest whose labels are mature."""
    notes: Sequence[str]
    """What an estimate takes for granted; what is not known and why, and what to do about it."""
    figure: Figure | None = None
    choices: Sequence[Choice] = ()
    """Metrics to choose from."""
    parts: Sequence[Part] = ()
    """Causes, slices, gaps between groups, confusion matrix."""
    glance: Glance | None = None
    """The newest window in short; None: nothing is known of it."""
