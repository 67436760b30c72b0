"""`/`: every model, worst first."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from dashboards.web.views.overview import STATES
from drift.api.access import READ, Asker
from drift.api.deps import Given
from drift.api.pages.framing import frame, shown
from drift.service.pages.overview import Wanted, headline, overview

router = APIRouter(include_in_schema=False)

REFRESH = 60
"""Seconds after which the browser asks again."""


@router.get("/", dependencies=[READ])
def show_overview(
    request: Request, services: Given, asker: Asker,
    q: Annotated[str, Query(max_length=200)] = "",
    state: Annotated[str, Query(max_length=20)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:  # fmt: skip
    """The fleet."""
    around = frame(request, services, "Models", "models", refresh=REFRESH)
    wanted = Wanted(q.strip(), state if state in STATES else "", page)
    view = overview(services.store, around.now, asker.sees, wanted)
    return shown("overview.html", around, view, names=STATES, headline=headline(view))
