"""A model with hourly windows whose hours are made up one by one, and an evaluator that judges them."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from drift.core.catalogue import Model, Reference
from drift.core.clock import DAY, HOUR, MINUTE, ManualClock
from drift.core.commit import AlarmChange, EvaluationCommit, PaneDelta
from drift.core.profile import Profile
from drift.core.window import Window, WindowSpec
from drift.evaluation import Evaluator, Patience
from drift.evaluation.detecting import Detecting
from drift.reference import ReferenceOptions, build_reference, profile_frame
from drift.reference.build import BuiltReference
from drift.service.judging import Judges, Watchers
from drift.store import Store
from drift.store.packing import pack
from drift.store.rows import AlarmRow, WindowRow
from tests.rig.storing import PANE, PARTITION, T0, Feed

ROWS = 200
CHUNKS = 64
"""Hours of reference, the last of which ends at T0; too few for seasons."""


def rows(seed: int, n: int = ROWS, **shifts: float) -> pd.DataFrame:
    """Rows of two numbers, one of them a standard normal shifted, and a category."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({name: rng.normal(shifts.get(name, 0.0), 1.0, n) for name in ("income", "age")})
    frame["plan"] = rng.choice(["a", "b"], n, p=[0.6, 0.4])
    return frame


@functools.cache
def built() -> BuiltReference:
    """Grid and whole of the reference."""
    data = pd.concat([rows(1_000 + n) for n in range(CHUNKS)], ignore_index=True)
    return build_reference(data, ReferenceOptions(segments={"plan": ("a",)}))


@functools.cache
def counted(seed: int, n: int, shifts: tuple[tuple[str, float], ...]) -> Profile:
    """`rows`, counted."""
    return profile_frame(rows(seed, n, **dict(shifts)), built().grid)


@functools.cache
def chunks() -> tuple[tuple[int, int, Any], ...]:
    """The reference's hours."""
    first = T0 - CHUNKS * HOUR
    parts = [counted(1_000 + n, ROWS, ()) for n in range(CHUNKS)]
    return tuple((first + n * HOUR, first + (n + 1) * HOUR, part.sums) for n, part in enumerate(parts))


def hour(n: int) -> Window:
    """The n-th hour after T0."""
    return Window(T0 + n * HOUR, T0 + (n + 1) * HOUR)


@dataclass
class Recording:
    """A store that remembers what is committed, and fails on cue."""

    store: Store
    model_id: int = 0
    """The only model that is judged: several worlds live in one store."""
    changes: list[tuple[Window, AlarmChange]] = field(default_factory=list)
    """With the window whose result carried it."""
    failing: Callable[[EvaluationCommit], None] = lambda batch: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def pending(self, model_id: int, limit: int) -> list[WindowRow]:
        """Only the one model's."""
        return self.store.pending(model_id, limit) if model_id == self.model_id else []

    def commit_evaluation(self, batch: EvaluationCommit) -> None:
        """Commit, unless it shall fail."""
        self.failing(batch)
        self.store.commit_evaluation(batch)
        for result in batch.results:
            found = result.detection.changes if result.detection is not None else ()
            self.changes += [(result.window, change) for change in found]


@dataclass
class World:
    """One model, its reference, its traffic and its evaluator."""

    fed: Feed
    store: Recording
    clock: ManualClock
    evaluator: Evaluator
    watchers: Callable[[Model], Any]

    @property
    def reference(self) -> Reference:
        """The reference."""
        return self.fed.reference

    def send(
        self, *hours: int, n: int = ROWS, seed: int = 0, close: bool = True, late: bool = False,
        until: int | None = None, **shifts: Any,
    ) -> None:  # fmt: skip
        """Rows in each of these hours; `close`: event time passes the end of the last of them; `until`: goes so far."""
        panes = [
            PaneDelta(
                self.fed.model.id, self.reference.id, hour(h).start, n,
                tuple(counted(10_000 + seed + h, n, tuple(sorted(shifts.items()))).dump()), n if late else 0,
            )
            for h in hours
        ]  # fmt: skip
        batch = self.fed.batch(*panes)
        moved = hour(max(hours)).end + 2 * MINUTE if close else hour(min(hours)).start
        step = replace(batch.advances[0], watermarks={self.fed.model.id: until or moved})
        self.fed.store.commit(replace(batch, advances=(step,)))
        self.fed.position = step.next

    def restart(self) -> None:
        """Another process goes on: nothing is in memory."""
        self.evaluator.release()
        self.evaluator = evaluator(self.store, self.clock, self.watchers)

    def judge(self) -> int:
        """One tick."""
        return self.evaluator.tick()

    def run(self, hours: Iterable[int], **shifts: Any) -> None:
        """Send and judge hour by hour."""
        for h in hours:
            self.send(h, **shifts)
            self.judge()

    def alarms(self, standing: bool | None = True) -> list[AlarmRow]:
        """The stored alarms, those stored first first."""
        found = self.fed.store.alarms(self.fed.model.id, standing=standing, limit=1_000)
        return sorted(found, key=lambda row: row.id)

    def kinds(self, column: str = "income", segment: int = 0) -> list[str]:
        """What was told of one column, in order."""
        return [c.kind for _, c in self.store.changes if (c.alarm.column, c.alarm.segment) == (column, segment)]

    def state(self, spec: str = "1h") -> tuple[Window, bytes] | None:
        """The newest state."""
        return self.fed.store.detector_state(self.reference.id, spec)

    def everything(self) -> dict[str, Any]:
        """All that is stored of verdicts: states, alarms, judgements, as bytes where they are."""
        windows = self.fed.store.windows(self.fed.model.id, limit=10_000)
        return {
            "state": {spec.name: self.state(spec.name) for spec in self.fed.model.windows},
            "alarms": sorted(
                (repr(row.alarm), row.spec, row.ended_at, row.ended_why, row.retracted_by is None)
                for row in self.alarms(None)
            ),
            "judgements": {
                (row.spec, row.window): (
                    row.outcome, row.reason,
                    {at: pack(one) for at, one in self.fed.store.judgements(row.id).items()},
                )
                for row in windows
            },
        }  # fmt: skip


def evaluator(store: Any, clock: ManualClock, watchers: Callable[[Model], Any], holder: str = "one") -> Evaluator:
    """An evaluator as the service makes it."""
    return Evaluator(store, Judges(), clock, Silent(), holder, Patience(), detecting=Detecting(store, watchers))


class Silent:
    """Metrics that nobody reads."""

    def evaluation(self, seconds: float) -> None:
        """Not counted."""


def world(
    store: Store, *, settings: Mapping[str, object] | None = None, windows: Sequence[WindowSpec] = (),
    timed: bool = True, name: str = "credit", watchers: Callable[[Model], Any] | None = None,
) -> World:  # fmt: skip
    """A model with hourly windows and a reference of 64 hours, in the order of time unless told otherwise."""
    specs = tuple(windows) or (WindowSpec.parse("1h"),)
    model = store.put_model(name, pane=PANE, lateness=MINUTE, windows=specs, zone="UTC", settings=dict(settings or {}))
    whole = built()
    registered = store.add_reference(
        model.id, version="1", schema=whole.schema, grid=whole.grid, profile=whole.profile,
        chunks=chunks() if timed else (), content_hash=whole.grid.id, rows=whole.rows, active_from=0, summary={},
    )  # fmt: skip
    claim = store.acquire(replace(PARTITION, topic=f"events-{name}"), f"worker-{name}")
    recording, clock, chosen = Recording(store, model.id), ManualClock(T0 + 400 * DAY), watchers or Watchers()
    mine = evaluator(recording, clock, chosen)
    return World(Feed(store, model, registered, claim, claim.next), recording, clock, mine, chosen)
