"""Payload formats, one module each, found by name.

A format is a module with `decoder(options, models)`: `options` what stands beside `format:` in drift.yaml, `models` the
columns to read for each model by name (`union` of its references' schemas). It returns an object with

    decode(values: Sequence[bytes | None], timestamps: Sequence[int]) -> drift.core.records.Decoded

Every event comes back as a row or with a reason. What becomes of a record depends on that record alone, never on its
neighbours: after a restart the same records arrive in other batches and have to give the same sums.
"""

import pkgutil
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

from drift.core.errors import ConfigError
from drift.core.records import Decoded
from drift.core.rows import Fields


class Decoder(Protocol):
    """What a format makes."""

    def decode(self, values: Sequence[bytes | None], timestamps: Sequence[int]) -> Decoded:
        """Decode records with their own times in microseconds (−1: none)."""


def names() -> list[str]:
    """The formats there are."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def decoder(name: str, options: Mapping[str, Any], models: Mapping[str, Fields]) -> Decoder:
    """The decoder of a format.

    Raises:
        ConfigError: no such format, or options that it does not have.
    """
    if name not in names():
        raise ConfigError(f"there is no format {name!r}; there are {', '.join(names())}")
    return cast(Decoder, import_module(f"{__name__}.{name}").decoder(options, models))
