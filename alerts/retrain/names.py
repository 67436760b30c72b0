"""Presets by name: every module of `alerts/retrain/presets/` that holds a `PRESET`."""

from collections.abc import Mapping
from functools import cache

import alerts.retrain.presets as package
from alerts.retrain.trigger import Preset
from drift.core.plugins import held


@cache
def presets() -> Mapping[str, Preset]:
    """Every preset, in alphabetical order."""
    return held(package, "PRESET", Preset)
