"""What every route may ask for."""

from typing import Annotated, Any, Final

from fastapi import Depends, Header, Path, Query, Request

from drift.api.services import Services
from drift.api.shapes import ErrorAnswer
from drift.core.catalogue import Catalogue, Model
from drift.core.errors import InputError, NotFound


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Given = Annotated[Services, Depends(_services)]
_NAME: Final[dict[str, Any]] = {"min_length": 1, "max_length": 200, "examples": ["credit"]}
ModelPath = Annotated[str, Path(description="The model's name.", **_NAME)]
ModelQuery = Annotated[str, Query(alias="model", description="The model's name.", **_NAME)]
Id = Annotated[int, Path(ge=1, lt=2**63)]
User = Annotated[
    str | None,
    Header(alias="X-Forwarded-User", max_length=200, description="Who asks, as a proxy found out; before `who`."),
]

ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    code: {"model": ErrorAnswer, "description": words}
    for code, words in {
        400: "The request cannot be read.",
        404: "There is no such thing.",
        422: "A value cannot be used.",
        503: "The database is away.",
    }.items()
}


def errors(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The error answers that a route documents, beside those that every route may give."""
    more = {
        409: "It is there already, or is set elsewhere.",
        413: "It is too large.",
        415: "Its kind is not read here.",
        429: "The queue is full; try again after the seconds in Retry-After.",
    }
    return ERRORS | {code: {"model": ErrorAnswer, "description": more[code]} for code in codes}


def model_called(catalogue: Catalogue, name: str) -> Model:
    """The model of this name.

    Raises:
        NotFound: there is none.
    """
    found = catalogue.models.get(name)
    if found is None:
        known = ", ".join(repr(other) for other in sorted(catalogue.models)[:8]) or "none yet"
        raise NotFound(f"there is no model {name!r}; there are {known}")
    return found


def answerer(user: str | None, declared: str) -> str:
    """Who answers: whom a proxy names, else who the request says.

    Raises:
        InputError: neither says it.
    """
    who = (user or declared).strip()
    if not who or "\0" in who:
        raise InputError("who: say who answers; it is kept with the answer")
    return who
