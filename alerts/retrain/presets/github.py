"""GitHub Actions: a workflow is dispatched; `return_run_details` answers with its run.

Servers that do not know that flag answer 204, and the run is found by its name: let the workflow say
`run-name: retrain ${{ inputs.key }}`. So is one whose answer was lost. Built against the published contract.
"""

from typing import Annotated
from urllib.parse import quote

from pydantic import Field

from alerts.options import Options
from alerts.retrain.settings import Name, Texts, base, plain
from alerts.retrain.trigger import Bearer, Lookup, Pick, Preset, Request, Stage, Trigger
from alerts.secrets import Location, Secret

INPUTS = {
    "model": "{model}",
    "version": "{version}",
    "window_start": "{window_start}",
    "window_end": "{window_end}",
    "columns": "{column_list}",
    "evidence_url": "{evidence_url}",
    "callback_url": "{callback_url}",
}
_HEADERS = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}
_MOST_INPUTS = 24
"""GitHub takes 25, and one is the key."""


class GithubOptions(Options):
    """A workflow of GitHub Actions that has `on: workflow_dispatch`."""

    repository: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    """`owner/name`."""
    workflow: Name
    """Its file's name, `retrain.yml`, or its id."""
    ref: Name = "main"
    """Branch or tag whose workflow runs."""
    token: Secret
    """With the right to write actions, as `env:NAME` or `file:/path`."""
    url: Location = Location("https://api.github.com")
    """Of the API; an enterprise server's is `https://host/api/v3`."""
    inputs: Annotated[Texts, Field(max_length=_MOST_INPUTS)] = Field(default_factory=lambda: dict(INPUTS))
    """Beside `key`, with placeholders; the workflow has to declare them, or GitHub refuses the dispatch."""


def _make(options: GithubOptions) -> Trigger:
    actions = f"{base(options.url)}/repos/{options.repository}/actions"
    workflow = f"{actions}/workflows/{quote(options.workflow, safe='')}"
    body = {
        "ref": plain(options.ref),
        "inputs": {**options.inputs, "key": "{key}"},
        "return_run_details": True,
    }
    recent = {"event": "workflow_dispatch", "per_page": "30", "exclude_pull_requests": "true"}
    return Trigger(
        Request(f"{workflow}/dispatches", "POST", headers=_HEADERS, body=body),
        Bearer(options.token),
        frozenset({200, 204}),
        id=Pick("workflow_run_id"),
        page="html_url",
        lookups=(
            Lookup(Request(f"{workflow}/runs", query=recent, headers=_HEADERS), "workflow_runs[*]", "display_title",
                   within=True, id=Pick("id"), page="html_url"),
        ),
        stages={
            "": Stage(
                Request(f"{actions}/runs/{{id}}", headers=_HEADERS), ("conclusion",), frozenset({"success", "neutral"}),
                frozenset({"failure", "cancelled", "timed_out", "skipped", "stale", "startup_failure"}),
                page="html_url",
            ),
        },
    )  # fmt: skip


PRESET = Preset("github", GithubOptions, _make)
