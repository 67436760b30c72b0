"""`drift accept`, `dismiss`, `snooze` and `answers`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from drift.cli import output
from drift.cli.client import connect
from drift.cli.credentials import user
from drift.core.clock import SystemClock, isoformat
from drift.core.window import parse_duration

ENOUGH: Final = 30
"""Windows from which a baseline may page."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An answer as the command line gives it; empty: not given."""

    action: str
    column: str
    alarm: int | None
    segment: str
    window: str
    version: str
    start: str
    until: str

    def as_plain(self) -> dict[str, object]:
        """The body of the request, without what was not given."""
        given = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in given.items() if value not in ("", None)}


def until(span: str) -> str:
    """The end of a span from now on; raises ConfigError."""
    return isoformat(SystemClock().now() + parse_duration(span))


def answer(model: str, wanted: Wanted, why: str, who: str, config: Path, url: str | None, *, as_json: bool) -> None:
    """Keep an answer and say what it does."""
    body = wanted.as_plain() | {"why": why, "who": who or user()}
    with connect(config, url, write=True) as client:
        made = client.post("/v1/answers", body, model=model)
    _show(made, as_json=as_json)


def withdraw(model: str, number: int, who: str, config: Path, url: str | None, *, as_json: bool) -> None:
    """Take an answer back."""
    with connect(config, url, write=True) as client:
        gone = client.post(f"/v1/answers/{number}/withdraw", {"who": who or user()}, model=model)
    if as_json:
        output.json(gone)
    else:
        output.line(
            f"answer {number} is taken back; windows that end after {gone['withdrawn_from']} are judged without"
        )


def _show(made: Any, *, as_json: bool) -> None:
    if as_json:
        output.json(made)
        return
    about = made["column"] or "all columns"
    part = f", {made['segment']}" if made["segment"] not in (None, "all") else ""
    meant = f"until {made['until']}" if made["action"] == "snooze" else f"{made['start']} to {made['until']}"
    output.line(f"answer {made['id']}: {made['action']} {about}{part}, {meant}")
    output.line(f"windows that end after {made['applies_from']} are judged with it")
    for spec, n in made["windows"].items():
        short = "; with fewer than 30 it can warn, but not page" if made["action"] == "accept" and n < ENOUGH else ""
        output.line(f"kept: {n} windows of {spec}{short}")


def listed(model: str, limit: int, config: Path, url: str | None, *, as_json: bool) -> None:
    """List answers, newest first."""
    with connect(config, url) as client:
        found = list(client.pages("/v1/answers", limit, model=model))
    if as_json:
        output.json(found)
        return
    headings = ("id", "at", "action", "column", "segment", "from", "until", "who", "why", "taken back")
    output.table(headings, (_plain(one) for one in found))


def _plain(one: Any) -> list[object]:
    back = f"{one['withdrawn_at']} by {one['withdrawn_by']}" if one["withdrawn_at"] is not None else None
    about = [one["column"] or "all", one["segment"] or "all", one["start"], one["until"]]
    return [one["id"], one["at"], one["action"], *about, one["who"], one["why"], back]
