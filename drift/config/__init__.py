"""drift.yaml: one file, validated whole, with errors that name the line and the fix."""

from drift.config.loading import json_schema, load, parse
from drift.config.models import ColumnSettings, ModelSettings, SegmentSettings, WindowSettings
from drift.config.root import (
    CompactionSettings,
    Config,
    EventTimeSettings,
    MetricsSettings,
    RetentionSettings,
)
from drift.config.routes import EgressSettings, RouteSettings
from drift.config.server import DEFAULT_PORT, ServerSettings
from drift.config.sources import FileSettings, HttpSettings, KafkaSettings, SourceSettings
from drift.config.triggers import TriggerSettings

__all__ = [
    "DEFAULT_PORT",
    "ColumnSettings",
    "CompactionSettings",
    "Config",
    "EgressSettings",
    "EventTimeSettings",
    "FileSettings",
    "HttpSettings",
    "KafkaSettings",
    "MetricsSettings",
    "ModelSettings",
    "RetentionSettings",
    "RouteSettings",
    "SegmentSettings",
    "ServerSettings",
    "SourceSettings",
    "TriggerSettings",
    "WindowSettings",
    "json_schema",
    "load",
    "parse",
]
