"""`drift row-tests`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drift.cli import output
from drift.cli.client import connect
from drift.core.errors import NotFound


def show(model: str, tests: Sequence[str], window: str, config: Path, url: str | None, *, as_json: bool) -> None:
    """Test the latest final window with rows."""
    with connect(config, url) as client:
        cut = {"window": window} if window else {}
        rows = client.pages("/v1/windows", 100, model=model, state="final", **cut)
        latest = next((one for one in rows if one["rows"]), None)
        if latest is None:
            raise NotFound(f"model {model!r} has no final window yet; `drift status` says what it waits for")
        found = client.get(f"/v1/windows/{latest['id']}/row-tests", test=list(tests))
    if as_json:
        output.json({"window": latest, "tests": found})
        return
    output.line(f"{model}, window of {latest['window']} from {latest['start']} to {latest['end']}")
    headings = ("test", "column", "value", "threshold", "p", "rows", "verdict")
    output.table(headings, ([*_plain(one)] for one in found))


def _plain(one: Any) -> list[object]:
    numbers = [output.number(one[key]) for key in ("value", "threshold", "p_value")]
    rows = " and ".join(f"{n:,}" for n in one["rows"])
    best = f" ({', '.join(one['columns'][:3])})" if one["drifted"] and one["columns"] else ""
    verdict = one["why"] or ("drift" if one["drifted"] else "no drift") + best
    return [one["test"], one["column"] or None, *numbers, rows, verdict]
