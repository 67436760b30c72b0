"""`drift silence` and `drift mark`."""

from collections.abc import Sequence
from pathlib import Path

from drift.cli import output
from drift.cli.answers import until
from drift.cli.client import connect
from drift.cli.credentials import user
from drift.core.errors import InputError


def add(
    matchers: Sequence[str], why: str, span: str, who: str, config: Path, url: str | None, *, as_json: bool
) -> None:
    """Make one."""
    body = {"matchers": _matchers(matchers), "ends": until(span), "why": why, "who": who or user()}
    with connect(config, url, write=True) as client:
        made = client.post("/v1/silences", body)
    if as_json:
        output.json(made)
    else:
        output.line(f"silence {made['id']}: {_words(made['matchers'])} until {made['ends_at']}")


def _matchers(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        label, sign, pattern = one.partition("=")
        if not sign or not pattern:
            raise InputError(f"{one!r} is no matcher; write one as in model=credit")
        if label in found:
            raise InputError(f"label {label!r} stands there twice; keep one of the two, or use a pattern")
        found[label] = pattern
    return found


def _words(matchers: dict[str, str]) -> str:
    return output.printable(", ".join(f"{label}={pattern}" for label, pattern in matchers.items()))


def listed(limit: int, config: Path, url: str | None, *, everything: bool, as_json: bool) -> None:
    """List them, newest first."""
    with connect(config, url) as client:
        found = list(client.pages("/v1/silences", limit, active=None if everything else "true"))
    if as_json:
        output.json(found)
        return
    headings = ("id", "what", "from", "until", "holds", "who", "why")
    rows = (
        [
            one["id"], _words(one["matchers"]), one["starts_at"], one["ends_at"], "yes" if one["active"] else None,
            one["who"], one["why"],
        ]
        for one in found
    )  # fmt: skip
    output.table(headings, rows)


def end(number: int, who: str, config: Path, url: str | None, *, as_json: bool) -> None:
    """End one."""
    with connect(config, url, write=True) as client:
        gone = client.post(f"/v1/silences/{number}/end", {"who": who or user()})
    if as_json:
        output.json(gone)
    else:
        output.line(f"silence {number} is over; what it held back and still fires is told")


def mark(
    model: str, kind: str, text: str, at: str, link: str, who: str, config: Path, url: str | None, *, as_json: bool
) -> None:
    """Note something that happened elsewhere."""
    given = {"model": model, "kind": kind, "text": text, "at": at, "url": link, "who": who or user()}
    with connect(config, url, write=True) as client:
        made = client.post("/v1/marks", {name: value for name, value in given.items() if value})
    if as_json:
        output.json(made)
    else:
        about = made["model"] or "all models"
        output.line(output.printable(f"mark {made['id']}: {made['kind']} on {about} at {made['at']}"))
