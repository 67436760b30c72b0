"""Who looks at a page: the access token in a cookie, and what a form has to bring so that it is theirs.

The cookie is read for pages only; a call of the REST API brings its token itself. What a form brings derives from the
token by a one-way function, so the service keeps no sessions: a revoked token ends them all.
"""

import hashlib
import hmac
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import Scope

COOKIE: Final = "drift_session"
"""Holds the access token. No script can read it, and no other site's link sends it."""
NAMED: Final = "drift_name"
"""Holds the name that somebody gave with a form where no token is needed."""
_YEAR: Final = 365 * 86_400
LASTS: Final = 14 * 86_400
"""Seconds that a browser keeps it; the token may expire before."""
LOGIN: Final = "/login"
OPEN: Final = (LOGIN, "/logout")
"""Pages that are answered to everybody."""
ASSETS: Final = "/static/"
"""Scripts and styles hold nothing of anybody's."""
_CALLS: Final = ("/v1", "/openapi.json", "/healthz", "/metrics", "/readyz")
_LONGEST: Final = 8_000


def is_page(path: str) -> bool:
    """Whether a path is a person's and not a program's."""
    return not any(path == call or path.startswith(f"{call}/") for call in _CALLS)


def is_open(path: str) -> bool:
    """Whether a page is answered to everybody."""
    return path in OPEN or path.startswith(ASSETS)


def secret(headers: Headers) -> str:
    """The token in the cookie; empty: there is none, or several, which no browser sends of this service's own."""
    given = [
        value.strip().strip('"')
        for line in headers.getlist("cookie")
        for name, _, value in (part.partition("=") for part in line.split(";"))
        if name.strip() == COOKIE
    ]
    return given[0] if len(given) == 1 else ""


def token(request: Request) -> str:
    """The token that a request was let in by, out of its cookie; empty: it was not by a cookie."""
    found: str = getattr(request.state, "secret", "")
    return found


def proof(given: str) -> str:
    """What a form has to bring beside the cookie: another site cannot read it, nor find it out."""
    return hmac.new(given.encode("utf-8", "surrogateescape"), b"driftsum form", hashlib.sha256).hexdigest()


def proves(mine: str, given: str) -> bool:
    """Whether a form brought what it has to."""
    return hmac.compare_digest(proof(mine).encode(), given.encode("utf-8", "surrogateescape"))


def remember(request: Request, response: Response, given: str) -> None:
    """Put a token into the browser."""
    response.set_cookie(
        COOKIE, given, max_age=LASTS, path="/", secure=_encrypted(request), httponly=True, samesite="strict"
    )


def forget(request: Request, response: Response) -> None:
    """Take it out."""
    response.delete_cookie(COOKIE, path="/", secure=_encrypted(request), httponly=True, samesite="strict")


def remember_name(response: Response, name: str) -> None:
    """Keep who somebody says that they are, for the next form."""
    response.set_cookie(NAMED, name.encode("utf-8", "replace").hex(), max_age=_YEAR, httponly=True, samesite="strict")


def name_of(request: Request) -> str:
    """The name that was given with the last form; empty: none was."""
    try:
        return bytes.fromhex(request.cookies.get(NAMED, "")).decode()[:200]
    except ValueError:
        return ""


def _encrypted(request: Request) -> bool:
    """Whether the browser speaks https, if only to a proxy: what it names as its origin says so."""
    return request.url.scheme == "https" or request.headers.get("origin", "").lower().startswith("https://")


def local(path: str) -> str:
    """A path of this service to go to; the start page where it is anything else, as another site's link may say."""
    odd = any(ord(sign) <= 0x20 or sign == "\\" or ord(sign) == 0x7F for sign in path)
    if odd or len(path) > _LONGEST or not path.startswith("/") or path.startswith("//"):
        return "/"
    try:
        parts = urlsplit(path)
    except ValueError:
        return "/"
    if parts.scheme or parts.netloc or parts.path.startswith("//") or not is_page(parts.path) or is_open(parts.path):
        return "/"
    return path


def to_login(scope: Scope) -> Response:
    """Send a person to the login page, and back afterwards; a form that was sent is to be sent again."""
    headers = Headers(scope=scope)
    partial = headers.get("hx-request") == "true"
    if partial or scope["method"] not in ("GET", "HEAD"):
        came = urlsplit(headers.get("referer", ""))
        back = came.path + (f"?{came.query}" if came.query else "")
    else:
        query = scope.get("query_string", b"").decode("latin-1")
        back = quote(scope["path"]) + (f"?{query}" if query else "")
    where = LOGIN + "?" + urlencode({"next": local(back)})
    if partial:  # htmx would put the login page into the middle of another one
        return Response(status_code=401, headers={"HX-Redirect": where})
    return RedirectResponse(where, 303)
