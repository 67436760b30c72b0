"""Sequential detectors by name: every module or package of `detectors/sequential/` that holds a `DETECTOR`."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

import detectors.sequential as package
from detectors.sequential.contract import SequentialDetector


@cache
def detectors() -> Mapping[str, SequentialDetector]:
    """Every detector, in alphabetical order; modules without a `DETECTOR` are helpers and passed over.

    Raises:
        TypeError: a `DETECTOR` is none, or is not called as its file is.
    """
    found: dict[str, SequentialDetector] = {}
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
        held = getattr(import_module(f"{package.__name__}.{module.name}"), "DETECTOR", None)
        if held is None:
            continue
        if not isinstance(held, SequentialDetector) or held.name != module.name:
            raise TypeError(f"{package.__name__}.{module.name}: DETECTOR must be a SequentialDetector of that name")
        found[module.name] = held
    return MappingProxyType(found)
