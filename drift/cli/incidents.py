"""`drift incidents`, `incident`, `ack`, `unack` and `digest`."""

from pathlib import Path
from typing import Any

from drift.cli import output
from drift.cli.client import connect
from drift.cli.credentials import user


def listed(model: str, limit: int, config: Path, url: str | None, *, everything: bool, as_json: bool) -> None:
    """List incidents, newest first."""
    with connect(config, url) as client:
        is_open = None if everything else "true"
        found = list(client.pages("/v1/incidents", limit, model=model, open=is_open))
    if as_json:
        output.json(found)
        return
    if not found:
        where = f" on model {model}" if model else ""
        output.line(f"no incident {'was ever opened' if everything else 'is open'}{where}")
        return
    headings = ("id", "severity", "model", "title", "alerts", "since", "state", "told")
    output.table(headings, (_plain(one) for one in found))


def _plain(one: Any) -> list[object]:
    shown = [one["id"], one["severity"], one["model"] or None, one["title"], one["alerts"], one["since"]]
    return [*shown, state(one), ", ".join(one["told"]) or None]


def state(one: Any) -> str:
    """Where an incident stands, in a word or two."""
    if not one["open"]:
        return f"over: {one['resolution']}"
    if one["acknowledged_by"]:
        return f"{one['acknowledged_by']} has it"
    return f"open, quiet: {one['quiet']}" if one["quiet"] else "open"


def show(number: int, config: Path, url: str | None, *, as_json: bool) -> None:
    """Show one with its history."""
    with connect(config, url) as client:
        found = client.get(f"/v1/incidents/{number}")
    if as_json:
        output.json(found)
        return
    about = f"{found['severity']}, {found['family']}" + (f", owner {found['owner']}" if found["owner"] else "")
    output.paragraph(f"Incident {number}: {found['title']} ({about}; {state(found)})")
    _findings(found["findings"])
    _history(found)
    _others(found)


def _findings(some: list[Any]) -> None:
    headings = ("alert", "severity", "column", "segment", "window", "state", "what")
    rows = (
        [
            one["id"], one["severity"], one["column"] or None, one["segment"] or None, one["window"] or None,
            one["state"], one["sentence"],
        ]
        for one in some
    )  # fmt: skip
    output.table(headings, rows)


def _history(found: Any) -> None:
    """What happened, oldest first: as one tells it."""
    rows = (
        [one["on"][:19], one["at"], one["happening"], one["column"], one["why"], one["who"] or None]
        for one in reversed(found["events"])
    )
    output.table(("when", "window to", "what", "column", "why", "who"), rows, title="history")


def _others(found: Any) -> None:
    if found["notices"]:
        rows = (
            [one["created_at"], one["receiver"], one["change"], one["state"], one["tries"], one["error"] or None]
            for one in reversed(found["notices"])
        )
        output.table(("when", "receiver", "message", "state", "tries", "error"), rows, title="told")
    for one in found["runs"]:
        why = f": {one['error']}" if one["error"] else ""
        output.line(output.printable(f"run {one['id']} by {one['trigger']} {one['state']}{why}"))
    for one in found["marks"]:
        output.line(output.printable(f"{one['at']} {one['kind']}: {one['text']}"))


def acknowledge(number: int, why: str, who: str, config: Path, url: str | None, *, back: bool, as_json: bool) -> None:
    """Say that somebody looks after it, or take that back."""
    verb = "unacknowledge" if back else "acknowledge"
    with connect(config, url, write=True) as client:
        found = client.post(f"/v1/incidents/{number}/{verb}", {"why": why, "who": who or user()})
    if as_json:
        output.json(found)
    elif back:
        output.line(f"nobody looks after incident {number} now; it is repeated again")
    else:
        output.line(output.printable(f"{found['acknowledged_by']} looks after incident {number}: {found['title']}"))


def digest(days: int, config: Path, url: str | None, *, as_json: bool) -> None:
    """What happened in the last days."""
    with connect(config, url) as client:
        found = client.get("/v1/digest", days=days)
    if as_json:
        output.json(found)
        return
    for line in (found["title"], "", *found["text"]):
        output.line(output.printable(line))
