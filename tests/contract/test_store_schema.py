"""Migrations: what they make equals `tables`, they run once, in one transaction, and never against a newer schema."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, inspect, text

from drift.core.alert import NoticeState
from drift.core.clock import SystemClock
from drift.core.commit import AlarmChange
from drift.core.errors import StoreError
from drift.store import Store, migrate, open_store, tables
from drift.store.engine import Database
from tests.rig.alarming import alarm, commit, result
from tests.rig.alerted import alert, put
from tests.rig.storing import delta, feed

CLOCK = SystemClock()


def test_migrations_make_the_tables_of_this_release(store: Store) -> None:
    def differences(database: Database) -> object:
        return database.write(
            lambda c: compare_metadata(MigrationContext.configure(c, opts={"compare_type": True}), tables.metadata)
        )

    assert differences(store._database) == []


def test_the_newest_migration_is_the_one_named() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).with_name("migrations")))
    assert ScriptDirectory.from_config(config).get_current_head() == tables.SCHEMA


@pytest.mark.parametrize(("schema", "lacks"), [("0001", "alarms"), ("0002", "alerts"), ("0003", "outcomes")])
def test_a_store_of_a_release_before_is_upgraded(
    empty_url: str, monkeypatch: pytest.MonkeyPatch, schema: str, lacks: str
) -> None:
    with monkeypatch.context() as before:
        before.setattr(tables, "SCHEMA", schema)
        old = open_store(empty_url, CLOCK)
        fed = feed(old)
        fed.commit(delta(fed.reference, 1))
        if lacks != "alarms":
            commit(fed, result(fed, 3, AlarmChange("raised", alarm())))
        assert not old._read(lambda c: inspect(c).has_table(lacks))
        uuid = old.uuid
        old.close()
    with pytest.raises(StoreError, match=rf"schema {schema}, this release reads {tables.SCHEMA}; restart its writer"):
        open_store(empty_url, CLOCK, role="reader")
    new = open_store(empty_url, CLOCK)
    try:
        assert (new.uuid, new.info().schema, new.totals().rows) == (uuid, tables.SCHEMA, 10)
        assert [row.alarm for row in new.alarms(fed.model.id)] == ([] if lacks == "alarms" else [alarm()])
        put(new, alerts=[alert()])
        assert new.open_alerts() == [alert()]
        found = new._database.write(lambda c: compare_metadata(MigrationContext.configure(c), tables.metadata))
        assert found == []
    finally:
        new.close()


def test_opening_again_changes_nothing(store: Store, store_url: str) -> None:
    fed = feed(store)
    fed.commit(delta(fed.reference, 1))
    store.close()
    for _ in range(2):
        again = open_store(store_url, CLOCK)
        assert again.totals().rows == 10
        again.close()


@pytest.mark.parametrize("role", ["writer", "reader"])
def test_a_newer_schema_is_refused(store: Store, store_url: str, role: str) -> None:
    store._write(lambda c: c.execute(tables.store.update().values(schema="0999")))
    store.close()
    with pytest.raises(StoreError, match=rf"schema 0999, this release knows {tables.SCHEMA}.*upgrade"):
        open_store(store_url, CLOCK, role=role)  # type: ignore[arg-type]


def test_a_worker_that_was_running_refuses_to_go_on(store: Store) -> None:
    fed = feed(store)
    store._write(lambda c: c.execute(tables.store.update().values(schema="0999")))
    with pytest.raises(StoreError, match=f"migrated from schema {tables.SCHEMA} to 0999"):
        fed.commit(delta(fed.reference, 1))
    assert store.totals().rows == 0


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables."""
    return f"sqlite:///{tmp_path / 'empty.db'}" if request.param == "sqlite" else request.getfixturevalue("pg_url")


def test_a_reader_makes_no_tables(pg_url: str) -> None:
    with pytest.raises(StoreError, match="no tables yet"):
        open_store(pg_url, CLOCK, role="reader")


def test_a_migration_that_breaks_leaves_nothing(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    insert = tables.store.insert

    def broken() -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(tables.store, "insert", broken)
    with pytest.raises(KeyboardInterrupt):
        open_store(empty_url, CLOCK)
    monkeypatch.setattr(tables.store, "insert", insert)
    database = Database(empty_url)
    try:
        assert database.write(lambda c: inspect(c).get_table_names()) == []
    finally:
        database.close()
    open_store(empty_url, CLOCK).close()


def test_an_index_serves_the_common_questions(store: Store) -> None:
    """SQLite's plans; a scan of panes or windows would grow with the store's age."""
    if store.dialect != "sqlite":
        pytest.skip("PostgreSQL plans by size, and here everything is small")
    statements: list[str] = []
    fed = feed(store)

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)

    event.listen(store._database._reader, "before_cursor_execute", note)
    store.profile(fed.reference, 0, 1)
    store.pending(fed.model.id, 10)
    store.windows(fed.model.id, limit=3)
    store.latest_final(fed.model.id)
    _ask_of_alerting(store)
    plans = [str(row) for statement in statements for row in store._read(partial(_explain, statement))]
    assert len(plans) >= 4
    for index in ("windows_pending", "alerts_open", "incidents_open", "notices_waiting", "notices_dead"):
        assert any(f"ix_{index}" in plan for plan in plans), index
    assert not [
        plan
        for plan in plans
        if re.search(r"SCAN (panes|windows|alerts|notices|incident_events)(?! USING (COVERING )?INDEX ix_)", plan)
    ]


def _ask_of_alerting(store: Store) -> None:
    store.open_alerts()
    store.open_incidents()
    store.incident_alerts(1)
    store.events(1)
    store.model_events(1, 0, 1)
    store.waiting("oncall", 1)
    store.outbox()
    store.notices(state=NoticeState.DEAD)
    store.notices(incident_id=1)


def _explain(statement: str, c: Connection) -> Sequence[object]:
    return c.execute(text("EXPLAIN QUERY PLAN " + statement.replace("?", "1"))).all()
