"""The life of an incident in six steps: onset, detected, notified, acknowledged, retrained, resolved. Pure."""

from collections.abc import Sequence

from dashboards.web.views.incidents import Step
from drift.core.alert import Event, Happening, Incident, Notice, NoticeState, Run, RunState
from drift.service.digest import quiet


def steps(of: Incident, notices: Sequence[Notice], runs: Sequence[Run], events: Sequence[Event]) -> tuple[Step, ...]:
    """What happened and when; what did not has no time. Messages, runs and events of the incident, newest first."""
    return (
        Step("onset", of.since, "data differ since then", clock=False),
        Step("detected", of.opened_on, _opened(of)),
        _notified(of, notices),
        _acknowledged(of),
        _retrained(runs),
        _resolved(of, events),
    )


def _opened(of: Incident) -> str:
    return f"reopened {of.reopened} times" if of.reopened > 1 else "reopened once" if of.reopened else ""


def _notified(of: Incident, notices: Sequence[Notice]) -> Step:
    sent = [one for one in notices if one.state is NoticeState.SENT and one.done_at is not None]
    if sent:
        receivers = ", ".join(sorted({one.receiver for one in sent}))
        return Step("notified", min(one.done_at or 0 for one in sent), receivers)
    dead = sum(one.state is NoticeState.DEAD for one in notices)
    if dead:
        return Step("notified", None, f"given up: {dead} could not be delivered")
    if notices:
        return Step("notified", None, "on its way")
    told = [one for one in of.told if one.nth]
    if told:
        return Step("notified", min(one.on for one in told), ", ".join(sorted({one.receiver for one in told})))
    return Step("notified", None, f"not told: {quiet(of)}" if quiet(of) else "nobody is told: no route takes it")


def _acknowledged(of: Incident) -> Step:
    if of.acknowledged_by:
        return Step("acknowledged", of.acknowledged_on, f"by {of.acknowledged_by}")
    return Step("acknowledged", None, "nobody has it yet" if of.open else "nobody did")


def _retrained(runs: Sequence[Run]) -> Step:
    done = [one for one in runs if one.state is RunState.SUCCEEDED]
    if done:
        return Step("retrained", done[0].ended_at, f"run {done[0].id} by {done[0].trigger}")
    going = [one for one in runs if one.state.in_flight]
    if going:
        words = {RunState.ASKED: "waits for an approval", RunState.REQUESTED: "to be started"}
        return Step("retrained", None, f"run {going[0].id}: {words.get(going[0].state, 'is running')}")
    if runs:
        return Step("retrained", None, f"run {runs[0].id}: {runs[0].state.value.replace('_', ' ')}")
    return Step("retrained", None, "no run")


def _resolved(of: Incident, events: Sequence[Event]) -> Step:
    if of.open:
        return Step("resolved", None, f"{of.alerts} {'alert' if of.alerts == 1 else 'alerts'} still firing")
    closed = next((one.on for one in events if one.happening is Happening.CLOSED), None)
    return Step("resolved", of.resolved_on if of.resolved_on is not None else closed, of.resolution)
