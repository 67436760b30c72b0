"""Silences, and marks of what happened elsewhere."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from alerts.silences import MATCHED, impossible
from drift.api import convert_incidents as convert
from drift.api import shapes_operating as shapes
from drift.api.access import OPERATE, READ, Asker, see
from drift.api.convert_alarms import micros
from drift.api.convert_incidents import People
from drift.api.deps import Given, Id, PerhapsModel, User, answerer, errors, model_called, model_ids
from drift.api.errors import forbidden
from drift.api.paging import Cursor, Limit, Page, page, place, seen
from drift.api.shapes_incidents import MarkAnswer
from drift.core.alert import Mark, Silence
from drift.core.clock import DAY
from drift.core.errors import InputError

router = APIRouter(prefix="/v1", tags=["silences and marks"])

LONGEST: Final = 366 * DAY
_TIES: Final = 1_000
"""Marks of one microsecond."""


@router.get("/silences", responses=errors(), dependencies=[READ])
def list_silences(
    services: Given,
    asker: Asker,
    active: Annotated[bool, Query(description="Only those that hold now.")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[shapes.SilenceAnswer]:
    """Silences, newest first."""
    now, store = services.clock.now(), services.store
    return seen(
        lambda n, before: store.silences(active_on=now if active else None, limit=n, before=before), limit, cursor,
        lambda one: convert.silence(one, now), lambda one: one.id,
        (lambda one: asker.sees(one.matchers.get("model", ""))) if asker.restricted else None,
    )  # fmt: skip


@router.post("/silences", status_code=201, responses=errors(), dependencies=[OPERATE])
def add_silence(
    services: Given, asker: Asker, wanted: shapes.SilenceRequest, user: User = None
) -> shapes.SilenceAnswer:
    """Let incidents that match tell nobody between two moments. They are kept, shown, and told when it is over."""
    now, who = services.clock.now(), answerer(asker, user, wanted.who)
    starts, ends = micros(wanted.starts) or now, micros(wanted.ends) or 0
    for label in wanted.matchers:
        if label not in MATCHED:
            raise InputError(f"body matchers: there is no label {label!r}; there are {', '.join(MATCHED)}")
    if why := impossible(wanted.matchers):
        raise InputError(f"body matchers: {why}")
    if not max(starts, now) < ends <= starts + LONGEST:
        raise InputError("body ends: a silence ends after it starts, in the future, and within a year")
    _theirs(asker, wanted.matchers.get("model", ""))
    made = services.store.put_silence(Silence(wanted.matchers, starts, ends, who, wanted.why, now))
    return convert.silence(made, now)


@router.post("/silences/{silence_id}/end", responses=errors(409), dependencies=[OPERATE])
def end_silence(
    services: Given, asker: Asker, silence_id: Id, wanted: shapes.EndRequest, user: User = None
) -> shapes.SilenceAnswer:
    """End a silence now: what it held back and still fires is told."""
    now, who = services.clock.now(), answerer(asker, user, wanted.who)
    _theirs(asker, services.store.silence(silence_id).matchers.get("model", ""))
    return convert.silence(services.store.end_silence(silence_id, who, now), now)


def _theirs(asker: Asker, model: str) -> None:
    """Refuse a restricted token whose silence would reach further than its models."""
    if not asker.restricted:
        return
    if model in asker.models:
        return
    if not model or any(sign in model for sign in "*?["):
        raise forbidden(f"token {asker.name!r} is for {', '.join(asker.models)} only; match one of them by `model`")
    see(asker, model)


@router.get("/marks", responses=errors(), dependencies=[READ])
def list_marks(
    services: Given,
    asker: Asker,
    name: PerhapsModel = None,
    start: Annotated[AwareDatetime | None, Query(description="From this moment on.")] = None,
    end: Annotated[AwareDatetime | None, Query(description="Before this moment.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[MarkAnswer]:
    """What happened elsewhere, newest first; of a model, with what concerns all."""
    catalogue = services.store.catalogue()
    names, model_id, at = People(catalogue), model_ids(catalogue, name, asker), place(cursor, 2)
    until = micros(end) if end is not None else services.clock.now() + DAY
    before = (at[0], at[1]) if at else (until or 0, 0)
    rows = services.store.marks(model_id, micros(start) or 0, min(before[0] + 1, until or 0), limit + 1 + _TIES)
    mine = [
        one for one in rows
        if (one.at, one.id) < before and (not one.model_id or asker.sees(names.model(one.model_id)))
    ]  # fmt: skip
    return page(mine[: limit + 1], limit, lambda one: convert.mark(one, names), lambda one: (one.at, one.id))


@router.post("/marks", status_code=201, responses=errors(), dependencies=[OPERATE])
def add_mark(services: Given, asker: Asker, wanted: shapes.MarkRequest, user: User = None) -> MarkAnswer:
    """Say that something happened elsewhere: a deploy, an incident of another system."""
    catalogue, now = services.store.catalogue(), services.clock.now()
    who = answerer(asker, user, wanted.who)
    model_id = 0
    if wanted.model is not None:
        model_id = model_called(catalogue, wanted.model, asker).id
    else:
        see(asker, "")
    at = micros(wanted.at) if wanted.at is not None else now
    if at is None or at > now + DAY:
        raise InputError("body at: that is more than a day ahead; say when it happened")
    made = services.store.put_mark(Mark(model_id, at, wanted.kind, wanted.text, who, now, wanted.url))
    return convert.mark(made, People(catalogue))
