"""One column: how did it change?"""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.web.views.figure import Choice, Figure, Pages
from dashboards.web.views.model import AlarmLine


@dataclass(frozen=True, slots=True)
class Stop:
    """One window on the slider."""

    id: int
    text: str
    """Its stretch of time and its state."""


@dataclass(frozen=True, slots=True)
class AtWindow:
    """What one window says beside the reference."""

    id: int
    title: str
    """Its stretch of time."""
    state: str
    outcome: str
    rows: int
    usual_rows: int
    """The reference's."""
    distribution: Figure
    shares: Figure


@dataclass(frozen=True, slots=True)
class ColumnPage:
    """All of the page."""

    model: str
    model_href: str
    name: str
    kind: str
    role: str
    state: str
    """`page`, `warning`, `quiet` or `blind`."""
    sentence: str
    """What changed, or that nothing did."""
    more: Sequence[str]
    """What else is known, a paragraph each."""
    version: str
    spec: str
    specs: Sequence[Choice]
    segment: str
    segments: Sequence[Choice]
    stops: Sequence[Stop]
    """Windows to choose from, oldest first."""
    place: int
    """Which of them is shown; −1: none is."""
    shown: AtWindow | None
    partial: str
    """Where a window's part of the page is fetched; `&at=<id>` is appended."""
    windows: Pages
    quantiles: str
    """Where the figure of quantiles or shares over time is fetched; empty: there is none."""
    statistics: Figure | None
    choices: Sequence[Choice]
    """Statistics to choose from."""
    evidence: str
    """Where the detector's evidence is fetched; empty: nothing watches the column."""
    alarms: Sequence[AlarmLine]
    action: str
    """Where answers are posted."""
    back: str
    """Where to go afterwards."""
