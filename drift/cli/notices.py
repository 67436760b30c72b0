"""`drift notices` and `drift resend`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from drift.cli import output
from drift.cli.client import connect
from drift.cli.credentials import user
from drift.core.errors import Conflict, InputError

_MOST: Final = 100_000


def listed(receiver: str, limit: int, config: Path, url: str | None, *, dead: bool, as_json: bool) -> None:
    """List them, newest first."""
    with connect(config, url) as client:
        state = "dead" if dead else None
        found = list(client.pages("/v1/notices", limit, state=state, receiver=receiver))
    if as_json:
        output.json(found)
        return
    headings = ("id", "created_at", "receiver", "incident", "change", "title", "state", "tries", "error")
    output.table(headings, ([one[key] if one[key] != "" else None for key in headings] for one in found))


def resend(
    ids: Sequence[int], receiver: str, who: str, config: Path, url: str | None, *, all_dead: bool, as_json: bool
) -> None:
    """Let them be tried again, oldest first. Of all dead ones, those that cannot be are left, and it says so."""
    if all_dead == bool(ids):
        raise InputError("say which: ids of dead notices, or --all-dead")
    with connect(config, url, write=True) as client:
        if all_dead:
            dead = client.pages("/v1/notices", _MOST, state="dead", receiver=receiver)
            ids = sorted(one["id"] for one in dead)
        found: list[Any] = []
        for one in ids:
            try:
                found.append(client.post(f"/v1/notices/{one}/resend", {"who": who or user()}))
            except Conflict as error:  # its receiver has a later one; the others shall not wait for it
                if not all_dead:
                    raise
                output.note(str(error))
    if as_json:
        output.json(found)
        return
    several = "s" if len(found) != 1 else ""
    output.line(f"{len(found)} notice{several} to be sent again" if found else "no notice is dead")
