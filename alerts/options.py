"""What all options of routes have in common."""

from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from drift.core.clock import SECOND
from drift.core.errors import ConfigError
from drift.core.window import format_duration, parse_duration

_DURATION: Final = r"^\s*\d+(\.\d+)?\s*(s|m|min|h|d|w)\s*$"


class Options(BaseModel):
    """What stands under a kind's key in drift.yaml: unknown keys are refused; docstrings are descriptions."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True)


def _seconds(value: object) -> object:
    try:
        return parse_duration(value) / SECOND  # type: ignore[arg-type]  # it says itself what it does not take
    except (ConfigError, TypeError) as error:
        raise ValueError("a duration is a number and a unit, as in 90s, 5m, 1h") from error


def _spelled(seconds: float) -> str:
    return format_duration(round(seconds * SECOND))


Seconds = Annotated[
    float,
    BeforeValidator(_seconds),
    PlainSerializer(_spelled, return_type=str, when_used="json"),
    WithJsonSchema({"type": ["string", "number"], "pattern": _DURATION}),
]
"""A duration: written `90s`, `5m`, or as a number of seconds."""

Label = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=100)]
"""The name of a label, as Prometheus allows it."""
