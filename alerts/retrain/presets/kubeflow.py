"""Kubeflow Pipelines, v2beta1. It has no field for a key: the run is named by it and looked for before it is made.

Built against the published contract (`kfp-server-api`), not against a running server.
"""

from pydantic import Field

from alerts.options import Options
from alerts.retrain.settings import Name, Template, base, plain
from alerts.retrain.trigger import Bearer, Lookup, Pick, Preset, Request, Stage, Trigger
from alerts.secrets import Location, Secret


class KubeflowOptions(Options):
    """A pipeline of Kubeflow Pipelines."""

    url: Location
    """Of the API, with the path in front of `/apis`: `https://kubeflow.example/pipeline`."""
    pipeline: Name
    """`pipeline_id`."""
    pipeline_version: str = ""
    """`pipeline_version_id`; default: the latest."""
    experiment: str = ""
    """`experiment_id`; default: the server's."""
    service_account: str = ""
    """That the run's pods get."""
    token: Secret | None = None
    """Bearer token; a mounted one (`file:/var/run/secrets/…`) is read again at each use."""
    parameters: Template = Field(default_factory=lambda: {"driftsum": "{conf}"})
    """The pipeline's parameters, with placeholders; it has to declare them. Default: one, `driftsum`, with all that is
    known, as a dictionary."""


def _make(options: KubeflowOptions) -> Trigger:
    runs = f"{base(options.url)}/apis/v2beta1/runs"
    named = {"predicates": [{"operation": "EQUALS", "key": "name", "string_value": "{key}"}]}
    within = {"experiment_id": plain(options.experiment)} if options.experiment else {}
    return Trigger(
        Request(runs, "POST", body=_body(options)),
        None if options.token is None else Bearer(options.token),
        frozenset({200}),
        id=Pick("run_id"),
        page_url=f"{base(options.url)}/#/runs/details/{{id}}",
        lookups=(
            Lookup(Request(runs, query={"filter": named, "page_size": "10", **within}), "runs[*]", "display_name",
                   id=Pick("run_id")),
        ),
        stages={
            "": Stage(
                Request(f"{runs}/{{id}}"), ("state",), frozenset({"SUCCEEDED"}),
                frozenset({"FAILED", "CANCELED", "SKIPPED"}), error="error.message",
            ),
        },
    )  # fmt: skip


def _body(options: KubeflowOptions) -> dict[str, object]:
    version = {"pipeline_version_id": plain(options.pipeline_version)} if options.pipeline_version else {}
    body: dict[str, object] = {
        "display_name": "{key}",
        "description": "{title}",
        "pipeline_version_reference": {"pipeline_id": plain(options.pipeline), **version},
        "runtime_config": {"parameters": options.parameters},
    }
    if options.experiment:
        body["experiment_id"] = plain(options.experiment)
    if options.service_account:
        body["service_account"] = plain(options.service_account)
    return body


PRESET = Preset("kubeflow", KubeflowOptions, _make)
