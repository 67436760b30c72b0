"""Presets by name: every module of `alerts/retrain/presets/`."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

import alerts.retrain.presets as package
from alerts.retrain.trigger import Preset


@cache
def presets() -> Mapping[str, Preset]:
    """Every preset, in alphabetical order; modules without a `PRESET` are helpers and passed over.

    Raises:
        TypeError: a `PRESET` is none, or is not called as its file is.
    """
    found: dict[str, Preset] = {}
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
        held = getattr(import_module(f"{package.__name__}.{module.name}"), "PRESET", None)
        if held is None:
            continue
        if not isinstance(held, Preset) or held.name != module.name:
            raise TypeError(f"{package.__name__}.{module.name}: PRESET must be a Preset of that name")
        found[module.name] = held
    return MappingProxyType(found)
