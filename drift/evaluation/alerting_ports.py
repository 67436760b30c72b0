"""What alerting reads of the store."""

from collections.abc import Sequence
from typing import Protocol

from drift.core.alert import Alert, Incident, Run, Silence
from drift.core.window import Window


class Outbox(Protocol):
    """What waits and what was given up, of one receiver."""

    @property
    def receiver(self) -> str:
        """A route's name."""

    @property
    def dead(self) -> int:
        """Notices that were given up."""


class Total(Protocol):
    """What was counted in a stretch."""

    @property
    def rows(self) -> int:
        """Rows."""


class Judged(Protocol):
    """A window that was judged."""

    @property
    def reference_id(self) -> int:
        """Against what."""

    @property
    def spec(self) -> str:
        """How it is cut."""

    @property
    def window(self) -> Window:
        """Its stretch."""


class Store(Protocol):
    """The part of the store that alerting reads."""

    @property
    def uuid(self) -> str:
        """Whose store it is: part of every key."""

    def open_alerts(self) -> Sequence[Alert]:
        """What is pending or fires."""

    def open_incidents(self) -> Sequence[Incident]:
        """All that are not resolved."""

    def incidents_closed_since(self, on: int) -> Sequence[Incident]:
        """Those resolved since a moment of the clock."""

    def incident(self, incident_id: int) -> Incident:
        """One of them; raises NotFound."""

    def next_incident_id(self) -> int:
        """An id that no incident ever had."""

    def silences(self, *, active_on: int | None = None, limit: int = 1000, before: int | None = None) -> list[Silence]:
        """Those that hold at a moment of the clock."""

    def runs(self, *, limit: int = 100) -> Sequence[Run]:
        """Retrain runs, newest first."""

    def outbox(self) -> Sequence[Outbox]:
        """What each receiver waits for."""

    def counted(self, reference_id: int, start: int, end: int) -> Total:
        """Rows of a stretch."""

    def latest_final(self, model_id: int) -> Sequence[Judged]:
        """For each reference and length: the newest window that is final."""

    def newest_mature(self, reference_id: int, spec: str, until: int) -> Judged | None:
        """The newest final window that ends by then and whose labels are mature."""
