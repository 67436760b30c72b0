"""`drift reference add|list|show`."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

from drift.cli import output
from drift.cli.client import Client, connect
from drift.cli.credentials import user
from drift.core.alert import AuditEntry
from drift.core.clock import from_datetime, isoformat
from drift.core.errors import InputError, ReferenceRefused

_MEDIA_TYPES: Final = {
    ".parquet": "application/vnd.apache.parquet",
    ".pq": "application/vnd.apache.parquet",
    ".csv": "text/csv",
}


def add(
    file: Path, model: str, version: str, active_from: str, why: str, who: str, config: Path, url: str | None, *,
    as_json: bool,
) -> None:  # fmt: skip
    """Register a file: read here where the store is ours, uploaded where a server holds it."""
    if not file.is_file():
        raise ReferenceRefused(f"{file}: there is no such file; give the path of a Parquet or CSV file")
    with connect(config, url, write=True) as client:
        made = _add(client, file, model, version, _moment(active_from), why, who or user() if why else "")
    _show(made, as_json=as_json)


def _moment(text: str) -> int | None:
    """A moment as microseconds; None: none was given."""
    if not text:
        return None
    try:
        return from_datetime(datetime.fromisoformat(text))
    except ValueError as error:
        raise InputError(f"--active-from {text!r} is no time with its zone; write 2026-11-23T10:00:00Z") from error


def _add(client: Client, file: Path, model: str, version: str, active_from: int | None, why: str, who: str) -> Any:
    if client.services is not None:
        # no copy and no limit of an upload: a reference may be larger than memory
        reference = client.services.register(file, model, version, active_from)
        store, clock = client.services.store, client.services.clock
        if why:
            from drift.service.answering import rereferenced

            rereferenced(store, clock, reference, who, why)
        about = f"reference {reference.id}, version {version}" + (f": {why}" if why else "")
        store.audit(
            AuditEntry(clock.now(), who or user() or "the command line", "reference.add", f"model {model}", about)
        )
        return client.get(f"/v1/references/{reference.id}")
    media_type = _MEDIA_TYPES.get(file.suffix.lower())
    if media_type is None:
        raise ReferenceRefused(f"{file}: a reference is uploaded as .parquet or .csv; convert it")
    when = {} if active_from is None else {"active_from": isoformat(active_from)}
    return client.upload("/v1/references", file, media_type, model=model, version=version, why=why, who=who, **when)


def listed(model: str, config: Path, url: str | None, *, as_json: bool) -> None:
    """List the references of one model or of all."""
    with connect(config, url) as client:
        names = [model] if model else [found["name"] for found in client.pages("/v1/models", 10_000)]
        found = [one for name in names for one in client.pages("/v1/references", 10_000, model=name)]
    if as_json:
        output.json(found)
        return
    headings = ("id", "model", "version", "rows", "columns", "active_from", "created_at")
    output.table(headings, ([one[key] for key in headings] for one in found))


def show(number: int, config: Path, url: str | None, *, as_json: bool) -> None:
    """Show one."""
    with connect(config, url) as client:
        found = client.get(f"/v1/references/{number}")
    _show(found, as_json=as_json)


def _show(reference: Any, *, as_json: bool) -> None:
    if as_json:
        output.json(reference)
        return
    from drift.reference.summary import HEADINGS, summary_rows

    title = f"reference {reference['id']} of {reference['model']}, version {reference['version']}"
    output.table(HEADINGS, summary_rows(reference["summary"]), title=f"{title}: {reference['rows']:,} rows")
    for note in reference["summary"].get("notes", ()):
        output.note(f"note: {note}")
