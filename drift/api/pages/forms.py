"""Forms of the pages: what was sent, by whom, and that it came from a page of this service."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.responses import RedirectResponse

from drift.api.access import Asker
from drift.api.errors import ApiError, forbidden
from drift.api.pages import session
from drift.core.errors import InputError

KIND: Final = "application/x-www-form-urlencoded"
_FIELDS: Final = 300
S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Form:
    """One form that was sent; line ends are `\\n`, and spaces around are gone."""

    fields: Mapping[str, str]
    """Of a field that is there more than once, the last."""
    all: Mapping[str, list[str]]
    who: str
    """What the form says; a token's name goes before it."""

    def __getitem__(self, name: str) -> str:
        """A field; empty where there is none of this name."""
        return self.fields.get(name, "")

    def number(self, name: str) -> int:
        """A field that is a number.

        Raises:
            InputError: it is none.
        """
        text = self[name]
        if not (text.isascii() and text.isdigit()) or len(text) > 18:
            raise InputError(f"{name}: {text[:80]!r} is no whole number")
        return int(text)

    def wanted(self, shape: type[S], **values: Any) -> S:
        """What the REST API takes, with who sent it.

        Raises:
            InputError: it takes no such thing.
        """
        return self.wanted_alone(shape, **values, who=self.who)

    def wanted_alone(self, shape: type[S], **values: Any) -> S:
        """The same where it does not ask who.

        Raises:
            InputError: it takes no such thing.
        """
        try:
            return shape(**values)
        except ValidationError as error:
            first = error.errors()[0]
            where, why = ".".join(map(str, first["loc"])), str(first["msg"])
            empty = first["type"] in ("string_too_short", "missing")
            said = f"{where}: say it in words; it is kept" if empty else f"{where}: {why[:1].lower()}{why[1:]}"
            raise InputError(said) from error

    def done(self, request: Request, otherwise: str) -> Response:
        """Back to the page that the form was on, or to another; remembers the name that was given."""
        back = session.local(self["back"]) if self["back"] else otherwise
        answer = RedirectResponse(back, 303)
        if self.who and not session.token(request):
            session.remember_name(answer, self.who)
        return answer


async def _sent(request: Request, asker: Asker) -> Form:
    fields = await read(request)
    token = session.token(request)
    given = request.headers.get("x-csrf-token") or fields.get("csrf", [""])[-1]
    if token and not session.proves(token, given):
        raise forbidden("this form is old, or not of this page; open the page anew and send it again")
    last = {name: values[-1] for name, values in fields.items()}
    return Form(last, fields, asker.name or last.get("who", "")[:200])


Sent = Annotated[Form, Depends(_sent)]
"""Given to what a form is sent to: read, and refused unless it came from a page of this service."""


def guarded(routers: Sequence[APIRouter]) -> Iterator[str]:
    """Paths of pages that change something, each of which reads its form by `Sent`.

    Raises:
        RuntimeError: one does not, so that another site could send it.
    """
    for route in (one for router in routers for one in router.routes if isinstance(one, APIRoute)):
        if route.path in session.OPEN or not (route.methods or set()) - {"GET", "HEAD"}:
            continue
        if not any(one.call is _sent for one in route.dependant.dependencies):
            raise RuntimeError(f"{route.path} has to take its form as `Sent`")
        yield route.path


async def read(request: Request) -> dict[str, list[str]]:
    """The fields of a form.

    Raises:
        ApiError: 415 it is no form; 422 it cannot be read.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != KIND:
        raise ApiError(415, "unsupported_media_type", f"a form is sent as {KIND}")
    found: dict[str, list[str]] = {}
    try:
        text = (await request.body()).decode("utf-8")
        for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS, errors="strict"):
            found.setdefault(name, []).append(value.replace("\r\n", "\n").strip())
    except ValueError as error:
        raise ApiError(422, "invalid", "the form cannot be read; open the page anew and send it again") from error
    return found
