"""What the user said, as a model's settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from drift.config import ModelSettings
from drift.core.clock import MINUTE
from drift.core.errors import ConfigError
from drift.core.window import WindowSpec, format_duration, parse_duration

NAME: Final = "backtest"
ROW: Final = "(row)"
"""Stands for the event time where rows are numbered instead."""
FEWEST_ROWS: Final = 10
_PANES: Final = (15 * MINUTE, 5 * MINUTE, 3 * MINUTE, MINUTE)
_PANES_PER_WINDOW: Final = 4
"""How the rows within a window hang together is learnt from its panes."""
_MODES: Final = "say how windows are cut: --time COLUMN with --window 1d, or --rows-per-window 5000"


@dataclass(frozen=True, slots=True)
class Plan:
    """One model to be backtested, and how its windows are cut."""

    settings: ModelSettings
    name: str = NAME
    time: str = ""
    """The events' column with their time; empty: rows are numbered."""
    rows_per_window: int = 0

    @property
    def numbered(self) -> bool:
        """Whether windows are cut by numbers of rows."""
        return bool(self.rows_per_window)

    @property
    def spec(self) -> WindowSpec:
        """The one window that is judged."""
        return self.settings.window_specs[0]


def plan(
    base: ModelSettings | None = None,
    *,
    name: str = NAME,
    time: str | None = None,
    window: str | None = None,
    rows_per_window: int | None = None,
    budget: str | None = None,
    segments: Sequence[Any] = (),
    ignore: Sequence[str] = (),
    **more: Any,
) -> Plan:
    """Put the user's words over a model's settings.

    Args:
        base: the model's part of drift.yaml; the defaults, unless given.
        name: the model's.
        time: column with the event time.
        window: length of a window: `1h`, `1d`; the first one of `base`, unless given.
        rows_per_window: number the rows in the file's order instead, and judge so many at a time.
        budget: one false alarm in this time: `30d`.
        segments, ignore: columns, beside those of `base`.
        more: other settings of a model; None: as they are.

    Raises:
        ConfigError: neither way of cutting windows, or both; or a setting that cannot be.
    """
    said: dict[str, Any] = {} if base is None else base.model_dump(mode="json", exclude_defaults=True)
    said.pop("reference", None)
    said |= {key: value for key, value in more.items() if value is not None}
    said["segments"] = [*said.get("segments", ()), *segments]
    said["ignore"] = tuple(dict.fromkeys((*said.get("ignore", ()), *ignore)))
    if budget is not None:
        said["alarm_budget"] = budget
    time = time or (base.time if base is not None and not rows_per_window else None)
    if rows_per_window is None:
        said |= _by_time(time, window, said)
    else:
        said |= _by_rows(time, window, rows_per_window, said)
    return Plan(settings(said), name, time or "", rows_per_window or 0)


def settings(said: Mapping[str, Any]) -> ModelSettings:
    """A model's settings from plain data.

    Raises:
        ConfigError: one of them cannot be; the sentence names it.
    """
    try:
        return ModelSettings.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{at}: {message}" if at else message) from error


def _by_time(time: str | None, window: str | None, said: Mapping[str, Any]) -> dict[str, Any]:
    if time is None or (window is None and not said.get("windows")):
        raise ConfigError(_MODES)
    if window is None:
        return {"time": time, "windows": said["windows"][:1]}
    length = parse_duration(window)
    if length % MINUTE:
        raise ConfigError(f"a window is made of whole minutes; {format_duration(length)} is not")
    pane = next((p for p in _PANES if not length % p and length >= _PANES_PER_WINDOW * p), MINUTE)
    return {"time": time, "windows": [window], "pane": format_duration(pane)}


def _by_rows(time: str | None, window: str | None, rows: int, said: Mapping[str, Any]) -> dict[str, Any]:
    if time is not None or window is not None:
        raise ConfigError(f"windows are cut by time or by rows, not by both; {_MODES}")
    if rows < FEWEST_ROWS:
        raise ConfigError(f"{rows} rows are too few for a window; take {FEWEST_ROWS} or more")
    if said.get("seasonal", "auto") not in ("auto", "none"):
        raise ConfigError("rows that are numbered have no season; leave --seasonal out, or cut windows by --time")
    return {"time": ROW, "windows": ["1h"], "pane": "15m", "timezone": "UTC", "seasonal": "none"}
