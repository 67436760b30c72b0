"""One alert and one look at it: `step`, a pure function.

    inactive ── broken ──> pending ── for `holds_for` ──> firing ── kept for `clear_for` ──> resolved ── broken ──> …
                  pending ── kept ──> inactive

A look that cannot tell (too little data) changes nothing. A revision of the window looked at last replaces that
look; one of an older window can take back what only that window caused, and never raises anything.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from alerts.rules import AlertRule
from drift.core.alert import Alert, AlertKey, AlertState, Happening, Urgency
from drift.core.window import Window


class Latch(StrEnum):
    """What a detector did that keeps its own alarms: the alert follows it."""

    RAISED = "raised"
    UPDATED = "updated"
    ENDED = "ended"
    RETRACTED = "retracted"


@dataclass(frozen=True, slots=True)
class Look:
    """What one window, or one moment, says about one alert."""

    broken: bool | None
    """None: it cannot be told."""
    over: bool
    """Whether the rule is kept by its margin, so that a firing alert may end."""
    window: Window
    """What was looked at; of a moment: a stretch that ends there."""
    hop: int
    """Event time from one look to the next, microseconds."""
    urgency: Urgency = Urgency.WARNING
    since: int | None = None
    """Onset of what is wrong; None: the window's start."""
    value: float | None = None
    threshold: float | None = None
    direction: str = ""
    sentence: str = ""
    why: str = ""
    """Why it is over, where more can be said than that the rule is kept."""
    revision: int = 1
    snoozed: bool = False
    latch: Latch | None = None
    """None: the rule is broken or kept by what this window alone says."""
    older: bool = False
    """A later window was looked at already."""
    known_at: int = 0
    """As of when it is news, event time, where labels tell of a window long past; 0: the window's end."""


@dataclass(frozen=True, slots=True)
class Moved:
    """An alert after a look, and what happened to it."""

    alert: Alert
    happening: Happening | None
    """None: it stays what it was."""
    why: str = ""


def step(rule: AlertRule, key: AlertKey, alert: Alert | None, look: Look) -> Moved | None:
    """One look further.

    Args:
        rule: what has to hold, and for how long.
        key: the alert's identity.
        alert: as it is; None: nothing is known of it.
        look: what is seen now.

    Returns:
        The alert afterwards; None: there is nothing to keep.
    """
    if look.latch is not None:
        return _followed(key, alert, look, look.latch)
    # a moment has no revisions: if it is an earlier one, the clock was set back
    if alert is not None and key.spec and look.window.end < alert.seen_at:
        return _back(alert, look)
    if look.broken is None:
        return None
    if look.broken and look.older and (alert is None or alert.state not in (AlertState.PENDING, AlertState.FIRING)):
        return None
    if look.broken:
        return _broken(rule, key, alert, look)
    return None if alert is None else _kept(rule, alert, look)


def _followed(key: AlertKey, alert: Alert | None, look: Look, latch: Latch) -> Moved | None:
    """The detector waits, latches and takes back by itself."""
    firing = alert is not None and alert.state is AlertState.FIRING
    if latch in (Latch.RAISED, Latch.UPDATED):
        since = look.window.start if look.since is None else look.since
        at = look.window.end
        fired_at = alert.fired_at if alert is not None and firing else at
        stands = Alert(
            key, AlertState.FIRING, look.urgency, since, at, fired_at, None, look.value, look.threshold, look.direction,
            look.sentence, _revised(look, ""), look.snoozed, alert.incident_id if alert is not None and firing else 0,
            alert.raised if alert is not None and firing else look.window, 1, latched=True,
        )  # fmt: skip
        return Moved(stands, None if firing else Happening.FIRED, stands.reason)
    if alert is None or not firing:
        return None
    happening = Happening.RETRACTED if latch is Latch.RETRACTED else Happening.RESOLVED
    why = _revised(look, look.why) if latch is Latch.RETRACTED else look.why
    done = replace(alert, state=AlertState.RESOLVED, resolved_at=look.window.end, reason=why, held=0)
    return Moved(done, happening, why)


def _broken(rule: AlertRule, key: AlertKey, alert: Alert | None, look: Look) -> Moved:
    lasting = alert is not None and alert.state in (AlertState.PENDING, AlertState.FIRING)
    again = alert is not None and alert.seen_at == look.window.end
    since = look.window.start if look.since is None else look.since
    before = alert if alert is not None and lasting else None
    seen = Alert(
        key,
        AlertState.PENDING if before is None else before.state,
        look.urgency,
        since if before is None or look.since is not None else before.since,
        look.window.end,
        fired_at=None if before is None else before.fired_at,
        value=look.value,
        threshold=look.threshold,
        direction=look.direction,
        sentence=look.sentence,
        reason="" if before is None else before.reason,
        snoozed=look.snoozed,
        incident_id=0 if alert is None else alert.incident_id,
        raised=look.window if before is None else before.raised,
        held=1 if before is None else before.held + (not again),
    )
    if seen.state is AlertState.FIRING:
        return Moved(replace(seen, kept_since=None), None)
    first = seen.raised or look.window
    if look.window.end - first.end + look.hop >= rule.holds_for:
        why = "" if rule.holds_for <= look.hop else f"broken in {seen.held} windows in a row"
        why = _revised(look, why)
        fired = replace(seen, state=AlertState.FIRING, fired_at=look.window.end, reason=why, incident_id=0)
        return Moved(fired, Happening.FIRED, why)
    return Moved(seen, Happening.PENDING if before is None else None, _revised(look, "") if before is None else "")


def _kept(rule: AlertRule, alert: Alert, look: Look) -> Moved | None:
    if alert.state is AlertState.PENDING:
        why = look.why or "kept again before it had to fire"
        return Moved(replace(alert, state=AlertState.INACTIVE, seen_at=look.window.end, reason=why, held=0), None, why)
    if alert.state is not AlertState.FIRING:
        return None
    if alert.seen_at == look.window.end and alert.held == 1 and look.revision > 1:
        return _retracted(alert, look)
    calm = replace(alert, seen_at=look.window.end, value=look.value, snoozed=look.snoozed or alert.snoozed)
    if not look.over:
        return Moved(replace(calm, kept_since=None), None)
    since = look.window.start if alert.kept_since is None else alert.kept_since
    if look.window.end - since < rule.clear_for:
        return Moved(replace(calm, kept_since=since), None)
    why = _revised(look, look.why or "the rule is kept again")
    done = replace(calm, state=AlertState.RESOLVED, resolved_at=look.window.end, reason=why, held=0, kept_since=None)
    return Moved(done, Happening.RESOLVED, why)


def _back(alert: Alert, look: Look) -> Moved | None:
    """A revision of a window before the one that was looked at last."""
    if look.broken is not False or alert.raised != look.window or alert.state is AlertState.RESOLVED:
        return None
    if alert.held <= 1:
        return _retracted(alert, look)
    # the windows after it stand on their own
    later = Window(look.window.start + look.hop, look.window.end + look.hop)
    return Moved(replace(alert, raised=later, since=max(alert.since, later.start), held=alert.held - 1), None)


def _retracted(alert: Alert, look: Look) -> Moved:
    why = f"taken back by revision {look.revision} of its window: late rows changed what had been seen"
    state = AlertState.RESOLVED if alert.state is AlertState.FIRING else AlertState.INACTIVE
    back = replace(alert, state=state, resolved_at=look.window.end, reason=why, held=0)
    return Moved(back, Happening.RETRACTED if state is AlertState.RESOLVED else None, why)


def _revised(look: Look, why: str) -> str:
    """A late revision says that it is one."""
    if look.revision <= 1:
        return why
    late = f"by revision {look.revision} of its window, after late rows"
    return f"{why}, {late}" if why else late
