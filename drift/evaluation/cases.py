"""Incidents as messages see them: with the names of their model, version, owner and segments."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from alerts.grouping import fires, worst
from alerts.message import Change, Message
from alerts.notices import Case, message
from drift.core.alert import Alert, Incident
from drift.core.catalogue import Catalogue, Model, Reference
from drift.core.clock import Clock


class Names:
    """The catalogue by ids."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.models: Mapping[int, Model] = {model.id: model for model in catalogue.models.values()}
        self.references: Mapping[int, Reference] = {one.id: one for one in catalogue.references}

    def model(self, incident: Incident) -> str:
        """Empty: the service itself."""
        found = self.models.get(incident.model_id)
        return found.name if found is not None else ""

    def owner(self, incident: Incident) -> str:
        """Empty: nobody is named."""
        found = self.models.get(incident.model_id)
        return str(found.settings.get("owner") or "") if found is not None else ""

    def version(self, reference_id: int) -> str:
        """The model version that a reference belongs to; empty: there is no such reference."""
        found = self.references.get(reference_id)
        return found.version if found is not None else ""

    def case(self, incident: Incident, alerts: Sequence[Alert], url: str) -> Case:
        """An incident with the alerts that fire in it, worst first; `url` is where people reach the service."""
        reference = self.references.get(incident.reference_id)
        segments = {} if reference is None else {s.index: s.label for s in reference.grid.segments if s.index}
        link = f"{url.rstrip('/')}/incidents/{incident.id}" if url else ""
        return Case(
            incident, alerts, self.model(incident), self.version(incident.reference_id), self.owner(incident), segments,
            link,
        )  # fmt: skip


class Store(Protocol):
    """What is read to say again what stands."""

    def catalogue(self) -> Catalogue:
        """Models and references."""

    def open_incidents(self) -> Sequence[Incident]:
        """All that are not resolved."""

    def open_alerts(self) -> Sequence[Alert]:
        """What is pending or fires."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands, for receivers that forget what is not said again."""

    store: Store
    clock: Clock
    url: str

    def __call__(self, receiver: str) -> list[Message]:
        """A message for each open incident that the receiver was told of, as loud as it was told."""
        names, members = Names(self.store.catalogue()), defaultdict[int, list[Alert]](list)
        for alert in self.store.open_alerts():
            if fires(alert):
                members[alert.incident_id].append(alert)
        found = []
        for incident in self.store.open_incidents():
            told = next((one for one in incident.told if one.receiver == receiver and one.status != "resolved"), None)
            if told is not None:
                case = names.case(incident, sorted(members[incident.id], key=worst), self.url)
                found.append(message(case, told, Change.REPEATED, f"standing-{incident.id}"))
        return found
