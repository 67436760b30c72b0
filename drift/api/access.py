"""Who asks, and whether they may: every request's token is looked at before anything else of it is.

Authentication (ASGI)   token → `Caller`; 401 it is none, 429 it is used too often, 403 another site's page asks.
                        A page's reader may bring it in a cookie, and goes to the login page instead of a 401
needs(scope)            beside each route: 403 without that scope; the app refuses to be made with a route without
Asker                   given to the routes, for what is about one model: 403 where that is none of the token's
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from drift.api.errors import ApiError, answer, forbidden, refusal
from drift.api.pages import session
from drift.config import ServerSettings
from drift.core.alert import Scope
from drift.core.clock import Clock
from drift.core.errors import DriftError, Unauthorized
from drift.service.access import ANYBODY, SCRAPER, Bucket, Caller, Keys

OPEN_PATHS: Final = ("/healthz",)
"""Answered to everybody: whether the process lives."""
SCRAPED: Final = ("/metrics", "/readyz")
"""Answered to everybody where `server.metrics_open` says so."""
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_BUCKETS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Needs:
    """What a token has to allow; a dependency of a route."""

    scope: Scope | None
    """None: the route is open to everybody."""
    whole: bool = False
    """It is about all models: a token for some of them is not enough."""

    async def __call__(self, request: Request) -> None:
        """Pass, or refuse with 403; asynchronous, or it would be called in a thread."""
        if self.scope is None:
            return
        caller = _caller(request)
        if self.scope not in caller.scopes:
            has = ", ".join(sorted(caller.scopes)) or "nothing"
            raise forbidden(f"this needs a token with scope `{self.scope}`; {caller.name!r} has {has}")
        if self.whole and caller.restricted:
            raise forbidden(f"this is about all models; token {caller.name!r} is for {', '.join(caller.models)} only")


def needs(scope: Scope, *, whole: bool = False) -> Any:
    """Declare what a route needs, in its `dependencies`."""
    return Depends(Needs(scope, whole))


OPEN: Final[Any] = Depends(Needs(None))
"""Declares a route that everybody may ask."""
INGEST: Final = needs(Scope.INGEST)
READ: Final = needs(Scope.READ)
READ_ALL: Final = needs(Scope.READ, whole=True)
OPERATE: Final = needs(Scope.OPERATE)
OPERATE_ALL: Final = needs(Scope.OPERATE, whole=True)
ADMIN: Final = needs(Scope.ADMIN, whole=True)


def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


async def _asking(request: Request) -> Caller:
    return _caller(request)


Asker = Annotated[Caller, Depends(_asking)]


def see(asker: Caller, model: str) -> None:
    """Return if a model is the caller's.

    Raises:
        ApiError: 403 it is not. It does not say whether there is such a model.
    """
    if not asker.sees(model):
        raise forbidden(f"token {asker.name!r} is for {', '.join(asker.models)} only, and this is about something else")


def declared(routers: Sequence[APIRouter]) -> Iterator[tuple[APIRoute, Needs]]:
    """Every route with what it needs.

    Raises:
        RuntimeError: one does not say it, or says it twice.
    """
    for router in routers:
        for route in router.routes:
            if not isinstance(route, APIRoute):
                raise RuntimeError(f"{route} is no route of the API")
            found = [one.dependency for one in route.dependencies if isinstance(one.dependency, Needs)]
            if len(found) != 1:
                raise RuntimeError(f"{route.path} has to say in its dependencies, once, which scope it needs")
            yield route, found[0]


def describe(app: FastAPI, routers: Sequence[APIRouter], *, optional: bool) -> None:
    """Say in the OpenAPI document what each route needs."""
    needed = list(declared(routers))
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema:
            return app.openapi_schema
        document = plain()
        document.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for route, need in needed:
            for method in route.methods or ():
                operation = document["paths"][route.path_format][method.lower()]
                if need.scope is not None:
                    operation["security"] = [{"token": [need.scope.value]}] + ([{}] if optional else [])
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation says


class Authentication:
    """Finds out who asks. What is not open is answered to nobody else."""

    def __init__(self, app: ASGIApp, keys: Keys, settings: ServerSettings, clock: Clock) -> None:
        self._app, self._keys, self._clock = app, keys, clock
        self._needed, self._rate = settings.tokens_needed, settings.rate_limit
        self._open: Collection[str] = SCRAPED if settings.metrics_open else ()
        self._names = proxied(settings)
        self._buckets: dict[str, Bucket] = {}

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Pass the request on with its caller, or refuse it."""
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS and not session.is_open(scope["path"]):
            try:
                scope.setdefault("state", {})["caller"] = await self._who(scope)
            except ApiError as error:
                if error.status == 401 and session.is_page(scope["path"]):
                    await session.to_login(scope)(scope, receive, send)
                    return
                headers = {"WWW-Authenticate": 'Bearer realm="driftsum"'} if error.status == 401 else {}
                await answer(error.status, error.code, error.message, headers)(scope, receive, send)
                return
            except DriftError as error:
                refused = refusal(error)
                if refused is None:
                    raise
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _who(self, scope: Connection) -> Caller:
        given = Headers(scope=scope).getlist("authorization")
        if not given:
            return await self._reader(scope) if session.is_page(scope["path"]) else self._without(scope)
        kind, _, secret = given[0].partition(" ")
        secret = secret.strip()
        if len(given) > 1 or kind.lower() != "bearer" or not secret:
            raise ApiError(401, "unauthorized", "an access token is sent as `Authorization: Bearer TOKEN`, once")
        try:
            return await self._found(secret)
        except Unauthorized as error:
            raise ApiError(401, "unauthorized", str(error)) from error

    async def _found(self, secret: str) -> Caller:
        caller = self._keys.remembered(secret)
        if caller is None:
            caller = await run_in_threadpool(self._keys.find, secret)
        self._bucket(caller.name).take(f"token {caller.name!r} is used too often")
        return caller

    async def _reader(self, scope: Connection) -> Caller:
        """Who looks at a page: by the cookie, which a browser also sends along with what other sites make it send."""
        headers = Headers(scope=scope)
        secret = session.secret(headers)
        if not secret:
            return self._without(scope)
        if scope["method"] not in _SAFE and elsewhere(headers, self._names):
            raise forbidden("a page of another site may not do this")
        try:
            caller = await self._found(secret)
        except Unauthorized:
            # where no token is needed, the cookie is that of another service on this machine
            return self._without(scope)
        scope["state"]["secret"] = secret
        return caller

    def _without(self, scope: Connection) -> Caller:
        if self._needed:
            if scope["path"] in self._open:
                return SCRAPER
            raise ApiError(
                401, "unauthorized", "an access token is needed, as `Authorization: Bearer TOKEN`, for commands in "
                "DRIFT_TOKEN; an admin makes one with `drift token create`, the first while no server runs",
            )  # fmt: skip
        if scope["method"] not in _SAFE and elsewhere(Headers(scope=scope), self._names):
            raise forbidden("a page of another site may not do this; send an access token")
        return ANYBODY

    def _bucket(self, name: str) -> Bucket:
        found = self._buckets.get(name)
        if found is None:
            if len(self._buckets) >= _BUCKETS:
                self._buckets.clear()
            found = self._buckets[name] = Bucket(self._rate, self._clock)
        return found


def proxied(settings: ServerSettings) -> Collection[str]:
    """Names of a proxy in front: its alone, whereas whatever else runs on this machine is localhost as well."""
    return {name.lower() for name in settings.trusted_hosts} - {"localhost", "127.0.0.1", "::1"}


def elsewhere(headers: Headers, names: Collection[str]) -> bool:
    """Whether a browser says that a page of another origin asks. Without tokens nothing else tells it from a person."""
    origin = headers.get("origin")
    if origin is not None:
        host = origin.lower().partition("://")[2]
        return host != headers.get("host", "").lower() and host.partition(":")[0] not in names
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
