"""What keeps an incident from being told: silences, maintenance windows, inhibition. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Final

from apscheduler.triggers.cron import CronTrigger

from alerts.rules import FAMILIES
from drift.core.alert import Incident, Silence, Urgency
from drift.core.clock import isoformat, to_datetime

Labels = Mapping[str, str | Sequence[str]]
"""What an incident is matched by: `model`, `owner`, `family`, `severity`, `column` and `rule` (any that it has)."""
MATCHED = ("model", "owner", "family", "severity", "column", "rule")
"""The labels there are."""

_VALUES: Final[Mapping[str, Collection[str]]] = {
    "family": sorted(set(FAMILIES.values())), "severity": [urgency.value for urgency in Urgency],
}  # fmt: skip
"""Labels with values that are known beforehand."""


def impossible(matchers: Mapping[str, str]) -> str:
    """Why no incident could ever fit, such as a severity that there is not; empty: one could."""
    for name, values in _VALUES.items():
        pattern = matchers.get(name, "*")
        if not any(_fits(pattern, value) for value in values):
            return f"no incident has the {name} {pattern!r}; there are {', '.join(values)}"
    return ""


def matches(matchers: Mapping[str, str], labels: Labels) -> bool:
    """Whether all matchers fit; one of a label with several values (its columns) fits if any of them does."""
    return all(_fits(pattern, labels.get(name, "")) for name, pattern in matchers.items())


def _fits(pattern: str, value: str | Sequence[str]) -> bool:
    values = [value] if isinstance(value, str) else value
    return any(one == pattern or fnmatchcase(one, pattern) for one in values)


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A stretch that comes again and again and in which incidents that match tell nobody."""

    cron: str
    """When it begins, as cron says it: `0 2 * * sun`."""
    lasts: int
    """Microseconds."""
    zone: str = "UTC"
    matchers: Mapping[str, str] = field(default_factory=dict)
    """Empty: everything."""
    why: str = ""

    def covers(self, now: int) -> bool:
        """Whether it is on at a moment of the clock."""
        trigger = CronTrigger.from_crontab(self.cron, timezone=self.zone)
        begun = to_datetime(now) - timedelta(microseconds=self.lasts)
        # the first beginning after it would have had to begin, to be over by now
        following = trigger.get_next_fire_time(None, begun + timedelta(microseconds=1))
        return following is not None and following <= to_datetime(now)


@dataclass(frozen=True, slots=True)
class Quiet:
    """All that keeps incidents silent now."""

    silences: tuple[Silence, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    """Those that are on."""
    blind: frozenset[int] = frozenset()
    """Models whose data does not come: what is said of their drift is old."""

    @staticmethod
    def at(
        now: int, silences: Iterable[Silence], maintenance: Iterable[Maintenance], incidents: Iterable[Incident]
    ) -> "Quiet":
        """What holds at a moment of the clock."""
        return Quiet(
            tuple(one for one in silences if one.starts_at <= now < one.ends_at),
            tuple(one for one in maintenance if one.covers(now)),
            frozenset(one.model_id for one in incidents if one.open and one.family == "data"),
        )

    def why(self, incident: Incident, labels: Labels) -> str:
        """Why an incident is not told; empty: it is."""
        for silence in self.silences:
            if matches(silence.matchers, labels):
                return f"silence {silence.id} by {silence.who} until {isoformat(silence.ends_at)}: {silence.why}"
        for one in self.maintenance:
            if matches(one.matchers, labels):
                return f"maintenance ({one.cron}){': ' + one.why if one.why else ''}"
        if incident.family == "drift" and incident.model_id in self.blind:
            return "no data comes from this model; that is told instead"
        return ""
