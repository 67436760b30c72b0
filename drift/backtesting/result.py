"""What a backtest found: as plain data for JSON, as DataFrames, as a page for a notebook."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from drift.backtesting.numbering import Numbering
from drift.core.alarm import Alarm, Severity
from drift.core.clock import DAY, HOUR, MINUTE, isoformat
from drift.core.performance import Performance
from drift.core.result import Judgement, Outcome
from drift.core.window import Window

if TYPE_CHECKING:
    import pandas as pd

    from detectors.incidents import Incident


@dataclass(frozen=True, slots=True)
class Judged:
    """One window with its verdict."""

    window: Window
    rows: int
    whole: Judgement | None
    """Of the whole traffic; None: it was not judged."""
    stepped: bool = True
    """Whether detectors judged it; while a baseline is being learnt they do not."""
    segments: Mapping[str, Outcome] = field(default_factory=dict)
    """Label → outcome, of the segments that had rows."""
    performance: Performance | None = None
    """Of the whole traffic; None: predictions and labels are not counted."""


@dataclass(frozen=True, slots=True)
class Raised:
    """One alarm, as it was when it was raised and as it went on."""

    alarm: Alarm
    segment: str
    """Its label; `all` is the whole traffic."""
    severity: Severity
    """The highest that it came to."""
    paged: Window | None
    """The window at which somebody would have been woken; None: it stayed a warning."""
    ended: Window | None
    """The first window in which it no longer stood; None: it stands at the end."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Rows that could not be counted, of one reason."""

    reason: str
    rows: int
    example: str
    """What was wrong with one of them."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What was allowed, and what came."""

    text: str
    """As configured: `1 per 30d`."""
    windows: int
    """Windows judged."""
    allowed: float
    """False alarms that the budget expects at most in so many windows."""
    raised: int
    pages: int


@dataclass(frozen=True, slots=True, repr=False)
class Backtest:
    """What would have been paged."""

    model: str
    events: str
    """How the events are called."""
    window: str
    """Length of a window: `1d`, or `5000 rows`."""
    rows: int
    """Rows counted."""
    late: int
    """Rows that came after later ones had closed their window; they are counted where they belong."""
    refused: tuple[Refused, ...]
    judged: tuple[Judged, ...]
    """Every window that was judged, in order."""
    raised: tuple[Raised, ...]
    """Every alarm, in the order in which they were raised."""
    aside: tuple[Window, ...]
    """Windows at the ends that the events fill in part only; they are not judged."""
    budget: Budget
    baseline: str
    """What alarms compare with: `reference`, `production` (its first windows), or empty: there was none."""
    unjudged: Mapping[str, str]
    """Column → why nothing can be said of it with windows like these."""
    warned: Mapping[str, str]
    """Column → why its alarms are warnings and page nobody."""
    notes: tuple[str, ...]
    numbering: Numbering | None = None
    """How rows are numbered; None: windows are cut by time."""
    max_drop: float = 0.02
    """How much worse performance may be."""

    def at(self, micros: int) -> str | int:
        """A moment as RFC 3339, or as a row's number."""
        if self.numbering is None:
            return isoformat(micros)
        return max(0, min(self.numbering.row(micros), self.rows))

    def span(self, window: Window) -> dict[str, str | int]:
        """A window's two ends; the second is not in it."""
        return {"start": self.at(window.start), "end": self.at(window.end)}

    def delay(self, raised: Raised) -> str:
        """How long after the onset somebody was told: the window's end is the first moment that it could be known."""
        if self.numbering is not None:
            return f"{int(self.at(raised.alarm.raised.end)) - int(self.at(raised.alarm.onset)):,} rows"
        return spoken(raised.alarm.raised.end - raised.alarm.onset)

    @property
    def incidents(self) -> "tuple[Incident, ...]":
        """The alarms by what broke together, the worst first; a member's id is its place in `raised`, from 1."""
        from detectors.incidents import Member, incidents
        from drift.backtesting.tables import moment

        members = [
            Member(
                replace(one.alarm, severity=one.severity),
                self.window,
                0,
                None if one.ended is None else one.ended.end,
                at,
            )
            for at, one in enumerate(self.raised, 1)
        ]
        return incidents(members, moment=lambda micros: moment(self, micros))

    def as_plain(self) -> dict[str, Any]:
        """For JSON. Numbers have six significant digits; those that do not exist are None."""
        from drift.backtesting.plain import plain

        return plain(self)

    @property
    def alarms(self) -> "pd.DataFrame":
        """One row for each alarm, in order."""
        from drift.backtesting.tables import alarms

        return alarms(self)

    @property
    def windows(self) -> "pd.DataFrame":
        """One row for each window and column, with its outcome and statistics."""
        from drift.backtesting.tables import windows

        return windows(self)

    @property
    def performance(self) -> "pd.DataFrame":
        """One row for each window and metric: the reference's value, estimated and realised with their bands."""
        from drift.backtesting.performing import frame

        return frame(self)

    def __repr__(self) -> str:
        from drift.backtesting.tables import text

        return text(self)

    def _repr_html_(self) -> str:
        from drift.backtesting.html import page

        return page(self)


def spoken(micros: int) -> str:
    """A stretch of time in its two largest units: `2d 3h`."""
    parts = []
    for unit, length in (("d", DAY), ("h", HOUR), ("min", MINUTE)):
        number, micros = divmod(micros, length)
        if number:
            parts.append(f"{number}{unit}")
    return " ".join(parts[:2]) or "0min"
