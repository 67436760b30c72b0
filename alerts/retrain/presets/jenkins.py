"""Jenkins: a build with parameters. What comes back is its place in the queue, which names the build once it starts.

Jenkins merges queued builds whose parameters are the same; the key, which is one of them, keeps runs apart, and finds
an earlier one. The job has to declare the parameter DRIFTSUM_KEY. Built against the published contract.
"""

from urllib.parse import quote

from pydantic import Field

from alerts.options import Options
from alerts.retrain.settings import Name, Texts, base
from alerts.retrain.trigger import Basic, Lookup, Pick, Preset, Request, Stage, Trigger
from alerts.secrets import Location, Secret

PARAMETERS = {
    "DRIFTSUM_MODEL": "{model}",
    "DRIFTSUM_VERSION": "{version}",
    "DRIFTSUM_SEVERITY": "{severity}",
    "DRIFTSUM_INCIDENT": "{incident}",
    "DRIFTSUM_WINDOW_START": "{window_start}",
    "DRIFTSUM_WINDOW_END": "{window_end}",
    "DRIFTSUM_COLUMNS": "{column_list}",
    "DRIFTSUM_EVIDENCE_URL": "{evidence_url}",
    "DRIFTSUM_DATA_URL": "{data_url}",
    "DRIFTSUM_CALLBACK_URL": "{callback_url}",
}


class JenkinsOptions(Options):
    """A parameterized job of Jenkins."""

    url: Location
    """Of Jenkins: `https://jenkins.example`."""
    job: Name
    """With its folders: `team/retrain`."""
    username: Name
    """Whose API token it is."""
    token: Secret
    """The API token, as `env:NAME` or `file:/path`; it needs no crumb."""
    parameters: Texts = Field(default_factory=lambda: dict(PARAMETERS))
    """Beside DRIFTSUM_KEY, with placeholders. Jenkins leaves out those that the job does not declare."""


def _make(options: JenkinsOptions) -> Trigger:
    root = base(options.url)
    job = root + "".join(f"/job/{quote(part, safe='')}" for part in options.job.split("/"))
    seen = "actions[parameters[name,value]]"
    value = "actions[*].parameters[*].value"
    return Trigger(
        Request(f"{job}/buildWithParameters", "POST", form={**options.parameters, "DRIFTSUM_KEY": "{key}"}),
        Basic(options.username, options.token),
        frozenset({201}),
        id=Pick(header="location", pattern=r"/queue/item/(\d+)"),
        # first the queue, then the builds: what moves on between the two is found
        lookups=(
            Lookup(Request(f"{root}/queue/api/json", query={"tree": f"items[id,{seen}]"}), "items[*]", value,
                   id=Pick("id"), stage="queue"),
            Lookup(Request(f"{job}/api/json", query={"tree": f"builds[number,url,{seen}]{{{{0,100}}}}"}), "builds[*]",
                   value, id=Pick("number"), page="url", stage="build"),
        ),
        stages={
            "queue": Stage(
                Request(f"{root}/queue/item/{{id}}/api/json"), ("cancelled",), failed=frozenset({"true"}),
                next=Pick("executable.number"), then="build", error="why", page="executable.url",
            ),
            "build": Stage(
                Request(f"{job}/{{id}}/api/json", query={"tree": "building,result,url"}), ("result",),
                frozenset({"SUCCESS"}), frozenset({"FAILURE", "UNSTABLE", "ABORTED", "NOT_BUILT"}), busy="building",
                page="url",
            ),
        },
    )  # fmt: skip


PRESET = Preset("jenkins", JenkinsOptions, _make)
