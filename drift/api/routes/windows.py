"""Windows, their judgements, and one statistic over time."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from drift.api import convert, convert_performance, reporting, shapes
from drift.api.access import READ, Asker, see
from drift.api.deps import Given, Id, ModelQuery, errors, model_called
from drift.api.paging import Cursor, Limit, Page, page, place
from drift.api.shapes_performance import WindowShown
from drift.core.errors import NotFound
from drift.core.result import WindowState
from drift.service.reports.rows import rows_report
from drift.service.sampling import findings

router = APIRouter(prefix="/v1", tags=["results"])

Spec = Annotated[str | None, Query(max_length=64, description="Only windows cut this way.", examples=["1h"])]
Segment = Annotated[str, Query(max_length=1024, description="`all`, or as in `channel=web`.")]


@router.get("/windows", responses=errors(), dependencies=[READ])
def list_windows(
    services: Given,
    asker: Asker,
    name: ModelQuery,
    window: Spec = None,
    state: Annotated[WindowState | None, Query(description="Only windows in this state.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[shapes.WindowAnswer]:
    """A model's windows with their latest results in short, newest first."""
    before, catalogue = place(cursor, 2), services.store.catalogue()
    model = model_called(catalogue, name, asker)
    at = (before[0], before[1]) if before else None
    rows = services.store.windows(model.id, spec=window, state=state, limit=limit + 1, before=at)
    names = convert.Names(catalogue)
    return page(rows, limit, lambda row: convert.window(row, names), lambda row: row.cursor)


@router.get("/windows/{window_id}", responses=errors(), dependencies=[READ])
def show_window(services: Given, asker: Asker, window_id: Id, segment: Segment = "all") -> WindowShown:
    """One window with the judgement of one segment, and the performance of all."""
    row, catalogue = services.store.window(window_id), services.store.catalogue()
    names = convert.Names(catalogue)
    see(asker, names.model(row.model_id))
    labels = names.segments(row.reference_id)
    index = _index(labels, segment)
    judged = services.store.judgements(window_id)
    mine = judged.get(index)
    short = convert.window(row, names)
    drop = convert_performance.borne(catalogue.models[names.model(row.model_id)].settings)
    return WindowShown(
        **dict(short),
        segments={labels[i]: one.outcome.word for i, one in sorted(judged.items())},
        judgement=convert.judgement(mine, segment) if mine is not None else None,
        performance={
            labels[at]: convert_performance.performance(one, drop)
            for (_, at), one in sorted(services.store.performances([window_id], None).items())
        },
    )


@router.get("/windows/{window_id}/row-tests", responses=errors(), dependencies=[READ])
def row_tests(
    services: Given,
    asker: Asker,
    window_id: Id,
    test: Annotated[
        list[str],
        Query(max_length=20, description="`classifier`, or one of Evidently's.", examples=[["classifier"]]),
    ],
) -> list[shapes.RowTestAnswer]:
    """Tests over the rows that are kept of a window and of its reference, where `row_sample` keeps any."""
    row = services.store.window(window_id)
    names = convert.Names(services.store.catalogue())
    see(asker, names.model(row.model_id))
    found = findings(services.store, services.store.reference(row.reference_id), row.window, test)
    return [convert.row_test(one) for one in found]


@router.get(
    "/windows/{window_id}/report", responses=errors() | reporting.documented(reporting.HTML), dependencies=[READ],
    response_class=Response,
)  # fmt: skip
def report_window(
    services: Given,
    asker: Asker,
    window_id: Id,
    column: Annotated[
        list[str] | None,
        Query(max_length=60, description="Which columns; the first 60, unless given.", examples=[["income"]]),
    ] = None,
) -> Response:
    """Evidently's HTML report over the rows that are kept of a window and of its reference; it takes some seconds."""
    row = services.store.window(window_id)
    names = convert.Names(services.store.catalogue())
    see(asker, names.model(row.model_id))
    title = f"{names.model(row.model_id)}, window of {row.spec}: {row.window}"
    reference = services.store.reference(row.reference_id)
    page = rows_report(services.store, reference, row.window, title=title, columns=column or ())
    return reporting.file(page, f"window-{window_id}.html", reporting.HTML, scripts=True)


@router.get("/series", responses=errors(), dependencies=[READ])
def series(
    services: Given,
    asker: Asker,
    name: ModelQuery,
    window: Annotated[str, Query(max_length=64, description="How the windows are cut.", examples=["1h"])],
    column: Annotated[str, Query(max_length=512, examples=["income"])],
    statistic: Annotated[str, Query(max_length=64, examples=["psi"])],
    segment: Segment = "all",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[shapes.PointAnswer]:
    """One statistic of one column over a model's windows, newest first."""
    before, catalogue = place(cursor, 2), services.store.catalogue()
    model, names = model_called(catalogue, name, asker), convert.Names(catalogue)
    references = names.of_model(model.id)
    _check(column, {c for reference in references for c in reference.grid.names}, "column")
    _check(window, {spec.name for spec in model.windows}, "window")
    index = _index(names.segments(references[-1].id), segment)
    at = (before[0], before[1]) if before else None
    rows = services.store.series(model.id, window, column, statistic, segment=index, limit=limit + 1, before=at)
    found = page(rows, limit, lambda row: row, lambda row: row.cursor)
    # a reference with other segments has another one at this place, or none
    mine = [row for row in found.items if names.segments(row.reference_id)[index : index + 1] == [segment]]
    return Page(items=[convert.point(row, names) for row in mine], next=found.next)


@router.get("/breaches", responses=errors(), dependencies=[READ])
def breaches(
    services: Given, asker: Asker, name: ModelQuery, limit: Limit = 100, cursor: Cursor = None
) -> Page[shapes.ListedBreach]:
    """Rules that were broken, newest first."""
    before, catalogue = place(cursor, 1), services.store.catalogue()
    model = model_called(catalogue, name, asker)
    rows = services.store.breaches(model.id, limit=limit + 1, before=before[0] if before else None)
    names = convert.Names(catalogue)
    return page(rows, limit, lambda row: convert.listed_breach(row, names), lambda row: (row.id,))


def _index(labels: list[str], segment: str) -> int:
    _check(segment, set(labels), "segment")
    return labels.index(segment)


def _check(name: str, known: set[str], what: str) -> None:
    if name not in known:
        listed = ", ".join(repr(one) for one in sorted(known)[:8]) or "none"
        raise NotFound(f"there is no {what} {name!r}; there are {listed}")
