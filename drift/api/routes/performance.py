"""How well models do, window by window."""

from typing import Annotated

from fastapi import APIRouter, Query

from drift.api import convert, convert_performance
from drift.api.access import READ, Asker
from drift.api.deps import Given, ModelQuery, errors, model_called
from drift.api.paging import Cursor, Limit, Page, place
from drift.api.routes.windows import Segment, Spec
from drift.api.shapes_performance import PerformancePoint
from drift.core.errors import NotFound
from drift.core.result import WindowState

router = APIRouter(prefix="/v1", tags=["results"])


@router.get("/performance", responses=errors(), dependencies=[READ])
def list_performance(
    services: Given,
    asker: Asker,
    name: ModelQuery,
    window: Spec = None,
    segment: Segment = "all",
    metric: Annotated[str, Query(max_length=64, description="Only this metric.", examples=["accuracy"])] = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[PerformancePoint]:
    """Performance of a model's final windows, newest first: estimated, realised, and why; empty without predictions
    or labels in the reference. A page looks at `limit` windows and has fewer items where nothing is known of some."""
    before, catalogue = place(cursor, 2), services.store.catalogue()
    model, names = model_called(catalogue, name, asker), convert.Names(catalogue)
    labels = {one.id: names.segments(one.id) for one in names.of_model(model.id)}
    if segment != "all" and not any(segment in some for some in labels.values()):
        raise NotFound(f"there is no segment {segment!r} of model {name!r}")
    after = (before[0], before[1]) if before else None
    rows = services.store.windows(model.id, spec=window, state=WindowState.FINAL, limit=limit + 1, before=after)
    shown = rows[:limit]
    found = services.store.performances([row.id for row in shown], 0 if segment == "all" else None)
    drop = convert_performance.borne(model.settings)
    places = {reference: some.index(segment) for reference, some in labels.items() if segment in some}
    items = [
        convert_performance.point(one, row, names, segment, drop, metric)
        for row in shown
        if (one := found.get((row.id, places.get(row.reference_id, -1)))) is not None
    ]
    more = ".".join(map(str, shown[-1].cursor)) if len(rows) > limit else None
    return Page(items=items, next=more)
