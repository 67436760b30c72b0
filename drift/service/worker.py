"""`drift worker`: ingest with nothing but its metrics, in little memory; and how a process is told to stop."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import structlog
from prometheus_client import start_http_server

from drift.config import Config
from drift.core.errors import ConfigError, StoreError
from drift.service.service import Service

log = structlog.get_logger(__name__)


def run_worker(config: Config, *, metrics_port: int | None = None) -> None:
    """Ingest until SIGTERM or SIGINT; several share a PostgreSQL store. `/metrics` on a port where one is given.

    Raises:
        ConfigError: the store is SQLite, there is nothing to read, or metrics are for holders of tokens only.
        DriftError: it cannot start, or had to stop.
    """
    if config.store_url.startswith("sqlite"):
        raise ConfigError(
            "SQLite has one writing process: use `drift serve`, or a PostgreSQL store for several workers"
        )
    if all(source.kind == "http" for source in config.sources):
        raise ConfigError("there is nothing to read: `sources:` names no Kafka topics and no file")
    if metrics_port is not None and config.server.tokens_needed and not config.server.metrics_open:
        raise ConfigError(
            "a worker's /metrics asks for no token; write `server: {metrics_open: true}`, or leave out --metrics-port"
        )
    service = Service.open(config, ingest_only=True)
    try:
        service.add_configured(skip=("http",))
        with told_to_stop(service):
            if metrics_port is not None:
                start_http_server(metrics_port, config.server.host, service.registry)
            service.start()
            service.stopping.wait()
    finally:
        service.stop()
    if service.failure:
        raise StoreError(service.failure)


@contextmanager
def told_to_stop(service: Service) -> Iterator[None]:
    """SIGTERM and SIGINT set `stopping`.

    uvicorn puts its own handlers over these and raises the signal again when it is done: without a handler below, that
    would end the process before the last commit. Only a main thread may take signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _: FrameType | None) -> None:
        log.info("stopping", signal=signal.Signals(number).name)
        service.stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
