"""Refusals for people: what the API says as JSON, as a page where a browser asks for one."""

from typing import Final

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import Scope

from dashboards.web.render import render
from dashboards.web.views.frame import Frame, Problem

_MACHINES: Final = ("/v1/", "/static/", "/metrics", "/healthz", "/readyz", "/openapi.json")
_HEADLINES: Final = {
    400: "This request cannot be read",
    401: "Please sign in",
    403: "This is not allowed",
    404: "There is nothing here",
    405: "This cannot be done here",
    409: "It has changed meanwhile",
    413: "That is too much at once",
    422: "A value cannot be used",
    429: "Too many requests at once",
    500: "Something went wrong inside",
    503: "The database is away",
}


def wants_page(scope: Scope) -> bool:
    """Whether a browser asks for a page: it says that it takes HTML, or htmx asks."""
    if scope["type"] != "http" or scope["path"].startswith(_MACHINES):
        return False
    headers = Headers(scope=scope)
    return "text/html" in headers.get("accept", "") or "hx-request" in headers


def fault_page(status: int, message: str, *, theme: str = "", headers: dict[str, str] | None = None) -> Response:
    """One sentence, and the way back; never a stack trace."""
    headline = _HEADLINES.get(status, "This did not work")
    sentence = message[:1].upper() + message[1:]
    if sentence and sentence[-1] not in ".!?":
        sentence += "."
    problem = Problem(status, headline, sentence)
    return HTMLResponse(render("error.html", Frame(headline, theme=theme), problem), status, headers)
