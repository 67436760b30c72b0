"""The words a user writes for durations, sizes, moments and paths, as types that pydantic validates."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)  # fmt: skip
from pydantic_core import PydanticCustomError

from drift.core.clock import from_datetime
from drift.core.errors import ConfigError
from drift.core.window import WindowSpec, format_duration, parse_duration

_DURATION: Final = r"^\s*\d+(\.\d+)?\s*(s|m|min|h|d|w)\s*$"
_SIZES: Final = {
    "": 1,
    "b": 1,
    "kb": 1 << 10,
    "mb": 1 << 20,
    "gb": 1 << 30,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
}


class Settings(BaseModel):
    """A block of drift.yaml: unknown keys are refused; an attribute's docstring is its description."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _empty(cls, data: Any) -> Any:
        """A block whose settings are all commented out is an empty one."""
        return {} if data is None else data


class MisfitError(ValueError):
    """Values that are fine alone and wrong together: what is wrong, by the way from the block to the setting."""

    def __init__(self, found: Mapping[tuple[str | int, ...], str]) -> None:
        super().__init__("; ".join(found.values()))
        self.found = found


def said(parse: Callable[..., Any], *args: object) -> Any:
    """What `parse` returns; its ConfigError as the ValueError that pydantic collects."""
    try:
        return parse(*args)
    except ConfigError as error:
        raise ValueError(str(error)) from error


def _duration(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise PydanticCustomError("duration", "a duration is a number and a unit, as in 90s, 5m, 1h, 1d, 2w")
    return said(parse_duration, value)


def _size(value: object) -> object:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?i?b?)\s*", str(value).lower())
    if match is None or isinstance(value, bool) or (match[2] and match[2] not in _SIZES):
        raise PydanticCustomError("size", "a size is a number of bytes, with or without a unit, as in 512kB or 16MB")
    return round(float(match[1]) * _SIZES[match[2]])


def _format_size(value: int) -> str:
    for unit, power in (("GB", 30), ("MB", 20), ("kB", 10)):
        if value >= 1 << power and value % (1 << power) == 0:
            return f"{value >> power}{unit}"
    return str(value)


def _beside(value: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    return folder / value if folder is not None else value


def _word(value: object) -> object:
    """Whole numbers may stand where a name is meant; 1.10 would lose its zero."""
    if isinstance(value, float):
        raise PydanticCustomError("word", "a number with a point loses its zeros; write it in quotes")
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _duration_text(value: str) -> str:
    said(parse_duration, value)
    return value.strip()


def _zone(value: str) -> str:
    said(WindowSpec.parse, "15m", None, value)
    return value


def _not_bool(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("number", "this is a number, not true or false")
    return value


def _moment(value: object) -> object:
    if value in ("latest", "earliest"):
        return value
    try:
        return from_datetime(datetime.fromisoformat(str(value)))
    except ValueError:
        raise PydanticCustomError(
            "moment", "say where to begin: latest, earliest, or a time with its zone as in 2026-11-23T10:00:00Z"
        ) from None


Duration = Annotated[
    int,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema({"type": ["string", "number"], "pattern": _DURATION}),
]
"""Microseconds; written `90s`, `5m`, `1h`, `1d`, `2w`, or as a number of seconds."""

Size = Annotated[
    int,
    BeforeValidator(_size),
    Field(gt=0),
    PlainSerializer(_format_size, return_type=str, when_used="json"),
    WithJsonSchema({"type": ["string", "integer"], "pattern": r"^\s*\d+(\.\d+)?\s*([kKmMgG]?i?[bB]?)\s*$"}),
]
"""Bytes; written `512kB`, `16MB` (1 MB = 2**20 bytes), or as a number."""

BesidePath = Annotated[Path, AfterValidator(_beside)]
"""A path; a relative one starts at the folder of drift.yaml."""

Word = Annotated[
    str, BeforeValidator(_word), Field(min_length=1, max_length=200), WithJsonSchema({"type": ["string", "integer"]})
]
"""A name; a whole number is taken as its digits."""

Start = Annotated[int | str, BeforeValidator(_moment), WithJsonSchema({"type": "string"})]
"""`latest`, `earliest`, or a moment in microseconds since the epoch."""

DurationText = Annotated[str, AfterValidator(_duration_text), WithJsonSchema({"type": "string", "pattern": _DURATION})]
"""A duration as it was written: `1d` follows the calendar, `24h` does not."""

Zone = Annotated[str, AfterValidator(_zone)]
"""An IANA time zone."""

Whole = Annotated[int, BeforeValidator(_not_bool)]
"""A whole number; `true` is none."""
