"""Step 6 of the window's way: what the last final window of every model says, as metrics.

Every server reads it from the store, so all of them export the same, and a restarted one at once.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from drift.core.alarm import Alarm, Severity
from drift.core.catalogue import Catalogue, Model, Reference
from drift.core.fields import FieldsSeen
from drift.core.result import Judgement
from drift.core.window import Window
from drift.metrics import Snapshot

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
        self._published: dict[tuple[int, str], tuple[int, int, Alarms]] = {}

    def tick(self) -> int:
        """Publish what is new; how many results that were."""
        catalogue, count = self._store.catalogue(), 0
        for model in catalogue.models.values():
            versions = {r.id: r for r in catalogue.references if r.model_id == model.id}
            cut = {spec.name for spec in model.windows}  # results of windows that are cut no more say nothing of today
            for last in self._store.latest_final(model.id):
                if last.spec in cut:
                    count += self._publish(model, versions[last.reference_id], last)
        return count

    def _publish(self, model: Model, reference: Reference, last: FinalWindow) -> bool:
        """Publish a result, if it or what stands is new: a revision of an older window changes alarms as well."""
        labels = [segment.label for segment in reference.grid.segments]
        standing = (row.alarm for row in self._store.standing(reference.id, last.spec))
        alarms: Alarms = Counter((labels[one.segment], one.severity) for one in standing if not one.snoozed)
        key, state = (reference.id, last.spec), (last.id, last.revision, alarms)
        if self._published.get(key) == state:
            return False
        judgements = {labels[index]: one for index, one in self._store.judgements(last.id).items()}
        window = last.window
        unknown = len(self._store.fields(reference.id, window.start, window.end).sums.seen)
        self._metrics.result(
            Snapshot(
                model.name, reference.version, last.spec, window.start, window.end, model.lateness, judgements, alarms,
                unknown,
            )
        )  # fmt: skip
        self._published[key] = state
        return True
