"""Where the parts of an event stand: `map:` in drift.yaml, and the default event format, which is such a map itself.

    map:
      model: =credit              # a constant after '=', or a path
      version: $.meta.version     # a path: names joined by dots; '$.' in front is optional
      time: ts                    # left out: the record's own timestamp is taken
      features: inputs            # the object that holds them; '$' is the event itself
      features: {income: inputs.income, region: geo.region}       # or a path for each
      prediction: output.class
      score: output.probability   # several score columns: the object that holds them, or a path for each
      label: truth
      segments: {channel: headers.channel}
      zone: UTC                   # times without a zone are UTC; left out: they are refused

What a map does not name is not read. A path may be a list of names, such as [meta, ver.2], where a name holds a dot.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from drift.core.errors import ConfigError
from drift.core.rows import Fields
from drift.core.schema import Column, Role

Path = tuple[str, ...]
"""Names to follow from the event's root."""

_SINGLE: Final = ("model", "version", "id", "time", "prediction", "label")
_MANY: Final = ("features", "score", "segments")
_CONSTANTS: Final = ("model", "version")
ZONES: Final = ("UTC",)
"""Zones that times without one may be said to be of: the one that references without zones are of as well."""

DEFAULT: Final = {name: name for name in (*_SINGLE, *_MANY)}


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that stands in the map instead of in the events."""

    value: str


@dataclass(frozen=True, slots=True)
class EventMap:
    """A map that was read. None: the log does not have it."""

    model: Path | Constant
    version: Path | Constant | None = None
    id: Path | None = None
    time: Path | None = None
    prediction: Path | None = None
    label: Path | None = None
    features: Path | Mapping[str, Path] | None = None
    score: Path | Mapping[str, Path] | None = None
    segments: Path | Mapping[str, Path] | None = None
    naive: bool = False
    """Whether times without a zone are taken, as UTC."""

    @staticmethod
    def parse(settings: Mapping[str, Any] | None) -> "EventMap":
        """Read what stands under `map:`; None gives the default event format.

        Raises:
            ConfigError: an unknown part, something that is no path, or no model.
        """
        settings = DEFAULT if settings is None else settings
        parts: dict[str, Any] = {}
        for name, value in settings.items():
            if name == "zone":
                parts["naive"] = _naive(value)
                continue
            if name not in DEFAULT:
                raise ConfigError(f"map: {name!r} is no part of an event; there are {', '.join(DEFAULT)}, zone")
            parts[name] = _part(name, value)
        if "model" not in parts:
            raise ConfigError("map: say which model the events belong to: `model: =credit`, or a path to its name")
        return EventMap(**parts)

    @property
    def own_object(self) -> bool:
        """Whether the features have an object of their own, so that its absence says that an event has none."""
        return isinstance(self.features, tuple) and bool(self.features)

    def place(self, column: Column, fields: Fields) -> Path | None:
        """Where the value of a column (for a derived one, its source) stands; None: nowhere."""
        match column.role:
            case Role.PREDICTION:
                return self.prediction
            case Role.LABEL:
                return self.label
            case Role.SCORE:
                several = len({c.field for c in (*fields.numbers, *fields.keys) if c.role is Role.SCORE}) > 1
                return self.score if isinstance(self.score, tuple) and not several else _within(self.score, column)
            case Role.ID:
                return self.id
            case Role.FEATURE | Role.WEIGHT:
                return _within(self.features, column)
            case _:
                return _within(self.segments, column)


def _within(part: Path | Mapping[str, Path] | None, column: Column) -> Path | None:
    if part is None:
        return None
    return (*part, column.field) if isinstance(part, tuple) else part.get(column.field)


def _naive(zone: object) -> bool:
    if zone not in ZONES:
        raise ConfigError(f"map: zone is {zone!r}; write UTC, or let the producer write each time's own zone")
    return True


def _part(name: str, value: object) -> object:
    if isinstance(value, Mapping) and name in _MANY:
        return {str(key): _value(f"{name}.{key}", path) for key, path in value.items()}
    if isinstance(value, str) and value.startswith("="):
        if name not in _CONSTANTS:
            raise ConfigError(f"map: {name} differs from event to event; write a path instead of {value!r}")
        return Constant(value[1:])
    return _path(name, value) if name in _MANY else _value(name, value)


def _value(name: str, text: object) -> Path:
    path = _path(name, text)
    if not path:
        raise ConfigError(f"map: {name} is the whole event ('$'); write the path of one value, such as $.meta.{name}")
    return path


def _path(name: str, value: object) -> Path:
    if isinstance(value, list | tuple) and value and all(isinstance(part, str) and part for part in value):
        return tuple(value)
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"map: {name} is {value!r}; write a path such as $.meta.{name.rpartition('.')[2]}")
    text = value.strip()
    if text == "$":
        return ()
    path = tuple(text.removeprefix("$.").split("."))
    if not all(path) or any(letter in text for letter in "[]*?"):
        raise ConfigError(f"map: {name} is {value!r}; a path is made of names and dots, as in $.meta.version")
    return path
