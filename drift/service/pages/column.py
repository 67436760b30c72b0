"""One column: how did it change?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from dashboards.web.formats import day_and_time, span
from dashboards.web.links import column_url, model_url
from dashboards.web.views.column import AtWindow, ColumnPage, Stop
from dashboards.web.views.figure import Choice, Figure
from dashboards.web.views.model import AlarmLine
from drift.core.alarm import Severity
from drift.core.catalogue import Catalogue, Model, Reference
from drift.core.clock import Clock
from drift.core.errors import NotFound
from drift.core.grid import BLOCK_COLUMNS, ColumnGrid
from drift.core.profile import Profile
from drift.core.result import Judgement, Outcome, WindowState
from drift.service.explaining import Explained, explain_column
from drift.service.pages.choosing import segments, specs, time_pages
from drift.service.pages.distribution import Pair, distribution, specials
from drift.service.pages.evidence import evidence
from drift.service.pages.model import alarm_line, worst_first
from drift.service.pages.over_time import quantiles, statistic, statistics_of
from drift.service.pages.scope import Asked, Scope, judgements, scope
from drift.service.pages.single import Single
from drift.store import Store
from drift.store.rows import AlarmRow, WindowRow

ALARMS: Final = 40


@dataclass(frozen=True, slots=True)
class AskedColumn:
    """What the address says beside the windows."""

    column: str
    at: int = 0
    """Id of the window that is shown; 0: the last one."""
    statistic: str = ""


@dataclass(frozen=True)
class ColumnScreen:
    """Reads what the page of one column shows, each part when it is asked for."""

    store: Store
    clock: Clock
    catalogue: Catalogue
    model: Model
    asked: Asked
    wanted: AskedColumn

    @cached_property
    def scope(self) -> Scope:
        """Which windows: the page that the address says, or else the one that ends with the window asked for."""
        found = scope(self.store, self.catalogue, self.model, self.asked)
        at = self.wanted.at
        if not at or self.asked.until or at in {row.id for row in found.windows}:
            return found
        row = self._mine(at)
        asked = replace(self.asked, spec=row.spec, until=f"{row.window.end}.{row.id + 1}")
        return scope(self.store, self.catalogue, self.model, asked)

    @cached_property
    def reference(self) -> Reference:
        """The newest reference that has the column.

        Raises:
            NotFound: none has.
        """
        newest = self.scope.newest
        mine = sorted(self.scope.references.values(), key=lambda one: (one is not newest, -one.id))
        found = next((one for one in mine if self.wanted.column in one.grid.index), None)
        if found is None:
            raise NotFound(f"model {self.model.name!r} has no column {self.wanted.column[:200]!r}")
        return found

    @property
    def grid(self) -> ColumnGrid:
        """The column's bins."""
        return self.reference.grid.columns[self.at]

    @property
    def at(self) -> int:
        """Its position in the reference."""
        return self.reference.grid.index[self.wanted.column]

    @cached_property
    def segment(self) -> int:
        """The segment's index in the reference.

        Raises:
            NotFound: it has no such segment.
        """
        found = self.scope.index(self.reference)
        if found is None:
            raise NotFound(f"reference {self.reference.version!r} has no segment {self.scope.segment[:200]!r}")
        return found

    @cached_property
    def windows(self) -> Sequence[WindowRow]:
        """Those judged by this reference, oldest first."""
        return [row for row in self.scope.windows if row.reference_id == self.reference.id]

    @cached_property
    def before(self) -> Profile:
        """The reference's sums of the column's block."""
        return self.store.reference_column(self.reference, self.at)

    @cached_property
    def judged(self) -> Mapping[int, Judgement]:
        """Window id → judgement."""
        return judgements(self.store, self.scope)

    @cached_property
    def alarms(self) -> Sequence[AlarmRow]:
        """The column's last alarms, those that stand first."""
        rows = self.store.alarms(self.model.id, column=self.wanted.column, limit=ALARMS)
        mine = [row for row in rows if row.retracted_by is None]
        return sorted(mine, key=lambda row: (not row.standing, *worst_first(row)[:2], -row.alarm.onset))

    def link(self, **query: object) -> str:
        """This page with the same windows, and other parts of its address."""
        same = {"window": self.asked.spec, "segment": self.asked.segment, "until": self.scope.until}
        return column_url(self.model.name, self.wanted.column, **{**same, "stat": self.wanted.statistic, **query})

    def view(self) -> ColumnPage:
        """The whole page."""
        spec, place = self.scope.spec, self._place()
        told = self._explained()
        state, sentence, more = self._words(told)
        chosen = self._statistic()
        return ColumnPage(
            model=self.model.name, model_href=model_url(self.model.name, window=spec, segment=self.asked.segment),
            name=self.wanted.column, kind=self.grid.column.kind.value, role=self.grid.column.role.value, state=state,
            sentence=sentence, more=more, version=self.reference.version, spec=spec, specs=specs(self.scope, self.link),
            segment=self.scope.segment, segments=segments(self.scope, self.link),
            stops=[Stop(row.id, _stop(row)) for row in self.windows], place=place,
            shown=self.at_window(self.windows[place].id) if place >= 0 else None,
            partial=self.link(part="window"), windows=time_pages(self.scope, self.link),
            quantiles=self.link(part="quantiles") if self.windows and not self.grid.sketch else "",
            statistics=self._statistics(chosen), choices=self._choices(chosen),
            evidence=self.link(part="evidence") if self.windows and spec else "",
            alarms=[self._line(row) for row in self.alarms],
            action=f"{model_url(self.model.name)}/column/answer", back=self.link(),
        )  # fmt: skip

    def at_window(self, window_id: int) -> AtWindow:
        """One window beside the reference.

        Raises:
            NotFound: there is no such window of this model and reference.
        """
        row = next((one for one in self.windows if one.id == window_id), None) or self._other(window_id)
        profile = self.store.column_profiles(self.reference, self.at, [row.window])[0]
        pair = Pair.of(self.before, profile, self.at % BLOCK_COLUMNS, self.segment)
        title = span(row.window.start, row.window.end)
        csv = self.link(csv="distribution", at=row.id)
        return AtWindow(
            row.id, title, row.state.value if row.state is not None else "", self._outcome(row),
            profile.rows(self.segment) if profile is not None else 0, self.before.rows(self.segment),
            replace(distribution(pair, title), csv=csv),
            replace(specials(pair), csv=self.link(csv="outside", at=row.id)),
        )  # fmt: skip

    def evidence(self) -> Figure:
        """What the detector gathered in the windows shown; made anew, so it takes a moment."""
        spec = next((one for one in self.model.windows if one.name == self.scope.spec), None)
        single = Single(self.store, self.reference, self.at)
        shown = [row.window for row in self.windows]
        if spec is None:
            raise NotFound(f"model {self.model.name!r} has no windows yet")
        return replace(evidence(single, self.model, spec, self.segment, shown), csv=self.link(csv="evidence"))

    def figure(self, name: str) -> Figure | None:
        """One figure, for its numbers; None: there is none of this name."""
        match name:
            case "evidence":
                return self.evidence()
            case "quantiles":
                return self._quantiles()
            case "statistics":
                return self._statistics(self._statistic())
            case "distribution" | "outside" if self._place() >= 0:
                shown = self.at_window(self.wanted.at or self.windows[-1].id)
                return shown.distribution if name == "distribution" else shown.shares
        return None

    def _mine(self, window_id: int) -> WindowRow:
        row = self.store.window(window_id)
        if row.model_id != self.model.id:
            raise NotFound(f"window {window_id} is none of model {self.model.name!r}")
        return row

    def _other(self, window_id: int) -> WindowRow:
        row = self._mine(window_id)
        if row.reference_id != self.reference.id:
            raise NotFound(f"window {window_id} was judged by another reference than {self.reference.version!r}")
        return row

    def _outcome(self, row: WindowRow) -> str:
        judged = self.judged.get(row.id)
        if judged is None or self.wanted.column not in judged.columns:
            return "not judged"
        return Outcome(int(judged.outcomes[judged.columns.index(self.wanted.column)])).word.replace("_", " ")

    def _place(self) -> int:
        """Which of the windows is shown: the one asked for, else the last."""
        ids = [row.id for row in self.windows]
        return ids.index(self.wanted.at) if self.wanted.at in ids else len(ids) - 1

    def _explained(self) -> list[Explained]:
        try:
            return explain_column(
                self.store, self.clock, self.model, self.wanted.column, segment=self.scope.segment,
                spec=self.scope.spec or None,
            )  # fmt: skip
        except NotFound:
            return []

    def _words(self, told: Sequence[Explained]) -> tuple[str, str, Sequence[str]]:
        """State, the sentence that says what changed, and what else is known."""
        if not told:
            return "waiting", "No window is final yet, so nothing can be said.", []
        first = told[0]
        standing = [row.alarm for row in self.alarms if row.id == first.alarm]
        if standing and standing[0].sentence:
            alarm = standing[0]
            state = "page" if alarm.severity is Severity.PAGE else "warning"
            sentence = f"{alarm.sentence.rstrip('.')}. It has differed since {day_and_time(alarm.onset)}."
            return state, sentence, [line for one in told for line in one.paragraphs]
        return "quiet", first.paragraphs[0], [line for one in told for line in one.paragraphs[1:]]

    def _line(self, row: AlarmRow) -> AlarmLine:
        return alarm_line(row, self.model, self.scope)

    def _quantiles(self) -> Figure | None:
        profiles = self.store.column_profiles(self.reference, self.at, [row.window for row in self.windows])
        at = self.at % BLOCK_COLUMNS
        return quantiles(self.before, profiles, self.windows, at, self.segment, self.link(csv="quantiles"))

    @cached_property
    def _known(self) -> list[str]:
        return statistics_of(self.judged, self.wanted.column)

    def _statistic(self) -> str:
        known = self._known
        return self.wanted.statistic if self.wanted.statistic in known else next(iter(known), "")

    def _statistics(self, chosen: str) -> Figure | None:
        shaded = [
            {"start": row.alarm.onset, "end": row.ended_at or self.clock.now(), "text": row.alarm.severity.value}
            for row in self.alarms
            if row.spec == self.scope.spec and row.alarm.segment == self.segment
        ]
        near = [one for one in shaded if self._near(one)]
        return statistic(
            self.judged, self.windows, self.wanted.column, chosen, self.link(csv="statistics", stat=chosen), near
        )

    def _near(self, one: Mapping[str, Any]) -> bool:
        """Whether a stretch is in the picture; cut to it."""
        return bool(
            self.windows and one["end"] > self.windows[0].window.start and one["start"] < self.windows[-1].window.end
        )

    def _choices(self, chosen: str) -> list[Choice]:
        return [Choice(name, self.link(stat=name) + "#statistics", name == chosen) for name in self._known]


def _stop(row: WindowRow) -> str:
    said = span(row.window.start, row.window.end)
    return said if row.state is WindowState.FINAL or row.state is None else f"{said}, {row.state.value}"
