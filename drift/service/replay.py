"""`drift replay`: the events of one file through the very pipeline that runs in production, then it is done."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from drift.config import Config, SourceSettings
from drift.core.clock import Clock
from drift.core.errors import ConfigError, StoreUnavailable
from drift.pipeline import Worker
from drift.service.service import Service
from drift.store.rows import Totals

Progress = Callable[[int, int], None]
"""Told how far reading is, and how far there is to go: bytes, or rows of Parquet."""

PATIENCE = 60.0
"""Seconds without progress after which a store that is away ends the replay; started again, it goes on from there."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a file's events."""

    counted: int
    dead_letters: int
    results: int
    """Windows judged."""
    before: bool
    """The file had been counted before."""


def replay(
    config: Config,
    path: Path,
    progress: Progress | None = None,
    *,
    source: str = "",
    again: bool = False,
    clock: Clock | None = None,
) -> Replayed:
    """Count a file: JSON Lines, CSV or Parquet. One that was counted counts nothing; one that was cut short goes on.

    Args:
        config: its store and models.
        path: the file.
        progress: see `Progress`.
        source: read it as this source of drift.yaml is read (its `map`).
        again: count it once more.
        clock: the machine's, unless given.

    Raises:
        ConfigError: no file of events, or no such source.
        StoreHeld: a server has the store.
        StoreUnavailable: the store went away and did not come back.
    """
    from ingest.sources.files import FileSource, format_of

    settings = _settings(config, source, format_of(path))
    service = Service.open(config, clock)
    try:
        token = f":{secrets.token_hex(4)}" if again else ""
        reader = FileSource("file", path, service.clock, again=token, progress=progress)
        worker = service.worker(reader, settings)
        before = service.store.totals()
        read = _run(worker, service.clock)
        results = service.evaluator.tick()
        return _replayed(before, service.store.totals(), results, read)
    finally:
        service.stop()


def _settings(config: Config, source: str, form: str) -> SourceSettings:
    if not source:
        return SourceSettings.model_validate({"http": {}, "format": form})
    found = next((one for one in config.sources if one.name == source), None)
    if found is None:
        names = ", ".join(one.name for one in config.sources) or "none"
        raise ConfigError(f"there is no source {source!r} in drift.yaml; there are {names}")
    return found.model_copy(update={"format": form})


def _run(worker: Worker, clock: Clock) -> int:
    """Turn until the file is at its end and committed; the records read."""
    read, moved = 0, clock.monotonic()
    try:
        while not worker.finished:
            now = worker.step()
            read += now
            if now:
                moved = clock.monotonic()
            elif clock.monotonic() - moved > PATIENCE:
                raise StoreUnavailable("the store does not come back; start the replay again, and it goes on from here")
    finally:
        worker.close()
    return read


def _replayed(before: Totals, after: Totals, results: int, read: int) -> Replayed:
    letters = (after.dead_letters or 0) - (before.dead_letters or 0)
    return Replayed(after.rows - before.rows, letters, results, before=not read)
