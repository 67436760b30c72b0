"""What every route may ask for."""

from typing import Annotated, Any, Final

from fastapi import Depends, Header, Path, Query, Request

from drift.api.access import Asker, see
from drift.api.services import Services
from drift.api.shapes import ErrorAnswer
from drift.core.alert import AuditEntry
from drift.core.catalogue import Catalogue, Model
from drift.core.errors import InputError, NotFound


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Given = Annotated[Services, Depends(_services)]
_NAME: Final[dict[str, Any]] = {"min_length": 1, "max_length": 200, "examples": ["credit"]}
ModelPath = Annotated[str, Path(description="The model's name.", **_NAME)]
ModelQuery = Annotated[str, Query(alias="model", description="The model's name.", **_NAME)]
PerhapsModel = Annotated[str | None, Query(alias="model", description="Only this model's; else all.", **_NAME)]
Id = Annotated[int, Path(ge=1, lt=2**63)]
User = Annotated[
    str | None,
    Header(
        alias="X-Forwarded-User",
        max_length=200,
        description="Who asks, as a proxy found out; before `who`. With an access token, it is the token's name.",
    ),
]

ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    code: {"model": ErrorAnswer, "description": words}
    for code, words in {
        400: "The request cannot be read.",
        401: "An access token is needed, or this one is none.",
        403: "The access token does not allow it.",
        404: "There is no such thing.",
        422: "A value cannot be used.",
        429: "Too much at once; try again after the seconds in Retry-After.",
        503: "The database is away.",
    }.items()
}


def errors(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The error answers that a route documents, beside those that every route may give."""
    more = {
        409: "It is there already, or is set elsewhere.",
        413: "It is too large.",
        415: "Its kind is not read here.",
    }
    return ERRORS | {code: {"model": ErrorAnswer, "description": more[code]} for code in codes}


def model_called(catalogue: Catalogue, name: str, asker: Asker) -> Model:
    """The model of this name.

    Raises:
        ApiError: 403 the caller's token is not for it.
        NotFound: there is none.
    """
    see(asker, name)
    found = catalogue.models.get(name)
    if found is None:
        known = ", ".join(repr(other) for other in sorted(filter(asker.sees, catalogue.models))[:8]) or "none yet"
        raise NotFound(f"there is no model {name!r}; there are {known}")
    return found


def model_ids(catalogue: Catalogue, name: str | None, asker: Asker) -> int | None:
    """The id of the model that a list is about; None: of all.

    Raises:
        ApiError: 403 the caller's token is not for it.
        NotFound: there is none.
    """
    return None if name is None else model_called(catalogue, name, asker).id


def answerer(asker: Asker, user: str | None, declared: str) -> str:
    """Who does it: the token's name; without one, whom a proxy names, else who the request says.

    Raises:
        InputError: nobody says it.
    """
    who = (asker.name or user or declared).strip()
    if not who or "\0" in who:
        raise InputError("who: say who does this; it is kept")
    return who


def audit(services: Services, who: str, action: str, target: str, detail: str = "") -> None:
    """Keep that somebody did something."""
    services.store.audit(AuditEntry(services.clock.now(), who or "somebody on this machine", action, target, detail))
