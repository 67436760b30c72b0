"""Who is told what about an incident now: a pure function of its state and of what each receiver was told last.

    not told ── firing ──> firing ── escalated, repeated, acknowledged ──> … ── resolved ──> resolved

Since it is computed from state, nothing is lost by a restart, a silence that ends is followed by what it held back, and
what was never told is never resolved.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from alerts.message import Change, Finding, Message, Status
from alerts.silences import Labels, matches
from drift.core.alert import Alert, Incident, Notice, Run, Told, Urgency

FINDINGS: Final = 10
"""Alerts named in a message."""
FIRING, ACKNOWLEDGED, RESOLVED = "firing", "acknowledged", "resolved"


@dataclass(frozen=True, slots=True)
class Receiver:
    """What routing has to know of a configured route."""

    name: str
    match: tuple[Mapping[str, str], ...] = ()
    """Any of them has to fit; empty: all warnings and pages."""
    repeat_interval: int | None = None
    """Microseconds after which what still fires, and nobody has acknowledged, is told again; None: never."""
    resolved: bool = True
    runs: bool = True
    """Whether news of retrain runs are told."""
    digest: bool = False
    notes: bool = True
    """Whether it can show what opens and closes nothing."""

    def wants(self, labels: Labels) -> bool:
        """Whether it is to be told of an incident."""
        if not self.match:
            return labels.get("severity") != Urgency.INFO.value
        return any(matches(one, labels) for one in self.match)


@dataclass(frozen=True, slots=True)
class Case:
    """An incident and all that a message says of it."""

    incident: Incident
    alerts: Sequence[Alert]
    """What fires in it, worst first."""
    model: str
    version: str
    owner: str
    segments: Mapping[int, str]
    """Segment index → its name; the whole traffic has none."""
    link: str = ""
    quiet: str = ""
    """Why it is not told now; empty: it is."""

    @property
    def labels(self) -> Labels:
        """What matchers see."""
        return {
            "model": self.model, "owner": self.owner, "family": self.incident.family,
            "severity": self.incident.urgency.value, "column": self.incident.columns,
            "rule": tuple(dict.fromkeys(one.key.rule for one in self.alerts)),
        }  # fmt: skip

    @property
    def snoozed(self) -> bool:
        """Whether somebody asked for silence about all that fires in it."""
        return bool(self.alerts) and all(one.snoozed for one in self.alerts)


def due(case: Case, receivers: Iterable[Receiver], now: int) -> list[tuple[Told, Change | None]]:
    """What is to be told now.

    Args:
        case: the incident.
        receivers: every configured one.
        now: the clock's.

    Returns:
        Receivers whose state changes, each with the message that goes to it; None: without a message.
    """
    told = {one.receiver: one for one in case.incident.told}
    found = []
    for receiver in receivers:
        change = _change(case, receiver, told.get(receiver.name), now)
        if change is not None:
            found.append(change)
    return found


def _change(case: Case, receiver: Receiver, last: Told | None, now: int) -> tuple[Told, Change | None] | None:
    incident = case.incident
    if not incident.open:
        return _closed(receiver, last, now)
    if incident.silent or case.quiet or case.snoozed:
        return None
    nth = (last.nth if last else 0) + 1
    fresh = Told(receiver.name, FIRING, incident.urgency, now, nth, len(case.alerts))
    if last is None or last.status == RESOLVED:
        again = Change.REOPENED if incident.reopened and last is not None else Change.FIRING
        return (fresh, again) if receiver.wants(case.labels) else None
    if incident.urgency.rank > last.urgency.rank:
        return fresh, Change.ESCALATED
    if incident.acknowledged_by:
        done = replace(fresh, status=ACKNOWLEDGED)
        return (done, Change.ACKNOWLEDGED) if last.status == FIRING else None
    if last.status == ACKNOWLEDGED:  # taken back
        return fresh, Change.REPEATED
    if receiver.repeat_interval is not None and now - last.on >= receiver.repeat_interval:
        return fresh, Change.REPEATED
    return None


def _closed(receiver: Receiver, last: Told | None, now: int) -> tuple[Told, Change | None] | None:
    """Who was told that it fires is told that it is over, whatever is silent now."""
    if last is None or last.status == RESOLVED:
        return None
    done = Told(receiver.name, RESOLVED, last.urgency, now, last.nth + 1)
    return done, Change.RESOLVED if receiver.resolved else None


def message(case: Case, told: Told, change: Change, key: str) -> Message:
    """The message of a change."""
    incident = case.incident
    status = Status(told.status)
    return Message(
        key, change, status, told.urgency if change is Change.RESOLVED else incident.urgency, incident.title,
        _text(case, change), incident.id, case.model, case.version, case.owner, incident.family, incident.since,
        incident.opened_on, told.on, incident.resolution, incident.acknowledged_by, sum(map(bool, incident.columns)),
        findings(case), case.link,
    )  # fmt: skip


def findings(case: Case) -> tuple[Finding, ...]:
    """The worst alerts of an incident, for a list."""
    return tuple(
        Finding(
            one.key.column, one.sentence, one.key.rule, one.urgency, case.segments.get(one.key.segment, ""),
            one.key.spec, one.value, one.threshold, one.direction,
        )
        for one in case.alerts[:FINDINGS]
    )  # fmt: skip


def _text(case: Case, change: Change) -> str:
    incident = case.incident
    if change is Change.RESOLVED:
        return f"Over: {incident.resolution}."
    if change is Change.ACKNOWLEDGED:
        return f"{incident.acknowledged_by} has it: {incident.acknowledged_why}"
    lines = [one.sentence for one in case.alerts[:3] if one.sentence]
    more = len(case.alerts) - len(lines)
    if more > 0 and lines:
        lines.append(f"And {more} more alert{'s' if more > 1 else ''} in this incident.")
    if change is Change.REOPENED:
        lines.insert(0, f"The drift is still there after retraining as version {case.version}.")
    return "\n".join(lines)


def key_of(store: str, incident: int, receiver: str, nth: int) -> str:
    """The idempotency key of a notice: the same however often it is computed."""
    return f"{store[:13]}-i{incident}-{receiver}-{nth}"


def notice(message: Message, receiver: str, stream: str, now: int) -> Notice:
    """A row of the outbox."""
    return Notice(receiver, stream, message.key, message.dump(), now)


def about_run(case: Case, run: Run, key: str, now: int) -> Message:
    """What is said of a retrain run."""
    words = {
        "asked": f"Retraining by {run.trigger} waits for an approval: drift approve {run.id}",
        "requested": f"Retraining by {run.trigger} is requested.",
        "running": f"Retraining by {run.trigger} has started.",
        "succeeded": f"Retraining by {run.trigger} has succeeded.",
        "failed": f"Retraining by {run.trigger} has failed: {run.error}",
        "timed_out": f"Retraining by {run.trigger} has not ended in time: {run.error}",
        "denied": f"{run.who} has denied retraining by {run.trigger}: {run.why}",
        "skipped": f"Retraining by {run.trigger} is rehearsed only (dry_run).",
    }
    said = words[run.state.value]
    return Message(
        key, Change.RUN, Status.NOTE, case.incident.urgency, f"{case.model}: {said}", said, case.incident.id,
        case.model, case.version, case.owner, case.incident.family, case.incident.since, case.incident.opened_on, now,
        link=case.link,
        run={"id": run.id, "trigger": run.trigger, "state": run.state.value, "url": run.url, "error": run.error},
    )  # fmt: skip
