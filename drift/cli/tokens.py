"""`drift token` and `drift audit`."""

from collections.abc import Sequence
from pathlib import Path

from drift.cli import output
from drift.cli.client import connect
from drift.cli.credentials import user


def create(
    name: str, scopes: Sequence[str], models: Sequence[str], expires: str, who: str, config: Path, url: str | None,
    *, as_json: bool,
) -> None:  # fmt: skip
    """Make one; its secret alone goes to standard output, so that it can be piped to where it is kept."""
    body = {"name": name, "scopes": list(scopes), "models": list(models), "expires": expires, "who": who or user()}
    with connect(config, url, write=True) as client:
        made = client.post("/v1/tokens", body)
    if as_json:
        output.json(made)
        return
    until = f"until {made['expires_at']}" if made["expires_at"] else "for ever"
    about = ", ".join(made["models"]) or "all models"
    output.note(output.printable(f"token {made['id']}, {name}: {', '.join(made['scopes'])} on {about}, {until}"))
    output.note("it is shown this once; keep it where its holder finds it, as in DRIFT_TOKEN")
    output.line(made["secret"])


def listed(config: Path, url: str | None, *, as_json: bool) -> None:
    """List them, newest first."""
    with connect(config, url) as client:
        found = list(client.pages("/v1/tokens", 10_000))
    if as_json:
        output.json(found)
        return
    headings = ("id", "name", "scopes", "models", "made by", "made", "expires", "revoked", "valid")
    rows = (
        [
            one["id"], one["name"], ", ".join(one["scopes"]), ", ".join(one["models"]) or "all", one["created_by"],
            one["created_at"], one["expires_at"] or "never", one["revoked_at"], "yes" if one["valid"] else "no",
        ]
        for one in found
    )  # fmt: skip
    output.table(headings, rows)


def revoke(number: int, who: str, config: Path, url: str | None, *, as_json: bool) -> None:
    """Revoke one."""
    with connect(config, url, write=True) as client:
        gone = client.post(f"/v1/tokens/{number}/revoke", {"who": who or user()})
    if as_json:
        output.json(gone)
    else:
        output.line(output.printable(f"token {number}, {gone['name']}, allows nothing any more"))


def audit(limit: int, config: Path, url: str | None, *, as_json: bool) -> None:
    """List who did what."""
    with connect(config, url) as client:
        found = list(client.pages("/v1/audit", limit))
    if as_json:
        output.json(found)
        return
    headings = ("at", "who", "action", "target", "detail")
    output.table(headings, ([one[key] if one[key] != "" else None for key in headings] for one in found))
