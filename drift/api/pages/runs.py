"""`/runs`: retraining that was asked for, waits for an approval, runs, or is over."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from drift.api.access import OPERATE, READ, Asker
from drift.api.deps import Given, Id, User
from drift.api.pages.forms import Sent
from drift.api.pages.framing import frame, shown
from drift.api.routes import runs
from drift.api.shapes_incidents import DecisionRequest
from drift.api.shapes_operating import RunRequest
from drift.service.pages.runs import run_list

router = APIRouter(include_in_schema=False)

HERE: Final = "/runs"


@router.get(HERE, dependencies=[READ])
def list_runs(
    request: Request, services: Given, asker: Asker, model: Annotated[str, Query(max_length=200)] = "",
    state: Annotated[str, Query(max_length=20)] = "", cursor: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> HTMLResponse:  # fmt: skip
    """Runs, newest first."""
    view = run_list(services.store, services.config, asker, model, state, cursor)
    return shown("runs.html", frame(request, services, "Retrain runs", "runs"), view)


@router.post(HERE, dependencies=[OPERATE])
def ask(request: Request, services: Given, asker: Asker, form: Sent, user: User = None) -> Response:
    """Ask for a retraining."""
    model, _, trigger = form["about"].rpartition("\n")
    runs.ask_for_run(services, asker, form.wanted(RunRequest, model=model, trigger=trigger, why=form["why"]), user)
    return form.done(request, HERE)


@router.post("/runs/{run_id}/approve", dependencies=[OPERATE])
def approve(request: Request, services: Given, asker: Asker, run_id: Id, form: Sent, user: User = None) -> Response:
    """Let a run start that waits for it."""
    runs.approve_run(services, asker, run_id, form.wanted(DecisionRequest, why=form["why"]), user)
    return form.done(request, HERE)


@router.post("/runs/{run_id}/deny", dependencies=[OPERATE])
def deny(request: Request, services: Given, asker: Asker, run_id: Id, form: Sent, user: User = None) -> Response:
    """Say no to one."""
    runs.deny_run(services, asker, run_id, form.wanted(DecisionRequest, why=form["why"]), user)
    return form.done(request, HERE)
