"""Driftsum: drift monitoring by exact sums. Importing this package imports nothing else; its names load what they need.

drift.build_reference(frame)               a reference: kinds inferred, bins cut, rows counted
drift.profile_frame(frame, grid)           other data, counted on the same grid
from drift.check import check              two data sets compared: check(reference, current).outcome
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "BuiltReference": "drift.reference",
    "ReferenceOptions": "drift.reference",
    "build_reference": "drift.reference",
    "profile_frame": "drift.reference",
}

__all__ = ["BuiltReference", "ReferenceOptions", "__version__", "build_reference", "profile_frame"]


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
