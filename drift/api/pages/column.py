"""`/models/<name>/column?name=<column>`: one column, and the answers that people give to its alarms."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from dashboards.web.links import model_url
from drift.api.access import OPERATE, READ, Asker
from drift.api.deps import Given, ModelPath, audit, model_called
from drift.api.pages.forms import Sent
from drift.api.pages.framing import frame, shown
from drift.api.pages.model import Segment, Spec, Until, found, numbers, show_model
from drift.api.pages.paths import MODEL
from drift.core.answer import Action
from drift.core.clock import DAY
from drift.core.errors import InputError
from drift.service.answering import Wish, answer
from drift.service.pages.column import AskedColumn, ColumnScreen
from drift.service.pages.scope import Asked

router = APIRouter(include_in_schema=False)

STATES = {"page": "Drifting", "warning": "Warning", "quiet": "Quiet", "waiting": "Waiting"}
SNOOZES = {"1": DAY, "3": 3 * DAY, "7": 7 * DAY, "30": 30 * DAY}
"""Days that an alarm can be snoozed for."""
_PART = Query(max_length=20)


@router.get(f"{MODEL}/column", dependencies=[READ])
def show_column(
    request: Request, services: Given, asker: Asker, name: ModelPath,
    column: Annotated[str | None, Query(alias="name", max_length=10_000)] = None, window: Spec = "",
    segment: Segment = "", until: Until = "", at: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    stat: Annotated[str, _PART] = "", part: Annotated[str, _PART] = "", csv: Annotated[str, _PART] = "",
) -> Response:  # fmt: skip
    """The page of a column, a part of it, or the numbers of one of its figures."""
    if column is None:  # a model may be called so
        return show_model(request, services, asker, f"{name}/column", window, segment, until)
    catalogue = services.store.catalogue()
    model = model_called(catalogue, name, asker)
    wanted = AskedColumn(column, at, stat)
    screen = ColumnScreen(services.store, services.clock, catalogue, model, Asked(window, segment, until), wanted)
    around = frame(request, services, f"{column} of {model.name}", "models")
    if csv:
        return numbers(found(screen.figure(csv)), f"{csv}.csv")
    if part == "window":
        return shown("window.html", around, screen.at_window(at))
    if part:
        return shown("figure.html", around, found(screen.figure(part)))
    return shown("column.html", around, screen.view(), names=STATES)


@router.post(f"{MODEL}/column/answer", dependencies=[OPERATE])
def answer_alarm(request: Request, services: Given, asker: Asker, name: ModelPath, form: Sent) -> Response:
    """Accept a stretch as baseline, dismiss an alarm as normal, or snooze it."""
    model = model_called(services.store.catalogue(), name, asker)
    try:
        action = Action(form["action"])
    except ValueError as error:
        raise InputError(f"action: {form['action'][:40]!r} is none; there are accept, dismiss and snooze") from error
    until = services.clock.now() + SNOOZES.get(form["days"], DAY) if action is Action.SNOOZE else None
    wish = Wish(action, form.who, form["why"], form.number("alarm"), until=until)
    made = answer(services.store, services.clock, model, wish)
    audit(services, form.who, f"answer.{made.action}", f"model {name}", f"answer {made.id}: {form['why']}")
    return form.done(request, model_url(name))
