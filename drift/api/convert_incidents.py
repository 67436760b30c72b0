"""From incidents and what belongs to them to the API's shapes."""

from alerts.message import Message
from drift.api import shapes_incidents as shapes
from drift.api import shapes_operating as operating
from drift.api.convert import Names
from drift.core.alert import AuditEntry, Event, Incident, Mark, Notice, NoticeState, Run, Silence, Token
from drift.core.catalogue import Catalogue
from drift.service.digest import quiet
from drift.store.rows import AlertRow


class People(Names):
    """What ids stand for, also id 0, and who is asked about a model."""

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__(catalogue)
        self._owners = {model.id: str(model.settings.get("owner") or "") for model in catalogue.models.values()}

    def model(self, model_id: int) -> str:
        """A model's name; empty: the service itself."""
        return super().model(model_id) if model_id else ""

    def owner(self, model_id: int) -> str:
        """Who is asked about it; empty: nobody was named."""
        return self._owners.get(model_id, "")

    def place(self, reference_id: int, segment: int) -> tuple[str, str]:
        """Version and segment; of no reference they are empty."""
        return (self.version(reference_id), self.segments(reference_id)[segment]) if reference_id else ("", "")


def alert(row: AlertRow, names: People) -> shapes.AlertAnswer:
    """An alert."""
    of, key = row.alert, row.alert.key
    version, segment = names.place(key.reference_id, key.segment)
    return shapes.AlertAnswer(
        id=row.id,
        model=names.model(key.model_id),
        version=version,
        rule=key.rule,
        window=key.spec,
        segment=segment,
        column=key.column,
        detail=key.detail,
        state=of.state.value,
        severity=of.urgency.value,
        sentence=of.sentence,
        reason=of.reason,
        value=of.value,
        threshold=of.threshold,
        direction=of.direction,
        since=of.since,
        seen_at=of.seen_at,
        fired_at=of.fired_at,
        resolved_at=of.resolved_at,
        snoozed=of.snoozed,
        incident=of.incident_id or None,
    )


def incident(of: Incident, names: People) -> shapes.IncidentAnswer:
    """An incident."""
    return shapes.IncidentAnswer(
        id=of.id,
        model=names.model(of.model_id),
        owner=names.owner(of.model_id),
        family=of.family,
        severity=of.urgency.value,
        title=of.title,
        columns=list(of.columns),
        alerts=of.alerts,
        open=of.open,
        since=of.since,
        opened_at=of.opened_at,
        opened_on=of.opened_on,
        resolved_at=of.resolved_at,
        resolved_on=of.resolved_on,
        resolution=of.resolution,
        reopened=of.reopened,
        silent=of.silent,
        acknowledged_by=of.acknowledged_by,
        acknowledged_on=of.acknowledged_on,
        acknowledged_why=of.acknowledged_why,
        told=sorted(one.receiver for one in of.told if one.nth),
        quiet=quiet(of),
    )


def event(of: Event) -> shapes.EventAnswer:
    """A line of history."""
    return shapes.EventAnswer(
        id=of.id,
        happening=of.happening.value,
        why=of.why,
        who=of.who,
        on=of.on,
        at=of.at,
        column=of.key.column if of.key is not None else None,
        rule=of.key.rule if of.key is not None else None,
    )


def notice(of: Notice) -> shapes.NoticeAnswer:
    """A message of the outbox."""
    message = Message.load(of.body)
    return shapes.NoticeAnswer(
        id=of.id,
        receiver=of.receiver,
        incident=message.incident or None,
        model=message.model,
        change=message.change.value,
        title=message.title,
        key=of.key,
        state=of.state.value,
        tries=of.tries,
        error=of.error,
        created_at=of.created_at,
        not_before=of.not_before if of.state is NoticeState.WAITING else None,
        done_at=of.done_at,
    )


def run(of: Run, names: People) -> shapes.RunAnswer:
    """A run."""
    return shapes.RunAnswer(
        id=of.id,
        trigger=of.trigger,
        model=names.model(of.model_id),
        incident=of.incident_id or None,
        key=of.key,
        state=of.state.value,
        created_at=of.created_at,
        changed_at=of.changed_at,
        started_at=of.started_at,
        ended_at=of.ended_at,
        external_id=of.external_id,
        url=of.url,
        tries=of.tries,
        error=of.error,
        who=of.who,
        why=of.why,
    )


def mark(of: Mark, names: People) -> shapes.MarkAnswer:
    """A mark."""
    return shapes.MarkAnswer(
        id=of.id,
        model=names.model(of.model_id) or None,
        kind=of.kind,
        text=of.text,
        at=of.at,
        who=of.who,
        created_at=of.created_at,
        url=of.url,
    )


def silence(of: Silence, now: int) -> operating.SilenceAnswer:
    """A silence; `now` tells whether it holds."""
    return operating.SilenceAnswer(
        id=of.id,
        matchers=dict(of.matchers),
        starts_at=of.starts_at,
        ends_at=of.ends_at,
        active=of.starts_at <= now < of.ends_at,
        who=of.who,
        why=of.why,
        created_at=of.created_at,
    )


def token(of: Token, now: int) -> operating.TokenAnswer:
    """A token; nothing of its digest leaves the service."""
    return operating.TokenAnswer(
        id=of.id,
        name=of.name,
        scopes=[scope.value for scope in of.scopes],
        models=list(of.models),
        created_at=of.created_at,
        created_by=of.created_by,
        expires_at=of.expires_at,
        revoked_at=of.revoked_at,
        valid=of.revoked_at is None and (of.expires_at is None or now < of.expires_at),
    )


def entry(of: AuditEntry) -> operating.AuditAnswer:
    """A line of the audit."""
    return operating.AuditAnswer(id=of.id, at=of.at, who=of.who, action=of.action, target=of.target, detail=of.detail)
