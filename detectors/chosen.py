"""Which sequential detectors a user chose, from plain settings."""

from collections.abc import Mapping
from typing import Any

from detectors.sequential.contract import SequentialDetector
from detectors.sequential.names import detectors
from drift.core.errors import ConfigError


def check(said: object) -> None:
    """Raise ConfigError unless `said` names a detector and options that it has.

    Raises:
        ConfigError: it does not; the sentence names what there is.
    """
    detector, options = read(said)
    for option in options:
        if option not in detector.options:
            known = ", ".join(detector.options) or "none"
            raise ConfigError(f"detector {detector.name} has no option {option!r}; there are {known}")


def read(said: object) -> tuple[SequentialDetector, dict[str, Any]]:
    """The detector and its options, from a name or a mapping with `name`.

    Raises:
        ConfigError: there is no such detector.
    """
    options = dict(said) if isinstance(said, Mapping) else {"name": said}
    name = options.pop("name", None)
    if not isinstance(name, str) or name not in detectors():
        raise ConfigError(f"detector {name!r} is not known; there are {', '.join(detectors())}")
    return detectors()[name], options
