"""What is to be done about a window now. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from drift.core.clock import DAY, MINUTE
from drift.core.commit import Gap
from drift.core.result import WindowState
from drift.core.window import Window
from drift.evaluation.closing import Closing

REVISE_SHARE: Final = 0.001
"""A final window is judged again at once when so large a share of new rows has come …"""
REVISE_AFTER: Final = 10 * MINUTE
"""… or else after this long, doubling with every revision, at most a day."""


class Pending(Protocol):
    """A window that is not final, or has got rows since."""

    @property
    def window(self) -> Window:
        """Its stretch of event time."""

    @property
    def state(self) -> WindowState | None:
        """State of its latest result; None: it was never judged."""

    @property
    def stale(self) -> bool:
        """Whether rows came since its latest result."""

    @property
    def revision(self) -> int:
        """Results so far."""

    @property
    def rows(self) -> int:
        """Rows in its latest result."""

    @property
    def new_rows(self) -> int:
        """Rows that came since."""

    @property
    def evaluated_at(self) -> int | None:
        """When it was judged last."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Judge the window now and store the result under this state."""

    state: WindowState
    reason: str = ""


def decide(pending: Pending, closing: Closing, lateness: int, gaps: Sequence[Gap], now: int) -> Decision | None:
    """The next step for a window; None: wait."""
    end = pending.window.end
    target: Decision | None = None
    if end + lateness <= closing.complete:
        target = Decision(WindowState.FINAL)
    elif end + lateness <= closing.abandoned:
        holding = ", ".join(closing.holding)
        target = Decision(WindowState.INCOMPLETE, f"rows may be missing: {holding} has not delivered this far")
    elif lateness and end <= closing.complete:
        target = Decision(WindowState.PROVISIONAL)
    if target is not None and target.state is not WindowState.PROVISIONAL:
        missing = gap_in(pending.window, gaps, lateness)
        if missing is not None:
            reason = (
                f"records {missing.first} to {missing.last} of {missing.partition} were deleted before they were read"
            )
            target = Decision(WindowState.INCOMPLETE, reason)
    return target if target is not None and _worth_it(pending, target, now) else None


def gap_in(window: Window, gaps: Sequence[Gap], lateness: int) -> Gap | None:
    """The first gap whose lost records may belong to this window; they may have been as late as rows are."""
    for gap in gaps:
        until = gap.until if gap.until is not None else gap.at
        if (gap.after is None or window.end + lateness > gap.after) and window.start <= until:
            return gap
    return None


def _worth_it(pending: Pending, target: Decision, now: int) -> bool:
    if pending.state is None or pending.evaluated_at is None:
        return True
    if target.state is not pending.state and pending.state is not WindowState.FINAL:
        return True
    if not pending.stale:
        return False
    if pending.new_rows >= REVISE_SHARE * max(pending.rows, 1):
        return True
    waited = now - pending.evaluated_at
    return waited >= min(REVISE_AFTER << min(max(pending.revision - 1, 0), 10), DAY)
