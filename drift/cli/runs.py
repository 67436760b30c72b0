"""`drift runs`, `approve`, `deny` and `retrain`."""

from pathlib import Path
from typing import Any

from drift.cli import output
from drift.cli.client import connect
from drift.cli.credentials import user


def listed(model: str, limit: int, config: Path, url: str | None, *, as_json: bool) -> None:
    """List them, newest first."""
    with connect(config, url) as client:
        found = list(client.pages("/v1/runs", limit, model=model))
    if as_json:
        output.json(found)
        return
    headings = ("id", "model", "trigger", "state", "incident", "created_at", "url", "who", "why", "error")
    output.table(headings, ([one[key] if one[key] != "" else None for key in headings] for one in found))


def decide(verb: str, number: int, why: str, who: str, config: Path, url: str | None, *, as_json: bool) -> None:
    """Approve or deny one."""
    with connect(config, url, write=True) as client:
        found = client.post(f"/v1/runs/{number}/{verb}", {"why": why, "who": who or user()})
    _show(found, as_json=as_json)


def ask(model: str, trigger: str, why: str, who: str, config: Path, url: str | None, *, as_json: bool) -> None:
    """Ask for one."""
    body = {"model": model, "trigger": trigger, "why": why, "who": who or user()}
    with connect(config, url, write=True) as client:
        found = client.post("/v1/runs", body)
    _show(found, as_json=as_json)


def _show(run: Any, *, as_json: bool) -> None:
    if as_json:
        output.json(run)
    else:
        output.line(f"run {run['id']} of {run['model']} by {run['trigger']}: {run['state']}")
