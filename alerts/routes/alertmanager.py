"""Prometheus' Alertmanager, API v2: it groups, silences and routes further.

What fires is posted again and again with an end ahead, or Alertmanager forgets it; what is over gets an end that has
passed. Labels are an alert's identity, so measured values stand in annotations. The severity is a label, which routes
there need; an incident that becomes louder is therefore another alert, and the quieter one is ended in the same post.
"""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import Field

from alerts.http import json_bytes, post
from alerts.message import Change, Message, Status, labels
from alerts.options import Label, Options, Seconds
from alerts.routes.contract import Egress, Fate, Outcome, Route, RouteKind
from alerts.routes.texts import body, one_line
from alerts.secrets import Location, Secret
from drift.core.alert import Urgency
from drift.core.clock import SECOND, Clock, isoformat

AHEAD: Final = 4
"""The end is so many intervals ahead: three posts in a row may fail."""
_AT_ONCE: Final = 200


class AlertmanagerOptions(Options):
    """Prometheus' Alertmanager."""

    url: Location
    """Where it is: `https://alertmanager.example`; the path of the API is added."""
    token: Secret | None = None
    """A bearer token, as `env:NAME` or `file:/path`."""
    labels: dict[Label, str] = Field(default_factory=dict)
    """Labels added to every alert, such as `cluster: prod`."""
    repost: Seconds = 60.0
    """What fires is posted again so often."""


class Alertmanager:
    """One Alertmanager."""

    def __init__(self, options: AlertmanagerOptions, egress: Egress, clock: Clock) -> None:
        self._options, self._egress, self._clock = options, egress, clock

    @property
    def every(self) -> float:
        """Seconds between two posts of what fires."""
        return self._options.repost

    def send(self, message: Message) -> Outcome:
        """Post the incident's alert, and end those that it replaces."""
        ended = [message.urgency] if message.status is Status.RESOLVED else []
        if message.change is Change.ESCALATED:
            ended = [one for one in Urgency if one.rank < message.urgency.rank]
        posts = [self._alert(message, one, over=True) for one in ended]
        if message.status is not Status.RESOLVED:
            posts.append(self._alert(message, message.urgency, over=False))
        return self._post(posts)

    def keep(self, firing: Sequence[Message]) -> Outcome:
        """Say again all that fires now."""
        outcome = Outcome(Fate.SENT)
        for start in range(0, len(firing), _AT_ONCE):
            some = firing[start : start + _AT_ONCE]
            outcome = self._post([self._alert(message, message.urgency, over=False) for message in some])
            if outcome.fate is not Fate.SENT:
                break
        return outcome

    def close(self) -> None:
        """Nothing is kept open."""

    def _alert(self, message: Message, urgency: Urgency, *, over: bool) -> dict[str, Any]:
        now = self._clock.now()
        end = now if over else now + round(AHEAD * self.every * SECOND)
        identity = {**labels(message), "severity": urgency.value, **self._options.labels}
        return {
            "labels": {name: one_line(value, 1_000) for name, value in identity.items()},
            "annotations": {"summary": one_line(message.title, 1_000), "description": body(message)},
            "startsAt": isoformat(min(message.opened_on or message.at, now, end)),
            "endsAt": isoformat(end),
            **({"generatorURL": message.link} if message.link else {}),
        }

    def _post(self, alerts: Sequence[dict[str, Any]]) -> Outcome:
        headers = {"Content-Type": "application/json"}
        if self._options.token is not None:
            headers["Authorization"] = f"Bearer {self._options.token.get()}"
        url = self._options.url.get().rstrip("/") + "/api/v2/alerts"
        return post(self._egress, self._clock, url, json_bytes(alerts), headers)


def _make(options: AlertmanagerOptions, egress: Egress, clock: Clock) -> Route:
    return Alertmanager(options, egress, clock)


ROUTE = RouteKind("alertmanager", AlertmanagerOptions, _make, repeats=False, notes=False)
