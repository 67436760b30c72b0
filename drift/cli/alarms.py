"""`drift alarms`."""

from pathlib import Path
from typing import Any, Final

from drift.cli import output
from drift.cli.client import connect

_SEVERAL: Final = 2
"""Alarms from which on it is said which of them broke together."""


def listed(model: str, limit: int, config: Path, url: str | None, *, everything: bool, as_json: bool) -> None:
    """List alarms, newest first."""
    standing = None if everything else "true"
    with connect(config, url) as client:
        found = list(client.pages("/v1/alarms", limit, model=model, standing=standing))
        together = [] if as_json or len(found) < _SEVERAL else client.get("/v1/incidents", model=model)["items"]
    if as_json:
        output.json(found)
        return
    if not found:
        output.line(f"no alarm {'was ever raised' if everything else 'stands'} on model {model}")
        return
    for one in together:
        if len(one["alarms"]) > 1:
            output.line(f"{one['severity']}: {one['sentence']}")
    headings = ("id", "severity", "column", "segment", "window", "what", "by", "tolerated", "rows", "since", "state")
    output.table(headings, ([*_plain(one)] for one in found))


def _plain(one: Any) -> list[object]:
    shown = [one[key] for key in ("id", "severity", "column", "segment", "window", "what")]
    numbers = [output.number(one["effect"]), output.number(one["tolerance"]), f"{one['rows']:,}"]
    return [*shown, *numbers, one["onset"], _state(one)]


def _state(one: Any) -> str:
    if one["retracted_by"] is not None:
        return "retracted"
    if one["ended_at"] is not None:
        return f"ended {one['ended_at']}"
    answered = f", answered ({', '.join(map(str, one['answers']))})" if one["answers"] else ""
    return ("snoozed" if one["snoozed"] else "stands") + answered
