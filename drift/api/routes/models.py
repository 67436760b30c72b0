"""Models."""

from typing import Annotated

from fastapi import APIRouter, Body

from drift.api import convert, shapes
from drift.api.access import ADMIN, READ, Asker
from drift.api.deps import Given, ModelPath, ModelQuery, User, answerer, audit, errors, model_called
from drift.api.paging import Cursor, Limit, Page, page, place
from drift.api.shapes_incidents import DecisionRequest
from drift.core.clock import DAY
from drift.core.errors import Conflict
from drift.service.models import forget_model as forget
from drift.service.models import put_model as put

router = APIRouter(prefix="/v1", tags=["models"])


@router.get("/models", responses=errors(), dependencies=[READ])
def list_models(services: Given, asker: Asker, limit: Limit = 100, cursor: Cursor = None) -> Page[shapes.ModelAnswer]:
    """Every watched model, newest first."""
    before = place(cursor, 1)
    models = sorted(services.store.catalogue().models.values(), key=lambda model: -model.id)
    rest = [model for model in models if asker.sees(model.name) and (before is None or model.id < before[0])]
    return page(rest[: limit + 1], limit, convert.model, lambda model: (model.id,))


@router.get("/fields", responses=errors(), dependencies=[READ])
def list_fields(services: Given, asker: Asker, name: ModelQuery) -> shapes.FieldsAnswer:
    """Fields that a model's events have and its references do not know: nobody watches them."""
    catalogue, now = services.store.catalogue(), services.clock.now()
    model = model_called(catalogue, name, asker)
    references = sorted((r for r in catalogue.references if r.model_id == model.id), key=lambda r: r.id)
    # of several references of a version, the latest
    latest = {reference.version: reference.id for reference in references}
    return convert.fields({version: services.store.fields(at, 0, now + DAY) for version, at in latest.items()})


@router.get("/models/{name:path}", responses=errors(), dependencies=[READ])
def show_model(services: Given, asker: Asker, name: ModelPath) -> shapes.ModelAnswer:
    """One model."""
    return convert.model(model_called(services.store.catalogue(), name, asker))


@router.post("/forget", responses=errors(409), dependencies=[ADMIN])
def forget_model(
    services: Given, asker: Asker, name: ModelQuery, wanted: DecisionRequest, user: User = None
) -> shapes.ModelAnswer:
    """Watch a model no more: its windows are not judged and its incidents end. It can be put again."""
    model_called(services.store.catalogue(), name, asker)
    who = answerer(asker, user, wanted.who)
    gone = forget(services.store, services.config, name)
    audit(services, who, "model.forget", f"model {name}", wanted.why)
    return convert.model(gone)


@router.put("/models/{name:path}", responses=errors(409, 413), dependencies=[ADMIN])
def put_model(
    services: Given,
    asker: Asker,
    name: ModelPath,
    settings: Annotated[shapes.ModelRequest, Body(examples=[{"windows": ["1h", "1d"], "lateness": "10m"}])],
    user: User = None,
) -> shapes.ModelAnswer:
    """Add a model, or change it. A model that stands in drift.yaml is changed there."""
    if name in services.config.models:
        raise Conflict(f"model {name!r} is set in drift.yaml; change it there and restart the service")
    made = put(services.store, name, settings)
    audit(services, asker.name or user or "", "model.put", f"model {name}")
    return convert.model(made)
