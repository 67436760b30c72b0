"""What the last final window of every model says, as gauges.

A snapshot is immutable and replaces its predecessor whole, so that no scrape sees half of one window and half of the
next. Its series go away 2 × window + lateness after the window's end; only the end's own timestamp stays.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from drift.core.alarm import Severity
from drift.core.clock import SECOND, Clock
from drift.core.result import Judgement, Outcome
from drift.metrics import names
from drift.metrics.performing import Sample, Told, labelled, samples

WHOLE: Final = "all"
"""The segment label of everything."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The last final window of one version of a model, cut by one window spec."""

    model: str
    version: str
    window: str
    """The window spec's name: `1h`."""
    start: int
    end: int
    """Microseconds since the epoch."""
    lateness: int
    """The model's, in microseconds."""
    judgements: Mapping[str, Judgement]
    """Segment label (`all`, `channel=web`) → its judgement."""
    alarms: Mapping[tuple[str, Severity], int] = field(default_factory=dict)
    """(Segment label, severity) → alarms that stand and are not snoozed."""
    unknown: int = 0
    """Fields that no reference knows, of those looked at."""
    performed: Told = field(default_factory=Told)
    """How well the model did, where that is counted."""

    @property
    def stale_at(self) -> int:
        """From then on only `drift_window_end_timestamp_seconds` is exported."""
        return self.end + 2 * (self.end - self.start) + self.lateness


@dataclass(frozen=True, slots=True)
class _Block:
    """The series of one column, or of one segment's performance: all of them are exported, or none."""

    rank: tuple[bool, bool, float]
    """Not in breach, not the whole traffic, minus severity: the smallest is the worst."""
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class _Published:
    snapshot: Snapshot
    blocks: tuple[_Block, ...]


class LastWindows(Collector):
    """Exports the snapshots given to `publish`. Thread-safe: readers take the state as one reference."""

    def __init__(self, clock: Clock, max_series: int = 2_000, worst_columns: int = 20) -> None:
        self._clock, self._max_series, self._worst = clock, max_series, worst_columns
        self._lock = Lock()
        self._state: dict[tuple[str, str, str], _Published] = {}

    def publish(self, snapshot: Snapshot) -> None:
        """Put the snapshot in its predecessor's place; one of an older window is ignored."""
        published = _Published(snapshot, (*_performances(snapshot), *_columns(snapshot, self._worst)))
        key = (snapshot.model, snapshot.version, snapshot.window)
        with self._lock:
            before = self._state.get(key)
            if before is None or before.snapshot.end <= snapshot.end:
                self._state = dict(sorted({**self._state, key: published}.items()))

    def forget(self, model: str) -> None:
        """Export nothing of this model any more."""
        with self._lock:
            self._state = {key: value for key, value in self._state.items() if key[0] != model}

    def describe(self) -> Iterable[Family]:
        """The families, so that registering does not collect."""
        return _families().values()

    def collect(self) -> Iterator[Family]:
        """All series of one consistent state."""
        families = _families()
        now, state = self._clock.now(), self._state
        for model, group in groupby(state.values(), key=lambda published: published.snapshot.model):
            everything = list(group)
            for published in everything:
                _end(families, published.snapshot)
            fresh = [published for published in everything if now < published.snapshot.stale_at]
            for published in fresh:
                _totals(families, published.snapshot)
            self._capped(families, model, [block for published in fresh for block in published.blocks])
        yield from families.values()

    def _capped(self, families: Mapping[str, GaugeMetricFamily], model: str, blocks: list[_Block]) -> None:
        """The worst first, until the model's cap is reached; what is left out is counted."""
        room, dropped = self._max_series, 0
        for block in sorted(blocks, key=lambda b: b.rank):
            if len(block.samples) > room:
                dropped += len(block.samples)
                continue
            room -= len(block.samples)
            for name, labels, value in block.samples:
                families[name].add_metric(labels, value)
        families[names.SERIES.name].add_metric((model,), self._max_series - room)
        families[names.DROPPED.name].add_metric((model,), dropped)


def _families() -> dict[str, GaugeMetricFamily]:
    return {m.name: GaugeMetricFamily(m.name, m.help, labels=m.labels) for m in names.RESULTS if m.kind == "gauge"}


def _end(families: Mapping[str, GaugeMetricFamily], snapshot: Snapshot) -> None:
    labels = (snapshot.model, snapshot.version, snapshot.window)
    families[names.WINDOW_END.name].add_metric(labels, snapshot.end / SECOND)


def _totals(families: Mapping[str, GaugeMetricFamily], snapshot: Snapshot) -> None:
    labels = (snapshot.model, snapshot.version, snapshot.window)
    for segment, judgement in snapshot.judgements.items():
        mine = (*labels, segment)
        families[names.WINDOW_ROWS.name].add_metric(mine, judgement.rows)
        drifted = int((judgement.outcomes == Outcome.DRIFT).sum())
        watched = int((judgement.outcomes != Outcome.INSUFFICIENT_DATA).sum())
        families[names.DRIFTED.name].add_metric(mine, drifted)
        families[names.WATCHED.name].add_metric(mine, watched)
        for level in Severity:
            families[names.ALARMS.name].add_metric((*mine, level.value), snapshot.alarms.get((segment, level), 0))
    families[names.UNKNOWN.name].add_metric(labels, snapshot.unknown)
    for name, where, value in labelled(snapshot.performed, labels):
        families[name].add_metric(where, value)
    if WHOLE in snapshot.judgements:
        outcome = snapshot.judgements[WHOLE].outcome
        for other in Outcome:
            families[names.OUTCOME.name].add_metric((*labels, other.word), float(other is outcome))


def _performances(snapshot: Snapshot) -> Iterator[_Block]:
    """The whole traffic before all else; segments after what is in breach there."""
    mine = (snapshot.model, snapshot.version, snapshot.window)
    for segment in sorted({*snapshot.performed.latest, *snapshot.performed.mature}):
        whole = segment == WHOLE
        yield _Block((False, not whole, -np.inf if whole else 0.0), samples(snapshot.performed, mine, segment))


def _columns(snapshot: Snapshot, worst: int) -> Iterator[_Block]:
    """The columns in breach, and of the whole traffic the `worst` ones as well."""
    for segment, judgement in snapshot.judgements.items():
        severe = severity(judgement)
        breached = {breach.column for breach in judgement.breaches}
        order = np.argsort(-severe, kind="stable")
        shown = set(order[:worst].tolist()) if segment == WHOLE else set()
        for i, column in enumerate(judgement.columns):
            if column in breached or i in shown:
                rank = (column not in breached, segment != WHOLE, -float(severe[i]))
                labels = (snapshot.model, snapshot.version, snapshot.window, segment, column)
                values = _finite(names.STATISTIC.name, labels, judgement.statistics, judgement.values[i])
                bounds = _finite(names.THRESHOLD.name, labels, judgement.statistics, judgement.thresholds[i])
                yield _Block(rank, (*values, *bounds))


def _finite(
    name: str, labels: tuple[str, ...], statistics: tuple[str, ...], values: npt.NDArray[np.float64]
) -> tuple[Sample, ...]:
    pairs = zip(statistics, values.tolist(), strict=True)
    return tuple((name, (*labels, statistic), value) for statistic, value in pairs if np.isfinite(value))


def severity(judgement: Judgement) -> npt.NDArray[np.float64]:
    """(C,) how far each column is on the way to its threshold: 1 is there; 0 where no rule looks at it.

    The largest |value ÷ threshold| of its statistics. Where rules look at p-values alone it is log p ÷ log threshold;
    beside a statistic they do not count, because with many rows every p-value is next to nothing.
    """
    p_like = np.array([name.endswith(("_p", "_q")) for name in judgement.statistics], np.bool_)
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = np.abs(judgement.values / judgement.thresholds)
        logs = np.log(judgement.values) / np.log(judgement.thresholds)
    plain[:, p_like] = np.nan
    logs[:, ~p_like] = np.nan
    worst = _largest(plain)
    return np.where(np.isnan(plain).all(axis=1), _largest(logs), worst)


def _largest(ratios: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    largest: npt.NDArray[np.float64] = np.nan_to_num(ratios, nan=0.0, posinf=1e300).max(axis=1, initial=0.0)
    return largest
