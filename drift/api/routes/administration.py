"""Access tokens, the audit, and the digest."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from drift.api import convert_incidents as convert
from drift.api import shapes_operating as shapes
from drift.api.access import ADMIN, READ_ALL, Asker
from drift.api.deps import Given, Id, User, answerer, errors
from drift.api.paging import Cursor, Limit, Page, seen
from drift.core.clock import DAY
from drift.core.window import parse_duration
from drift.service.access import make
from drift.service.digest import digest, week_of

router = APIRouter(prefix="/v1", tags=["administration"])

NEVER = "never"


@router.get("/tokens", responses=errors(), dependencies=[ADMIN])
def list_tokens(services: Given, limit: Limit = 100, cursor: Cursor = None) -> Page[shapes.TokenAnswer]:
    """Access tokens, newest first, also those that are over; never their secrets."""
    now, found = services.clock.now(), services.store.tokens()[::-1]
    return seen(
        lambda n, before: [one for one in found if before is None or one.id < before][:n], limit, cursor,
        lambda one: convert.token(one, now), lambda one: one.id,
    )  # fmt: skip


@router.post("/tokens", status_code=201, responses=errors(409), dependencies=[ADMIN])
def make_token(
    services: Given, asker: Asker, wanted: shapes.TokenRequest, response: Response, user: User = None
) -> shapes.TokenMade:
    """Make an access token. Its secret stands in this answer and nowhere else: only its SHA-256 is kept."""
    who, now = answerer(asker, user, wanted.who), services.clock.now()
    expires_at = None if wanted.expires.strip() == NEVER else now + parse_duration(wanted.expires)
    secret, token = make(wanted.name, wanted.scopes, wanted.models, by=who, now=now, expires_at=expires_at)
    kept = services.store.put_token(token)
    response.headers["Cache-Control"] = "no-store"
    return shapes.TokenMade(**dict(convert.token(kept, now)), secret=secret)


@router.post("/tokens/{token_id}/revoke", responses=errors(), dependencies=[ADMIN])
def revoke_token(
    services: Given, asker: Asker, token_id: Id, wanted: shapes.RevokeRequest, user: User = None
) -> shapes.TokenAnswer:
    """Let a token allow nothing from now on; within five seconds on other servers of the same store."""
    who, now = answerer(asker, user, wanted.who), services.clock.now()
    gone = services.store.revoke_token(token_id, now, who)
    services.keys.forget()
    return convert.token(gone, now)


@router.get("/audit", responses=errors(), dependencies=[ADMIN])
def list_audit(services: Given, limit: Limit = 100, cursor: Cursor = None) -> Page[shapes.AuditAnswer]:
    """Who did what, newest first. Nothing in it is ever changed; retention alone removes what is old."""
    return seen(services.store.audit_entries, limit, cursor, convert.entry, lambda one: one.id)


@router.get("/digest", responses=errors(), dependencies=[READ_ALL])
def show_digest(
    services: Given, days: Annotated[int, Query(ge=1, le=92, description="How many, up to now.")] = 7
) -> shapes.DigestAnswer:
    """What happened in the last days: what paged, what would have, what is open, retraining, alarms of the budget."""
    now = services.clock.now()
    week = week_of(services.store, now - days * DAY, now)
    message = digest(week)
    return shapes.DigestAnswer(start=week.start, end=week.end, title=message.title, text=message.text.splitlines())
