"""`drift serve`: the service and its REST API in one process; `drift worker`: ingest with nothing but its metrics."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI
from prometheus_client import start_http_server

from drift.api.app import create_app
from drift.api.compose import compose
from drift.config import Config
from drift.core.clock import Clock
from drift.core.errors import ConfigError, InputError, StoreError
from drift.service.service import Service

log = structlog.get_logger(__name__)

ANSWER_WITHIN: Final = 10
"""Seconds that open requests have to be answered in once the process is told to stop."""


def run_server(config: Config, *, clock: Clock | None = None, started: Callable[[str], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; `started` is called with the URL once it answers.

    Raises:
        DriftError: it cannot start, or had to stop.
    """
    service = Service.open(config, clock)
    try:
        service.add_configured(skip=("http",))
        serve(service, started)
    finally:
        service.stop()
    if service.failure:
        raise StoreError(service.failure)


def serve(service: Service, started: Callable[[str], None] | None = None) -> None:
    """Start an opened service and answer requests until the process is told to stop. Stopping it is the caller's part.

    Raises:
        InputError: the configured address cannot be listened on; nothing was started.
    """
    where = service.config.server
    with _bound(where.host, where.port) as listening, _told_to_stop(service):
        app = create_app(compose(service))
        service.start()
        url = _url(listening)
        server = _Server(service, app, lambda: started(url) if started else log.info("listening", url=url))
        try:
            server.run(sockets=[listening])
        finally:
            service.stopping.set()


def run_worker(config: Config, *, metrics_port: int | None = None) -> None:
    """Ingest until SIGTERM or SIGINT; several share a PostgreSQL store. `/metrics` on a port where one is given.

    Raises:
        ConfigError: the store is SQLite, or there is nothing to read.
        DriftError: it cannot start, or had to stop.
    """
    if config.store_url.startswith("sqlite"):
        raise ConfigError(
            "SQLite has one writing process: use `drift serve`, or a PostgreSQL store for several workers"
        )
    if all(source.kind == "http" for source in config.sources):
        raise ConfigError("there is nothing to read: `sources:` names no Kafka topics and no file")
    service = Service.open(config, ingest_only=True)
    try:
        service.add_configured(skip=("http",))
        with _told_to_stop(service):
            if metrics_port is not None:
                start_http_server(metrics_port, config.server.host, service.registry)
            service.start()
            service.stopping.wait()
    finally:
        service.stop()
    if service.failure:
        raise StoreError(service.failure)


class _Server(uvicorn.Server):
    """Says when it listens, and stops when the service does."""

    def __init__(self, service: Service, app: FastAPI, on_start: Callable[[], object]) -> None:
        super().__init__(
            uvicorn.Config(
                app, log_config=None, access_log=False, server_header=False, lifespan="off",
                timeout_graceful_shutdown=ANSWER_WITHIN,
            )
        )  # fmt: skip
        self._service, self._on_start = service, on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self._on_start()

    async def on_tick(self, counter: int) -> bool:
        """Whether to stop; asked ten times a second."""
        return await super().on_tick(counter) or self._service.stopping.is_set()


def _bound(host: str, port: int) -> socket.socket:
    """A listening socket, taken before anything is started."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise InputError(
            f"cannot listen on {host}:{port} ({os.strerror(error.errno or 0)}); end what uses it, or change server.port"
        ) from error


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _told_to_stop(service: Service) -> Iterator[None]:
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
