"""`drift report incident` and `drift report window`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from drift.cli import output
from drift.cli.client import Client, connect
from drift.core.errors import InputError, NotFound

_MARKDOWN = (".md", ".markdown")


def incident(number: int, form: str, file: Path | None, config: Path, url: str | None) -> None:
    """Write an incident report; without a format it is what the file's name says."""
    wanted = form or ("markdown" if file is not None and file.suffix.lower() in _MARKDOWN else "html")
    with connect(config, url) as client:
        _write(client.text(f"/v1/incidents/{number}/report", format=wanted), file)


def window(
    model: str, cut: str, number: int | None, columns: Sequence[str], file: Path | None, config: Path, url: str | None
) -> None:
    """Write Evidently's report of a window: the one asked for, or the latest final one with rows."""
    with connect(config, url) as client:
        chosen = number if number is not None else _latest(client, model, cut)
        _write(client.text(f"/v1/windows/{chosen}/report", column=list(columns)), file)


def _latest(client: Client, model: str, cut: str) -> int:
    rows = client.pages("/v1/windows", 100, model=model, state="final", window=cut)
    found = next((one for one in rows if one["rows"]), None)
    if found is None:
        raise NotFound(f"model {model!r} has no final window with rows yet; `drift status` says what it waits for")
    return int(found["id"])


def _write(text: str, file: Path | None) -> None:
    if file is None:
        sys.stdout.write(text)
        return
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}; give another place with -o") from error
    output.note(f"wrote {file} ({len(text.encode()):,} bytes)")
