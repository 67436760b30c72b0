"""`/models/<name>`: one model."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from dashboards.web.tables import as_csv
from dashboards.web.views.figure import Figure
from dashboards.web.views.overview import STATES
from drift.api.access import READ, Asker
from drift.api.deps import Given, ModelPath, model_called
from drift.api.pages.framing import frame, shown
from drift.api.pages.paths import MODEL
from drift.core.errors import NotFound
from drift.service.pages.model import ModelScreen
from drift.service.pages.scope import Asked

router = APIRouter(include_in_schema=False)

Spec = Annotated[str, Query(alias="window", max_length=64)]
Segment = Annotated[str, Query(max_length=1024)]
Until = Annotated[str, Query(max_length=40)]
REFRESH = 120


@router.get(MODEL, dependencies=[READ])
def show_model(
    request: Request, services: Given, asker: Asker, name: ModelPath, window: Spec = "", segment: Segment = "",
    until: Until = "", q: Annotated[str, Query(max_length=512)] = "", page: Annotated[int, Query(ge=1, le=10_000)] = 1,
    csv: Annotated[str, Query(max_length=20)] = "", part: Annotated[str, Query(max_length=20)] = "",
    metric: Annotated[str, Query(max_length=64)] = "",
) -> Response:  # fmt: skip
    """The page of a model, or the numbers of one of its figures."""
    catalogue = services.store.catalogue()
    model = model_called(catalogue, name, asker)
    around = frame(request, services, model.name, "models", refresh=0 if until or q else REFRESH)
    asked = Asked(window, segment, until, q, page, metric)
    screen = ModelScreen(services.store, catalogue, model, asked, around.now, services.holding().get(name, ""))
    if csv:
        return numbers(found(screen.figure(csv)), f"{csv}.csv")
    if part:
        return shown("figure.html", around, found(screen.figure(part)))
    return shown("model.html", around, screen.view(), names=STATES)


def found(figure: Figure | None) -> Figure:
    """A figure that was asked for.

    Raises:
        NotFound: there is none of this name.
    """
    if figure is None:
        raise NotFound("there is no figure of this name here")
    return figure


def numbers(figure: Figure, name: str) -> Response:
    """A figure as CSV."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(as_csv(figure.table), media_type="text/csv", headers=headers)
