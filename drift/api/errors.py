"""Every error leaves as `{"error": {"code", "message"}}`: one sentence, never a stack trace."""

import traceback
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from drift.api.faults import fault_page, wants_page
from drift.api.pages.headers import secure
from drift.api.strict import StrictJson
from drift.core.errors import (
    BackPressure,
    Conflict,
    DriftError,
    InputError,
    NotFound,
    StoreHeld,
    StoreUnavailable,
)  # fmt: skip

log = structlog.get_logger(__name__)

RETRY_SECONDS: Final = 5
_STATUS: Final[tuple[tuple[type[DriftError], int, str], ...]] = (
    (NotFound, 404, "not_found"),
    (Conflict, 409, "conflict"),
    (InputError, 422, "invalid"),
    (BackPressure, 429, "too_many_requests"),
    (StoreUnavailable, 503, "store_unavailable"),
    (StoreHeld, 503, "store_unavailable"),
)
_CODES: Final = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
}


class ApiError(Exception):
    """A refusal that has no place in the error tree because it is about HTTP."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def answer(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """An error's response."""
    return StrictJson({"error": {"code": code, "message": message}}, status, headers)


def install(app: FastAPI) -> None:
    """Give the app its error handlers."""
    handlers: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {
        ApiError: _api,
        DriftError: _drift,
        RequestValidationError: _validation,
        HTTPException: _http,
        Exception: _unexpected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


async def _api(_: Request, error: ApiError) -> Response:
    return answer(error.status, error.code, error.message)


async def _drift(request: Request, error: DriftError) -> Response:
    return refusal(error) or await _unexpected(request, error)


def refusal(error: DriftError) -> Response | None:
    """The answer that an error stands for; None: it was not foreseen."""
    for kind, status, code in _STATUS:
        if isinstance(error, kind):
            return answer(status, code, str(error), _retry(error))
    return None


def forbidden(message: str) -> ApiError:
    """403: whoever asks may not."""
    return ApiError(403, "forbidden", message)


def _retry(error: DriftError) -> dict[str, str]:
    if isinstance(error, BackPressure):
        return {"Retry-After": str(max(1, round(error.retry_after)))}
    return {"Retry-After": str(RETRY_SECONDS)} if isinstance(error, StoreUnavailable | StoreHeld) else {}


async def _validation(_: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    place = first["loc"][0] if first["loc"] else "request"
    return answer(422, "invalid", f"{place} {where}: {first['msg'][:1].lower()}{first['msg'][1:]}".replace(" :", ":"))


async def _http(request: Request, error: HTTPException) -> Response:
    message = str(error.detail)
    if error.status_code == 404:
        message = f"there is nothing at {request.url.path}; /openapi.json lists what there is"
    elif error.status_code == 405:
        message = f"{request.method} is not possible at {request.url.path}"
    code = _CODES.get(error.status_code, "error")
    return answer(error.status_code, code, message, dict(error.headers or {}))


async def _unexpected(request: Request, error: Exception) -> Response:
    # as text: some renderers of `exc_info` print local variables, and those may hold events or secrets
    trace = "".join(traceback.format_exception(error))
    log.error("request failed", method=request.method, path=request.url.path, trace=trace)
    message = "something went wrong inside; the service's log says what"
    shown = fault_page(500, message) if wants_page(request.scope) else answer(500, "internal", message)
    secure(shown.headers)  # this one is made outside of every middleware
    return shown


def too_large(what: str, limit: int) -> str:
    """The sentence that names a limit."""
    return f"{what} is larger than the {limit:,} bytes allowed; send it in parts, or raise the limit in drift.yaml"
