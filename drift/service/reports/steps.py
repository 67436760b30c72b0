"""An incident's life in six steps: onset, detected, notified, acknowledged, retrained, resolved. Pure."""

from collections.abc import Sequence

from dashboards.reports.incident import Step
from drift.core.alert import Incident, Notice, NoticeState, Run, RunState


def steps(incident: Incident, notices: Sequence[Notice], runs: Sequence[Run]) -> tuple[Step, ...]:
    """What has happened so far; steps that have not are empty.

    Args:
        incident: whose.
        notices: its messages, in any order.
        runs: its retrain runs, newest first.
    """
    return (
        Step("Onset", "the data differ from here on", incident.since),
        Step("Detected", _late(incident), incident.opened_at, incident.opened_on),
        _notified(incident, notices),
        _acknowledged(incident),
        _retrained(runs),
        _resolved(incident),
    )


def _late(incident: Incident) -> str:
    return "at the end of the window that proved it" if incident.opened_at > incident.since else "at once"


def _notified(incident: Incident, notices: Sequence[Notice]) -> Step:
    sent = [one for one in notices if one.state is NoticeState.SENT and one.done_at is not None]
    if sent:
        first = min(sent, key=lambda one: one.done_at or 0)
        receivers = sorted({one.receiver for one in sent})
        more = f" and {len(receivers) - 1} more" if len(receivers) > 1 else ""
        return Step("Notified", f"{first.receiver} first{more}" if more else first.receiver, clock=first.done_at)
    dead = sum(one.state is NoticeState.DEAD for one in notices)
    if dead:
        return Step("Notified", f"nobody: {dead} message{'s' if dead > 1 else ''} given up")
    quiet = next((one.status for one in incident.told if not one.nth), "a backfill" if incident.silent else "")
    return Step("Notified", f"nobody: {quiet}" if quiet else "")


def _acknowledged(incident: Incident) -> Step:
    why = f": {incident.acknowledged_why}" if incident.acknowledged_why else ""
    text = f"by {incident.acknowledged_by}{why}" if incident.acknowledged_by else ""
    return Step("Acknowledged", text, clock=incident.acknowledged_on)


def _retrained(runs: Sequence[Run]) -> Step:
    if not runs:
        return Step("Retrained", "")
    best = next((one for one in runs if one.state is RunState.SUCCEEDED), runs[0])
    who = f", by {best.who}" if best.who else ""
    word = best.state.value.replace("_", " ")
    return Step("Retrained", f"run {best.id} of {best.trigger}: {word}{who}", clock=best.ended_at or best.changed_at)


def _resolved(incident: Incident) -> Step:
    return Step("Resolved", incident.resolution or "", incident.resolved_at, incident.resolved_on)
