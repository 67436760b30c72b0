"""From pydantic's errors to sentences: the line, the path, what is wrong, the fix."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from drift.config.document import At, Document, Problem
from drift.config.scalars import MisfitError

_SHOWN: Final = 60
_HIDDEN: Final = "what the reference gives"


def explain(error: ValidationError, document: Document, root: type[BaseModel]) -> list[Problem]:
    """Every error of one validation as a problem, in the order of the file."""
    details = error.errors(include_url=False)
    # a list whose items were all refused is called too short as well
    details = [d for d in details if d["type"] != "too_short" or not any(_below(other, d) for other in details)]
    problems = [problem for detail in details for problem in _problems(detail, document, root)]
    return sorted(problems, key=lambda problem: problem.line)


def _below(detail: ErrorDetails, other: ErrorDetails) -> bool:
    depth = len(other["loc"])
    return len(detail["loc"]) > depth and detail["loc"][:depth] == other["loc"]


def _problems(detail: ErrorDetails, document: Document, root: type[BaseModel]) -> Iterator[Problem]:
    at: At = tuple(part for part in detail["loc"] if part != "[key]")
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, MisfitError):
        for further, message in cause.found.items():
            yield Problem(document.line(at + further), at + further, message)
    else:
        line = document.line(at[:-1] if detail["type"] == "missing" else at)
        yield Problem(line, at, _message(detail, at, document, root))


def _message(detail: ErrorDetails, at: At, document: Document, root: type[BaseModel]) -> str:
    match detail["type"]:
        case "extra_forbidden":
            return _unknown(str(at[-1]), _settings(root, at[:-1]))
        case "missing":
            return f"this setting is missing. {_settings(root, at[:-1]).get(str(at[-1]), '')}".rstrip()
        case "value_error":
            message = str(detail["ctx"]["error"])
            return message.replace(repr(detail["input"]), _HIDDEN) if _is_resolved(at, document) else message
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"this is a block of settings, not {_shown(detail['input'], at, document)}"
        case "tuple_type":
            return f"this is a list, not {_shown(detail['input'], at, document)}; put it in [ ]"
        case "path_type":
            return f"this is a path, not {_shown(detail['input'], at, document)}"
        case "too_short":
            return "this list is empty; name at least one"
        case kind if kind in _TOLD:
            return detail["msg"]
        case _:
            message = detail["msg"].replace("Input should be", "this should be").partition(", unable to parse")[0]
            return f"{message}, not {_shown(detail['input'], at, document)}"


_TOLD: Final = ("duration", "size", "word", "moment", "number")


def _is_resolved(at: At, document: Document) -> bool:
    return any(at[:depth] in document.resolved for depth in range(len(at) + 1))


def _shown(value: object, at: At, document: Document) -> str:
    if _is_resolved(at, document):
        return _HIDDEN
    if value is None:
        return "nothing"
    if isinstance(value, Mapping | list | tuple):
        return "a block" if isinstance(value, Mapping) else "a list"
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _unknown(name: str, known: Mapping[str, str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"there is no such setting; did you mean `{near[0]}`?"
    return f"there is no such setting; there are {', '.join(known)}"


def _settings(root: type[BaseModel], at: At) -> Mapping[str, str]:
    """Setting → description, of the block that stands at `at`."""
    kind: Any = root
    for part in at:
        model = _model(kind)
        if model is not None and part in model.model_fields:
            kind = model.model_fields[str(part)].annotation
        else:  # a name of a mapping or a place in a list: go on with what it holds
            kind = _held(kind)
    model = _model(kind)
    return {} if model is None else {name: field.description or "" for name, field in model.model_fields.items()}


def _held(kind: Any) -> Any:
    """What a `dict[str, X]` or `tuple[X, ...]` holds."""
    arguments = [a for a in get_args(kind) if a not in (Ellipsis, type(None))]
    return arguments[-1] if get_origin(kind) is dict else arguments[0] if arguments else None


def _model(kind: Any) -> type[BaseModel] | None:
    """The settings class in `X`, `X | None` or `Annotated[X, …]`."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    if get_origin(kind) in (tuple, list, dict):
        return None
    return next((model for part in get_args(kind) if (model := _model(part)) is not None), None)
