"""`drift forget`."""

from pathlib import Path

from drift.cli import output
from drift.cli.client import connect
from drift.cli.credentials import user


def forget(model: str, why: str, who: str, config: Path, url: str | None, *, as_json: bool) -> None:
    """Watch a model no more."""
    with connect(config, url, write=True) as client:
        gone = client.post("/v1/forget", {"why": why, "who": who or user()}, model=model)
    if as_json:
        output.json(gone)
    else:
        output.line(output.printable(f"model {gone['name']} is watched no more; what is stored of it stays"))
