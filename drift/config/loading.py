"""Reading drift.yaml: all of it is checked, and everything that is wrong is said at once."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from drift.config.document import Document, Problem, read
from drift.config.problems import explain
from drift.config.root import Config
from drift.core.errors import ConfigError


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration in this file.

    Raises:
        ConfigError: one line for each thing that is wrong: file, line, path, what it is and the fix.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; `drift init REFERENCE` writes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text ({error}); check the file") from error
    return parse(text, str(path), path.resolve().parent, environ)


def parse(
    text: str, name: str = "drift.yaml", folder: Path = Path(), environ: Mapping[str, str] = os.environ
) -> Config:
    """The configuration in this text; `name` stands in errors, `folder` is where relative paths start.

    Raises:
        ConfigError: one line for each thing that is wrong.
    """
    document = read(text, folder, environ)
    problems, config = list(document.problems), None
    if document.data is None and not problems:
        problems.append(Problem(1, (), "the file is empty; `drift init REFERENCE` writes one"))
    elif document.data is not None:
        config, found = _validate(document, folder)
        # what could not be read was said already
        said = {problem.at for problem in problems}
        problems += [problem for problem in found if problem.at not in said]
    if problems or config is None:
        raise ConfigError("\n".join(_sentence(name, problem) for problem in sorted(problems, key=lambda p: p.line)))
    return config


def json_schema() -> dict[str, Any]:
    """JSON Schema of drift.yaml, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}


def _validate(document: Document, folder: Path) -> tuple[Config | None, list[Problem]]:
    try:
        return Config.model_validate(document.data, context={"folder": folder}), []
    except ValidationError as error:
        return None, explain(error, document, Config)


def _sentence(name: str, problem: Problem) -> str:
    where = f"{name}:{problem.line}: "
    return where + (f"{problem.path}: " if problem.path else "") + problem.message
