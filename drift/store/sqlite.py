"""SQLite: one writer process, one writing and checkpointing connection in it, any number of readers.

SQLite 3.7.0 to 3.51.2 can corrupt a database when two connections write and checkpoint while the WAL is reset. Here
only the writer's connection writes, and only it checkpoints: readers open the file read-only, without checkpoints.
"""

import fcntl
import os
import sqlite3
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import quote

import structlog

from drift.core.errors import ConfigError, StoreHeld, StoreUnavailable

BUSY_SECONDS: Final = 1.0
"""How long one statement waits for a lock; the whole transaction is then tried again."""
_FIXED: Final = (3, 51, 3)
_PRAGMAS: Final = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "journal_size_limit=67108864")


def database_path(database: str | None) -> Path:
    """The file of a SQLite URL.

    Raises:
        ConfigError: it names none.
    """
    if not database or database.startswith(":memory:") or "mode=memory" in database:
        raise ConfigError("a SQLite store needs a file, because readers open it beside the writer: sqlite:///drift.db")
    return Path(database)


def connect_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes and checkpoints. Transactions are begun by the caller."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that can neither write nor checkpoint."""
    uri = f"file:{quote(str(path.resolve()))}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    for pragma in ("query_only=ON", "wal_autocheckpoint=0"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


class FileLock:
    """The exclusive right to write one SQLite file, held until `release` or the process's end."""

    def __init__(self, database: Path) -> None:
        """Take the lock.

        Raises:
            StoreHeld: another process has it.
            StoreUnavailable: the lock file cannot be made.
        """
        path = database.with_name(database.name + ".lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # flock rather than POSIX locks: those are shared by a whole process and lost when any descriptor closes
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreUnavailable(
                f"the lock file {path} cannot be made ({error.strerror}); check its folder"
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise StoreHeld(
                f"{database} is written by process {pid or 'unknown'}; stop that one, send writes to its REST API, "
                "or use PostgreSQL for several writers"
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock up; the file stays, because removing it would let two processes lock two files of one name."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def weakness() -> str:
    """What is to be known about the linked SQLite, or empty."""
    if sqlite3.sqlite_version_info >= _FIXED:
        return ""
    return (
        f"SQLite {sqlite3.sqlite_version} can corrupt a WAL that two connections write to (fixed in 3.51.3); "
        "this store keeps to one writing connection, so let nothing else write the file"
    )


@cache
def warn_once() -> None:
    """Say it in the log, once a process."""
    if said := weakness():
        structlog.get_logger(__name__).info("old SQLite", detail=said, version=sqlite3.sqlite_version)
