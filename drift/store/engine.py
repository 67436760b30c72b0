"""Transactions. `read` and `write` run a function within one, translate errors, and repeat what collided.

| | reads | writes |
|---|---|---|
| SQLite | own read-only connections, a WAL snapshot each | one connection behind a lock, BEGIN IMMEDIATE |
| PostgreSQL | REPEATABLE READ, read only | READ COMMITTED; rows that must not move are locked by the statement |
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import stamina
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from drift.core.errors import ConfigError, StoreError, StoreUnavailable
from drift.store import sqlite
from drift.store.failures import repeatable, translated

T = TypeVar("T")
Role = Literal["writer", "reader"]

_DRIVERS: Final = {
    "sqlite": "sqlite", "postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}  # fmt: skip
ATTEMPTS: Final = 5
RETRY_SECONDS: Final = 10.0
WRITER_WAIT_SECONDS: Final = 30.0
# A worker that is stopped in the middle of a transaction (SIGSTOP) must not hold its partitions' rows for ever.
_SESSION: Final = (
    "-c idle_in_transaction_session_timeout=15s -c lock_timeout=10s -c statement_timeout=120s -c timezone=UTC"
)
_POSTGRES_CONNECT: Final[dict[str, Any]] = {
    "connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
    "tcp_user_timeout": 30_000, "application_name": "driftsum", "options": _SESSION,
}  # fmt: skip


class Database:
    """One database, shared by the threads of a process."""

    def __init__(self, url: str, role: Role = "writer") -> None:
        """Open it; on SQLite a writer takes the file's lock.

        Raises:
            ConfigError: the URL is none of SQLite or PostgreSQL.
            StoreHeld: another process writes this SQLite file.
        """
        parsed = _parse(url)
        self.role = role
        self.where = parsed.render_as_string(hide_password=True)
        self.dialect = parsed.get_backend_name()
        self._lock: sqlite.FileLock | None = None
        self._turn = threading.Lock()
        if self.dialect == "sqlite":
            self._open_sqlite(sqlite.database_path(parsed.database))
        else:
            self._open_postgres(parsed)

    def _open_sqlite(self, path: Path) -> None:
        if self.role == "writer":
            self._lock = sqlite.FileLock(path)
        sqlite.warn_once()
        self._writer = _sqlite_engine(lambda: sqlite.connect_writer(path), "BEGIN IMMEDIATE", size=1, overflow=0)
        self._reader = _sqlite_engine(lambda: sqlite.connect_reader(path), "BEGIN", size=5, overflow=15)

    def _open_postgres(self, url: URL) -> None:
        engine = create_engine(
            url, pool_size=5, max_overflow=15, pool_timeout=10, pool_pre_ping=True, connect_args=_POSTGRES_CONNECT,
            isolation_level="READ COMMITTED", hide_parameters=True,
        )  # fmt: skip
        # psycopg's executemany ends with a Flush after its Sync, which switches the idle-in-transaction timeout
        # off: a worker stopped there would hold its locks for ever. One INSERT of many rows does not, and is as fast.
        engine.dialect.use_insertmanyvalues_wo_returning = True
        self._writer = engine
        self._reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one consistent snapshot.

        Raises:
            StoreUnavailable: the database is away.
        """
        for attempt in _attempts():
            with attempt, self._transaction(self._reader) as connection:
                return work(connection)
        raise StoreError("unreachable: the last attempt returns or raises")

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction; all of it is committed, or nothing. It may run more than once.

        Raises:
            StoreUnavailable: away, locked or full. Where the message says that a commit was not confirmed, it may have
                happened all the same.
        """
        if self.role != "writer":
            raise StoreError(f"the store {self.where} was opened for reading; open it with role='writer' to change it")
        for attempt in _attempts():
            with attempt, self._serialised(), self._transaction(self._writer) as connection:
                return work(connection)
        raise StoreError("unreachable: the last attempt returns or raises")

    @contextmanager
    def _serialised(self) -> Iterator[None]:
        if self.dialect != "sqlite":
            yield
            return
        if not self._turn.acquire(timeout=WRITER_WAIT_SECONDS):
            raise StoreUnavailable(f"the store {self.where} is busy with another write of this process; try again")
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        # leaving the block returns the connection, and rolls back unless commit() was reached
        with translated(self.where), engine.connect() as connection:
            yield connection
            with translated(self.where, committing=engine is self._writer):
                try:
                    connection.commit()
                except BaseException:
                    # its transaction may still be open; a connection like that must not go back to the pool
                    connection.invalidate()
                    raise

    def close(self) -> None:
        """Close every connection, the writer's last: the last one to close checkpoints."""
        if self._reader is not self._writer:
            self._reader.dispose()
        self._writer.dispose()
        if self._lock is not None:
            self._lock.release()


def _attempts() -> Iterable[Any]:
    return stamina.retry_context(
        on=repeatable, attempts=ATTEMPTS, timeout=RETRY_SECONDS, wait_initial=0.01, wait_max=0.5, wait_jitter=0.05
    )


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(
            "the store's URL cannot be read; write sqlite:///drift.db or postgresql://host/name"
        ) from error
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None:
        raise ConfigError(
            f"a store on {parsed.drivername} is not supported; write sqlite:///drift.db or postgresql://host/name"
        )
    return parsed.set(drivername=driver)


def _sqlite_engine(connect: Callable[[], sqlite3.Connection], begin: str, *, size: int, overflow: int) -> Engine:
    engine = create_engine(
        "sqlite://", creator=connect, poolclass=QueuePool, pool_size=size, max_overflow=overflow, pool_timeout=10,
        hide_parameters=True,
    )  # fmt: skip
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine
