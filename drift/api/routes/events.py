"""`POST /v1/events`: the way in over HTTP."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request, Response
from fastapi.concurrency import run_in_threadpool

from drift.api import shapes
from drift.api.access import INGEST, Asker, see
from drift.api.body import read
from drift.api.deps import Given, errors
from drift.api.errors import ApiError
from drift.api.services import ARROW, CSV, JSON, NDJSON

router = APIRouter(prefix="/v1", tags=["events"])

MEDIA_TYPES: Final = {
    JSON: JSON,
    NDJSON: NDJSON,
    "application/jsonl": NDJSON,
    ARROW: ARROW,
    "application/vnd.apache.arrow.file": ARROW,
    CSV: CSV,
}

_EVENT: Final = {
    "model": "credit", "version": "3", "id": "a1", "time": "2026-11-23T10:00:00Z",
    "features": {"income": 4200.5, "region": "north"}, "prediction": 1, "score": 0.73,
    "segments": {"channel": "web"}, "label": None,
}  # fmt: skip
_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        JSON: {
            "schema": {"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]},
            "examples": {"one": {"value": _EVENT}, "several": {"value": [_EVENT, _EVENT | {"id": "a2"}]}},
        },
        NDJSON: {"schema": {"type": "string"}},
        CSV: {"schema": {"type": "string"}},
        ARROW: {"schema": {"type": "string", "format": "binary"}},
    },
}

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="The same key within 24 hours counts once and gets the same answer. Without one: at least once.",
    ),
]


@router.post("/events", responses=errors(409, 413, 415), openapi_extra={"requestBody": _BODY}, dependencies=[INGEST])
async def post_events(
    services: Given, asker: Asker, request: Request, response: Response, idempotency_key: Key = None
) -> shapes.EventsAnswer:
    """Count events: one, an array, NDJSON, CSV or Arrow IPC. Answered when they are committed, never before."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in MEDIA_TYPES:
        raise ApiError(
            415, "unsupported_media_type", f"events are sent as {JSON}, {NDJSON}, {CSV} or {ARROW}, not {kind!r}"
        )
    body = await read(request, services.config.server.max_body)
    if not body:
        raise ApiError(400, "bad_request", "the body is empty; send an event")
    if asker.restricted:
        await run_in_threadpool(_only_theirs, services, asker, body, MEDIA_TYPES[kind])
    receipt = await services.events.submit(body, MEDIA_TYPES[kind], idempotency_key)
    response.headers["Cache-Control"] = "no-store"
    return shapes.EventsAnswer(
        accepted=receipt.accepted,
        repeated=receipt.repeated,
        rejected=[
            shapes.RefusedEvent(index=one.index, reason=one.reason, detail=one.detail) for one in receipt.rejected
        ],
    )


def _only_theirs(services: Given, asker: Asker, body: bytes, media_type: str) -> None:
    """Refuse the request as a whole if an event of it is about a model that the token is not for."""
    for model in services.named(body, media_type):
        see(asker, model)
