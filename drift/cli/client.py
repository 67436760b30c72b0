"""One way to the service for every command: its REST API.

Where no server holds the store, the same API answers in this process, on the store itself. So a command has one code
path, and the SQLite file never has two writers.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from drift.cli import credentials, output
from drift.config import Config, load
from drift.core.errors import (
    BackPressure,
    Conflict,
    DriftError,
    InputError,
    NotFound,
    StoreHeld,
    StoreUnavailable,
    Unauthorized,
)  # fmt: skip

if TYPE_CHECKING:
    import httpx2

    from drift.api import Services
    from drift.store import Store

_ERRORS: Final = {
    "unauthorized": Unauthorized,
    "forbidden": Unauthorized,
    "not_found": NotFound,
    "conflict": Conflict,
    "invalid": InputError,
    "store_unavailable": StoreUnavailable,
}
_TIMEOUT: Final = 60.0
_REPORT: Final = 180.0
_PART: Final = 1 << 20


class Client:
    """A REST client that gives JSON, or raises the error that the API answered with."""

    def __init__(self, url: str, transport: "httpx2.AsyncBaseTransport | None", services: "Services | None") -> None:
        self.url, self.services = url, services
        self._transport = transport
        # whoever can open the store needs no token
        secret = credentials.token() if transport is None else ""
        self._headers = {"Authorization": f"Bearer {secret}"} if secret else {}

    def get(self, path: str, **params: object) -> Any:
        """GET; parameters that are None or empty are left out."""
        return self._ask("GET", path, params={k: v for k, v in params.items() if v not in (None, "")})

    def text(self, path: str, **params: object) -> str:
        """GET what is no JSON: a report, which may take minutes."""
        given = {k: v for k, v in params.items() if v not in (None, "", [])}
        response = asyncio.run(self._response("GET", path, params=given, timeout=_REPORT))
        return str(response.text)

    def pages(self, path: str, limit: int, **params: object) -> Iterator[Any]:
        """The first `limit` items of a paged list."""
        cursor, left = None, limit
        while left > 0:
            found = self.get(path, limit=min(left, 1000), cursor=cursor, **params)
            yield from found["items"]
            cursor, left = found["next"], left - len(found["items"])
            if cursor is None:
                return

    def post(self, path: str, body: object, **params: object) -> Any:
        """POST JSON. Where neither a token nor `who` says who does it, the name of this machine's user does."""
        user = credentials.user()
        nameless = not self._headers and not (isinstance(body, dict) and body.get("who")) and user.isascii()
        headers = {"X-Forwarded-User": user} if nameless and user else {}
        return self._ask("POST", path, json=body, params=params, headers=headers)

    def events(self, body: bytes, media_type: str, key: str) -> Any:
        """POST events under an idempotency key."""
        headers = {"Content-Type": media_type, "Idempotency-Key": key}
        return self._ask("POST", "/v1/events", content=body, headers=headers)

    def upload(self, path: str, file: Path, media_type: str, **params: object) -> Any:
        """POST a file's bytes, as they are read."""
        return self._ask(
            "POST", path, params=params, content=_parts(file), headers={"Content-Type": media_type}, timeout=None
        )

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        return asyncio.run(self._request(method, path, **options))

    async def _request(self, method: str, path: str, **options: Any) -> Any:
        return (await self._response(method, path, **options)).json()

    async def _response(self, method: str, path: str, **options: Any) -> "httpx2.Response":
        import httpx2

        options = {"timeout": _TIMEOUT, **options, "headers": self._headers | options.get("headers", {})}
        try:
            # proxies of the environment are not for a service on this machine
            async with httpx2.AsyncClient(base_url=self.url, transport=self._transport, trust_env=False) as client:
                response = await client.request(method, path, **options)
        except httpx2.TransportError as error:
            raise StoreUnavailable(
                f"nothing answers at {self.url} ({type(error).__name__}); start `drift serve`, or give --url"
            ) from error
        if response.is_success:
            return response
        raise _error(response)


async def _parts(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as stream:
        while part := stream.read(_PART):
            yield part


def _error(response: "httpx2.Response") -> DriftError:
    try:
        error = response.json()["error"]
        if response.status_code == 429:
            return BackPressure(error["message"], float(response.headers["Retry-After"]))
        return _ERRORS.get(error["code"], DriftError)(error["message"])
    except (ValueError, KeyError, TypeError):
        return DriftError(f"{response.url} answered {response.status_code}; is that a Driftsum service?")


@contextmanager
def connect(path: Path, url: str | None, *, write: bool = False) -> Iterator[Client]:
    """The service at `url`; else the one that the configuration describes, or its store.

    Raises:
        StoreUnavailable: another process holds the SQLite file, but nothing answers at the configured address.
    """
    if url:
        yield Client(url.rstrip("/"), None, None)
        return
    config = load(path)
    store = _open(config, write=write)
    if store is None:
        yield Client(address(config), None, None)
        return
    try:
        yield _in_process(config, store)
    finally:
        store.close()


def address(config: Config) -> str:
    """Where the configured server listens."""
    host = f"[{config.server.host}]" if ":" in config.server.host else config.server.host
    return f"http://{host}:{config.server.port}"


def _open(config: Config, *, write: bool) -> "Store | None":
    """The store; None while another process writes its SQLite file."""
    from drift.core.clock import SystemClock
    from drift.store import open_store

    if config.store_url.startswith("sqlite:///") and not write:
        file = Path(config.store_url.removeprefix("sqlite:///"))
        if not file.exists():
            raise NotFound(f"there is no store at {file} yet; `drift serve` makes one")
        return open_store(config.store_url, SystemClock(), role="reader")
    try:
        return open_store(config.store_url, SystemClock())
    except StoreHeld:
        output.note("a server holds the store: asking it")
        return None


def _in_process(config: Config, store: "Store") -> Client:
    import httpx2

    from drift.api import create_app
    from drift.cli.offline import services

    mine = services(config, store)
    return Client("http://localhost", httpx2.ASGITransport(create_app(mine), raise_app_exceptions=False), mine)
