"""`/health`: whether what the other pages say can be trusted."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from drift.api.access import OPERATE, OPERATE_ALL, READ, Asker
from drift.api.deps import Given, Id, User
from drift.api.pages.forms import Sent
from drift.api.pages.framing import frame, shown
from drift.api.routes import operations, runs
from drift.api.shapes import ReplayRequest
from drift.api.shapes_operating import EndRequest
from drift.core.alert import Scope
from drift.core.errors import InputError
from drift.evaluation import Patience
from drift.service.pages.health import Wanted, health

router = APIRouter(include_in_schema=False)

HERE: Final = "/health"
AT_ONCE: Final = 200
"""Dead letters of a reason that one press of the button replays."""
Nth = Annotated[int, Query(ge=1, le=10_000)]


@router.get(HERE, dependencies=[READ])
def show_health(
    request: Request, services: Given, asker: Asker, partitions: Nth = 1, models: Nth = 1,
    reason: Annotated[str, Query(max_length=64)] = "", before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    model: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:  # fmt: skip
    """Partitions, what windows wait for, dead letters, unknown fields, deliveries."""
    times = services.config.event_time
    patience = Patience(idle_timeout=times.idle_timeout, max_hold=times.max_hold)
    view = health(
        services.store, asker, patience, services.holding(), Wanted(partitions, models, reason, before, model),
        services.clock.now(),
        payloads=Scope.OPERATE in asker.scopes and not asker.restricted,
    )  # fmt: skip
    return shown("health.html", frame(request, services, "Ingest health", "health"), view)


@router.post("/health/replay", dependencies=[OPERATE_ALL])
def replay(request: Request, services: Given, asker: Asker, form: Sent, user: User = None) -> Response:
    """Feed dead letters in again: those that were ticked, or the newest of a reason."""
    ids = [int(one) for one in form.all.get("id", []) if one.isascii() and one.isdigit() and len(one) < 19]
    if not ids and form["all"]:
        rows = services.store.dead_letters(AT_ONCE, None, form["all"])
        ids = [row.id for row in rows if row.replayed_at is None]
    if not ids:
        raise InputError("there is nothing to replay: tick some that were not replayed yet")
    operations.replay_dead_letters(services, asker, form.wanted_alone(ReplayRequest, ids=ids), user or form.who)
    return form.done(request, HERE)


@router.post("/health/notices/{notice_id}/resend", dependencies=[OPERATE])
def resend(request: Request, services: Given, asker: Asker, notice_id: Id, form: Sent, user: User = None) -> Response:
    """Let a message that was given up be tried again."""
    runs.resend_notice(services, asker, notice_id, form.wanted(EndRequest), user)
    return form.done(request, HERE)
