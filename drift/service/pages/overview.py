"""The fleet: which model needs somebody, since when, because of what."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dashboards.web.formats import count
from dashboards.web.links import page_url
from dashboards.web.views.figure import Pages
from dashboards.web.views.overview import STATES, ModelRow, Overview, Tick
from drift.core.alert import Incident, Urgency
from drift.core.catalogue import Model
from drift.core.result import Outcome, WindowState
from drift.evaluation.learning import LEARNING
from drift.service.pages.performance import glances
from drift.store import Store
from drift.store.rows import WindowRow
from drift.store.viewing import Standing

PER_PAGE: Final = 50
TICKS: Final = 24
_RANK: Final = {state: rank for rank, state in enumerate(STATES)}
_LOUD: Final = {Urgency.PAGE: "page", Urgency.WARNING: "warning", Urgency.INFO: "quiet"}
_HEIGHTS: Final = {"drift": 20, "incomplete": 12, "insufficient_data": 4, "no_drift": 8}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address says."""

    query: str = ""
    state: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class _Fleet:
    """What is known of all models, in four statements."""

    incidents: Mapping[int, Sequence[Incident]]
    """Model id → open ones, worst first."""
    standing: Mapping[int, Standing]
    final: Mapping[tuple[int, str], WindowRow]
    now: int


def overview(store: Store, now: int, sees: Callable[[str], bool], wanted: Wanted) -> Overview:
    """One page of the models that may be seen, worst first."""
    models = [model for name, model in sorted(store.catalogue().models.items()) if sees(name)]
    fleet = _fleet(store, models, now)
    rows = {model.name: _row(model, fleet) for model in models}
    named = [one for one in models if wanted.query.lower() in one.name.lower()]
    chosen = [one for one in named if wanted.state in ("", rows[one.name].state)]
    order = sorted(chosen, key=lambda one: _worst_first(rows[one.name]))
    first = (wanted.page - 1) * PER_PAGE
    shown = order[first : first + PER_PAGE]
    drawn = _drawn(store, shown, rows, fleet)
    counts = _counts([rows[one.name] for one in named], wanted)
    return Overview(drawn, counts, _pages(len(order), wanted), wanted.query, wanted.state, len(models))


def row_of(store: Store, model: Model, now: int) -> ModelRow:
    """One model as the overview has it, without its small picture."""
    return _row(model, _fleet(store, [model], now))


def headline(view: Overview) -> str:
    """What the page says in one sentence."""
    number = {state: n for state, _, n, _ in view.counts}
    parts = [
        f"{count(number.get(state, 0), 'model')} {words}"
        for state, words in (
            ("page", "drifting beyond twice what is tolerated"), ("warning", "with a warning"),
            ("stale", "without data"), ("blind", "that cannot be judged"),
        )
        if number.get(state)
    ]  # fmt: skip
    if not view.total:
        return "Nothing is watched yet."
    return f"{', '.join(parts)}." if parts else "No model is in trouble."


def _fleet(store: Store, models: Sequence[Model], now: int) -> _Fleet:
    incidents: dict[int, list[Incident]] = {}
    for one in store.open_incidents():
        incidents.setdefault(one.model_id, []).append(one)
    worst = {id_: sorted(some, key=lambda one: (-one.urgency.rank, one.since)) for id_, some in incidents.items()}
    cuts = [(model.id, spec.name) for model in models for spec in model.windows]
    return _Fleet(worst, store.standing_by_model(), store.newest_final(cuts), now)


def _row(model: Model, fleet: _Fleet) -> ModelRow:
    last = _last(model, fleet)
    incidents = fleet.incidents.get(model.id, ())
    standing = fleet.standing.get(model.id, Standing())
    late = last is not None and fleet.now >= _stale_at(model, last)
    row = ModelRow(
        model.name, "quiet", "", open_incidents=len(incidents), late=late, owner=str(model.settings.get("owner") or "")
    )
    if last is not None:
        row = replace(row, window=last.spec, end=last.window.end, rows=last.rows)
    if incidents and incidents[0].urgency is not Urgency.INFO:
        return _in_trouble(row, incidents[0])
    if standing.pages or standing.warnings:
        words = f"{count(standing.pages + standing.warnings, 'alarm')} {_stand(standing)}, in no incident"
        return replace(row, state="page" if standing.pages else "warning", cause=words, since=standing.since)
    return _without(row, last)


def _stand(standing: Standing) -> str:
    return "stands" if standing.pages + standing.warnings == 1 else "stand"


def _in_trouble(row: ModelRow, worst: Incident) -> ModelRow:
    state = "stale" if worst.family == "data" else _LOUD[worst.urgency]
    column = worst.columns[0] if worst.columns and worst.columns[0] else ""
    title = worst.title.removeprefix(f"{row.name}: ")
    return replace(row, state=state, cause=title, since=worst.since, incident=worst.id, column=column)


def _without(row: ModelRow, last: WindowRow | None) -> ModelRow:
    """The state of a model on which nothing stands."""
    if last is None:
        return replace(row, state="waiting", cause="No window is final yet.")
    if row.late:
        return replace(row, state="stale", cause="No newer window has become final.", since=last.window.end)
    if last.outcome is Outcome.INSUFFICIENT_DATA and LEARNING in last.reason:
        return replace(row, state="learning", cause=last.reason[:1].upper() + last.reason[1:])
    if last.outcome is Outcome.INSUFFICIENT_DATA:
        return replace(row, state="blind", cause=last.reason or "There is too little data in the last window.")
    if last.outcome is Outcome.DRIFT:
        return replace(row, cause=f"The last window broke a rule, which raised no alarm: {last.reason}")
    return replace(row, cause="Nothing stands.")


def _last(model: Model, fleet: _Fleet) -> WindowRow | None:
    """The newest final window of the shortest cut that has one."""
    for spec in sorted(model.windows, key=lambda one: one.length):
        found = fleet.final.get((model.id, spec.name))
        if found is not None:
            return found
    return None


def _stale_at(model: Model, last: WindowRow) -> int:
    """As the metrics have it: two windows and the lateness after the last one's end."""
    return last.window.end + 2 * (last.window.end - last.window.start) + model.lateness


def _worst_first(row: ModelRow) -> tuple[int, int, str]:
    return _RANK[row.state], row.since if row.since is not None else 0, row.name


def _drawn(store: Store, models: Sequence[Model], rows: Mapping[str, ModelRow], fleet: _Fleet) -> list[ModelRow]:
    """With their last windows and their performance."""
    cuts = {model.id: rows[model.name].window or _shortest(model) for model in models}
    recent = store.recent_windows([(id_, spec) for id_, spec in cuts.items() if spec], TICKS)
    shown = {model.id: model for model in models}
    last = {id_: fleet.final[id_, cut] for id_, cut in cuts.items() if (id_, cut) in fleet.final}
    known = glances(store, last, {id_: recent.get((id_, cut), ()) for id_, cut in cuts.items()}, shown)
    return [
        _ticked(replace(rows[one.name], performance=known.get(one.id)), recent.get((one.id, cuts[one.id]), []))
        for one in models
    ]


def _shortest(model: Model) -> str:
    return min(model.windows, key=lambda one: one.length).name if model.windows else ""


def _ticked(row: ModelRow, newest_first: Sequence[WindowRow]) -> ModelRow:
    words = [_word(one) for one in reversed(newest_first)]
    if not words:
        return row
    told = ", ".join(f"{words.count(word)} {said}" for word, said in _SAID.items() if word in words)
    return replace(
        row, ticks=tuple(Tick(word, _HEIGHTS[word]) for word in words), incomplete=words[-1] == "incomplete",
        told=f"The last {len(words)} windows: {told}",
    )  # fmt: skip


_SAID: Final = {
    "drift": "broke a rule",
    "no_drift": "quiet",
    "insufficient_data": "with too little data",
    "incomplete": "incomplete",
}


def _word(window: WindowRow) -> str:
    if window.state is WindowState.INCOMPLETE:
        return "incomplete"
    return window.outcome.word if window.outcome is not None else "insufficient_data"


def _counts(rows: Sequence[ModelRow], wanted: Wanted) -> list[tuple[str, str, int, str]]:
    states = [row.state for row in rows]
    known = [("", "All", len(rows)), *((state, words, states.count(state)) for state, words in STATES.items())]
    return [
        (state, words, n, page_url("/", q=wanted.query, state=state))
        for state, words, n in known
        if n or state in ("", wanted.state)
    ]


def _pages(total: int, wanted: Wanted) -> Pages:
    first, last = (wanted.page - 1) * PER_PAGE, min(wanted.page * PER_PAGE, total)

    def at(page: int) -> str:
        return page_url("/", q=wanted.query, state=wanted.state, page=page if page > 1 else "")

    return Pages(
        f"{first + 1:,}–{last:,} of {total:,}" if total > PER_PAGE and first < total else "",
        at(wanted.page - 1) if wanted.page > 1 else "",
        at(wanted.page + 1) if last < total else "",
    )
