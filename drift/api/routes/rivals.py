"""Two versions on the same traffic: which one does better."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from drift.api import shapes_rivals as shapes
from drift.api.access import READ, Asker
from drift.api.convert_alarms import micros
from drift.api.deps import Given, ModelQuery, errors, model_called
from drift.core.clock import DAY
from drift.core.errors import InputError
from drift.core.performance import Measure
from drift.core.window import Window
from drift.service.rivals import rivals

router = APIRouter(prefix="/v1", tags=["results"])

Version = Annotated[str, Query(min_length=1, max_length=200, examples=["1"])]


@router.get("/rivals", responses=errors(), dependencies=[READ])
def compare_versions(
    services: Given,
    asker: Asker,
    name: ModelQuery,
    champion: Version,
    challenger: Version,
    start: Annotated[AwareDatetime | None, Query(alias="from", description="Seven days before the end.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Now, unless given.")] = None,
    metric: Annotated[str, Query(max_length=64, description="That decides; else accuracy, or mae.")] = "",
    margin: Annotated[float | None, Query(ge=0, le=1, description="That is borne; the model's `max_drop`.")] = None,
) -> shapes.RivalsAnswer:
    """Compare a challenger (canary, shadow) with the champion over all panes of a stretch; is it to be promoted?"""
    model = model_called(services.store.catalogue(), name, asker)
    end, first = micros(until) or services.clock.now(), micros(start)
    first = end - 7 * DAY if first is None else first
    if first >= end:
        raise InputError("from: it is not before `until`")
    found = rivals(services.store, services.clock, model, champion, challenger, Window(first, end), metric=metric,
                   margin=margin)  # fmt: skip
    one, other = found.performances
    return shapes.RivalsAnswer(
        model=name, champion=champion, challenger=challenger, start=first, end=end,
        champion_rows=one.predicted, challenger_rows=other.predicted, verdict=found.rivalry.verdict.value,
        sentence=found.rivalry.sentence,
        metrics=[
            shapes.ContestAnswer(
                metric=each.metric, realized=each.realized, champion=_band(each.champion),
                challenger=_band(each.challenger), gain=_band(each.gain), verdict=each.verdict.value,
            )
            for each in found.rivalry.contests
        ],
        traffic=[
            shapes.DifferenceAnswer(column=each.column, what=each.what, amount=each.amount)
            for each in found.rivalry.differences
        ],
        features_compared=found.rivalry.shared,
    )  # fmt: skip


def _band(measure: Measure) -> shapes.BandAnswer:
    return shapes.BandAnswer(value=measure.value, low=measure.low, high=measure.high)
