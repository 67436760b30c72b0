"""The reference: read as production reads it, its rows numbered where the events' are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drift.backtesting.numbering import REFERENCE, NumberedData, Numbering
from drift.backtesting.plan import ROW, Plan
from drift.config import ModelSettings
from drift.core.catalogue import Model, Reference
from drift.core.columnar import Columns
from drift.core.errors import InputError
from drift.core.schema import Kind, Role, Storage
from drift.reference import BuiltReference, ReferenceOptions, build_reference
from drift.reference.data import Data
from drift.reference.read import open_data
from drift.reference.roles import resolve_roles
from drift.store import Store

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Registered:
    """The reference in the store, and what there is to say about it."""

    reference: Reference
    names: tuple[str, ...]
    """Its columns."""
    timed: bool
    """Whether it is in the order of time."""
    notes: tuple[str, ...] = ()


def register(store: Store, model: Model, plan: Plan, source: Any, progress: Progress) -> Registered:
    """Build the reference of a backtest and put it into its store.

    Args:
        store: where to.
        model: whose.
        plan: roles, kinds, segments; how rows are numbered.
        source: what `build_reference` takes.
        progress: told how many rows are read, and of how many.

    Raises:
        ReferenceRefused: it cannot be read, or lacks a column that was named.
    """
    data = open_data(source, ReferenceOptions().limits, _numbers(plan.settings))
    settings = plan.settings
    if settings.label is not None and settings.label.column not in data.names:
        # labels come later, and perhaps only to the events
        settings = settings.model_copy(update={"label": None})
    if plan.numbered:
        settings, built, notes = _numbered(data, settings, plan.rows_per_window, progress)
    else:
        lacks = plan.time not in data.names
        settings = settings.model_copy(update={"time": None}) if lacks else settings
        built = build_reference(data, _options(settings), progress=progress)
        notes = (f"the reference has no column {plan.time!r}",) if lacks else ()
    if not built.grid.columns:
        raise InputError("the reference has no column to watch; see --ignore and the columns' roles")
    reference = store.add_reference(
        model.id, version=built.version, schema=built.schema, grid=built.grid, profile=built.profile,
        chunks=built.chunks, content_hash=built.content_hash, rows=built.rows, active_from=0, summary=built.summary,
        outcomes=built.outcomes, outcome_chunks=built.outcome_chunks, learnt=built.learnt,
    )  # fmt: skip
    return Registered(reference, data.names, built.summary["time"] is not None, (*notes, *_worth_saying(built)))


def _numbered(
    data: Data, settings: ModelSettings, per_window: int, progress: Progress
) -> tuple[ModelSettings, BuiltReference, tuple[str, ...]]:
    """Without the times that rows have of their own: an age, as of a row's number, means nothing."""
    lines = NumberedData(data, Numbering(per_window, REFERENCE))
    clock = _own_time(data, settings)
    settings = _without(settings, clock)
    built = build_reference(lines, _options(settings), progress=progress)
    aged = tuple(column.field for column in built.schema.columns if column.derive == "age")
    if aged:
        settings = _without(settings, aged)
        built = build_reference(lines, _options(settings), progress=progress)
    notes = [f"column {name!r} is a time and left out: windows are cut by rows" for name in (*clock, *aged)]
    return settings, built, tuple(notes)


def _own_time(data: Data, settings: ModelSettings) -> tuple[str, ...]:
    """The column that would have been taken for the event time."""
    options = _options(settings.model_copy(update={"time": None}))
    first: Columns = next((columns for n, columns in data.batches() if n), {})
    roles = resolve_roles(data.names, options, first)[0] if first else {}
    return tuple(name for name, role in roles.items() if role is Role.TIME)


def _without(settings: ModelSettings, names: tuple[str, ...]) -> ModelSettings:
    return settings.model_copy(update={"ignore": (*settings.ignore, *names)})


def _options(settings: ModelSettings) -> ReferenceOptions:
    return ReferenceOptions.from_settings(settings.model_dump(mode="json"))


def _numbers(settings: ModelSettings) -> dict[str, Storage]:
    """What CSV columns hold whatever their texts look like."""
    return {name: Storage.NUMBER for name, kind in settings.kinds.items() if kind in (Kind.NUMERIC, Kind.ORDINAL)}


def _worth_saying(built: BuiltReference) -> tuple[str, ...]:
    return tuple(
        note for note in built.summary["notes"] if "no event time" not in note and "sample of the rows" not in note
    )


__all__ = ["ROW", "Registered", "register"]
