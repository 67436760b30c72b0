"""Kinds of routes by name: every module of `alerts/routes/` that holds a `ROUTE`."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

import alerts.routes as package
from alerts.routes.contract import RouteKind


@cache
def kinds() -> Mapping[str, RouteKind]:
    """Every kind, in alphabetical order; modules without a `ROUTE` are helpers and passed over.

    Raises:
        TypeError: a `ROUTE` is none, or is not called as its file is.
    """
    found: dict[str, RouteKind] = {}
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
        held = getattr(import_module(f"{package.__name__}.{module.name}"), "ROUTE", None)
        if held is None:
            continue
        if not isinstance(held, RouteKind) or held.name != module.name:
            raise TypeError(f"{package.__name__}.{module.name}: ROUTE must be a RouteKind of that name")
        found[module.name] = held
    return MappingProxyType(found)
