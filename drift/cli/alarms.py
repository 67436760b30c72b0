"""`drift alarms`."""

from pathlib import Path
from typing import Any, Final

from drift.cli import output
from drift.cli.client import connect

_TOGETHER: Final = 20
"""Incidents shown above the alarms, the latest."""


def listed(model: str, limit: int, config: Path, url: str | None, *, everything: bool, as_json: bool) -> None:
    """List alarms, newest first."""
    standing = None if everything else "true"
    with connect(config, url) as client:
        found = list(client.pages("/v1/alarms", limit, model=model, standing=standing))
        several = not as_json and len(found) > 1
        together = list(client.pages("/v1/incidents", _TOGETHER, model=model, open="true")) if several else []
    if as_json:
        output.json(found)
        return
    if not found:
        output.line(f"no alarm {'was ever raised' if everything else 'stands'} on model {model}")
        return
    for one in together:
        output.line(f"{one['severity']}: {one['title']} (incident {one['id']})")
    headings = ("id", "severity", "column", "segment", "window", "what", "by", "tolerated", "rows", "since", "state")
    output.table(headings, ([*_plain(one)] for one in found))


MODEL = "(the model)"
"""In the place of a column, what is about the model itself: its performance."""


def _plain(one: Any) -> list[object]:
    shown = [one["id"], one["severity"], one["column"] or MODEL, one["segment"], one["window"], one["what"]]
    numbers = [output.number(one["effect"]), output.number(one["tolerance"]), f"{one['rows']:,}"]
    return [*shown, *numbers, one["onset"], _state(one)]


def _state(one: Any) -> str:
    if one["retracted_by"] is not None:
        return "retracted"
    if one["ended_at"] is not None:
        return f"ended {one['ended_at']}"
    answered = f", answered ({', '.join(map(str, one['answers']))})" if one["answers"] else ""
    return ("snoozed" if one["snoozed"] else "stands") + answered
