"""Retrain runs: asked for, approved or denied by people, ended by their pipelines; and the notices of the outbox."""

from typing import Annotated

from fastapi import APIRouter, Query

from alerts.message import Message
from alerts.retrain.reporting import report
from drift.api import convert_incidents as convert
from drift.api import shapes_operating as shapes
from drift.api.access import OPERATE, READ, Asker, see
from drift.api.convert_incidents import People
from drift.api.deps import Given, Id, PerhapsModel, User, answerer, errors, model_called, model_ids
from drift.api.paging import Cursor, Limit, Page, seen
from drift.api.shapes_incidents import DecisionRequest, NoticeAnswer, RunAnswer
from drift.core.alert import NoticeState, Run, RunState
from drift.service import deciding

router = APIRouter(prefix="/v1", tags=["runs and notices"])


@router.get("/runs", responses=errors(), dependencies=[READ])
def list_runs(
    services: Given,
    asker: Asker,
    name: PerhapsModel = None,
    state: Annotated[RunState | None, Query(description="Only those in this state.")] = None,
    trigger: Annotated[str | None, Query(max_length=200, description="Only this trigger's.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[RunAnswer]:
    """Retrain runs, newest first."""
    catalogue, store = services.store.catalogue(), services.store
    names, model_id = People(catalogue), model_ids(catalogue, name, asker)
    states = None if state is None else (state,)
    return seen(
        lambda n, before: store.runs(model_id=model_id, states=states, trigger=trigger, limit=n, before=before),
        limit, cursor, lambda one: convert.run(one, names), lambda one: one.id,
        (lambda one: asker.sees(names.model(one.model_id))) if asker.restricted else None,
    )  # fmt: skip


@router.post("/runs", status_code=201, responses=errors(409), dependencies=[OPERATE])
def ask_for_run(services: Given, asker: Asker, wanted: shapes.RunRequest, user: User = None) -> RunAnswer:
    """Ask for a retraining by hand. One of a model is in flight at a time."""
    catalogue, who = services.store.catalogue(), answerer(asker, user, wanted.who)
    model = model_called(catalogue, wanted.model, asker)
    return convert.run(services.retrain(model, wanted.trigger, who, wanted.why), People(catalogue))


@router.get("/runs/{run_id}", responses=errors(), dependencies=[READ])
def show_run(services: Given, asker: Asker, run_id: Id) -> shapes.RunDetail:
    """One run, with what its pipeline is given."""
    run, names = _theirs(services, asker, run_id)
    return shapes.RunDetail(**dict(convert.run(run, names)), conf=dict(run.conf))


@router.post("/runs/{run_id}/approve", responses=errors(409), dependencies=[OPERATE])
def approve_run(services: Given, asker: Asker, run_id: Id, wanted: DecisionRequest, user: User = None) -> RunAnswer:
    """Let a run that waits for an approval start."""
    run, names = _theirs(services, asker, run_id)
    who = answerer(asker, user, wanted.who)
    approved = deciding.approve(services.store, services.clock, run, who, wanted.why)
    services.wake()
    return convert.run(approved, names)


@router.post("/runs/{run_id}/deny", responses=errors(409), dependencies=[OPERATE])
def deny_run(services: Given, asker: Asker, run_id: Id, wanted: DecisionRequest, user: User = None) -> RunAnswer:
    """Say no to a run that has not started yet."""
    run, names = _theirs(services, asker, run_id)
    who = answerer(asker, user, wanted.who)
    return convert.run(deciding.deny(services.store, services.clock, run, who, wanted.why), names)


@router.post("/runs/{run_id}/ended", responses=errors(409), dependencies=[OPERATE])
def end_run(services: Given, asker: Asker, run_id: Id, wanted: shapes.EndedRequest, user: User = None) -> RunAnswer:
    """Called by a pipeline whose target cannot be asked: its run is over. Said again, it changes nothing."""
    run, names = _theirs(services, asker, run_id)
    who = asker.name or user or "pipeline"
    ended = report(services.store, run.id, wanted.state, wanted.url, wanted.error, who, services.clock.now())
    return convert.run(ended, names)


@router.get("/notices", responses=errors(), dependencies=[READ])
def list_notices(
    services: Given,
    asker: Asker,
    state: Annotated[NoticeState | None, Query(description="`dead`: given up; they can be sent again.")] = None,
    receiver: Annotated[str | None, Query(max_length=200, description="Only those to this route.")] = None,
    incident: Annotated[int | None, Query(ge=1, lt=2**63, description="Only those of this incident.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[NoticeAnswer]:
    """Messages to receivers, newest first: those that wait, were sent, or were given up."""
    store = services.store
    return seen(
        lambda n, before: store.notices(receiver=receiver, state=state, incident_id=incident, limit=n, before=before),
        limit, cursor, convert.notice, lambda one: one.id,
        (lambda one: asker.sees(Message.load(one.body).model)) if asker.restricted else None,
    )  # fmt: skip


@router.post("/notices/{notice_id}/resend", responses=errors(409), dependencies=[OPERATE])
def resend_notice(
    services: Given, asker: Asker, notice_id: Id, wanted: shapes.EndRequest, user: User = None
) -> NoticeAnswer:
    """Let a message that was given up be tried again, under its own key."""
    who = answerer(asker, user, wanted.who)
    see(asker, Message.load(services.store.notice(notice_id).body).model)
    again = services.store.resend(notice_id, who, services.clock.now())
    services.wake()
    return convert.notice(again)


def _theirs(services: Given, asker: Asker, run_id: int) -> tuple[Run, People]:
    run, names = services.store.run(run_id), People(services.store.catalogue())
    see(asker, names.model(run.model_id))
    return run, names
