"""Gathers what `detectors.explain` says in words: alarms, what watches know, the last final windows, answers."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from detectors.budget import AlarmBudget
from detectors.explain import Case, explain, overview
from detectors.known import Abouts, unpack
from drift.core.answer import Answer
from drift.core.catalogue import Model, Reference
from drift.core.clock import Clock
from drift.core.errors import NotFound
from drift.core.result import Judgement
from drift.store import Store
from drift.store.rows import AlarmRow, WindowRow

DEFAULT: Final = "default"
"""The detector that speaks where no alarm stands, if it watches."""
_MOST_STANDING: Final = 20_000
_MOST_ENDED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Explained:
    """One case in words, and where it belongs."""

    version: str
    spec: str
    segment: str
    column: str
    alarm: int | None
    """The standing alarm's id."""
    severity: str | None
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Told:
    case: Case
    version: str
    alarm: int | None


def explain_column(
    store: Store, clock: Clock, model: Model, column: str, *, segment: str | None = None, spec: str | None = None
) -> list[Explained]:
    """Every standing alarm of a column, or why there is none; worst first. Empty `column`: the model's own alarms.

    Raises:
        NotFound: no reference has such a column or segment, or the model no such windows.
    """
    told = sorted(_told(store, clock, model, [column], segment, spec), key=_worst_first)
    return [_explained(one) for one in told]


def explain_model(store: Store, clock: Clock, model: Model, *, spec: str | None = None) -> tuple[str, ...]:
    """A model at a glance: one paragraph for each alarm, worst first, what cannot be judged, and its performance.

    Raises:
        NotFound: the model has no such windows.
    """
    told = overview(model.name, [one.case for one in _told(store, clock, model, None, None, spec)])
    return (*told, *_performance(store, model, spec))


def _performance(store: Store, model: Model, spec: str | None) -> Iterator[str]:
    """What the newest final window says of the model's performance; of the shortest where several end together."""
    finals = [one for one in store.latest_final(model.id) if spec in (None, one.spec)]
    finals.sort(key=lambda one: (-one.window.end, one.window.end - one.window.start))
    found = store.performances([one.id for one in finals[:1]])
    for one in found.values():
        if one.summary:
            yield f"Performance (windows of {finals[0].spec}): {one.summary}"


def _explained(told: _Told) -> Explained:
    case, alarm = told.case, told.case.standing
    severity = alarm.severity.value if alarm is not None else None
    return Explained(told.version, case.spec, case.segment, case.column, told.alarm, severity, explain(case))


def _worst_first(told: _Told) -> tuple[bool, str, str]:
    alarm = told.case.standing
    return alarm is None, alarm.severity.value if alarm is not None else "", told.case.segment


def _told(
    store: Store, clock: Clock, model: Model, columns: list[str] | None, segment: str | None, spec: str | None
) -> Iterator[_Told]:
    """`columns`: None for all, with the model itself."""
    if spec is not None and spec not in {one.name for one in model.windows}:
        raise NotFound(f"model {model.name!r} has no windows {spec!r}; there are {[one.name for one in model.windows]}")
    column = columns[0] if columns else None
    alarms = store.alarms(model.id, standing=True, column=column, limit=_MOST_STANDING)
    if column is not None:
        alarms += store.alarms(model.id, standing=False, column=column, limit=_MOST_ENDED)
    answers = store.answers(model.id)
    references = _references(store, model, alarms)
    _check(references, columns, segment)
    for reference, final in references:
        if spec in (None, final.spec):
            part = _Part(store, clock, model, reference, final, alarms, answers)
            for wanted in columns if columns is not None else ["", *reference.grid.names]:
                yield from part.told(wanted, segment)


def _references(store: Store, model: Model, alarms: Iterable[AlarmRow]) -> list[tuple[Reference, WindowRow]]:
    """Each spec's last final window: of the reference that judged last, and of others on which alarms stand."""
    finals = store.latest_final(model.id)
    alarming = {row.reference_id for row in alarms if row.standing}
    newest = max((final.window.end for final in finals), default=0)
    latest = {final.reference_id for final in finals if final.window.end == newest}
    known = {reference.id: reference for reference in store.references(model.id)}
    return [(known[one.reference_id], one) for one in finals if one.reference_id in latest | alarming]


def _check(references: list[tuple[Reference, WindowRow]], columns: list[str] | None, segment: str | None) -> None:
    if not references:
        raise NotFound("no window is final yet, so there is nothing to explain; `drift status` says what is waited for")
    for what, wanted, known in (
        ("column", next(iter(columns or ()), ""), {name for one, _ in references for name in one.grid.names}),
        ("segment", segment, {found.label for one, _ in references for found in one.grid.segments}),
    ):
        if wanted and wanted not in known:
            raise NotFound(f"there is no {what} {wanted!r}; there are {', '.join(map(repr, sorted(known)[:8]))}")


class _Part:
    """One reference and window spec, and what is stored about it; what watches know is read once."""

    def __init__(
        self, store: Store, clock: Clock, model: Model, reference: Reference, final: WindowRow,
        alarms: Iterable[AlarmRow], answers: Iterable[Answer],
    ) -> None:  # fmt: skip
        mine = [row for row in alarms if (row.reference_id, row.spec) == (reference.id, final.spec)]
        self._store, self._now, self._model = store, clock.now(), model
        self._reference, self._final = reference, final
        self._alarms: dict[tuple[str, int], list[AlarmRow]] = {}
        for row in mine:
            if row.retracted_by is None:
                self._alarms.setdefault((row.alarm.column, row.alarm.segment), []).append(row)
        self._answers = [answer for answer in answers if answer.reference_id == reference.id]
        self._judgements: Mapping[int, Judgement] = store.judgements(final.id)
        self._abouts: dict[tuple[int, str], Abouts] = {}
        self._speakers: dict[int, str] = {}

    def told(self, column: str, segment: str | None) -> Iterator[_Told]:
        """A case for each standing alarm of a column; without any, one for the segment asked for or all traffic."""
        for found in self._reference.grid.segments:
            if segment not in (None, found.label):
                continue
            rows = self._alarms.get((column, found.index), [])
            standing = [row for row in rows if row.standing]
            for row in standing:
                yield self._case(column, found.index, row, row.alarm.detector)
            if not standing and (segment is not None or found.index == 0):
                yield self._case(column, found.index, rows[0] if rows else None, self._speaker(found.index))

    def _speaker(self, segment: int) -> str:
        if segment not in self._speakers:
            names = self._store.watch_detectors(self._reference.id, self._final.spec, segment)
            self._speakers[segment] = DEFAULT if DEFAULT in names or not names else names[0]
        return self._speakers[segment]

    def _case(self, column: str, segment: int, row: AlarmRow | None, detector: str) -> _Told:
        judged = self._judgements.get(segment)
        case = Case(
            model=self._model.name, column=column, spec=self._final.spec,
            segment=self._reference.grid.segments[segment].label, zone=self._model.zone, now=self._now,
            alarm=row.alarm if row is not None else None, ended_at=row.ended_at if row is not None else None,
            ended_why=row.ended_why if row is not None else "", about=self._about(segment, detector).get(column, {}),
            latest=self._final.window, rows=judged.rows if judged is not None else 0,
            observed=_observed(judged, column), budget=str(self._model.settings.get("alarm_budget") or AlarmBudget()),
            only=_only(self._model, column),
            answers=[one for one in self._answers if one.covers(self._final.spec, column, segment)],
        )  # fmt: skip
        alarm = row.id if row is not None and row.standing else None
        return _Told(case, self._reference.version, alarm)

    def _about(self, segment: int, detector: str) -> Abouts:
        key = (segment, detector)
        if key not in self._abouts:
            blob = self._store.watch_about(self._reference.id, self._final.spec, segment, detector)
            self._abouts[key] = {} if blob is None else unpack(blob)
        return self._abouts[key]


def _only(model: Model, column: str) -> str:
    """The direction that alone alarms, if the column's settings name one."""
    columns = model.settings.get("columns")
    mine = columns.get(column) if isinstance(columns, Mapping) else None
    return str(mine.get("only") or "") if isinstance(mine, Mapping) else ""


def _observed(judged: Judgement | None, column: str) -> dict[str, float]:
    if judged is None or column not in judged.columns:
        return {}
    row = judged.values[judged.columns.index(column)].tolist()
    return dict(zip(judged.statistics, row, strict=True))
