"""docker-compose.yml as data, and its configuration files moved from containers to loopback."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.rig.proc import CHECKOUT

COMPOSE = CHECKOUT / "docker-compose.yml"
FILES = CHECKOUT / "dashboards" / "compose"


def stack() -> dict[str, Any]:
    """docker-compose.yml."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return found


def service(name: str) -> dict[str, Any]:
    """One of its services."""
    found: dict[str, Any] = stack()["services"][name]
    return found


def moved(text: str, places: Mapping[str, str]) -> str:
    """`text` with each place replaced; raises `ValueError` for one that does not stand there.

    So a test that runs a file elsewhere notices when the file has changed.
    """
    for there, here in places.items():
        if there not in text:
            raise ValueError(f"{there!r} does not stand in:\n{text}")
        text = text.replace(there, here)
    return text


def put(source: Path, target: Path, places: Mapping[str, str]) -> Path:
    """Write `source`, moved, to `target`, and return that."""
    target.write_text(moved(source.read_text(), places))
    return target
