"""References for the page: what each model is compared with, and what was inferred of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dashboards.web.formats import count
from dashboards.web.links import page_url
from dashboards.web.views import references as views
from dashboards.web.views.figure import Pages
from drift.core.answer import Action, Answer
from drift.core.catalogue import Catalogue, Model, Reference
from drift.core.errors import NotFound
from drift.core.profile import Profile
from drift.service.access import Caller
from drift.store.store import Store

PER_PAGE: Final = 50
VERSIONS: Final = 20
ANSWERS: Final = 50
TOP: Final = 4
_SILENT: Final[Mapping[str, Any]] = {"time": None, "segments": {}, "notes": (), "columns": ()}
"""Of a reference that was made without a summary."""


def reference_list(store: Store, asker: Caller, now: int, query: str = "", page: int = 1) -> views.ReferenceList:
    """The models that the caller sees, by name."""
    catalogue = store.catalogue()
    found = [
        model for name, model in sorted(catalogue.models.items()) if asker.sees(name) and query.lower() in name.lower()
    ]
    first = (page - 1) * PER_PAGE
    lines = tuple(_model(catalogue, model, now) for model in found[first : first + PER_PAGE])
    return views.ReferenceList(lines, query, _pages(len(found), page, "model", "/references", q=query))


def _model(catalogue: Catalogue, model: Model, now: int) -> views.ModelReference:
    mine = sum(one.model_id == model.id for one in catalogue.references)
    found = catalogue.active(model.id, None, now)
    if found is None:
        return views.ModelReference(model.name, "", 0, 0, None, 0)
    of = found[0]
    return views.ModelReference(model.name, of.version, of.rows, len(of.grid.columns), of.active_from, mine)


def _pages(total: int, page: int, noun: str, path: str, **here: object) -> Pages:
    first = (page - 1) * PER_PAGE
    if total <= PER_PAGE and page == 1:
        return Pages()
    return Pages(
        f"{first + 1:,}–{min(first + PER_PAGE, total):,} of {count(total, noun)}",
        page_url(path, **here, page=page - 1) if page > 1 else "",
        page_url(path, **here, page=page + 1) if first + PER_PAGE < total else "",
    )


def reference_page(
    store: Store, model: Model, now: int, chosen: int | None = None, query: str = "", page: int = 1,
    before: int | None = None,
) -> views.ReferencePage:  # fmt: skip
    """A model's references, newest first, and one of them in full; without a choice the one that judges now.

    Args:
        store: where they are.
        model: the model.
        now: the clock's.
        chosen: a reference's id.
        query: columns whose name holds this.
        page: of the columns.
        before: versions older than this id.

    Raises:
        NotFound: it is none of the model's.
    """
    catalogue = store.catalogue()
    mine = {one.id: one for one in catalogue.references if one.model_id == model.id}
    found = catalogue.active(model.id, None, now)
    active = found[0].id if found is not None else 0
    if chosen is not None and chosen not in mine:
        raise NotFound(f"model {model.name!r} has no reference {chosen}")
    versions = [_version(one, active) for one in sorted(mine.values(), key=lambda one: -one.id)]
    listed = [one for one in versions if before is None or one.id < before]
    older = page_url("/references", model=model.name, before=listed[VERSIONS - 1].id) if len(listed) > VERSIONS else ""
    answers = store.answers(model.id)
    shown = mine.get(chosen or active)
    around = (model.name, tuple(listed[:VERSIONS]), Pages(after=older, words=("Newer", "Older")))
    said = tuple(_answer(one) for one in reversed(answers[-ANSWERS:]))
    if shown is None:
        return views.ReferencePage(*around, None, "", "", (), (), (), query, 0, Pages(), said)
    summary = {**_SILENT, **store.reference_summary(shown.id)}
    columns = [one for one in summary["columns"] if query.lower() in one["column"].lower()]
    some = columns[(page - 1) * PER_PAGE : page * PER_PAGE]
    return views.ReferencePage(
        *around, _version(shown, active), _ordered(summary), _baseline(summary, model, answers, shown.id),
        tuple((name, len(values)) for name, values in summary["segments"].items()), tuple(summary["notes"]),
        _columns(store, shown, some), query, len(columns),
        _pages(len(columns), page, "column", "/references", model=model.name, id=shown.id, q=query), said,
    )  # fmt: skip


def _version(of: Reference, active: int) -> views.Version:
    return views.Version(
        of.id, of.version, of.rows, len(of.grid.columns), of.active_from, of.created_at, of.id == active,
        of.content_hash[:12],
    )  # fmt: skip


def _ordered(summary: Mapping[str, Any]) -> str:
    time = summary["time"]
    if time is None:
        return "Its rows have no event time, so how it varies over time is not known."
    return (
        f"In the order of {time['column']!r}, from {time['start']} to {time['end']}: "
        f"{count(time['chunks'], 'stretch', 'stretches')} of {time['chunk']}."
    )


def _baseline(summary: Mapping[str, Any], model: Model, answers: Sequence[Answer], reference: int) -> str:
    held = [one for one in answers if one.reference_id == reference and one.withdrawn_at is None]
    accepted = sum(one.action is Action.ACCEPT for one in held)
    more = (
        f" People accepted {count(accepted, 'stretch', 'stretches')} since; the answers below say why."
        if accepted
        else ""
    )
    if any(one.action is Action.LEARN for one in held):
        return f"Production's own first windows.{more}"
    if summary["time"] is None or model.settings.get("held_out") is False:
        return f"Production's first 14 days (30 windows at least), once they are there.{more}"
    return f"The reference's own {count(summary['time']['chunks'], 'stretch', 'stretches')} of time.{more}"


def _columns(store: Store, reference: Reference, some: Sequence[Mapping[str, Any]]) -> tuple[views.ColumnLine, ...]:
    profile = store.reference_profile(reference.id) if some else None
    return tuple(_column(one, reference, profile) for one in some)


def _column(of: Mapping[str, Any], reference: Reference, profile: Profile | None) -> views.ColumnLine:
    at = reference.grid.index.get(of["column"])
    top: tuple[views.Share, ...] = ()
    low = high = None
    if at is not None and profile is not None:
        grid = reference.grid.columns[at]
        if grid.measured:
            low, high = (bound if abs(bound) != float("inf") else None for bound in profile.bounds(at))
        elif not grid.sketch:
            top = _top(grid.keys, profile.bin_counts(at).tolist(), profile.rows())
    return views.ColumnLine(
        of["column"], of["kind"], of["role"], of["distinct"], of["missing"], of["bins"], of["why"],
        tuple(of["notes"]), top, low, high,
    )  # fmt: skip


def _top(keys: Sequence[str], counts: Sequence[int], rows: int) -> tuple[views.Share, ...]:
    named = sorted(zip(counts, keys, strict=False), key=lambda one: (-one[0], one[1]))[:TOP]
    return tuple(views.Share(name, n / rows) for n, name in named if n)


def _answer(of: Answer) -> views.AnswerLine:
    what = f"column {of.column}" if of.column else "all columns"
    gone = f"withdrawn by {of.withdrawn_by or 'the service'}" if of.withdrawn_at is not None else ""
    return views.AnswerLine(
        of.id, of.action.value, f"{what}{f', windows of {of.spec}' if of.spec else ''}", of.who, of.why, of.at,
        of.start, of.until, gone,
    )  # fmt: skip
