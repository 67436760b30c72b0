"""A backtest from end to end, in a store of its own that is gone afterwards.

Everything is counted before anything is judged, so that the order of the rows in the file makes no difference; then
every whole window is final and judged in order, as production would have come to judge it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast

import structlog

from drift.backtesting.collect import collect
from drift.backtesting.events import Events, open_events
from drift.backtesting.numbering import Numbering, numbered
from drift.backtesting.plan import Plan, plan
from drift.backtesting.registering import register
from drift.backtesting.result import Backtest
from drift.backtesting.whole import WholeWindows, partly_filled, windows_of
from drift.config import Config, ModelSettings, load
from drift.core.catalogue import Model, Reference
from drift.core.clock import SECOND, ManualClock, isoformat
from drift.core.derive import LAST_YEAR
from drift.core.errors import ConfigError, InputError
from drift.pipeline import Options, Worker
from drift.service.models import put_model
from drift.service.service import Service
from drift.store import Store, open_store

Progress = Callable[[str, int, int | None], None]
"""Told what is being done, how far it is, and how far there is to go where that is known."""

PATIENCE: Final = 60.0
"""Seconds of the backtest's own clock without a record, after which a file that cannot be read ends it."""
_AT_ONCE: Final = 1 << 30


def backtest(
    reference: Any,
    events: Any,
    *,
    time: str | None = None,
    window: str | None = None,
    rows_per_window: int | None = None,
    prediction: str | None = None,
    score: str | None = None,
    label: str | None = None,
    segments: Sequence[Any] = (),
    ignore: Sequence[str] = (),
    budget: str | None = None,
    seasonal: str | None = None,
    timezone: str | None = None,
    config: str | Path | ModelSettings | None = None,
    model: str = "",
    progress: Progress | None = None,
    **settings: Any,
) -> Backtest:
    """What would have been paged, when, and how long after the onset.

    Args:
        reference: a pandas DataFrame, or the path of a Parquet, CSV or JSON Lines file: what is normal.
        events: likewise; what production saw. Files larger than memory are fine.
        time: column with the event time; times without a zone are UTC.
        window: how long a window is: `1h`, `1d`.
        rows_per_window: instead of both: so many rows in the file's order make a window.
        prediction, score, label: columns with these roles, where their names do not say so.
        segments: columns by whose values the traffic is judged apart as well.
        ignore: columns that are not watched.
        budget: one false alarm is allowed in this time (`30d`); a numbered window counts as an hour.
        seasonal: `auto`, `none`, or a season to be sure of.
        timezone: IANA zone whose midnight starts a day.
        config: a drift.yaml, or a model's settings, to start from.
        model: which model of drift.yaml; needed where it has several.
        progress: see `Progress`.
        settings: any other settings of a model, by their names in drift.yaml.

    Raises:
        InputError: something cannot be read, or cannot be judged like this; one sentence.
    """
    base, name = _base(config, model)
    planned = plan(
        base, name=name, time=time, window=window, rows_per_window=rows_per_window, budget=budget, segments=segments,
        ignore=ignore, prediction=prediction, score=score, label=label, seasonal=seasonal, timezone=timezone,
        **settings,
    )  # fmt: skip
    stream = open_events(events)
    if not planned.numbered:
        stream.require(planned.time)
    with _quiet(), TemporaryDirectory(prefix="drift-backtest-") as folder:
        return _Run(planned, stream, Path(folder), progress or _silent).run(reference)


class _Run:
    """One backtest under way."""

    def __init__(self, planned: Plan, stream: Events, folder: Path, progress: Progress) -> None:
        self._plan, self._stream, self._progress = planned, stream, progress
        # nothing is ahead of this clock while rows are counted
        self._clock = ManualClock(LAST_YEAR * SECOND)
        config = Config.model_validate({"store": f"sqlite:///{folder / 'drift.db'}"})
        self._store = WholeWindows(open_store(config.store_url, self._clock))
        self._service = Service(config, cast(Store, self._store), self._clock)

    def run(self, reference: Any) -> Backtest:
        """All steps."""
        store = cast(Store, self._store)
        try:
            model = put_model(store, self._plan.name, self._plan.settings)
            known = register(store, model, self._plan, reference, lambda done, all_: self._tell(_READING, done, all_))
            more = self._stream.differences(self._plan, known.reference.schema)
            known = replace(known, notes=(*known.notes, *more))
            self._count(known.reference)
            self._judge(model, self._rows(store))
            return collect(store, self._store, self._plan, known, self._stream.label)
        finally:
            self._service.stop()

    def _count(self, reference: Reference) -> None:
        stream, service = self._stream, self._service
        source = stream.source(self._clock, lambda done, all_: self._tell(_COUNTING, done, all_))
        decoders = stream.decoders(self._plan, reference.schema)
        if self._plan.numbered:
            decoders = numbered(decoders, Numbering(self._plan.rows_per_window))
        options = Options(owner=service.owner, poll_records=stream.at_once)
        worker = Worker(source, decoders, service.store, self._clock, service.metrics, options)
        moved = self._clock.monotonic()
        try:
            while not worker.finished:
                if worker.step():
                    moved = self._clock.monotonic()
                elif self._clock.monotonic() - moved > PATIENCE:
                    raise InputError(f"{stream.label} cannot be read; check the file and its permissions")
        finally:
            worker.close()

    def _rows(self, store: Store) -> int:
        """Raises InputError where nothing could be counted."""
        rows = store.totals().rows
        if not rows:
            refused = store.dead_letters_by_reason()
            why = "; ".join(f"{n:,} × {reason} ({_example(store, reason)})" for reason, n in sorted(refused.items()))
            raise InputError(f"{self._stream.label}: no row could be counted: {why or 'there is none'}")
        return rows

    def _judge(self, model: Model, rows: int) -> None:
        marks = self._store.dirty(_AT_ONCE)
        windows = windows_of(marks, model.windows)
        first, last = min(mark.start for mark in marks), max(mark.start for mark in marks) + model.pane
        if not self._plan.numbered:
            self._store.aside = partly_filled(windows, first, last)
        self._store.expected = len(windows) - len(self._store.aside)
        if not self._store.expected:
            raise InputError(
                f"{self._stream.label}: {rows:,} rows from {isoformat(first)} to {isoformat(last)} do not fill one "
                f"window of {self._plan.spec.name}; take a shorter --window"
            )
        self._clock.set(max(window.end for window in windows) + model.lateness)
        self._store.progress = lambda done, all_: self._tell(_JUDGING, done, all_)
        self._service.evaluator.tick()

    def _tell(self, what: str, done: int, total: int | None) -> None:
        self._progress(what, done, total)


_READING: Final = "Reading the reference"
_COUNTING: Final = "Counting events"
_JUDGING: Final = "Judging windows"


def _base(config: str | Path | ModelSettings | None, model: str) -> tuple[ModelSettings | None, str]:
    if config is None or isinstance(config, ModelSettings):
        return config, model or "backtest"
    models = load(Path(config)).models
    if not model and len(models) == 1:
        model = next(iter(models))
    if model not in models:
        raise ConfigError(f"{config}: say which model with --model; there are {', '.join(models) or 'none'}")
    return models[model], model


def _example(store: Store, reason: str) -> str:
    return store.dead_letters(1, reason=reason)[0].letter.detail


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the service's log, unless somebody has said where it shall go."""
    if structlog.is_configured():
        yield
        return
    import logging

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield
    finally:
        structlog.reset_defaults()


def _silent(what: str, done: int, total: int | None) -> None:
    """No progress is shown."""
    del what, done, total
