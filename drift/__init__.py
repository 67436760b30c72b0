"""Driftsum: drift monitoring by exact sums. Importing this package imports nothing else; its names load what they need.

drift.build_reference(frame)                 a reference: kinds inferred, bins cut, rows counted
drift.profile_frame(frame, grid)             other data, counted on the same grid
drift.compare(reference, current)            two data sets compared, with a table for a notebook
drift.backtest(reference, events, time=…)    what would have been paged, with a picture for a notebook
drift.importances_of(model)                  column → importance, of a fitted InterpretML EBM, for `importances:`
from drift.check import check                what `drift check` says: check(reference, current).outcome
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "BuiltReference": "drift.reference",
    "ReferenceOptions": "drift.reference",
    "backtest": "drift.backtesting",
    "build_reference": "drift.reference",
    "compare": "drift.backtesting",
    "importances_of": "detectors.performance.importances",
    "profile_frame": "drift.reference",
}

__all__ = [
    "BuiltReference",
    "ReferenceOptions",
    "__version__",
    "backtest",
    "build_reference",
    "compare",
    "importances_of",
    "profile_frame",
]


def __getattr__(name: str) -> Any:
    """The public names, imported when somebody asks for them."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("driftsum")
        except PackageNotFoundError:
            return "0"
    raise AttributeError(f"module 'drift' has no attribute {name!r}")
