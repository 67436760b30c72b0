"""Incidents and the alerts in them: what is wrong, since when, who was told, and who looks after it."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response

from dashboards.reports import html, markdown
from drift.api import convert_incidents as convert
from drift.api import reporting
from drift.api import shapes_incidents as shapes
from drift.api.access import OPERATE, READ, Asker, see
from drift.api.convert_incidents import People
from drift.api.deps import Given, Id, PerhapsModel, User, answerer, errors, model_ids
from drift.api.paging import Cursor, Limit, Page, seen
from drift.core.alert import AlertState, Incident
from drift.core.clock import DAY
from drift.service.reports.incident import incident_report
from drift.store.store import Store

router = APIRouter(prefix="/v1", tags=["incidents"])

MOST: Final = 1_000
"""Events, notices, runs and marks shown with an incident."""


@router.get("/incidents", responses=errors(), dependencies=[READ])
def list_incidents(
    services: Given,
    asker: Asker,
    name: PerhapsModel = None,
    is_open: Annotated[bool | None, Query(alias="open", description="Only those that are open, or the others.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[shapes.IncidentAnswer]:
    """Incidents of one model or of all, newest first. What broke together is one of them, and is told once."""
    catalogue, store = services.store.catalogue(), services.store
    names, model_id = People(catalogue), model_ids(catalogue, name, asker)
    return seen(
        lambda n, before: store.incidents(model_id, open=is_open, limit=n, before=before), limit, cursor,
        lambda one: convert.incident(one, names), lambda one: one.id,
        (lambda one: asker.sees(names.model(one.model_id))) if asker.restricted else None,
    )  # fmt: skip


@router.get("/incidents/{incident_id}", responses=errors(), dependencies=[READ])
def show_incident(services: Given, asker: Asker, incident_id: Id) -> shapes.IncidentDetail:
    """One incident with its alerts, its history, who was told, retrain runs, and marks around it."""
    store, names = services.store, People(services.store.catalogue())
    found = theirs(store, names, asker, incident_id)
    until = found.resolved_at if found.resolved_at is not None else services.clock.now()
    marks = store.marks(found.model_id, max(found.since - DAY, 0), until + 1, MOST) if found.model_id else []
    return shapes.IncidentDetail(
        # the attributes, not a dump: a dump would spell the times
        **dict(convert.incident(found, names)),
        findings=[convert.alert(row, names) for row in store.incident_alerts(incident_id)],
        events=[convert.event(one) for one in store.events(incident_id, limit=MOST)],
        notices=[convert.notice(one) for one in store.notices(incident_id=incident_id, limit=MOST)],
        runs=[convert.run(one, names) for one in store.runs(incident_id=incident_id, limit=MOST)],
        marks=[convert.mark(one, names) for one in marks],
    )


@router.get(
    "/incidents/{incident_id}/report",
    responses=errors() | reporting.documented(reporting.HTML, reporting.MARKDOWN),
    dependencies=[READ],
    response_class=Response,
)
def report_incident(
    services: Given,
    asker: Asker,
    incident_id: Id,
    form: Annotated[Literal["html", "markdown"], Query(alias="format", description="As what.")] = "html",
) -> Response:
    """One incident as a file to attach to a ticket: drawn from the sums, with nothing in it that is elsewhere."""
    theirs(services.store, People(services.store.catalogue()), asker, incident_id)
    url = services.config.alerting.url or ""
    found = incident_report(services.store, services.clock, incident_id, url)
    if form == "markdown":
        return reporting.file(markdown.incident(found), f"incident-{incident_id}.md", reporting.MARKDOWN)
    return reporting.file(html.incident(found), f"incident-{incident_id}.html", reporting.HTML)


@router.post("/incidents/{incident_id}/acknowledge", responses=errors(409), dependencies=[OPERATE])
def acknowledge(
    services: Given, asker: Asker, incident_id: Id, wanted: shapes.DecisionRequest, user: User = None
) -> shapes.IncidentAnswer:
    """Say that somebody looks after it: it is not repeated any more. Later ones take it over."""
    names, who = People(services.store.catalogue()), answerer(asker, user, wanted.who)
    theirs(services.store, names, asker, incident_id)
    done = services.store.acknowledge(incident_id, who, wanted.why, services.clock.now())
    return convert.incident(done, names)


@router.post("/incidents/{incident_id}/unacknowledge", responses=errors(409), dependencies=[OPERATE])
def unacknowledge(
    services: Given, asker: Asker, incident_id: Id, wanted: shapes.DecisionRequest, user: User = None
) -> shapes.IncidentAnswer:
    """Take an acknowledgement back: nobody looks after it, and it is repeated again."""
    names, who = People(services.store.catalogue()), answerer(asker, user, wanted.who)
    theirs(services.store, names, asker, incident_id)
    done = services.store.unacknowledge(incident_id, who, wanted.why, services.clock.now())
    return convert.incident(done, names)


@router.get("/alerts", responses=errors(), dependencies=[READ])
def list_alerts(
    services: Given,
    asker: Asker,
    name: PerhapsModel = None,
    state: Annotated[AlertState | None, Query(description="Only those in this state.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[shapes.AlertAnswer]:
    """Alerts of one model or of all: one for each rule and column; those first seen last come first."""
    catalogue, store = services.store.catalogue(), services.store
    names, model_id = People(catalogue), model_ids(catalogue, name, asker)
    return seen(
        lambda n, before: store.alerts(model_id, state=state, limit=n, before=before), limit, cursor,
        lambda row: convert.alert(row, names), lambda row: row.id,
        (lambda row: asker.sees(names.model(row.alert.key.model_id))) if asker.restricted else None,
    )  # fmt: skip


def theirs(store: Store, names: People, asker: Asker, incident_id: int) -> Incident:
    """An incident that the caller may see.

    Raises:
        ApiError: 403 it is not theirs.
        NotFound: there is none.
    """
    found = store.incident(incident_id)
    see(asker, names.model(found.model_id))
    return found
