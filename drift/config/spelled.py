"""What may be written in more than one way in a model's part of drift.yaml, brought into one."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import WithJsonSchema

from drift.config.scalars import said
from drift.core.schema import canonical_key

_RULE_WORDS: Final = ("default", "quality")


def window_of(value: Any) -> Any:
    """A length alone is a window that does not overlap."""
    return value if isinstance(value, Mapping) else {"length": value}


def segment_of(value: Any) -> Any:
    """A column's name alone, or `{channel: [web, shop]}`."""
    if not isinstance(value, Mapping):
        return {"name": value}
    if len(value) == 1 and "name" not in value:
        ((name, values),) = value.items()
        return {"name": name, "values": values}
    return value


def rule_of(value: Any) -> Any:
    """A sentence or a mapping, read once to see that it can be."""
    from detectors.rules import Rule

    if value not in _RULE_WORDS:
        said(Rule.parse, value)
    return value


def statistic_of(value: Any) -> Any:
    """The name of one."""
    from detectors.rules import known

    said(known, str(value), "statistics")
    return value


def budget_of(value: Any) -> Any:
    """`1 per 30d`, and what else says so."""
    from detectors.budget import AlarmBudget

    return str(said(AlarmBudget.parse, value))


def detector_of(value: Any) -> Any:
    """A name, or a mapping with it and options."""
    from detectors.chosen import check

    said(check, value)
    return value


def classes_of(value: Any) -> Any:
    """A class is written as it stands in the data: 1, 1.0 and "1" are one; `true` is the boolean."""
    if not isinstance(value, Mapping):
        return value
    known = {canonical_key(name) if isinstance(name, str | int | float) else str(name): x for name, x in value.items()}
    if len(known) < len(value):
        raise ValueError("a class stands there twice; give each one share")
    return known


def holiday_of(value: Any) -> Any:
    """A date, or a country's code that is known."""
    from detectors.sequential.default.days_off import spelled

    return said(spelled, value)


HolidaySchema: Final = WithJsonSchema({"type": "string", "examples": ["2026-12-24", "US", "DE-BY"]})
PriorSchema: Final = WithJsonSchema(
    {"type": "object", "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}}
)
DetectorSchema: Final = WithJsonSchema(
    {
        "anyOf": [
            {"type": "string", "examples": ["default", "cusum"]},
            {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
        ]
    }
)
RuleSchema: Final = WithJsonSchema(
    {
        "anyOf": [
            {"type": "string", "examples": ["psi > 0.2", "default", "quality"]},
            {"type": "object", "properties": {"when": {"type": "string"}}, "required": ["when"]},
        ]
    }
)
