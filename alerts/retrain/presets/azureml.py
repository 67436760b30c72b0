"""Azure Machine Learning: a batch endpoint with a pipeline component is invoked, with a token of Entra.

There is no key and no way to look for one: a start whose answer was lost is sent again, and the pipeline sees the same
key. Built against the published contract.
"""

from typing import Annotated

from pydantic import Field

from alerts.options import Options
from alerts.retrain.settings import Name, Texts, base, plain
from alerts.retrain.trigger import Exchange, Pick, Preset, Request, Stage, Trigger
from alerts.secrets import Location, Secret

SCOPE = "https://ml.azure.com/.default"


class Entra(Options):
    """A service principal, whose secret is exchanged for tokens."""

    tenant: Name
    """Directory (tenant) id."""
    client_id: Name
    """Application (client) id."""
    client_secret: Secret
    """As `env:NAME` or `file:/path`."""
    authority: Location = Location("https://login.microsoftonline.com")
    """Where tokens are made; national clouds have their own."""


class AzuremlOptions(Options):
    """A batch endpoint of Azure Machine Learning."""

    url: Location
    """Its invocation URI: `https://name.region.inference.ml.azure.com/jobs`."""
    entra: Entra
    """Who invokes it."""
    deployment: str = ""
    """One of its deployments; default: the endpoint's default."""
    inputs: Annotated[Texts, Field(min_length=1)] = Field(default_factory=lambda: {"driftsum": "{conf_json}"})
    """Literal inputs of the pipeline, with placeholders. Default: one, `driftsum`, with all that is known as JSON."""


def _make(options: AzuremlOptions) -> Trigger:
    entra, jobs = options.entra, base(options.url)
    token = f"{entra.authority.get().rstrip('/')}/{_quoted(entra.tenant)}/oauth2/v2.0/token"
    fields: dict[str, str | Secret] = {
        "grant_type": "client_credentials",
        "client_id": entra.client_id,
        "client_secret": entra.client_secret,
        "scope": SCOPE,
    }
    inputs = {name: {"JobInputType": "Literal", "Value": value} for name, value in options.inputs.items()}
    headers = {"azureml-model-deployment": plain(options.deployment)} if options.deployment else {}
    return Trigger(
        Request(jobs, "POST", headers=headers, body={"properties": {"InputData": inputs}}),
        Exchange(token, fields, form=True),
        id=Pick("id", pattern=r"([^/]+)$"),
        stages={
            "": Stage(
                Request(f"{jobs}/{{id}}"), ("status", "properties.status"), frozenset({"Completed", "Finished"}),
                frozenset({"Failed", "Canceled"}), error="error.message",
            ),
        },
    )  # fmt: skip


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


PRESET = Preset("azureml", AzuremlOptions, _make, keyed=False)
