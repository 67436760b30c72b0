"""Values picked out of JSON answers: `dag_run_id`, `properties.status`, `items[*].actions[*].parameters[*].value`."""

import re
from typing import Any, Final

from drift.core.errors import ConfigError

_STEP: Final = re.compile(r"(?P<name>[^.\[\]]+)|\[(?P<index>\d+)\]|\[(?P<all>\*)\]")


def parse(path: str) -> tuple[str | int | None, ...]:
    """The steps of a path: a key, a position, or None for all items of a list.

    Raises:
        ConfigError: it is no path.
    """
    steps, rest = list[str | int | None](), path
    while rest:
        match = _STEP.match(rest)
        if match is None:
            raise ConfigError(f"{path!r} is no path into JSON; write it as in run.id, items[0].name, items[*].url")
        steps.append(match["name"] or (int(match["index"]) if match["index"] else None))
        rest = rest[match.end() :].removeprefix(".")
    return tuple(steps)


def every(value: Any, path: str) -> list[Any]:
    """All values at a path, in order; those that are not there are left out. An empty path is the value itself."""
    found = [value]
    for step in parse(path):
        found = [inner for one in found for inner in _inside(one, step)]
    return found


def first(value: Any, path: str) -> Any:
    """The first value at a path that is not null; None: there is none."""
    return next((one for one in every(value, path) if one is not None), None)


def text(value: Any) -> str:
    """A number, word or truth value as it is spelled in JSON; everything else is empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else ""


def _inside(value: Any, step: str | int | None) -> list[Any]:
    if isinstance(value, dict) and isinstance(step, str):
        return [value[step]] if step in value else []
    if isinstance(value, list) and step is None:
        return value
    if isinstance(value, list) and isinstance(step, int):
        return value[step : step + 1]
    return []
