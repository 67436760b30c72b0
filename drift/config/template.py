"""The commented drift.yaml that `drift init` writes: what was inferred, and what most often has to be said."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from drift.core.schema import Role

_NAMED: Final = (Role.PREDICTION, Role.SCORE, Role.LABEL, Role.TIME, Role.ID)

_TEXT: Final = """\
# Driftsum. `drift validate` checks this file; every setting is described in docs/configuration.md.
# Relative paths start at this file's folder. ${{NAME}} is taken from the environment, file:PATH from a file.

store: sqlite:///drift.db              # several workers need postgresql://user:${{DB_PASSWORD}}@host/database

sources: []                            # POST /v1/events works without any; else, in place of the []:
#  - kafka:
#      bootstrap: localhost:9092
#      topics: [predictions]
#      start: latest                   # or earliest, or 2026-01-31T00:00:00Z
#      group: drift.prod.main
#    format: json                      # one event or an array of events a record
#    map:                              # only if your log has another shape than Driftsum's events
#      model: ={name}
#      features: inputs
#      prediction: output.class
#      time: ts

models:
  {key}:
    reference: {reference}
    version: "{version}"
{roles}    # columns:                         # where a kind was inferred wrongly
    #   {column}: {{kind: {kind}}}
{ignore}{segments}    windows: [1h, 1d]                  # what is judged; multiples of the pane of 5 minutes
    lateness: 10m                      # how long a window waits for late rows
    rules: [default]                   # or, beside it: psi > 0.2
"""


def template(name: str, reference: str, summary: Mapping[str, Any]) -> str:
    """The text of a drift.yaml for one model.

    Args:
        name: the model's.
        reference: path of its reference, as it shall stand in the file.
        summary: what was inferred of it, as `drift.reference` gives it.
    """
    columns = list(summary["columns"])
    watched = next((c for c in columns if c["role"] == Role.FEATURE), columns[0])
    return _TEXT.format(
        name=name,
        key=_key(name),
        reference=_scalar(reference),
        version=summary["version"],
        roles="".join(_roles(columns)),
        column=_key(watched["column"]),
        kind=watched["kind"],
        ignore=_ignored(columns),
        segments=_segments(columns),
    )


def _roles(columns: list[Mapping[str, Any]]) -> Iterator[str]:
    """A line for each role a single column has: as inferred, or as a comment where there was none."""
    for role in _NAMED:
        found = next((c["column"] for c in columns if c["role"] == role), None)
        line = f"{role}: {_scalar(found)}" if found is not None else f"# {role}: COLUMN"
        yield f"    {line:<34} # {_MEANING[role]}\n"


_MEANING: Final = {
    Role.PREDICTION: "the model's output",
    Role.SCORE: "its probability or score",
    Role.LABEL: "the truth that comes later",
    Role.TIME: "event time of the reference's rows",
    Role.ID: "identifies an event",
}


def _ignored(columns: list[Mapping[str, Any]]) -> str:
    names = [c["column"] for c in columns if c["role"] == Role.IGNORE]
    return (
        f"    ignore: {_flow(names)}\n"
        if names
        else "    # ignore: [COLUMN, debug_*]         # columns that are not watched\n"
    )


def _segments(columns: list[Mapping[str, Any]]) -> str:
    some = next((c["column"] for c in columns if c["kind"] == "categorical" and c["role"] == Role.FEATURE), "COLUMN")
    line = f"# segments: {_flow([some])}"
    return f"    {line:<34} # columns by whose values the traffic is also judged apart\n"


def _key(name: str) -> str:
    """A YAML key or scalar, quoted unless it is a plain word."""
    if re.fullmatch(r"[A-Za-z_][\w./-]*", name, re.ASCII) and name.lower() not in ("true", "false", "null"):
        return name
    return json.dumps(name, ensure_ascii=not name.isprintable())


def _scalar(value: str) -> str:
    """A value: unlike in keys, `$` would begin a reference, and `file:` would be one."""
    return _key(value.replace("$", "$$"))


def _flow(values: list[str]) -> str:
    return "[" + ", ".join(map(_scalar, values)) + "]"
