"""`/references`: what models are compared with."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from drift.api.access import READ, Asker
from drift.api.deps import Given, model_called
from drift.api.pages.framing import frame, shown
from drift.service.pages.references import reference_list, reference_page

router = APIRouter(include_in_schema=False)

Nth = Annotated[int, Query(ge=1, le=100_000)]
Some = Annotated[int | None, Query(ge=1, lt=2**63)]


@router.get("/references", dependencies=[READ])
def show_references(
    request: Request, services: Given, asker: Asker, model: Annotated[str, Query(max_length=200)] = "",
    chosen: Annotated[int | None, Query(alias="id", ge=1, lt=2**63)] = None,
    q: Annotated[str, Query(max_length=512)] = "", page: Nth = 1, before: Some = None,
) -> HTMLResponse:  # fmt: skip
    """The models; with `model`, its references and what was inferred of one."""
    around = frame(request, services, f"References of {model}" if model else "References", "references")
    if not model:
        return shown("references.html", around, reference_list(services.store, asker, around.now, q.strip(), page))
    found = model_called(services.store.catalogue(), model, asker)
    view = reference_page(services.store, found, around.now, chosen, q.strip(), page, before)
    return shown("reference.html", around, view)
