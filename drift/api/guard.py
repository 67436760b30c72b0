"""Which requests are looked at: those that name this service, and are not too large."""

from collections.abc import Iterable, Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from drift.api.errors import answer, too_large


class TrustedHosts:
    """Answers 400 unless the Host header is one of the trusted names, whatever its port.

    That keeps DNS rebinding out of a loopback port.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = {host.lower().strip("[]") for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http" or _name(Headers(scope=scope).get("host", "")) in self._hosts:
            await self._app(scope, receive, send)
            return
        message = "this name is not trusted; add it to server.trusted_hosts in drift.yaml"
        await answer(400, "untrusted_host", message)(scope, receive, send)


def _name(host: str) -> str:
    """The host without its port: `[::1]:8642` → `::1`."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


class BodyLimits:
    """Answers 413 to a body that is larger than its path allows, announced or not."""

    def __init__(self, app: ASGIApp, limits: Mapping[str, int], otherwise: int) -> None:
        """`limits`: path → bytes."""
        self._app, self._limits, self._otherwise = app, limits, otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a body that cannot grow beyond the limit, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limits.get(scope["path"], self._otherwise)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            await answer(413, "too_large", too_large("the request", limit))(scope, receive, send)
            return
        await self._app(scope, _limited(receive, limit), send)


def _limited(receive: Receive, limit: int) -> Receive:
    size = 0

    async def bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            # FastAPI lets this kind of error through while it reads a body
            raise HTTPException(413, too_large("the request", limit))
        return message

    return bounded
