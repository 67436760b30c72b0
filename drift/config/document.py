"""drift.yaml as plain data that remembers where each value stood, with its `${ENV}` and `file:` references resolved.

Scalars follow YAML 1.2's core schema: `no` and `on` are words, `2026-11-23` is text, `010` is ten.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from drift.core.filled import Filled

At = tuple[str | int, ...]
"""Keys and list positions that lead from the root to a value."""

MOST_BYTES: Final = 1 << 20
_WITH_SECRETS: Final = ("routes", "triggers", "server")
_REFERENCE: Final = re.compile(r"\$(?:\$|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\})")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where it stands, what it is, what to do."""

    line: int
    at: At
    message: str

    @property
    def path(self) -> str:
        """`models.credit.windows[1]`; empty for the whole file."""
        text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.at)
        return text.removeprefix(".")


@dataclass(slots=True)
class Document:
    """The file's data, the line of every value and key, and what could not be read."""

    data: Any = None
    lines: dict[At, int] = field(default_factory=dict)
    resolved: set[At] = field(default_factory=set)
    """Values that came from the environment or a file: never to be shown."""
    problems: list[Problem] = field(default_factory=list)

    def line(self, at: At) -> int:
        """The line of this value, or of the nearest that encloses it."""
        while at and at not in self.lines:
            at = at[:-1]
        return self.lines.get(at, 1)


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  PyYAML's own attribute


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))


def read(text: str, folder: Path, environ: Mapping[str, str] = os.environ) -> Document:
    """Parse `text`; paths in `file:` references are relative to `folder`. Never raises for what the text says."""
    document = Document()
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        document.problems.append(Problem(1, (), "the file is larger than 1 MB, too large for a configuration"))
        return document
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is not None:
            document.data = _Reader(loader, document, folder, environ).value(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        hint = (
            "; put quotes around ${…} inside [ ] and { }" if "${" in (text.splitlines()[line - 1 :] or [""])[0] else ""
        )
        document.problems.append(Problem(line, (), f"this is no YAML: {error.problem or error.context}{hint}"))
    except RecursionError:
        document.problems.append(Problem(1, (), "this nests too deep; an anchor cannot hold itself"))
    except yaml.YAMLError as error:  # a character that YAML does not allow
        document.problems.append(Problem(1, (), f"this is no YAML: {str(error).splitlines()[0]}"))
    return document


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns YAML nodes into data."""

    loader: _Loader
    document: Document
    folder: Path
    environ: Mapping[str, str]

    def value(self, node: yaml.Node, at: At) -> Any:
        self.document.lines[at] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, at))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*at, i)) for i, item in enumerate(node.value)]
        return self._scalar(node, at)

    def _pairs(self, node: yaml.MappingNode, at: At) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                self._problem(key, (*at, str(key.value)), f"{key.value!r} stands here twice; keep one of the two")
            if isinstance(key.value, str):
                seen.add(key.value)
        self.loader.flatten_mapping(node)
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._problem(key, at, "a key is a word, not a list or a mapping")
                continue
            yield key.value, self.value(value, (*at, key.value))
            # a setting's line is its key's: a block below it starts further down
            self.document.lines[*at, key.value] = key.start_mark.line + 1

    def _scalar(self, node: yaml.Node, at: At) -> Any:
        if node.tag != "tag:yaml.org,2002:str":
            try:
                return self.loader.construct_object(node)
            except yaml.constructor.ConstructorError as error:
                self._problem(node, at, f"{error.problem}; write a plain value")
                return None
        text: str = node.value
        if text.startswith("file:"):
            return self._filled(at, self._file(node, at, text.removeprefix("file:")), self.folder / text[5:].strip())
        return self._filled(at, _REFERENCE.sub(lambda match: self._reference(match, node, at), text))

    def _filled(self, at: At, text: str, path: Path | None = None) -> str:
        """Where secrets may stand, remember that the text did not stand in the file."""
        return Filled.of(text, path) if at in self.document.resolved and at[0] in _WITH_SECRETS else text

    def _reference(self, match: re.Match[str], node: yaml.Node, at: At) -> str:
        name = match["name"]
        if name is None:
            return "$"
        self.document.resolved.add(at)
        value = self.environ.get(name) or match["default"]
        if value is None:
            fix = f"set it, or write ${{{name}:-default}}"
            self._problem(node, at, f"the environment variable {name} is not set; {fix}")
            return ""
        return value

    def _file(self, node: yaml.Node, at: At, name: str) -> str:
        self.document.resolved.add(at)
        try:
            return (self.folder / name.strip()).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            self._problem(node, at, f"cannot read {name.strip()} ({why}); check the path and its permissions")
            return ""

    def _problem(self, node: yaml.Node, at: At, message: str) -> None:
        self.document.problems.append(Problem(node.start_mark.line + 1, at, message))
