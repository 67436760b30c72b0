"""`/incidents` and what people do about one. Every action is the REST call of the same name."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from dashboards.web.links import incident_url
from dashboards.web.runbooks import runbook
from dashboards.web.views.incidents import Chosen
from drift.api.access import OPERATE, READ, Asker
from drift.api.convert_incidents import People
from drift.api.deps import Given, Id, User
from drift.api.pages.forms import Form, Sent
from drift.api.pages.framing import frame, shown
from drift.api.routes import alarms, incidents, runs, silences
from drift.api.services import Services
from drift.api.shapes_alarms import AnswerRequest
from drift.api.shapes_incidents import DecisionRequest
from drift.api.shapes_operating import RunRequest, SilenceRequest
from drift.core.clock import HOUR, to_datetime
from drift.core.errors import InputError
from drift.service.pages.incidents import incident_list, incident_page, matchers

router = APIRouter(include_in_schema=False)

SECTION: Final = "incidents"
LONGEST: Final = 366 * 24
"""Hours of a silence or a snooze."""
Filter = Annotated[str, Query(max_length=200)]


@router.get("/incidents", dependencies=[READ])
def list_incidents(
    request: Request, services: Given, asker: Asker, model: Filter = "", severity: Filter = "", state: Filter = "",
    cursor: Annotated[str, Query(max_length=24)] = "",
) -> HTMLResponse:  # fmt: skip
    """Incidents, the open ones first."""
    view = incident_list(services.store, asker, Chosen(model, severity, state), cursor)
    return shown("incidents.html", frame(request, services, "Incidents", SECTION), view)


@router.get("/incidents/{incident_id}", dependencies=[READ])
def show_incident(request: Request, services: Given, asker: Asker, incident_id: Id) -> HTMLResponse:
    """One incident."""
    found = incidents.theirs(services.store, People(services.store.catalogue()), asker, incident_id)
    view = incident_page(services.store, services.config, found)
    return shown("incident.html", frame(request, services, f"Incident {found.id}", SECTION), view)


@router.get("/incidents/{incident_id}/report", dependencies=[READ])
def report(
    services: Given, asker: Asker, incident_id: Id,
    form: Annotated[Literal["html", "markdown"], Query(alias="format")] = "html",
) -> Response:  # fmt: skip
    """The report of the REST API, for a browser that is signed in."""
    return incidents.report_incident(services, asker, incident_id, form)


@router.post("/incidents/{incident_id}/acknowledge", dependencies=[OPERATE])
def acknowledge(
    request: Request, services: Given, asker: Asker, incident_id: Id, form: Sent, user: User = None
) -> Response:
    """Say that somebody looks after it."""
    incidents.acknowledge(services, asker, incident_id, form.wanted(DecisionRequest, why=form["why"]), user)
    return form.done(request, incident_url(incident_id))


@router.post("/incidents/{incident_id}/unacknowledge", dependencies=[OPERATE])
def unacknowledge(
    request: Request, services: Given, asker: Asker, incident_id: Id, form: Sent, user: User = None
) -> Response:
    """Take that back."""
    incidents.unacknowledge(services, asker, incident_id, form.wanted(DecisionRequest, why=form["why"]), user)
    return form.done(request, incident_url(incident_id))


@router.post("/incidents/{incident_id}/silence", dependencies=[OPERATE])
def silence(
    request: Request, services: Given, asker: Asker, incident_id: Id, form: Sent, user: User = None
) -> Response:
    """Let it, and what is like it, tell nobody for some hours."""
    names = People(services.store.catalogue())
    found = incidents.theirs(services.store, names, asker, incident_id)
    about = matchers(found, names.model(found.model_id), form["about"])
    wanted = form.wanted(SilenceRequest, matchers=about, ends=until(services, form), why=form["why"])
    silences.add_silence(services, asker, wanted, user)
    return form.done(request, incident_url(incident_id))


@router.post("/incidents/{incident_id}/answer", dependencies=[OPERATE])
def answer(request: Request, services: Given, asker: Asker, incident_id: Id, form: Sent, user: User = None) -> Response:
    """Accept the drifted stretch as the new baseline, dismiss it as normal, or snooze it: one alarm, or all."""
    names = People(services.store.catalogue())
    found = incidents.theirs(services.store, names, asker, incident_id)
    snooze = {"until": until(services, form)} if form["action"] == "snooze" else {}
    about = {"alarm": form.number("alarm")} if form["alarm"] else {"version": names.version(found.reference_id)}
    wanted = form.wanted(AnswerRequest, action=form["action"], why=form["why"], **about, **snooze)
    alarms.add_answer(services, asker, names.model(found.model_id), wanted, user)
    return form.done(request, incident_url(incident_id))


@router.post("/incidents/{incident_id}/retrain", dependencies=[OPERATE])
def retrain(
    request: Request, services: Given, asker: Asker, incident_id: Id, form: Sent, user: User = None
) -> Response:
    """Ask for a retraining of its model."""
    names = People(services.store.catalogue())
    model = names.model(incidents.theirs(services.store, names, asker, incident_id).model_id)
    runs.ask_for_run(
        services, asker, form.wanted(RunRequest, model=model, trigger=form["trigger"], why=form["why"]), user
    )
    return form.done(request, incident_url(incident_id))


@router.get("/runbooks/{name}", dependencies=[READ])
def show_runbook(request: Request, services: Given, name: str) -> HTMLResponse:
    """What to do about an alert, as it stands in docs/runbooks."""
    return shown("runbook.html", frame(request, services, f"Runbook {name}", SECTION), runbook(name))


def until(services: Services, form: Form) -> object:
    """The moment that a form's `hours` end at.

    Raises:
        InputError: it is no number of hours, or more than a year of them.
    """
    hours = form.number("hours")
    if not 0 < hours <= LONGEST:
        raise InputError(f"hours: from 1 to {LONGEST}")
    return to_datetime(services.clock.now() + hours * HOUR)
