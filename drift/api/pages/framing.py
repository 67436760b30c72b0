"""What stands around a page's content, from the request."""

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from dashboards.web.render import render
from dashboards.web.views.frame import Frame
from drift.api.pages import session
from drift.api.pages.headers import theme_of
from drift.api.services import Services
from drift.core.alert import Scope
from drift.service.access import ANYBODY, Caller


def frame(request: Request, services: Services, title: str, section: str = "", **more: Any) -> Frame:
    """The frame of a page."""
    caller: Caller = getattr(request.state, "caller", ANYBODY)
    token = session.token(request)
    return Frame(
        title, section, services.clock.now(), services.release, theme_of(request.scope), caller.name,
        name=session.name_of(request), csrf=session.proof(token) if token else "",
        operates=Scope.OPERATE in caller.scopes, signed_in=bool(token), **more,
    )  # fmt: skip


def shown(template: str, around: Frame, view: object, status: int = 200, **more: Any) -> HTMLResponse:
    """A page."""
    return HTMLResponse(render(template, around, view, **more), status)
