"""Bringing a database to this release's tables, at start, one process at a time.

1. take the lock: SQLite's file lock is held already; PostgreSQL an advisory lock that ends with the transaction
2. compare: nothing there, older, equal, or newer (refused)
3. run Alembic's migrations and note the schema in `store`, all in that transaction, so that a kill leaves none of it

Workers that were started before notice at their next commit (`catalogue.check_version`) and refuse to go on.
"""

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect, text

from drift.core.errors import StoreError
from drift.store import tables
from drift.store.engine import Database

if TYPE_CHECKING:
    from alembic.config import Config

_ADVISORY_LOCK: Final = 0x6472696674  # 'drift'
_FOLDER: Final = Path(__file__).with_name("migrations")


def migrate(database: Database) -> None:
    """Make or upgrade the tables.

    Raises:
        StoreError: a newer release has changed them already.
    """
    # written, not read: on SQLite the writer is who makes the file
    database.write(_upgrade)


def require_current(database: Database) -> None:
    """For those who only read.

    Raises:
        StoreError: the tables are of another release, or not there.
    """
    found = database.read(_schema)
    if found != tables.SCHEMA:
        raise _mismatch(found)


def _schema(c: Connection) -> str | None:
    if not inspect(c).has_table("store"):
        return None
    return c.execute(tables.store.select().with_only_columns(tables.store.c.schema)).scalar_one_or_none()


def _upgrade(c: Connection) -> None:
    if _schema(c) == tables.SCHEMA:
        return
    if c.dialect.name == "postgresql":
        c.execute(text("SET LOCAL lock_timeout = '120s'; SET LOCAL statement_timeout = 0"))
        c.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    found = _schema(c)
    if found == tables.SCHEMA:
        return
    # imported late: ten megabytes that a worker beside a current database never needs
    from alembic import command
    from alembic.script import ScriptDirectory

    config = _config(c)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise _mismatch(found)
    if found is not None:
        # commits hold this row shared: wait for those under way, and let none begin before the tables are new
        c.execute(tables.store.select().with_for_update())
    command.upgrade(config, tables.SCHEMA)
    if found is None:
        c.execute(
            tables.store.insert(),
            {"id": 1, "uuid": str(uuid.uuid4()), "schema": tables.SCHEMA, "catalogue_version": 1},
        )
    else:
        c.execute(tables.store.update().values(schema=tables.SCHEMA))


def _config(c: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = c
    return config


def _mismatch(found: str | None) -> StoreError:
    if found is None:
        return StoreError("the store has no tables yet; start `drift serve` or `drift worker` once")
    if found < tables.SCHEMA:
        return StoreError(
            f"the store has schema {found}, this release reads {tables.SCHEMA}; restart its writer with this release"
        )
    return StoreError(
        f"the store has schema {found}, this release knows {tables.SCHEMA}: a newer one changed it; upgrade this one"
    )
