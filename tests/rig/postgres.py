"""A real PostgreSQL server for tests, with the durability of production (fsync on) and databases cloned from templates.

`DRIFT_TEST_POSTGRES=postgresql://user:password@host:port/postgres` names a server that runs already, as a user who may
create databases; then none is started, and `stop`, `kill` and `start` raise
`ServiceUnavailableError`.
"""

import os
import pwd
import shutil
import signal
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import LiteralString, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tests.rig import ServiceUnavailableError
from tests.rig.proc import Process, ProcessError, free_port, runs, wait_until

_USER = "postgres"


class Postgres:
    """A server with a fixed address and data directory, which `stop`, `kill` and `start` take through outages.

    As a context manager it makes a cluster and starts it, and on leaving kills it and removes its data.
    """

    def __init__(self) -> None:
        self.external = os.environ.get("DRIFT_TEST_POSTGRES")
        self._process: Process | None = None
        self._port = free_port()
        self._templates: set[str] = set()

    def __enter__(self) -> Self:
        if self.external:
            return self
        self._bin = _programs()
        self._as_user = _unprivileged()
        self._home = Path(tempfile.mkdtemp(prefix="drift-pg-"))
        try:
            if self._as_user:
                shutil.chown(self._home, _USER, _USER)
            self._initdb()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        if not self.external:
            self.kill()
            shutil.rmtree(self._home, ignore_errors=True)

    def url(self, dbname: str = "postgres") -> str:
        """The URL of a database over TCP, for psycopg as for SQLAlchemy."""
        if self.external:
            return urlunsplit(urlsplit(self.external)._replace(path=f"/{dbname}"))
        return f"postgresql://{_USER}@127.0.0.1:{self._port}/{dbname}"

    def socket_url(self, dbname: str = "postgres") -> str:
        """The URL of a database over the unix socket; raises `ServiceUnavailableError` if the server is not ours."""
        self._require_ours()
        return f"postgresql://{_USER}@/{dbname}?host={self._home}&port={self._port}"

    @property
    def process(self) -> Process:
        """The postmaster, to pause or inspect; raises `ProcessError` if it is stopped or not ours."""
        if self._process is None:
            raise ProcessError("no PostgreSQL process of ours is running")
        return self._process

    @property
    def log(self) -> str:
        """The server's log."""
        return (self._home / "postgres.log").read_text(errors="replace")

    def start(self) -> None:
        """Start the server on its address and data, and wait until it answers; if it was paused, resume it."""
        self._require_ours()
        if self._process is not None and self._process.alive:
            self._process.resume()
            return
        args = [
            *self._as_user,
            self._bin / "postgres",
            "-D",
            self._home / "data",
            "-k",
            self._home,
            "-p",
            str(self._port),
        ]
        self._process = Process(args, log=self._home / "postgres.log", cwd=self._home)
        self._process.wait_ready(self._answers)

    def stop(self) -> None:
        """End the server at once but in order (SIGINT, 'fast'): sessions are cut off, transactions rolled back."""
        self._require_ours()
        if self._process is not None:
            self._process.terminate(timeout=60, number=signal.SIGINT)
            self._process = None

    def kill(self) -> None:
        """End the server by SIGKILL, as a crash would, and wait until its sessions are gone too."""
        self._require_ours()
        if self._process is not None:
            backends = _children(self._process.pid)
            self._process.kill()
            self._process = None
            # a backend that still holds the shared memory would keep the next postmaster from starting
            wait_until(lambda: not any(map(runs, backends)), what="backends are gone")

    def create_database(self, template: str = "template1") -> str:
        """Clone `template` into a database with a fresh name; return its name."""
        name = f"d_{uuid.uuid4().hex[:16]}"
        self._admin("CREATE DATABASE {} TEMPLATE {}", name, template)
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, cutting off who is still connected."""
        self._admin("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def template(self, name: str, prepare: Callable[[str], None]) -> str:
        """Make the template database `name` the first time it is asked for, by `prepare(url)`; return its name.

        `prepare` must close its connections: PostgreSQL clones no database that somebody is connected to.
        """
        if name not in self._templates:
            self.drop_database(name)
            self._admin("CREATE DATABASE {}", name)
            prepare(self.url(name))
            self._templates.add(name)
        return name

    def _admin(self, statement: LiteralString, *names: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _initdb(self) -> None:
        args = [*self._as_user, self._bin / "initdb", "-D", self._home / "data", "-U", _USER]
        # the cluster is young and empty: what initdb itself writes need not be flushed
        args += ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        with Process(args, log=self._home / "initdb.log", cwd=self._home) as initdb:
            if initdb.wait(timeout=120) != 0:
                raise ProcessError(f"initdb failed:\n{initdb.output()}")
        with (self._home / "data" / "postgresql.conf").open("a") as conf:
            conf.write("listen_addresses = '127.0.0.1'\nfsync = on\nmax_connections = 100\nshared_buffers = '64MB'\n")

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _require_ours(self) -> None:
        if self.external:
            raise ServiceUnavailableError("the server named by DRIFT_TEST_POSTGRES is not ours to stop or start")


def _programs() -> Path:
    """The directory of initdb and postgres: Debian's newest version, or where the PATH says."""
    versions = [p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if versions:
        return max(versions, key=lambda p: float(p.parent.name))
    found = shutil.which("initdb")
    if found is None:
        raise ServiceUnavailableError("no PostgreSQL server on this machine: apt-get install postgresql")
    return Path(found).resolve().parent


def _unprivileged() -> list[str | Path]:
    """The prefix that makes a command run as the user postgres, whom it refuses to run as root for; else nothing."""
    if os.geteuid() != 0:
        return []
    try:
        pwd.getpwnam(_USER)
    except KeyError:
        raise ServiceUnavailableError(f"PostgreSQL does not run as root, and there is no user {_USER}") from None
    return ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--init-groups"]


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
