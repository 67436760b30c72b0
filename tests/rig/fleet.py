"""A store as large as a page has to bear: many models of many columns, judged for months; nothing was ever counted.

Results of most windows share one encoded blob; those of the first model's last windows, which pages read, are all
different, and lie on sums of panes as the pipeline leaves them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from detectors.known import pack as pack_abouts
from drift.core.alarm import Severity
from drift.core.alert import Urgency
from drift.core.clock import DAY, HOUR, MINUTE
from drift.core.grid import ColumnGrid, Grid
from drift.core.performance import Cause, Gap, Measure, Performance, Slice
from drift.core.profile import Profile, Sums
from drift.core.result import Judgement, Outcome
from drift.core.schema import Column, Kind, Role, Schema, Storage
from drift.core.window import Window, WindowSpec
from drift.store import Store, tables
from drift.store.packing import Axes, pack, pack_performance
from drift.store.values import pack as pack_value
from tests.rig.alarming import about, alarm
from tests.rig.alerted import incident

END: Final = 1_795_392_000_000_000
"""Midnight UTC, 2026-11-23: end of the last window."""
STATISTICS: Final = (
    "psi", "ks", "js", "wasserstein_sd", "mean_shift", "missing_ratio", "missing_change", "out_of_range_ratio",
    "unseen_ratio", "invalid_ratio", "hellinger", "tv", "missing_change_q", "unseen_ratio_q",
)  # fmt: skip
DETAILED: Final = 121
"""Windows of the first model with results and sums of their own."""
_AT_ONCE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Fleet:
    """How large it is."""

    models: int = 100
    columns: int = 1_000
    windows: int = 5_000


def grid(columns: int) -> Grid:
    """Numeric columns of twenty bins; the last one is the score."""
    edges = tuple(float(edge) for edge in np.linspace(-2.0, 2.0, 19))
    roles = [Role.FEATURE] * (columns - 1) + [Role.SCORE]
    return Grid(
        tuple(
            ColumnGrid(Column(f"feature_{i:04}", Kind.NUMERIC, role, Storage.NUMBER), edges=edges, unit=2**-20)
            for i, role in enumerate(roles)
        )
    )


def fill(store: Store, size: Fleet) -> None:
    """Put all of it in; a minute or two for the whole size."""
    on = grid(size.columns)
    usual = _profile(on, np.random.default_rng(0), 50_000)
    schema = Schema(tuple(one.column for one in on.columns))
    specs = (WindowSpec.parse("1h"), WindowSpec.parse("1d"))
    blob = pack(_judgement(on, np.random.default_rng(1), plain=True))
    axes_id = _axes(store, on)
    for number in range(size.models):
        model = store.put_model(f"model-{number:03}", pane=5 * MINUTE, lateness=MINUTE, windows=specs)
        reference = store.add_reference(
            model.id, version="1", schema=schema, grid=on, profile=usual, content_hash=f"fleet-{number}", rows=50_000,
            active_from=0,
        )  # fmt: skip
        _windows(store, size, model.id, reference.id, axes_id, blob, own=number == 0)
        _alarms(store, size, model.id, reference.id, number)
    _panes(store, size, on)
    _incidents(store, size)


def _rows(store: Store, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _AT_ONCE:
            store._write(lambda c, some=tuple(batch): c.execute(table.insert(), list(some)))  # type: ignore[misc]
            batch.clear()
    if batch:
        store._write(lambda c: c.execute(table.insert(), batch))


def _axes(store: Store, on: Grid) -> int:
    found = Axes.of(_judgement(on, np.random.default_rng(1), plain=True))
    values = {"digest": found.digest, "blob": found.blob}
    made = store._write(lambda c: c.execute(tables.axes.insert().values(values).returning(tables.axes.c.id)).scalar())
    return int(made or 0)


def _judgement(on: Grid, rng: np.random.Generator, *, plain: bool) -> Judgement:
    shape = len(on.columns), len(STATISTICS)
    values = np.tile(rng.random(len(STATISTICS)), (shape[0], 1)) if plain else rng.gamma(1.0, 0.05, shape)
    thresholds = np.full(shape, np.nan)
    thresholds[:, [0, 6, 7]] = 0.2
    outcomes = (values[:, 0] > 0.2).astype(np.int8)
    return Judgement(2_000, Outcome.DRIFT, on.names, STATISTICS, values, outcomes, thresholds, reason="as it is")


def _profile(on: Grid, rng: np.random.Generator, rows: int) -> Profile:
    empty = Profile.empty(on).sums
    ints = empty.ints.copy()
    ints[0, 0] = rows
    bins = on.columns[0].bins
    counts = rng.multinomial(rows, np.full(bins, 1 / bins), len(on.columns))
    slots = np.zeros((len(on.columns), bins + 4), np.int64)
    slots[:, :bins] = counts
    ints[0, 1 : 1 + slots.size] = slots.ravel()
    return Profile(on, Sums(ints, empty.low * 0 - 2.5, empty.high * 0 + 2.5) if rows < 0 else _bounded(ints, empty))


def _bounded(ints: np.ndarray, empty: Sums) -> Sums:
    return Sums(ints, np.full(empty.low.shape, -2.5), np.full(empty.high.shape, 2.5))


def _window(size: Fleet, n: int) -> Window:
    start = END - (size.windows - n) * HOUR
    return Window(start, start + HOUR)


def _windows(
    store: Store, size: Fleet, model_id: int, reference_id: int, axes_id: int, blob: bytes, *, own: bool
) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        for n in range(size.windows):
            at = _window(size, n)
            yield {
                "model_id": model_id, "reference_id": reference_id, "spec": "1h", "start": at.start, "end": at.end,
                "revision": 1, "state": "final", "rows": 2_000, "dirt": 1, "new_rows": 0, "stale": False,
                "evaluated_at": at.end, "outcome": int(n % 50 == 0), "reason": "as it is", "first_final": 1,
                "pending": False,
            }  # fmt: skip

    _rows(store, tables.windows, rows())
    ids = [row.id for row in store.windows(model_id, spec="1h", limit=size.windows)][::-1]
    rng, on = np.random.default_rng(2), store.reference(reference_id).grid
    detailed = len(ids) - DETAILED if own else len(ids)
    known = pack_performance(performed(on))
    _rows(
        store,
        tables.results,
        (
            {
                "window_id": window_id, "revision": 1, "segment": 0, "state": "final", "rows": 2_000, "outcome": 0,
                "evaluated_at": END, "axes_id": axes_id,
                "blob": blob if n < detailed else pack(_judgement(on, rng, plain=False)),
                "performance": known if n >= len(ids) - DETAILED else None,
            }
            for n, window_id in enumerate(ids)
        ),
    )  # fmt: skip


def performed(on: Grid) -> Performance:
    """As much as there may be: twelve metrics, losses by 64 columns, gaps of six attributes, 20 slices."""
    names = ("accuracy", "precision", "recall", "f1", "specificity", "auroc", "average_precision", "log_loss", "brier")
    measures = {name: Measure(0.9, 0.88, 0.92) for name in (*names, "calibration_error", "value", "lift")}
    return Performance(
        estimated=measures, realized=measures, reference=measures, assumption="as it is", predicted=2_000, joined=1_900,
        coverage=0.95, mature=True, confusion=((900, 50, 0), (60, 890, 0), (0, 0, 0)), summary="Accuracy is 90 %.",
        causes=tuple(Cause(name, 0.01, 0.002, 4.0) for name in on.names[:64]),
        gaps=tuple(Gap(f"group {n}", one, 0.1, 0.9, 0.05, 0.15, 0.04, "a", "b") for n in range(6) for one in measures),
        slices=tuple(Slice(((one, "0 to 1"), ("feature_0001", "> 2")), 100, 0.3, 0.1, 0.001) for one in on.names[:20]),
    )  # fmt: skip


def _alarms(store: Store, size: Fleet, model_id: int, reference_id: int, number: int) -> None:
    standing, ended = (300, 1_000) if number == 0 else ((5, 20) if number % 5 == 0 else (0, 20))

    def rows() -> Iterator[dict[str, Any]]:
        for n in range(standing + ended):
            at = _window(size, size.windows - 24 - n)
            column, over = f"feature_{n % size.columns:04}", None if n < standing else at.end + DAY
            one = alarm(
                column=column, severity=Severity.PAGE if n % 3 == 0 else Severity.WARNING, raised=at,
                onset=at.start, until=at.end, effect=0.1 + n % 7 / 10, sentence=f"{column} is higher",
            )  # fmt: skip
            yield {
                "model_id": model_id, "reference_id": reference_id, "spec": "1h", "segment": 0, "column": column,
                "detector": "default", "raised_start": at.start, "raised_end": at.end, "severity": one.severity.value,
                "onset": at.start, "until": at.end, "direction": "increase", "what": "location", "snoozed": False,
                "ended_at": over, "ended_why": "", "retracted_by": None, "blob": pack_value(one),
            }  # fmt: skip

    _rows(store, tables.alarms, rows())
    if number == 0:
        told = pack_abouts({f"feature_{n:04}": about(season="none") for n in range(size.columns)})
        row = {"reference_id": reference_id, "spec": "1h", "segment": 0, "detector": "default", "blob": told}
        _rows(store, tables.watches, iter([row]))


def _panes(store: Store, size: Fleet, on: Grid) -> None:
    """Of the first model: hours, the last two days still in stretches of five minutes."""
    reference = store.references(store.catalogue().models["model-000"].id)[0]
    rng = np.random.default_rng(3)

    def rows() -> Iterator[dict[str, Any]]:
        for n in range(max(0, size.windows - DETAILED), size.windows):
            at = _window(size, n)
            parts = 12 if n >= size.windows - 48 else 1
            for part in range(parts):
                start = at.start + part * HOUR // parts
                for block, blob in enumerate(_profile(on, rng, 2_000 // parts).dump()):
                    yield {
                        "model_id": reference.model_id, "reference_id": reference.id, "start": start,
                        "end": start + HOUR // parts, "tier": 0 if parts > 1 else 1, "block": block,
                        "rows": 2_000 // parts, "late": 0, "foreign_rows": 0, "blob": blob,
                    }  # fmt: skip

    _rows(store, tables.panes, rows())


def _incidents(store: Store, size: Fleet) -> None:
    from drift.store import incidents

    models = sorted(one.id for one in store.catalogue().models.values())
    at = _window(size, size.windows - 10)
    made = []
    for n in range(1, 2_001):
        base = incident(
            n, model_id=models[n % len(models)], since=at.start, opened_at=at.end, opened_on=at.end,
            urgency=Urgency.PAGE if n % 2 else Urgency.WARNING, columns=("feature_0000", "feature_0001"),
        )  # fmt: skip
        over = {"resolved_at": at.end + HOUR, "resolved_on": at.end + HOUR, "resolution": "recovered", "alerts": 0}
        made.append(base if n > 1_970 else replace(base, **over))  # type: ignore[arg-type]
    store._write(lambda c: incidents.put(c, made))
