"""Templates: `{model}` in JSON, URLs and headers, filled so that no value can become anything but a value.

In JSON a text that is one placeholder alone becomes the value as it is (a list stays a list); a placeholder within a
text becomes text. The result is built as data and encoded afterwards. In URLs values are percent-encoded whole.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from drift.core.errors import ConfigError

PLACEHOLDERS: Final = {
    "model": "its name",
    "version": "version of the model whose reference drifted",
    "owner": "who owns it",
    "trigger": "this trigger's name",
    "key": "idempotency key: the same in every attempt; letters, digits and . _ - only",
    "severity": "`warning` or `page`",
    "incident": "the incident's number; 0: a person asked for it",
    "title": "the incident in one line",
    "onset": "since when it drifts",
    "window_start": "start of the drifted stretch: the onset",
    "window_end": "end of the drifted stretch: of the last window that was judged",
    "window": "how the windows are cut: `1h`",
    "columns": "drifted columns with their evidence, a list, worst first",
    "column_names": "their names, a list",
    "column_list": "their names in one text, with commas",
    "evidence_url": "where to fetch the incident",
    "data_url": "where to fetch the drifted stretch",
    "link": "the incident for people",
    "run_id": "the run's number here",
    "callback_url": "where the pipeline may say that its run is over",
    "requested_at": "when the run was asked for",
    "conf": "all of it, as one JSON object",
    "conf_json": "all of it, as JSON in a text",
    "id": "the run's id at the target; known after the start",
}
"""The placeholders there are."""
_HOLE: Final = re.compile(r"\{([a-z_]*)\}|\{\{|\}\}|[{}]")


def check(template: Any) -> None:
    """Refuse a template with a placeholder that there is not.

    Raises:
        ConfigError: there is one, or a brace that is not doubled.
    """
    for text in _texts(template):
        for match in _HOLE.finditer(text):
            if match[0] not in ("{{", "}}") and match[1] not in PLACEHOLDERS:
                known = ", ".join(PLACEHOLDERS)
                raise ConfigError(f"{match[0]} in {text!r} is no placeholder; there are {known}; double a plain brace")


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """A JSON template with its values, as data. Keys of objects are left as they are."""
    if isinstance(template, str):
        whole = _HOLE.fullmatch(template)
        if whole is not None and whole[1]:
            return values.get(whole[1])
        return _fill(template, values, spell)
    if isinstance(template, Mapping):
        return {key: fill(value, values) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [fill(value, values) for value in template]
    return template


def text(template: str, values: Mapping[str, Any]) -> str:
    """A text with its values spelled out."""
    return _fill(template, values, spell)


def url(template: str, values: Mapping[str, Any]) -> str:
    """A URL with its values percent-encoded.

    Raises:
        ConfigError: a value would be a step to another folder, `.` or `..`.
    """
    filled = _fill(template, values, lambda value: quote(spell(value), safe=""))
    path = filled.split("://", 1)[-1].split("?", 1)[0]
    if any(part in (".", "..") for part in path.split("/")):
        raise ConfigError(f"{template!r} leads to another path than it says, because of a value of '.' or '..' in it")
    return filled


def header(template: str, values: Mapping[str, Any]) -> str:
    """A header's value; what a header cannot hold is percent-encoded."""
    return _fill(template, values, lambda value: quote(spell(value), safe=" !#$&'()*+,/:;=?@[]~"))


def spell(value: Any) -> str:
    """A value as text: null is nothing, lists and objects are JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def _fill(template: str, values: Mapping[str, Any], spelled: Any) -> str:
    def one(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        return str(spelled(values.get(match[1])))

    return _HOLE.sub(one, template)


def _texts(template: Any) -> Iterator[str]:
    if isinstance(template, str):
        yield template
    elif isinstance(template, Mapping):
        for value in template.values():
            yield from _texts(value)
    elif isinstance(template, list | tuple):
        for value in template:
            yield from _texts(value)
