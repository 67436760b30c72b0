"""Status, dead letters, probes and metrics."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from prometheus_client.exposition import choose_encoder

from drift.api import convert, shapes
from drift.api.access import OPEN, OPERATE_ALL, READ, READ_ALL, Asker
from drift.api.deps import Given, User, audit, errors
from drift.api.errors import RETRY_SECONDS, answer
from drift.api.paging import Cursor, Limit, Page, page, place
from drift.core.errors import StoreError

router = APIRouter(tags=["operations"])


@router.get("/v1/status", responses=errors(), dependencies=[READ])
def status(services: Given, asker: Asker) -> shapes.StatusAnswer:
    """Partitions, lag, watermarks, totals and versions."""
    store = services.store
    info, totals = store.info(), store.totals()
    models = {model.id: name for name, model in store.catalogue().models.items() if asker.sees(name)}
    return shapes.StatusAnswer(
        release=services.release,
        now=services.clock.now(),
        store=shapes.StoreAnswer(
            kind=info.dialect, version=info.version, table_version=info.schema, uuid=info.uuid, warning=info.warning
        ),
        totals=shapes.TotalsAnswer(
            records=totals.records,
            rows=totals.rows,
            late=totals.late,
            foreign=totals.foreign,
            dead_letters=totals.dead_letters,
            lost=totals.lost,
        ),
        dead_letters=store.dead_letters_by_reason(),
        partitions=[convert.partition(one, models) for one in store.partitions()],
        gaps=[convert.gap(one) for one in store.gaps(limit=20)],
        waiting={model: why for model, why in services.holding().items() if asker.sees(model)},
    )


@router.post("/v1/partitions/retire", responses=errors(409), dependencies=[OPERATE_ALL])
def retire_partitions(
    services: Given, asker: Asker, wanted: shapes.RetireRequest, user: User = None
) -> shapes.RetireAnswer:
    """Let windows close without a topic that will never be read again: a deleted one, an abandoned file."""
    retired = services.store.retire(wanted.source, wanted.topic)
    audit(services, asker.name or user or "", "partitions.retire", f"topic {wanted.topic} of {wanted.source}")
    return shapes.RetireAnswer(retired=retired)


@router.get("/v1/dead-letters", responses=errors(), dependencies=[OPERATE_ALL])
def list_dead_letters(
    services: Given,
    reason: Annotated[str | None, Query(max_length=64, description="Only those refused for this reason.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[shapes.DeadLetterAnswer]:
    """Events that could not be counted, newest first. Per reason, partition and hour 100 are kept; all are counted."""
    before = place(cursor, 1)
    rows = services.store.dead_letters(limit + 1, before[0] if before else None, reason)
    return page(rows, limit, convert.dead_letter, lambda row: (row.id,))


@router.post("/v1/dead-letters/replay", responses=errors(409, 413), dependencies=[OPERATE_ALL])
def replay_dead_letters(
    services: Given, asker: Asker, wanted: shapes.ReplayRequest, user: User = None
) -> shapes.ReplayAnswer:
    """Feed dead letters in again, after their cause was mended. Each is replayed once."""
    done = services.replay(wanted.ids)
    audit(services, asker.name or user or "", "dead-letters.replay", f"{len(wanted.ids)} dead letters")
    return shapes.ReplayAnswer(replayed=done.replayed, counted=done.counted)


@router.get("/healthz", dependencies=[OPEN])
def healthz() -> shapes.Health:
    """Whether the process lives. It never asks the database: restarting would not bring that back."""
    return shapes.Health(status="ok")


@router.get("/readyz", response_model=shapes.Health, responses=errors(), dependencies=[READ])
def readyz(services: Given) -> shapes.Health | Response:
    """Whether the service can work: the database answers and the pipeline runs."""
    try:
        services.store.ping()
        why, code = services.ready(), "not_ready"
    except StoreError as error:
        why, code = str(error), "store_unavailable"
    if why:
        return answer(503, code, why, {"Retry-After": str(RETRY_SECONDS)})
    return shapes.Health(status="ready")


@router.get(
    "/metrics",
    response_class=Response,
    responses=errors() | {200: {"content": {"text/plain": {}}}},
    dependencies=[READ_ALL],
)
def metrics(services: Given, request: Request) -> Response:
    """Metrics for Prometheus."""
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(services.registry), headers={"Content-Type": media_type})
