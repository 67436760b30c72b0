"""Any HTTP endpoint: a CloudEvents 1.0 body in JSON, signed as Standard Webhooks.

`webhook-id` is the message's idempotency key, the same in every attempt; the timestamp is the attempt's own. While a
secret is changed, both sign, and a receiver that knows either accepts. https://www.standardwebhooks.com
"""

import base64
import binascii
from typing import Any, Final

import msgspec

from alerts.http import json_bytes, post
from alerts.message import Change, Message
from alerts.options import Options
from alerts.routes.contract import Egress, Outcome, Route, RouteKind
from alerts.secrets import Location, Secret
from drift.core.clock import Clock, isoformat, to_datetime
from drift.core.errors import ConfigError

_TYPES: Final = {Change.RUN: "run", Change.DIGEST: "digest", Change.TEST: "test"}
_SHORTEST: Final = 16
"""Bytes of a secret; the standard asks for 24 to 64."""


class WebhookOptions(Options):
    """An HTTP endpoint that takes signed CloudEvents."""

    url: Location
    """Where to post."""
    secret: Secret
    """What signs: `whsec_…`, base64 of 24 to 64 random bytes; as `env:NAME` or `file:/path`."""
    old_secret: Secret | None = None
    """Signs as well, while receivers change from it to `secret`."""


class Webhook:
    """One endpoint."""

    def __init__(self, options: WebhookOptions, egress: Egress, clock: Clock) -> None:
        self._options, self._egress, self._clock = options, egress, clock

    def send(self, message: Message) -> Outcome:
        """Sign and post."""
        headers, body = cloud_event(message)
        secrets = [one for one in (self._options.secret, self._options.old_secret) if one is not None]
        headers |= signed(secrets, message.key, body, self._clock)
        return post(self._egress, self._clock, self._options.url.get(), body, headers)

    def close(self) -> None:
        """Nothing is kept open."""


def signed(secrets: list[Secret], key: str, body: bytes, clock: Clock) -> dict[str, str]:
    """The three headers of Standard Webhooks, with one signature per secret.

    Raises:
        ConfigError: a secret is missing, or none of that kind.
    """
    from standardwebhooks import Webhook as Signer

    moment = to_datetime(clock.now())
    text = body.decode()
    return {
        "webhook-id": key,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(Signer(_key(one)).sign(key, moment, text) for one in secrets),
    }


def _key(secret: Secret) -> bytes:
    text = secret.get().removeprefix("whsec_")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < _SHORTEST:
        raise ConfigError(f"{secret} holds no signing secret; make one with `echo whsec_$(openssl rand -base64 32)`")
    return key


def cloud_event(message: Message) -> tuple[dict[str, str], bytes]:
    """The CloudEvent in structured JSON: headers and body."""
    from cloudevents.core.bindings.http import to_structured
    from cloudevents.core.formats.json import JSONFormat
    from cloudevents.core.v1.event import CloudEvent

    change = _TYPES.get(message.change, f"incident.{message.change.value}")
    attributes = {
        "id": message.key, "source": "/driftsum", "type": f"io.driftsum.{change}.v1",
        "time": to_datetime(message.at), "datacontenttype": "application/json",
        **({"subject": f"incident/{message.incident}"} if message.incident else {}),
    }  # fmt: skip
    made = to_structured(CloudEvent(attributes, data(message)), JSONFormat())
    return dict(made.headers), made.body


def data(message: Message) -> dict[str, Any]:
    """The message with its moments as RFC 3339; what is not known is null."""
    found: dict[str, Any] = msgspec.json.decode(json_bytes(message))  # as it will be read: no NaN
    moments = {name: isoformat(found[name]) if found[name] else None for name in ("since", "opened_on", "at")}
    return found | moments


def _make(options: WebhookOptions, egress: Egress, clock: Clock) -> Route:
    return Webhook(options, egress, clock)


ROUTE = RouteKind("webhook", WebhookOptions, _make)
