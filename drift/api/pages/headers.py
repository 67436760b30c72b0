"""Headers of every answer, and refusals as pages where a browser asks."""

import json
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from drift.api.faults import fault_page, wants_page

THEME: Final = "driftsum-theme"
"""The cookie that holds `light` or `dark`."""
POLICY: Final = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; "
    "img-src 'self' data:"
)
_ALL: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Secured:
    """Adds the headers of security. Pages are kept by no cache; what is refused is shown as a page to a browser."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; look at what comes back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, receive, send)
        await self._app(scope, receive, answer.send)


def secure(headers: MutableHeaders) -> None:
    """Add what is missing."""
    for name, value in _ALL.items():
        headers.setdefault(name, value)
    if headers.get("content-type", "").startswith("text/html"):
        headers.setdefault("Cache-Control", "no-store")


def theme_of(scope: Scope) -> str:
    """The theme that somebody chose; empty: none."""
    chosen = cookie_parser(Headers(scope=scope).get("cookie", "")).get(THEME, "")
    return chosen if chosen in ("light", "dark") else ""


class _Answer:
    """One answer on its way out: an error of the API is held back until its sentence is known."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._held: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        """Pass a message on, with its headers, or hold it."""
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            secure(headers)
            if message["status"] >= 400 and headers.get("content-type") == "application/json" and self._asked():
                self._held = message
                return
        elif self._held is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._show(self._held)
            return
        await self._send(message)

    def _asked(self) -> bool:
        return wants_page(self._scope)

    async def _show(self, held: Message) -> None:
        kept = {
            name: value for name, value in Headers(raw=held["headers"]).items() if not name.startswith("content-")
        } | {"content-security-policy": POLICY}
        error = json.loads(self._body)["error"]
        page = fault_page(held["status"], error["message"], theme=theme_of(self._scope), headers=kept)
        page.headers["Cache-Control"] = "no-store"
        await page(self._scope, self._receive, self._send)
