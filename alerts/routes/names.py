"""Kinds of routes by name: every module of `alerts/routes/` that holds a `ROUTE`."""

from collections.abc import Mapping
from functools import cache

import alerts.routes as package
from alerts.routes.contract import RouteKind
from drift.core.plugins import held


@cache
def kinds() -> Mapping[str, RouteKind]:
    """Every kind, in alphabetical order."""
    return held(package, "ROUTE", RouteKind)
