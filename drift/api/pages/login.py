"""`/login`, `/logout`: an access token into the browser, and out of it."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from starlette.responses import RedirectResponse

from dashboards.web.views.frame import Frame
from dashboards.web.views.login import Login
from drift.api.access import OPEN, elsewhere, proxied
from drift.api.deps import Given
from drift.api.errors import forbidden
from drift.api.pages import session
from drift.api.pages.forms import read
from drift.api.pages.framing import shown
from drift.api.pages.headers import theme_of
from drift.api.services import Services
from drift.core.alert import Scope
from drift.core.errors import BackPressure, DriftError, StoreError, Unauthorized
from drift.service.access import Caller

router = APIRouter(include_in_schema=False)

TITLE: Final = "Sign in"
Next = Annotated[str, Query(alias="next", max_length=10_000)]


@router.get(session.LOGIN, dependencies=[OPEN])
async def show_login(request: Request, services: Given, goes_to: Next = "/") -> Response:
    """The form; with a sentence where the token in the browser is none any more."""
    goes_to, token = session.local(goes_to), session.secret(request.headers)
    if not token and request.headers.get("sec-fetch-site") == "cross-site":
        # a link on another site led here, and the browser left the cookie out: ask once more, from here
        return _page(request, services, Login(goes_to, again=True))
    caller, why = await _known(services, token) if token else (None, "")
    return _page(request, services, Login(goes_to, why, caller.name if caller is not None else ""))


@router.post(session.LOGIN, dependencies=[OPEN])
async def sign_in(request: Request, services: Given) -> Response:
    """Keep a token in the browser, if it is one that may read."""
    _own(request, services)
    fields = await read(request)
    token, goes_to = fields.get("token", [""])[-1], session.local(fields.get("next", ["/"])[-1])
    if not token:
        return _page(request, services, Login(goes_to, "Put your access token into the field."), 422)
    caller, why = await _known(services, token)
    if caller is not None and Scope.READ not in caller.scopes:
        why = f"Token {caller.name!r} may not read; ask for one with scope `read` or `operate`."
        return _page(request, services, Login(goes_to, why), 401)
    if caller is None:
        return _page(request, services, Login(goes_to, why), 401)
    answer = RedirectResponse(goes_to, 303)
    session.remember(request, answer, token)
    return answer


@router.post("/logout", dependencies=[OPEN])
async def sign_out(request: Request, services: Given) -> Response:
    """Take the token out of the browser. It stays one: an admin revokes it."""
    _own(request, services)
    fields, token = await read(request), session.secret(request.headers)
    if token and not session.proves(token, fields.get("csrf", [""])[-1]):
        raise forbidden("this form is old, or not of this page; open the page anew and send it again")
    answer = RedirectResponse(session.LOGIN, 303)
    session.forget(request, answer)
    return answer


def _own(request: Request, services: Services) -> None:
    if elsewhere(request.headers, proxied(services.config.server)):
        raise forbidden("a page of another site may not do this")


async def _known(services: Services, token: str) -> tuple[Caller | None, str]:
    """Whose token it is, or why it is nobody's."""
    try:
        return await run_in_threadpool(services.keys.find, token), ""
    except (Unauthorized, BackPressure, StoreError) as error:
        return None, _sentence(error)


def _sentence(error: DriftError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _page(request: Request, services: Services, view: Login, status: int = 200) -> HTMLResponse:
    around = Frame(TITLE, "", services.clock.now(), services.release, theme_of(request.scope))
    return shown("login.html", around, view, status)
