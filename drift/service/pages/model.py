"""One model: is it in trouble, since when, because of what, how bad?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from dashboards.web.formats import count, day_and_time
from dashboards.web.links import column_url, model_url
from dashboards.web.views.figure import Figure, Pages
from dashboards.web.views.model import AlarmLine, ModelPage, SegmentLine
from detectors.known import Abouts, unpack
from drift.core.alarm import Severity
from drift.core.catalogue import Catalogue, Model
from drift.core.result import Judgement, Outcome
from drift.core.window import lasting
from drift.metrics.last_windows import severity
from drift.service.explaining import DEFAULT
from drift.service.pages.choosing import SEGMENTS, segments, specs, time_pages
from drift.service.pages.heat import COLUMNS, Heat, heat, matrix
from drift.service.pages.overview import row_of
from drift.service.pages.performance import PerformanceSection
from drift.service.pages.reach import MOST, size
from drift.service.pages.scope import Asked, Scope, judgements, scope
from drift.service.pages.timeline import Happened, happened, runs_table, timeline
from drift.service.pages.volume import output, prediction, volume
from drift.store import Store
from drift.store.rows import AlarmRow, WindowRow

ALARMS: Final = 12
"""Standing alarms that are listed."""
_STANDING: Final = 5_000
_ENDED: Final = 500


@dataclass(frozen=True)
class ModelScreen:
    """Reads what the page of one model shows, each part when it is asked for."""

    store: Store
    catalogue: Catalogue
    model: Model
    asked: Asked
    now: int
    waiting: str = ""
    """What its next window waits for."""

    @cached_property
    def scope(self) -> Scope:
        """Which windows."""
        return scope(self.store, self.catalogue, self.model, self.asked)

    @cached_property
    def judged(self) -> Mapping[int, Judgement]:
        """Window id → judgement of the segment."""
        return judgements(self.store, self.scope)

    @cached_property
    def standing(self) -> Sequence[AlarmRow]:
        """All alarms that stand, worst first."""
        rows = self.store.alarms(self.model.id, standing=True, limit=_STANDING)
        return sorted(rows, key=worst_first)

    @cached_property
    def happened(self) -> Happened:
        """Incidents, runs, marks."""
        return happened(self.store, self.scope, self.now)

    def heat(self) -> Heat:
        """Columns × windows."""
        of, asked = self.scope, self.asked
        csv = self.link(csv="heat", until=asked.until, q=asked.query, page=asked.page if asked.page > 1 else "")
        return heat(of, self.judged, self.alarms_shown, self._abouts(), asked.query, asked.page, csv)

    @cached_property
    def performance(self) -> PerformanceSection:
        """How good the predictions are."""
        return PerformanceSection(self.store, self.scope, self.asked.metric, self.alarms_shown, self.now, self.link)

    def link(self, **query: object) -> str:
        """This page with the same windows and segment, and other parts of its address."""
        same = {"window": self.asked.spec, "segment": self.asked.segment, "metric": self.asked.metric}
        return model_url(self.model.name, **same | query)

    @cached_property
    def alarms_shown(self) -> list[AlarmRow]:
        """Those of the cut and segment, with those that ended not long ago."""
        of = self.scope
        rows = [*self.standing, *self.store.alarms(self.model.id, standing=False, limit=_ENDED)]
        return [
            row for row in rows
            if row.spec == of.spec and row.retracted_by is None and row.reference_id in of.references
            and of.index(of.references[row.reference_id]) == row.alarm.segment
        ]  # fmt: skip

    def _abouts(self) -> Abouts:
        newest = self.scope.newest
        index = self.scope.index(newest) if newest is not None else None
        if newest is None or index is None:
            return {}
        blob = self.store.watch_about(newest.id, self.scope.spec, index, DEFAULT)
        return {} if blob is None else unpack(blob)

    def view(self) -> ModelPage:
        """The whole page."""
        of, found = self.scope, self.heat()
        row = row_of(self.store, self.model, self.now)
        last = self.store.newest_final([(self.model.id, of.spec)]).get((self.model.id, of.spec))
        return ModelPage(
            name=self.model.name, state=row.state, sentence=self._sentence(row.cause, row.since, row.state),
            since=row.since, incident=row.incident, version=of.newest.version if of.newest is not None else "",
            owner=row.owner, spec=of.spec, specs=specs(of, self.link), segments=segments(of, self.link),
            segment=of.segment,
            end=last.window.end if last is not None else None, late=row.late, rows=last.rows if last is not None else 0,
            waiting=self.waiting, alarms=[self._line(one) for one in self.standing[:ALARMS]],
            more_alarms=max(0, len(self.standing) - ALARMS),
            timeline=timeline(self.happened, self.link(csv="incidents")),
            heat=found.figure, columns=self._column_pages(found), windows=time_pages(of, self._finding, "#heat"),
            query=self.asked.query, until=self.asked.until,
            volume=volume(of, self.link(csv="volume", until=self.asked.until)),
            prediction=self.link(part="prediction", until=self.asked.until) if self._predicts else "",
            parts=self._parts(last), runs=runs_table(self.happened), performance=self.performance.view(),
            metric=self.asked.metric,
        )  # fmt: skip

    def figure(self, name: str) -> Figure | None:
        """One figure, for its numbers; None: there is none of this name."""
        match name:
            case "heat":
                found = self.heat().figure
                return Figure(found.id, found.kind, found.title, found.says, matrix(found))
            case "incidents":
                return timeline(self.happened, "")
            case "volume":
                return volume(self.scope, "")
            case "performance":
                return self.performance.figure()
            case "prediction":
                return prediction(self.store, self.scope, self.link(csv="prediction", until=self.asked.until))
        return None

    def _finding(self, **query: object) -> str:
        """This page, with what columns' names have to hold."""
        return self.link(**{"q": self.asked.query} | query)

    @property
    def _predicts(self) -> bool:
        return bool(self.scope.windows) and output(self.scope.newest) is not None

    def _sentence(self, cause: str, since: int | None, state: str) -> str:
        """In trouble, since when, because of what, how bad."""
        pages = sum(one.alarm.severity is Severity.PAGE and not one.alarm.snoozed for one in self.standing)
        columns = len({one.alarm.column for one in self.standing} - {""})
        watched = len(self.scope.newest.grid.columns) if self.scope.newest is not None else 0
        said = [f"{cause.rstrip('.')}."]
        if since is not None and state != "quiet":
            said.append(f"Since {day_and_time(since)}, {lasting(self.now - since)} ago.")
        if self.standing:
            worst = self.standing[0]
            alarms = f"{count(len(self.standing), 'alarm')} ({count(pages, 'page')})"
            stand = "stands" if len(self.standing) == 1 else "stand"
            places = [f"{columns} of {count(watched, 'column')}"] if columns else []
            places += ["the model itself"] * any(not one.alarm.column for one in self.standing)
            said.append(f"{alarms} {stand} on {' and on '.join(places)}.")
            said.append(f"Worst: {_sized(worst)}.")
        return " ".join(said)

    def _line(self, row: AlarmRow) -> AlarmLine:
        return alarm_line(row, self.model, self.scope)

    def _column_pages(self, of: Heat) -> Pages:
        page, last = self.asked.page, of.first + of.shown
        same = {"until": self.asked.until, "q": self.asked.query}
        before = self.link(**same, page=page - 1 if page > 2 else "") + "#heat" if page > 1 else ""
        return Pages(
            f"Columns {of.first + 1:,}–{last:,} of {of.total:,}" if of.total > COLUMNS and of.shown else "",
            before,
            self.link(**same, page=page + 1) + "#heat" if last < of.total else "",
            ("Previous columns", "Next columns"),
        )

    def _parts(self, last: WindowRow | None) -> list[SegmentLine]:
        """The segments in the last final window, those that need somebody first."""
        if last is None or last.reference_id not in self.scope.references:
            return []
        labels = [one.label for one in self.scope.references[last.reference_id].grid.segments]
        if len(labels) < 2:
            return []
        alarms = Counter(
            row.alarm.segment for row in self.standing
            if row.reference_id == last.reference_id and row.spec == self.scope.spec
        )  # fmt: skip
        lines = [self._part(labels[index], one, alarms[index]) for index, one in self.store.judgements(last.id).items()]
        return sorted(lines, key=lambda line: (-line.alarms, -line.drifted, line.label != "all"))[:SEGMENTS]

    def _part(self, label: str, of: Judgement, alarms: int) -> SegmentLine:
        drifted = int((of.outcomes == Outcome.DRIFT).sum())
        ratios = severity(of)
        worst = of.columns[int(np.argmax(ratios))] if drifted and ratios.size else ""
        part = "" if label == "all" else label
        href = column_url(self.model.name, worst, window=self.scope.spec, segment=part) if worst else ""
        return SegmentLine(label, self.link(segment=part), of.rows, of.outcome.word, drifted, worst, href, alarms)


def alarm_line(row: AlarmRow, model: Model, of: Scope) -> AlarmLine:
    """An alarm for a list."""
    alarm, reference = row.alarm, of.references.get(row.reference_id)
    segments = reference.grid.segments if reference is not None else ()
    label = segments[alarm.segment].label if alarm.segment < len(segments) else ""
    part = "" if label == "all" else label
    href = column_url(model.name, alarm.column, window=row.spec, segment=part) if alarm.column else ""
    times = f"{'over ' if size(row) >= MOST else ''}{size(row):.3g} ×" if alarm.tolerance > 0 else ""
    return AlarmLine(
        row.id, alarm.column, href, alarm.severity.value, label, row.spec, alarm.onset, alarm.sentence or alarm.what,
        times, alarm.snoozed, row.ended_at, row.ended_why,
    )  # fmt: skip


def worst_first(row: AlarmRow) -> tuple[bool, bool, float, int, str]:
    """Pages before warnings, snoozed ones last, the largest effect first."""
    alarm = row.alarm
    return alarm.snoozed, alarm.severity is not Severity.PAGE, -size(row), alarm.segment, alarm.column


def _sized(row: AlarmRow) -> str:
    told = row.alarm.sentence or f"{row.alarm.column or 'the model'}: {row.alarm.what}"
    return told.rstrip(".")
