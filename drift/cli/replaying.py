"""`drift replay`: straight into the store, or, where a server holds it, as requests to that server."""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from drift.cli import output
from drift.cli.client import Client, address
from drift.config import Config, load
from drift.core.clock import Clock, SystemClock
from drift.core.errors import BackPressure, InputError, StoreHeld, StoreUnavailable

PATIENCE: Final = 60.0
"""Seconds for which a server that is busy or has lost its store is asked again."""
_PAUSE: Final = 2.0
_LINES: Final = 2_000
"""JSON events a request."""
_MEDIA_TYPES: Final = {
    "json": "application/x-ndjson",
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
}


def replay(file: Path, config: Path, url: str | None, source: str, *, again: bool, as_json: bool) -> None:
    """Count a file and say what became of its events."""
    found = _through(url, file, source, again=again) if url else _here(load(config), file, source, again=again)
    if as_json:
        output.json(found)
        return
    if found["before"]:
        output.line("counted before: nothing is counted twice; --again counts it once more")
    windows = f", {found['windows']} windows judged" if "windows" in found else ""
    output.line(f"{found['counted']:,} events counted, {found['dead_letters']:,} dead letters{windows}")


def _here(config: Config, file: Path, source: str, *, again: bool) -> dict[str, Any]:
    from drift.service.replay import replay as count

    try:
        with _progress(file) as progress:
            done = count(config, file, progress, source=source, again=again)
    except StoreHeld:
        output.note("a server holds the store: sending the events to it")
        return _through(address(config), file, source, again=again)
    return {
        "counted": done.counted, "dead_letters": done.dead_letters, "windows": done.results, "before": done.before,
    }  # fmt: skip


def _through(url: str, file: Path, source: str, *, again: bool) -> dict[str, Any]:
    """Post a file's blocks, each under a key of its own, so that a replay that was cut short goes on."""
    from ingest.sources.files import format_of

    if source:
        raise InputError("a server reads events as its http source says; --source is for a store without a server")
    form = format_of(file)
    if not file.is_file():
        raise InputError(f"{file} is no file; name a file of events")
    client = Client(url.rstrip("/"), None, None)
    with _progress(file) as progress:
        blocks = _blocks(file, form, progress, again=again)
        answers = [_send(client, body, _MEDIA_TYPES[form], key, SystemClock()) for body, key in blocks]
    new = [answer for answer in answers if not answer["repeated"]]
    return {
        "counted": sum(answer["accepted"] for answer in new),
        "dead_letters": sum(len(answer["rejected"]) for answer in new),
        "before": bool(answers) and not new,
    }


def _blocks(file: Path, form: str, progress: Callable[[int, int], None], *, again: bool) -> Iterator[tuple[bytes, str]]:
    """Bodies of requests with their keys."""
    from ingest.sources.readers import open_reader

    with file.open("rb") as stream:
        name = hashlib.file_digest(stream, "sha256").hexdigest()[:32] + (secrets.token_hex(4) if again else "")
    reader, position = open_reader(file, form), 0
    try:
        while True:
            starts, values, after = reader.read(position, _LINES if form == "json" else 1, final=True)
            if form == "json" and values:
                yield b"\n".join(values), f"{name}:{position}"
            elif values:
                yield values[0], f"{name}:{starts[0]}"
            if after == position or after >= reader.end():
                progress(reader.end(), reader.end())
                return
            position = after
            progress(position, reader.end())
    finally:
        reader.close()


def _send(client: Client, body: bytes, media_type: str, key: str, clock: Clock) -> Any:
    """Post until it is committed: the key makes it count once, however often it is sent."""
    first = clock.monotonic()
    while True:
        try:
            return client.events(body, media_type, key)
        except (BackPressure, StoreUnavailable) as error:
            if clock.monotonic() - first > PATIENCE:
                raise
            clock.sleep(error.retry_after if isinstance(error, BackPressure) else _PAUSE)


@contextmanager
def _progress(file: Path) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(file.name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
