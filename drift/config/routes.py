"""`routes:` who is told, and `egress:` where connections may go."""

import difflib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema, model_validator

from alerts.options import Options
from alerts.routes.alertmanager import AlertmanagerOptions
from alerts.routes.apprise import AppriseOptions
from alerts.routes.contract import RouteKind
from alerts.routes.pagerduty import PagerdutyOptions
from alerts.routes.slack import SlackOptions
from alerts.routes.webhook import WebhookOptions
from alerts.silences import impossible
from drift.config.scalars import Duration, MisfitError, Settings, said
from drift.core.clock import HOUR

if TYPE_CHECKING:
    from alerts.notices import Receiver

KINDS: Final = ("alertmanager", "pagerduty", "slack", "webhook", "apprise")
REPEAT: Final = 12 * HOUR
MATCHED: Final = ("model", "owner", "family", "severity", "column", "rule")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Matchers = Annotated[
    tuple[dict[str, str], ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, Mapping) else value),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "object", "additionalProperties": {"type": "string"}},
                {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}},
            ]
        }
    ),
]
"""One block of label: pattern, all of which have to fit; or a list of such blocks, any of which has to."""


def _allowed(entries: tuple[str, ...]) -> tuple[str, ...]:
    from alerts.addresses import Policy

    said(Policy.parse, entries)
    return entries


class EgressSettings(Settings):
    """Where routes and triggers may connect to, beside public addresses by https."""

    allow: Annotated[tuple[str, ...], AfterValidator(_allowed)] = ()
    """Names, addresses and networks that may be private, and may be called without TLS: `alertmanager.monitoring.svc`,
    `10.0.0.0/8`. A name allows its addresses to URLs with that name alone; metadata services are never allowed."""


class RouteSettings(Settings):
    """One receiver of messages: exactly one of `alertmanager`, `pagerduty`, `slack`, `webhook`, `apprise`."""

    alertmanager: AlertmanagerOptions | None = None
    """Prometheus' Alertmanager."""
    pagerduty: PagerdutyOptions | None = None
    """A PagerDuty service."""
    slack: SlackOptions | None = None
    """A Slack channel."""
    webhook: WebhookOptions | None = None
    """An HTTP endpoint that takes signed CloudEvents."""
    apprise: AppriseOptions | None = None
    """E-mail and everything else that apprise knows."""
    name: str = ""
    """What the route is called in metrics, the outbox and history; default: its kind."""
    match: Matchers = ()
    """Which incidents it is told of, by model, owner, family, severity, column, rule; `*` and `?` stand for anything.
    A list of blocks means any of them. Default: all whose severity is warning or page."""
    repeat_interval: Duration | None = None
    """What still fires, and nobody has acknowledged, is told again so often. Default: 12h; never where the service does
    so itself (Alertmanager, PagerDuty)."""
    resolved: bool = True
    """Tell as well that it is over."""
    runs: bool = True
    """Tell news of retrain runs, where the kind can show them (Slack, webhook, apprise)."""
    digest: bool = False
    """Send the digest here, where the kind can show it."""

    @model_validator(mode="before")
    @classmethod
    def _one_kind(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        kinds = [kind for kind in KINDS if kind in data]
        if len(kinds) != 1:
            raise ValueError(f"a route has exactly one of {', '.join(KINDS)}; {_found(kinds, data)}")
        return {"name": kinds[0], **data}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        found: dict[tuple[str | int, ...], str] = {}
        if not _NAME.fullmatch(self.name):
            found["name",] = f"a name has letters, digits and . _ - only, 64 at most; {self.name!r} does not"
        for matchers in self.match:
            for label in matchers.keys() - set(MATCHED):
                found["match",] = f"incidents have no label {label!r}; there are {', '.join(MATCHED)}"
            if why := impossible(matchers):
                found["match",] = why
        if self.digest and not self.route.notes:
            found["digest",] = f"{self.kind} opens and closes alerts and cannot show a digest; send it to another route"
        if found:
            raise MisfitError(found)
        return self

    @property
    def kind(self) -> str:
        """`slack`, `webhook`, …"""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def route(self) -> RouteKind:
        """What the kind can do."""
        from alerts.routes.names import kinds

        return kinds()[self.kind]

    @property
    def options(self) -> Options:
        """What stands under the kind's key."""
        options: Options = getattr(self, self.kind)
        return options

    @property
    def receiver(self) -> "Receiver":
        """What deciding who is told has to know."""
        from alerts.notices import Receiver

        default = REPEAT if self.route.repeats else None
        return Receiver(
            self.name, self.match, self.repeat_interval or default, self.resolved, self.runs, self.digest,
            self.route.notes,
        )  # fmt: skip


def _found(kinds: list[str], data: dict[str, Any]) -> str:
    if kinds:
        return f"this one has {' and '.join(kinds)}"
    others = [name for name in data if name not in RouteSettings.model_fields]
    near = difflib.get_close_matches(others[0], KINDS, n=1) if others else []
    return f"did you mean `{near[0]}`?" if near else "this one has none"
