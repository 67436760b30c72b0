"""What a package's modules hold under one name: detectors, routes, presets, each one file that is found by itself."""

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Protocol, TypeVar


class Named(Protocol):
    """Something called as its file is."""

    @property
    def name(self) -> str:
        """The file's name, without its ending."""


T = TypeVar("T", bound=Named)


def held(package: ModuleType, attribute: str, kind: type[T]) -> Mapping[str, T]:
    """What the modules of a package hold, in alphabetical order; those without the attribute are helpers.

    Args:
        package: whose modules are imported.
        attribute: as `ROUTE`.
        kind: what it has to be.

    Raises:
        TypeError: one is of another kind, or is not called as its file is.
    """
    found: dict[str, T] = {}
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda one: one.name):
        value = getattr(import_module(f"{package.__name__}.{module.name}"), attribute, None)
        if value is None:
            continue
        if not isinstance(value, kind) or value.name != module.name:
            raise TypeError(f"{package.__name__}.{module.name}: {attribute} must be a {kind.__name__} of that name")
        found[module.name] = value
    return MappingProxyType(found)
