"""References of models."""

import tempfile
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import AwareDatetime

from drift.api import convert, shapes
from drift.api.access import OPERATE, READ, Asker, see
from drift.api.convert_alarms import micros
from drift.api.deps import Given, Id, ModelQuery, User, answerer, audit, errors, model_called
from drift.api.errors import ApiError
from drift.api.paging import Cursor, Limit, Page, page, place
from drift.core.catalogue import Reference
from drift.core.errors import NotFound
from drift.service.answering import rereferenced

router = APIRouter(prefix="/v1", tags=["references"])

SUFFIXES: Final = {
    "application/vnd.apache.parquet": ".parquet",
    "application/octet-stream": ".parquet",
    "text/csv": ".csv",
}


@router.get("/references", responses=errors(), dependencies=[READ])
def list_references(
    services: Given, asker: Asker, name: ModelQuery, limit: Limit = 100, cursor: Cursor = None
) -> Page[shapes.ReferenceAnswer]:
    """A model's references, newest first."""
    before = place(cursor, 1)
    model = model_called(services.store.catalogue(), name, asker)
    rest = [r for r in reversed(services.store.references(model.id)) if before is None or r.id < before[0]]
    return page(rest[: limit + 1], limit, lambda r: convert.reference(r, name), lambda r: (r.id,))


@router.post(
    "/references",
    status_code=201,
    responses=errors(409, 413, 415),
    dependencies=[OPERATE],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in SUFFIXES},
        }
    },
)
async def add_reference(
    services: Given,
    asker: Asker,
    name: ModelQuery,
    request: Request,
    version: Annotated[str, Query(min_length=1, max_length=200, description="The model version it belongs to.")],
    active_from: Annotated[
        AwareDatetime | None, Query(description="Event time from which it judges; windows before it keep the old one.")
    ] = None,
    why: Annotated[str, Query(max_length=2_000, description="Why it takes over; kept as an answer to alarms.")] = "",
    who: Annotated[str, Query(max_length=200, description="Who says so.")] = "",
    user: User = None,
) -> shapes.ReferenceDetail:
    """Register training or validation data (Parquet or CSV) as the reference of a model's version."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in SUFFIXES:
        raise ApiError(415, "unsupported_media_type", f"a reference is sent as {' or '.join(SUFFIXES)}, not {kind!r}")
    model_called(await run_in_threadpool(services.store.catalogue), name, asker)
    by = answerer(asker, user, who) if why else asker.name or user or who
    with tempfile.TemporaryDirectory(prefix="drift-reference-") as folder:
        # the server chooses the path; the client's word for the file is never used
        path = Path(folder, f"upload{SUFFIXES[kind]}")
        file = await run_in_threadpool(path.open, "wb")
        with file:
            async for part in request.stream():
                await run_in_threadpool(file.write, part)
        reference = await run_in_threadpool(services.register, path, name, version, micros(active_from))
    if why:
        await run_in_threadpool(rereferenced, services.store, services.clock, reference, by, why)
    about = f"reference {reference.id}, version {version}" + (f": {why}" if why else "")
    await run_in_threadpool(audit, services, by, "reference.add", f"model {name}", about)
    return await run_in_threadpool(_detail, services, reference, name)


@router.get("/references/{reference_id}", responses=errors(), dependencies=[READ])
def show_reference(services: Given, asker: Asker, reference_id: Id) -> shapes.ReferenceDetail:
    """One reference, with what was inferred from its data."""
    catalogue = services.store.catalogue()
    found = next((r for r in catalogue.references if r.id == reference_id), None)
    if found is None:
        raise NotFound(f"there is no reference {reference_id}; GET /v1/references?model=NAME lists those there are")
    name = convert.Names(catalogue).model(found.model_id)
    see(asker, name)
    return _detail(services, found, name)


def _detail(services: Given, reference: Reference, model: str) -> shapes.ReferenceDetail:
    short = convert.reference(reference, model)
    # the attributes, not a dump: a dump would spell the times
    return shapes.ReferenceDetail(**dict(short), summary=services.store.reference_summary(reference.id))
