"""Changes of the data's form, named as such: renamed, vanished and new columns, units, types, codes."""

from detectors.changes.contract import ChangeKind, SchemaChange
from detectors.changes.find import schema_changes

__all__ = ["ChangeKind", "SchemaChange", "schema_changes"]
