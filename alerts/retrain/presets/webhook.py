"""Any HTTP endpoint: a CloudEvent in JSON, signed as Standard Webhooks. `webhook-id` is the key.

Nobody can ask such an endpoint how a run ended: it is handed over, or, with `callback`, the pipeline says so itself.
"""

from alerts.options import Options
from alerts.retrain.settings import base
from alerts.retrain.trigger import Preset, Request, Signed, Trigger
from alerts.secrets import Location, Secret


class WebhookTriggerOptions(Options):
    """An HTTP endpoint that takes signed CloudEvents and starts a pipeline."""

    url: Location
    """Where to post."""
    secret: Secret
    """What signs: `whsec_…`, base64 of 24 to 64 random bytes; as `env:NAME` or `file:/path`."""
    old_secret: Secret | None = None
    """Signs as well, while the receiver changes from it to `secret`."""
    callback: bool = False
    """Wait until the pipeline says that it is over, with `POST /v1/runs/{id}/ended`; else it is over when handed
    over."""


def _make(options: WebhookTriggerOptions) -> Trigger:
    event = {
        "specversion": "1.0",
        "id": "{key}",
        "source": "/driftsum",
        "type": "io.driftsum.retrain.v1",
        "subject": "model/{model}",
        "time": "{requested_at}",
        "datacontenttype": "application/json",
        "data": "{conf}",
    }
    return Trigger(
        Request(base(options.url), "POST", headers={"content-type": "application/cloudevents+json"}, body=event),
        Signed(options.secret, options.old_secret),
        frozenset(range(200, 300)),
        waits=options.callback,
    )


PRESET = Preset("webhook", WebhookTriggerOptions, _make)
