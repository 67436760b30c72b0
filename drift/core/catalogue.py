"""The catalogue: which models there are, and which reference judges which version at which time."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from drift.core.grid import Grid
from drift.core.schema import Schema
from drift.core.window import DEFAULT_PANE, WindowSpec


@dataclass(frozen=True, slots=True)
class Model:
    """A model as configured."""

    id: int
    name: str
    pane: int = DEFAULT_PANE
    lateness: int = 0
    windows: tuple[WindowSpec, ...] = ()
    zone: str = "UTC"
    settings: Mapping[str, object] = field(default_factory=dict)
    """The model's part of drift.yaml as plain JSON: rules, owner, and what later parts of the service read."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A registered reference without its sums. Immutable."""

    id: int
    model_id: int
    version: str
    """The model version it belongs to, as events spell it."""
    content_hash: str
    """SHA-256 of the data it was made from and of the grid."""
    schema: Schema
    grid: Grid
    rows: int
    active_from: int
    """Event time in microseconds from which it judges; a pane boundary."""
    created_at: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A consistent picture of models and references. `version` grows with every change."""

    version: int
    models: Mapping[str, Model]
    references: tuple[Reference, ...]

    def active(self, model_id: int, version: str | None, time: int) -> tuple[Reference, bool] | None:
        """The reference for an event, and whether it is the version's own.

        The version's newest reference whose `active_from` has come; else, flagged, the model's active one. A row older
        than every reference is judged by the oldest. None: the model has no reference.
        """
        mine = [reference for reference in self.references if reference.model_id == model_id]
        if not mine:
            return None
        own = [reference for reference in mine if reference.version == version]
        pool = own or mine
        started = [reference for reference in pool if reference.active_from <= time]
        if started:
            return max(started, key=lambda r: (r.active_from, r.id)), bool(own) or version is None
        return min(pool, key=lambda r: (r.active_from, r.id)), bool(own) or version is None
