"""`drift serve`: the service and its REST API in one process."""

import os
import socket
from collections.abc import Callable
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI

from drift.api.app import create_app
from drift.api.compose import compose
from drift.config import Config
from drift.core.clock import Clock
from drift.core.errors import InputError, StoreError
from drift.service.access import admin_secret
from drift.service.service import Service
from drift.service.worker import told_to_stop

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
        InputError: the configured address cannot be listened on, or there is no admin token where drift.yaml says that
            there is one; nothing was started.
    """
    where = service.config.server
    if where.admin_token is not None:
        admin_secret(where.admin_token.get)
    if where.tokens_needed:
        _say_what_is_missing(service)
    with _bound(where.host, where.port) as listening, told_to_stop(service):
        app = create_app(compose(service))
        service.start()
        url = _url(listening)
        server = _Server(service, app, lambda: started(url) if started else log.info("listening", url=url))
        try:
            server.run(sockets=[listening])
        finally:
            service.stopping.set()


def _say_what_is_missing(service: Service) -> None:
    server, now = service.config.server, service.clock.now()
    tokens = [one for one in service.store.tokens() if one.revoked_at is None and (one.expires_at or now + 1) > now]
    if server.admin_token is None and not tokens:
        log.warning("nobody has an access token; stop, and make one with `drift token create NAME --scope admin`")
    if not server.loopback:
        log.warning("other machines can reach this address: put TLS in front, or tokens travel in the clear")


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
