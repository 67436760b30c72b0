"""A reference from Parquet, CSV or a DataFrame: `build_reference`, and `profile_frame` for data beside it."""

from drift.reference.build import BuiltReference, build_reference
from drift.reference.chunks import Chunks
from drift.reference.options import Limits, ReferenceOptions
from drift.reference.profiling import profile_frame
from drift.reference.summary import HEADINGS, summary_rows

__all__ = [
    "HEADINGS",
    "BuiltReference",
    "Chunks",
    "Limits",
    "ReferenceOptions",
    "build_reference",
    "profile_frame",
    "summary_rows",
]
