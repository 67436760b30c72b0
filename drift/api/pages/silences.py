"""`/silences`: what tells nobody for a while."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from alerts.silences import MATCHED
from drift.api.access import OPERATE, READ, Asker
from drift.api.deps import Given, Id, User
from drift.api.pages.forms import Sent
from drift.api.pages.framing import frame, shown
from drift.api.pages.incidents import until
from drift.api.routes import silences
from drift.api.shapes_operating import EndRequest, SilenceRequest
from drift.service.pages.silences import silence_list

router = APIRouter(include_in_schema=False)

HERE: Final = "/silences"


@router.get(HERE, dependencies=[READ])
def list_silences(
    request: Request, services: Given, asker: Asker, state: Annotated[str, Query(max_length=20)] = "",
    cursor: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> HTMLResponse:  # fmt: skip
    """Silences, newest first, and a form for another."""
    around = frame(request, services, "Silences", "silences")
    return shown("silences.html", around, silence_list(services.store, asker, around.now, state, cursor))


@router.post(HERE, dependencies=[OPERATE])
def add_silence(request: Request, services: Given, asker: Asker, form: Sent, user: User = None) -> Response:
    """A new one, from now on."""
    matchers = {label: form[label] for label in MATCHED if form[label]}
    wanted = form.wanted(SilenceRequest, matchers=matchers, ends=until(services, form), why=form["why"])
    silences.add_silence(services, asker, wanted, user)
    return form.done(request, HERE)


@router.post("/silences/{silence_id}/end", dependencies=[OPERATE])
def end_silence(
    request: Request, services: Given, asker: Asker, silence_id: Id, form: Sent, user: User = None
) -> Response:
    """End one now."""
    silences.end_silence(services, asker, silence_id, form.wanted(EndRequest), user)
    return form.done(request, HERE)
