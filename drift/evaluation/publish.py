"""Step 6 of the window's way: what the last final window of every model says, as metrics.

Every server reads it from the store, so all of them export the same, and a restarted one at once.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from drift.core.catalogue import Catalogue
from drift.core.result import Judgement
from drift.core.window import Window
from drift.metrics import Snapshot


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


class Store(Protocol):
    """The part of the store that is read."""

    def catalogue(self) -> Catalogue:
        """Models and references."""

    def latest_final(self, model_id: int) -> Sequence[FinalWindow]:
        """The latest final window of each reference and spec."""

    def judgements(self, window_id: int, segment: int | None = None) -> Mapping[int, Judgement]:
        """Segment index → judgement of the window's latest result."""


class Metrics(Protocol):
    """Where it goes."""

    def result(self, snapshot: Snapshot) -> None:
        """Replace the gauges of this model, version and window spec."""


class Publisher:
    """Publishes each result once."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store, self._metrics = store, metrics
        self._published: dict[tuple[int, str], tuple[int, int]] = {}

    def tick(self) -> int:
        """Publish what is new; how many results that were."""
        catalogue, count = self._store.catalogue(), 0
        for model in catalogue.models.values():
            versions = {r.id: r for r in catalogue.references if r.model_id == model.id}
            for last in self._store.latest_final(model.id):
                key, state = (last.reference_id, last.spec), (last.id, last.revision)
                if self._published.get(key) == state:
                    continue
                reference = versions[last.reference_id]
                judgements = {
                    reference.grid.segments[index].label: judgement
                    for index, judgement in self._store.judgements(last.id).items()
                }
                self._metrics.result(
                    Snapshot(
                        model.name, reference.version, last.spec, last.window.start, last.window.end, model.lateness,
                        judgements,
                    )
                )  # fmt: skip
                self._published[key] = state
                count += 1
        return count
