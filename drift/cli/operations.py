"""`drift status` and `drift dead-letters`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drift.cli import output
from drift.cli.client import connect


def status(config: Path, url: str | None, *, as_json: bool) -> None:
    """Show the service at a glance."""
    with connect(config, url) as client:
        found = client.get("/v1/status")
    if as_json:
        output.json(found)
    else:
        _status(found)


def _status(found: Any) -> None:
    store, totals = found["store"], found["totals"]
    output.line(f"store: {store['kind']} {store['version'].split(',')[0]}, tables {store['table_version']}")
    if store["warning"]:
        output.note(f"warning: {store['warning']}")
    names = {"records": "records read", "rows": "events counted", "late": "late", "dead_letters": "dead letters"}
    output.line(", ".join(f"{totals[key] or 0:,} {words}" for key, words in names.items()))
    if found["dead_letters"]:
        output.table(("dead letters", "count"), found["dead_letters"].items())
    headings = ("source", "topic", "partition", "position", "lag", "owner", "watermarks")
    output.table(headings, (_partition(one, headings) for one in found["partitions"]))
    for gap in found["gaps"]:
        where = f"{gap['source']}:{gap['topic']}[{gap['partition']}]"
        output.line(f"gap: {where} lost records {gap['first']} to {gap['last']} at {gap['at']}")
    for model, why in found["waiting"].items():
        output.line(f"waiting: {model}: {why}")


def _partition(one: Any, headings: Sequence[str]) -> list[object]:
    marks = ", ".join(f"{model} {time}" for model, time in one["watermarks"].items())
    owner = "finished" if one["finished"] else one["owner"] or "nobody"
    return [(one | {"watermarks": marks or None, "owner": owner})[key] for key in headings]


def fields(model: str, config: Path, url: str | None, *, as_json: bool) -> None:
    """List fields that nobody watches."""
    with connect(config, url) as client:
        found = client.get("/v1/fields", model=model)
    if as_json:
        output.json(found)
        return
    headings = ("version", "field", "type", "share of events", "first seen", "last seen")
    rows = ((f["version"], f["name"], f["type"], f"{f['share']:.1%}", f["first_seen"], f["last_seen"])
            for f in found["fields"])  # fmt: skip
    output.table(headings, rows)
    if found["more"]:
        output.note("there were others: the names of rare ones are not kept")


def retire(source: str, topic: str, config: Path, url: str | None) -> None:
    """Let windows close without a topic."""
    with connect(config, url, write=True) as client:
        answer = client.post("/v1/partitions/retire", {"source": source, "topic": topic})
    output.line(f"{answer['retired']} partitions of {source} {topic} hold no window any more")


def dead_letters(reason: str, limit: int, config: Path, url: str | None, *, as_json: bool) -> None:
    """List dead letters."""
    with connect(config, url) as client:
        found = list(client.pages("/v1/dead-letters", limit, reason=reason))
    if as_json:
        output.json(found)
        return
    headings = ("id", "at", "reason", "detail", "topic", "partition", "offset", "payload")
    output.table(headings, ([one[key] for key in headings[:-1]] + [one["payload"][:80]] for one in found))


def replay(ids: Sequence[int], config: Path, url: str | None, *, as_json: bool) -> None:
    """Feed dead letters in again."""
    with connect(config, url, write=True) as client:
        answer = client.post("/v1/dead-letters/replay", {"ids": list(ids)})
    if as_json:
        output.json(answer)
        return
    asked, done, counted = len(set(ids)), answer["replayed"], answer["counted"]
    before = f" ({asked - done} had been before, or are not there)" if done < asked else ""
    output.line(f"{done} of {asked} fed in again{before}, {counted} events counted now")
