"""Fixtures that give tests real services. Who asks for one gets its marker; who cannot have it is skipped, or fails."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import pytest

from tests.rig import ServiceUnavailableError
from tests.rig.alertmanager import Alertmanager
from tests.rig.browser import Chromium
from tests.rig.kafka import Kafka
from tests.rig.postgres import Postgres
from tests.rig.prometheus import Prometheus
from tests.rig.prometheus import promtool as find_promtool

if TYPE_CHECKING:
    from drift.store import Store

T = TypeVar("T")

_MARKERS = {
    "kafka": "kafka",
    "postgres": "postgres",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "alertmanager": "alertmanager",
    "chromium": "browser",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test with the services whose fixtures it uses; leave out what `-m` has to ask for."""
    for item in items:
        for fixture in _MARKERS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(_MARKERS[fixture])
    for asked_for in ("torture", "pipelines"):
        if asked_for not in config.option.markexpr:
            left_out = [item for item in items if item.get_closest_marker(asked_for)]
            items[:] = [item for item in items if item not in left_out]
            config.hook.pytest_deselected(items=left_out)


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """A command that a test runs in this process says how loud logs are; the next test begins anew."""
    import structlog

    yield
    structlog.reset_defaults()


def _require(get: Callable[[], T]) -> T:
    try:
        return get()
    except ServiceUnavailableError as missing:
        if os.environ.get("DRIFT_TEST_REQUIRE_SERVICES") == "1":
            pytest.fail(f"DRIFT_TEST_REQUIRE_SERVICES=1, but: {missing}", pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """A real broker, one for the run; topics get fresh names."""
    with ExitStack() as stack:
        yield _require(lambda: stack.enter_context(Kafka()))


@pytest.fixture
def stoppable_kafka(kafka: Kafka) -> Iterator[Kafka]:
    """The broker for a test that stops, kills or pauses it; it runs again after the test, whatever happened."""
    _require(kafka.start)
    yield kafka
    kafka.start()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real server, one for the run; each test gets a database of its own from `pg_url` or `store_url`."""
    with ExitStack() as stack:
        yield _require(lambda: stack.enter_context(Postgres()))


@pytest.fixture
def stoppable_postgres(postgres: Postgres) -> Iterator[Postgres]:
    """The server for a test that stops, kills or pauses it; it runs again after the test, whatever happened."""
    _require(postgres.start)
    yield postgres
    postgres.start()


@pytest.fixture
def pg_url(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty database of this test's own."""
    name = postgres.create_database()
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a store of this test's own without data: the test runs once on SQLite and once on PostgreSQL.

    On PostgreSQL its tables are made already (all such stores have one UUID), which halves the time of a test.
    """
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'drift.db'}"
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    name = postgres.create_database(postgres.template("driftsum_template", _make_tables))
    yield postgres.url(name)
    postgres.drop_database(name)


def _make_tables(url: str) -> None:
    from drift.core.clock import SystemClock
    from drift.store import open_store

    open_store(url, SystemClock()).close()


@pytest.fixture
def store(store_url: str) -> "Iterator[Store]":
    """An empty store of this test's own, once on SQLite and once on PostgreSQL."""
    from drift.core.clock import SystemClock
    from drift.store import open_store

    opened = open_store(store_url, SystemClock())
    yield opened
    opened.close()


class StartPrometheus(Protocol):
    """What the fixture `prometheus` gives: starts a server that lives until the end of the test."""

    def __call__(self, target: str, *, path: str = "/metrics", rules: Sequence[Path] = ()) -> Prometheus: ...


@pytest.fixture
def prometheus() -> Iterator[StartPrometheus]:
    """Starts real Prometheus servers: `prometheus("127.0.0.1:8000").wait_for("up == 1")`."""
    with ExitStack() as stack:

        def start(target: str, *, path: str = "/metrics", rules: Sequence[Path] = ()) -> Prometheus:
            return _require(lambda: stack.enter_context(Prometheus(target, path=path, rules=rules)))

        yield start


@pytest.fixture
def alertmanager() -> Iterator[Callable[[str], Alertmanager]]:
    """Starts a real Alertmanager that tells a webhook: `alertmanager("http://localhost:8000/").alerts()`."""
    with ExitStack() as stack:
        yield lambda webhook: _require(lambda: stack.enter_context(Alertmanager(webhook)))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """A real browser: `with chromium.tab(url) as tab: tab.go("/")`. Playwright leaves its event loop running, in which
    tests that run one of their own cannot be: so each file has a browser to itself."""
    with ExitStack() as stack:
        yield _require(lambda: stack.enter_context(Chromium()))


@pytest.fixture(scope="session")
def promtool() -> str:
    """The path of promtool."""
    return _require(find_promtool)
