"""Silences, and retrain runs: their lists. Times are the clock's, microseconds."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboards.web.views.figure import Pages
from dashboards.web.views.incidents import RunLine


@dataclass(frozen=True, slots=True)
class SilenceLine:
    """One silence."""

    id: int
    matchers: Mapping[str, str]
    state: str
    """`active`, `pending` or `expired`."""
    starts_at: int
    ends_at: int
    who: str
    why: str
    mine: bool
    """Whether whoever looks may end it."""


@dataclass(frozen=True, slots=True)
class SilenceList:
    """Silences, newest first."""

    lines: tuple[SilenceLine, ...]
    state: str
    """The filter; empty: all."""
    labels: tuple[str, ...]
    """What a new one can match."""
    pages: Pages


@dataclass(frozen=True, slots=True)
class RunList:
    """Retrain runs, newest first."""

    lines: tuple[RunLine, ...]
    state: str
    model: str
    states: tuple[str, ...]
    models: tuple[str, ...]
    triggers: tuple[tuple[str, tuple[str, ...]], ...]
    """(model, its triggers) that a retraining can be asked of."""
    pages: Pages
