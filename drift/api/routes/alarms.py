"""Alarms, why they were raised, and what people answer."""

from typing import Annotated

from fastapi import APIRouter, Query

from drift.api import convert_alarms as convert
from drift.api import shapes_alarms as shapes
from drift.api.access import OPERATE, READ, Asker, see
from drift.api.convert import Names
from drift.api.deps import Given, Id, ModelQuery, User, answerer, audit, errors, model_called
from drift.api.paging import Cursor, Limit, Page, page, place
from drift.core.catalogue import Model, Reference
from drift.core.errors import NotFound
from drift.service.answering import Wish, answer
from drift.service.explaining import explain_column, explain_model

router = APIRouter(prefix="/v1", tags=["alarms"])

Column = Annotated[str | None, Query(max_length=512, description="Only this column.", examples=["income"])]


@router.get("/alarms", responses=errors(), dependencies=[READ])
def list_alarms(
    services: Given,
    asker: Asker,
    name: ModelQuery,
    standing: Annotated[bool | None, Query(description="Only those that stand, or only the others.")] = None,
    column: Column = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[shapes.AlarmAnswer]:
    """A model's alarms, newest first."""
    before, catalogue = place(cursor, 1), services.store.catalogue()
    model = model_called(catalogue, name, asker)
    at = before[0] if before else None
    rows = services.store.alarms(model.id, standing=standing, column=column, limit=limit + 1, before=at)
    names, answers = Names(catalogue), services.store.answers(model.id)
    return page(rows, limit, lambda row: convert.alarm(row, names, answers), lambda row: (row.id,))


@router.get("/alarms/{alarm_id}", responses=errors(), dependencies=[READ])
def show_alarm(services: Given, asker: Asker, alarm_id: Id) -> shapes.AlarmAnswer:
    """One alarm with its evidence."""
    row, names = services.store.alarm(alarm_id), Names(services.store.catalogue())
    see(asker, names.model(row.model_id))
    return convert.alarm(row, names, services.store.answers(row.model_id))


@router.post("/answers", status_code=201, responses=errors(409), dependencies=[OPERATE])
def add_answer(
    services: Given, asker: Asker, name: ModelQuery, wanted: shapes.AnswerRequest, user: User = None
) -> shapes.AnswerAnswer:
    """Accept a stretch as baseline, dismiss an alarm as normal, or snooze it. It applies from the next window on."""
    catalogue = services.store.catalogue()
    model, names = model_called(catalogue, name, asker), Names(catalogue)
    who = answerer(asker, user, wanted.who)
    wish = Wish(
        wanted.action, who, wanted.why, wanted.alarm, wanted.column,
        _segment(names, model, wanted.segment), wanted.window, wanted.version, convert.micros(wanted.start),
        convert.micros(wanted.until),
    )  # fmt: skip
    made = answer(services.store, services.clock, model, wish)
    audit(services, who, f"answer.{made.action}", f"model {name}", f"answer {made.id}: {wanted.why}")
    return convert.answer(made, names, services.store.answer_windows(model.id))


@router.get("/answers", responses=errors(), dependencies=[READ])
def list_answers(
    services: Given, asker: Asker, name: ModelQuery, limit: Limit = 100, cursor: Cursor = None
) -> Page[shapes.AnswerAnswer]:
    """What people answered, newest first."""
    before, catalogue = place(cursor, 1), services.store.catalogue()
    names = Names(catalogue)
    model = model_called(catalogue, name, asker)
    found, kept = services.store.answers(model.id), services.store.answer_windows(model.id)
    rest = [one for one in reversed(found) if before is None or one.id < before[0]]
    return page(rest[: limit + 1], limit, lambda one: convert.answer(one, names, kept), lambda one: (one.id,))


@router.post("/answers/{answer_id}/withdraw", responses=errors(409), dependencies=[OPERATE])
def withdraw_answer(
    services: Given, asker: Asker, answer_id: Id, name: ModelQuery, wanted: shapes.WithdrawRequest, user: User = None
) -> shapes.AnswerAnswer:
    """Take an answer back, from the next window on. It stays listed."""
    model = model_called(services.store.catalogue(), name, asker)
    if answer_id not in {one.id for one in services.store.answers(model.id)}:
        raise NotFound(f"model {name!r} has no answer {answer_id}; GET /v1/answers?model={name} lists those there are")
    who = answerer(asker, user, wanted.who)
    gone = services.store.withdraw(answer_id, who)
    audit(services, who, "answer.withdraw", f"model {name}", f"answer {answer_id}")
    return convert.answer(gone, Names(services.store.catalogue()), services.store.answer_windows(model.id))


@router.get("/explain", responses=errors(), dependencies=[READ])
def explain(
    services: Given,
    asker: Asker,
    name: ModelQuery,
    column: Column = None,
    segment: Annotated[str | None, Query(max_length=1024, description="`all`, or as in `channel=web`.")] = None,
    window: Annotated[str | None, Query(max_length=64, description="Only windows cut this way.")] = None,
) -> shapes.ExplainAnswer:
    """Why was I paged, or why was I not: in words. Without a column: the model at a glance."""
    model = model_called(services.store.catalogue(), name, asker)
    if column is None:
        text = explain_model(services.store, services.clock, model, spec=window)
        return shapes.ExplainAnswer(model=name, column=None, text=list(text), cases=[])
    found = explain_column(services.store, services.clock, model, column, segment=segment, spec=window)
    cases = [convert.case(one) for one in found]
    return shapes.ExplainAnswer(
        model=name, column=column, text=[line for one in cases for line in one.text], cases=cases
    )


def _segment(names: Names, model: Model, label: str | None) -> int | None:
    """Index of a segment; the same in every reference of a model that has it there."""
    if label is None:
        return None
    references: list[Reference] = names.of_model(model.id)
    for reference in reversed(references):
        labels = names.segments(reference.id)
        if label in labels:
            return labels.index(label)
    known = ", ".join(repr(one) for one in (names.segments(references[-1].id) if references else [])[:8]) or "none"
    raise NotFound(f"there is no segment {label!r}; there are {known}")
