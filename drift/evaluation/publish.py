"""Step 6 of the window's way: what the last final window of every model says, as metrics.

Every server reads it from the store, so all of them export the same, and a restarted one at once.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from detectors.performance.harm import DETECTORS, affected
from detectors.performance.options import MAX_DROP
from drift.core.alarm import Alarm, Severity
from drift.core.catalogue import Catalogue, Model, Reference
from drift.core.errors import ConfigError
from drift.core.fields import FieldsSeen
from drift.core.performance import Performance
from drift.core.result import Judgement
from drift.core.window import Window, parse_duration
from drift.metrics import WHOLE, Snapshot, Told

Alarms = Mapping[tuple[str, Severity], int]
"""(Segment label, severity) → how many stand."""


class FinalWindow(Protocol):
    """The latest final window of one reference and spec."""

    @property
    def id(self) -> int:
        """Of the window."""

    @property
    def reference_id(self) -> int:
        """On which grid."""

    @property
    def spec(self) -> str:
        """How it was cut."""

    @property
    def window(self) -> Window:
        """Its stretch of event time."""

    @property
    def revision(self) -> int:
        """Of its latest result."""


class StandingAlarm(Protocol):
    """A stored alarm that stands."""

    @property
    def alarm(self) -> Alarm:
        """With its evidence."""


class Store(Protocol):
    """The part of the store that is read."""

    def catalogue(self) -> Catalogue:
        """Models and references."""

    def latest_final(self, model_id: int) -> Sequence[FinalWindow]:
        """The latest final window of each reference and spec."""

    def judgements(self, window_id: int, segment: int | None = None) -> Mapping[int, Judgement]:
        """Segment index → judgement of the window's latest result."""

    def fields(self, reference_id: int, start: int, end: int) -> FieldsSeen:
        """Unknown fields seen in a stretch."""

    def performances(self, window_ids: Iterable[int], segment: int | None = 0) -> Mapping[tuple[int, int], Performance]:
        """(window id, segment) → performance of its latest result; `segment` None: of all of them."""

    def newest_mature(self, reference_id: int, spec: str, until: int) -> FinalWindow | None:
        """The newest final window that ends by then and whose labels are mature."""

    def evaluated(self, model_id: int) -> Mapping[tuple[int, str], int]:
        """(reference, spec) → when one of its windows was judged last."""

    def standing(self, reference_id: int, spec: str) -> Sequence[StandingAlarm]:
        """Alarms that stand on a reference and spec."""


class Metrics(Protocol):
    """Where it goes."""

    def result(self, snapshot: Snapshot) -> None:
        """Replace the gauges of this model, version and window spec."""


class Publisher:
    """Publishes each result once."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store, self._metrics = store, metrics
        self._published: dict[tuple[int, str], tuple[int, int, int, Alarms]] = {}

    def tick(self) -> int:
        """Publish what is new; how many results that were."""
        catalogue, count = self._store.catalogue(), 0
        for model in catalogue.models.values():
            versions = {r.id: r for r in catalogue.references if r.model_id == model.id}
            cut = {spec.name for spec in model.windows}  # results of windows that are cut no more say nothing of today
            labelled = any(one.grid.outcomes is not None for one in versions.values())
            # labels that come revise windows of weeks ago
            judged = self._store.evaluated(model.id) if labelled else {}
            for last in self._store.latest_final(model.id):
                if last.spec in cut:
                    count += self._publish(
                        model, versions[last.reference_id], last, judged.get((last.reference_id, last.spec), 0)
                    )
        return count

    def _publish(self, model: Model, reference: Reference, last: FinalWindow, judged: int) -> bool:
        """Publish a result, if it or what stands is new: a revision of an older window changes alarms as well."""
        labels = [segment.label for segment in reference.grid.segments]
        standing = [row.alarm for row in self._store.standing(reference.id, last.spec)]
        alarms: Alarms = Counter((labels[one.segment], one.severity) for one in standing if not one.snoozed)
        key, state = (reference.id, last.spec), (last.id, last.revision, judged, alarms)
        if self._published.get(key) == state:
            return False
        judgements = {labels[index]: one for index, one in self._store.judgements(last.id).items()}
        window = last.window
        unknown = len(self._store.fields(reference.id, window.start, window.end).sums.seen)
        told = Told() if reference.grid.outcomes is None else self._performed(model, reference, last, standing)
        self._metrics.result(
            Snapshot(
                model.name, reference.version, last.spec, window.start, window.end, model.lateness, judgements, alarms,
                unknown, told,
            )
        )  # fmt: skip
        self._published[key] = state
        return True

    def _performed(self, model: Model, reference: Reference, last: FinalWindow, standing: Sequence[Alarm]) -> Told:
        """How well it did: the whole traffic, and the groups between which it must not differ."""
        mature = self._store.newest_mature(reference.id, last.spec, last.window.end - _after(model.settings))
        ids = {last.id} if mature is None else {last.id, mature.id}
        shown = {0: WHOLE} | {
            one.index: one.label
            for one in reference.grid.segments
            if one.index and one.label.partition("=")[0] in _named(model.settings.get("sensitive"))
        }
        found = self._store.performances(ids, None)
        latest = {label: found[last.id, at] for at, label in shown.items() if (last.id, at) in found}
        labelled = {
            label: found[mature.id, at]
            for at, label in shown.items()
            if mature is not None and (mature.id, at) in found
        }
        told = Told(latest, labelled, None if mature is None else mature.window.end)
        drop = model.settings.get("max_drop")
        return replace(
            told, affected=_affected(told, standing, float(drop) if isinstance(drop, int | float) else MAX_DROP)
        )


def _affected(told: Told, standing: Sequence[Alarm], max_drop: float) -> Mapping[str, bool]:
    """Segment → whether performance is affected, by the last window or by the newest with mature labels."""
    found: dict[str, bool] = {}
    for of in (told.latest, told.mature):
        for segment, performance in of.items():
            if (said := affected(performance, max_drop)) is not None:
                found[segment] = found.get(segment, False) or said
    if any(one.detector in DETECTORS for one in standing):
        found[WHOLE] = True
    return found


def _named(listed: object) -> Sequence[str]:
    return [str(one) for one in listed] if isinstance(listed, list | tuple) else []


def _after(settings: Mapping[str, object]) -> int:
    """How long labels take to be mature, microseconds; 0: nobody says."""
    label = settings.get("label")
    after = label.get("after") if isinstance(label, Mapping) else None
    try:
        return parse_duration(str(after)) if after else 0
    except ConfigError:
        return 0
