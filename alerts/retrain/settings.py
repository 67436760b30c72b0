"""What options of presets have in common."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from alerts.retrain import paths, template
from alerts.secrets import Location
from drift.core.errors import ConfigError


def _template(value: Any) -> Any:
    try:
        template.check(value)
    except ConfigError as error:
        raise ValueError(str(error)) from error
    return value


def _path(value: str) -> str:
    try:
        paths.parse(value)
    except ConfigError as error:
        raise ValueError(str(error)) from error
    return value


Template = Annotated[dict[str, Any], AfterValidator(_template)]
"""JSON with placeholders such as `{model}`."""
Texts = Annotated[dict[str, str], AfterValidator(_template)]
"""Texts with placeholders."""
Path = Annotated[str, AfterValidator(_path)]
"""A path into JSON: `run.id`, `items[0].name`."""
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


def base(url: Location) -> str:
    """A configured URL, without a slash at its end, as a template."""
    return plain(url.get().rstrip("/"))


def plain(text: str) -> str:
    """A text as a template that says just that."""
    return text.replace("{", "{{").replace("}", "}}")
