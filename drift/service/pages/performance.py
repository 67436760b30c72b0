"""How good a model's predictions are in the windows shown: estimated without labels, measured by them, and why."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isnan
from typing import Final

from dashboards.web.formats import count, percent, span
from dashboards.web.views.figure import Choice, Figure
from dashboards.web.views.performance import Glance, Performance, Told
from detectors.performance.delays import sentence
from detectors.performance.harm import DETECTORS, HEADLINES, headline
from detectors.performance.options import MAX_DROP
from detectors.performance.summary import Standing, change, named, said
from drift.core.catalogue import Model, Reference
from drift.core.performance import Performance as Measured
from drift.core.schema import Role
from drift.service.pages.performance_figure import Shaded, over_time
from drift.service.pages.performance_parts import parts
from drift.service.pages.scope import Scope
from drift.store import Store
from drift.store.rows import AlarmRow, WindowRow

WORDS: Final = {
    Standing.WORSE: ("page", "worse"),
    Standing.UNPROVEN: ("warning", "worse, may be chance"),
    Standing.AS_BEFORE: ("quiet", "as before"),
    Standing.BETTER: ("quiet", "better"),
    Standing.UNKNOWN: ("blind", "unknown"),
}
"""Standing → (what its badge looks like, the word)."""
BESIDE: Final = 60.0
"""Seconds: labels that come faster came beside their predictions, of which nothing is to be said."""
BACK: Final = 8
"""Windows that the overview goes back where the newest one says nothing yet."""


@dataclass(frozen=True)
class PerformanceSection:
    """Reads the section of a model's page: one statement for all windows shown."""

    store: Store
    of: Scope
    wanted: str
    """The metric that the address asks for; one that there is not is passed over."""
    alarms: Sequence[AlarmRow]
    """Of the cut and segment shown."""
    now: int
    link: Callable[..., str]
    """The page's address with other parts."""

    @cached_property
    def found(self) -> Sequence[tuple[WindowRow, Measured]]:
        """The windows of which something is known, oldest first."""
        places = {one.id: self.of.index(one) for one in self.of.references.values()}
        known: dict[int, Measured] = {}
        for segment in {places[row.reference_id] for row in self.of.windows} - {None}:
            ids = [row.id for row in self.of.windows if places[row.reference_id] == segment]
            known |= {window: one for (window, _), one in self.store.performances(ids, segment).items()}
        return [(row, known[row.id]) for row in self.of.windows if row.id in known]

    @cached_property
    def metrics(self) -> list[str]:
        """Those of which there is a number in one of the windows, the headline first."""
        names = dict.fromkeys(
            name for _, one in self.found for some in (one.estimated, one.realized)
            for name, measure in some.items() if measure.known
        )  # fmt: skip
        return sorted(names, key=lambda name: name not in HEADLINES)

    @property
    def metric(self) -> str:
        """The one that is drawn; empty: none is known."""
        return self.wanted if self.wanted in self.metrics else next(iter(self.metrics), "")

    def figure(self) -> Figure | None:
        """The metric over time; None: there is nothing to draw."""
        if not self.metric:
            return None
        shaded = [
            Shaded(row.alarm.onset, row.ended_at or self.now, row.alarm.detector.replace("_", " "))
            for row in self.alarms if row.alarm.detector in DETECTORS
        ]  # fmt: skip
        csv = self.link(csv="performance", metric=self.metric, until=self.of.until)
        return over_time(self.metric, self.found, shaded, borne(self.of.model), csv)

    def view(self) -> Performance:
        """All of the section."""
        if not self.found:
            return Performance((), (nothing(self.of),))
        return Performance(
            list(self._told()),
            list(self._notes()),
            self.figure(),
            self._choices(),
            parts(self.of, self.found),
            glance(self.found[-1][1], borne(self.of.model)),
        )

    def _choices(self) -> list[Choice]:
        until = self.of.until
        return [
            Choice(named(name), self.link(metric=name, until=until) + "#performance", name == self.metric)
            for name in self.metrics
        ]

    def _told(self) -> Iterator[Told]:
        """The newest window; beside it the newest with mature labels, whose truth is known."""
        row, newest = self.found[-1]
        yield self._line("Newest window", row, newest)
        mature = next(((one, it) for one, it in reversed(self.found) if it.mature), None)
        if mature is not None and mature[0] is not row:
            yield self._line("Newest window whose labels are mature", *mature)

    def _line(self, what: str, row: WindowRow, of: Measured) -> Told:
        state, word = WORDS[change(of, headline(of) or self.metric, borne(self.of.model)).standing]
        return Told(f"{what}: {span(row.window.start, row.window.end)}", state, word, of.summary, _labels(of))

    def _notes(self) -> Iterator[str]:
        newest = self.found[-1][1]
        if newest.assumption and newest.assumption not in newest.summary:
            yield newest.assumption
        if self.of.model.settings.get("held_out") is False:
            yield (
                "A reference of rows that the model has not learnt, registered without held_out: false, would make it "
                "possible to estimate."
            )
        elif not any(one.known for _, it in self.found for one in it.estimated.values()):
            yield from _unestimated(newest)
        if not any(it.joined for _, it in self.found):
            yield _unlabelled(newest)


def _unestimated(of: Measured) -> Iterator[str]:
    whys = dict.fromkeys(one.why for one in of.estimated.values() if one.why)
    if whys:
        yield f"Nothing is estimated: {'; '.join(whys)}."
    elif not of.assumption:
        yield (
            "Nothing is estimated without labels: that takes a reference with labels and, for a classifier, the score "
            "(the probability) of each prediction."
        )


def _unlabelled(of: Measured) -> str:
    if of.predicted and isnan(of.coverage):
        return (
            "Nothing is measured: the predictions carry neither a label nor an id by which one could meet them. Send "
            "an id with each prediction, and labels with the same ids."
        )
    return "Nothing is measured: no label has come for the windows shown. Send labels with the ids of the predictions."


def _labels(of: Measured) -> str:
    """As in `Labels for 970 of 1,000 predictions (97 %); mature.`"""
    if isnan(of.coverage):
        return f"{count(of.predicted, 'prediction')}, none of which can be labelled."
    share = "" if not of.predicted else f" ({percent(of.joined / of.predicted)})"
    word = "mature" if of.mature else "not mature, so what they say may still change"
    said = f"Labels for {of.joined:,} of {count(of.predicted, 'prediction')}{share}; {word}."
    odd = f" {count(of.conflicts, 'label')} said otherwise than one before." if of.conflicts else ""
    return " ".join(filter(None, (f"{said}{odd}", sentence([one for one in of.delays if one.most > BESIDE]))))


def nothing(of: Scope) -> str:
    """Why nothing is known of a model's performance, and what to do."""
    newest = of.newest
    if newest is None:
        return "Nothing is known of its performance: no reference is registered yet."
    if newest.grid.outcomes is None:
        return _uncounted(newest)
    if of.index(newest) is None:
        return "Nothing is known of this segment's performance: the newest reference does not count it apart."
    if not of.windows:
        return "Nothing is known of its performance: no window has been judged yet."
    return "Nothing is known of its performance in the windows shown: none was judged with predictions in it."


def _uncounted(of: Reference) -> str:
    """What a reference lacks."""
    roles = {one.role for one in of.schema.columns}
    if Role.LABEL not in roles:
        lacks, do = "has no label", "Name the column with the truth as label"
    elif not roles & {Role.PREDICTION, Role.SCORE}:
        lacks, do = "does not say what was predicted", "Name the column with the prediction, or the score"
    else:
        lacks, do = "has labels and predictions that cannot be compared", "Its own page under References says why"
    return (
        f"Performance is neither estimated nor measured: reference {of.version} {lacks}. {do}, and register a "
        "reference with both."
    )


def glance(of: Measured, max_drop: float) -> Glance | None:
    """A model's performance in one cell; None: no number is known."""
    metric = headline(of)
    found = change(of, metric, max_drop) if metric else None
    if found is None or not found.now.known:
        return None
    state, word = WORDS[found.standing]
    before = said(metric, found.before.value) if found.before.known else ""
    how = "estimated" if found.estimated else "by labels" if of.mature else "by the labels so far"
    name = "MAE" if metric == "mae" else named(metric)
    return Glance(state, word, f"{name} {said(metric, found.now.value)}", before, how)


def borne(model: Model) -> float:
    """How much worse is borne by a model."""
    drop = model.settings.get("max_drop")
    return float(drop) if isinstance(drop, int | float) else MAX_DROP


def glances(
    store: Store, newest: Mapping[int, WindowRow], recent: Mapping[int, Sequence[WindowRow]],
    models: Mapping[int, Model],
) -> Mapping[int, Glance]:  # fmt: skip
    """Model id → its performance in the newest window of which it is known, in two statements.

    Args:
        store: to read from.
        newest: model id → its newest final window.
        recent: model id → windows to go back through where nothing is known of that one, newest first.
        models: those that are shown, by id.
    """
    known = store.performances([row.id for row in newest.values()])
    of_newest = {id_: known[row.id, 0] for id_, row in newest.items() if (row.id, 0) in known}
    found = {id_: glance(one, borne(models[id_])) for id_, one in of_newest.items()}
    older = {id_: [row.id for row in recent.get(id_, ())[:BACK]] for id_, one in found.items() if one is None}
    known = store.performances([window for some in older.values() for window in some]) if older else {}
    for id_, windows in older.items():
        some = (glance(known[window, 0], borne(models[id_])) for window in windows if (window, 0) in known)
        found[id_] = next((one for one in some if one is not None), None)
    return {id_: one for id_, one in found.items() if one is not None}
