"""Argo Workflows: an event is sent, and a WorkflowEventBinding submits a workflow. 503: its queue is full; again.

Events are answered before anything is submitted, and with no id: the run is handed over, or, with `callback`, the
workflow's exit handler says how it ended. Built against the published contract.
"""

from urllib.parse import quote

from alerts.options import Options
from alerts.retrain.settings import Name, Template, base
from alerts.retrain.trigger import Bearer, Preset, Request, Trigger
from alerts.secrets import Location, Secret


class ArgoOptions(Options):
    """The event endpoint of Argo Workflows."""

    url: Location
    """Of the Argo server: `https://argo.example:2746`."""
    namespace: Name
    """Where the event binding is."""
    discriminator: str = "driftsum"
    """Tells bindings apart."""
    token: Secret
    """A service account's, without `Bearer`; as `env:NAME` or `file:/path`."""
    payload: Template | None = None
    """What bindings see, with placeholders; default: all that is known."""
    callback: bool = False
    """Wait until the workflow says that it is over, with `POST /v1/runs/{id}/ended`; else it is over when handed
    over."""


def _make(options: ArgoOptions) -> Trigger:
    place = f"{quote(options.namespace, safe='')}/{quote(options.discriminator, safe='')}"
    return Trigger(
        Request(f"{base(options.url)}/api/v1/events/{place}", "POST", body=options.payload or "{conf}"),
        Bearer(options.token),
        frozenset({200}),
        waits=options.callback,
    )


PRESET = Preset("argo", ArgoOptions, _make, keyed=False)
