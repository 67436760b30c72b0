"""The evaluator: one at a time by a lease in SQL, ticked by the scheduler."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from detectors.changes import schema_changes
from drift.core.catalogue import Catalogue, Model, Reference
from drift.core.clock import Clock
from drift.core.commit import Detection, EvaluationCommit, Gap, Lease, WindowResult
from drift.core.profile import Profile
from drift.core.result import Judgement, WindowState
from drift.core.window import Window
from drift.evaluation.closing import Closing, Patience, Status, carries, closing
from drift.evaluation.decide import Pending, decide
from drift.evaluation.detecting import Detecting, Seen
from drift.evaluation.verdict import with_alarms, with_changes

log = structlog.get_logger(__name__)

LEASE: Final = "evaluation"
LEASE_SECONDS: Final = 30.0
SLICE_SECONDS: Final = 1.0
"""Results are committed at least so often, so that a backlog is visible as it shrinks and a lost lease costs little."""
DIRTY_AT_ONCE: Final = 5_000
PENDING_AT_ONCE: Final = 500
SLICE_RESULTS: Final = 64
FROZEN: Final = "frozen: late rows came after its panes had been compacted, and can no longer be told apart"

Judge = Callable[[Profile, Profile, Model, int], Judgement]
"""(window's profile, reference's profile, model, segment) → its judgement."""


class Dirty(Protocol):
    """A pane that got rows."""

    @property
    def id(self) -> int:
        """Of this mark."""

    @property
    def model_id(self) -> int:
        """Whose pane."""

    @property
    def reference_id(self) -> int:
        """On which grid."""

    @property
    def start(self) -> int:
        """The pane's start."""

    @property
    def rows(self) -> int:
        """How many."""


class StoredWindow(Pending, Protocol):
    """A pending window as the store keeps it."""

    @property
    def id(self) -> int:
        """Of the window."""

    @property
    def model_id(self) -> int:
        """Whose window."""

    @property
    def reference_id(self) -> int:
        """On which grid."""

    @property
    def spec(self) -> str:
        """Which of the model's windows."""

    @property
    def dirt(self) -> int:
        """Grows with every mark; a result clears `stale` only if this is what it was when the panes were read."""


class PaneTotal(Protocol):
    """The sums of a stretch."""

    @property
    def profile(self) -> Profile | None:
        """None: there are no rows."""

    @property
    def rows(self) -> int:
        """Rows counted."""

    @property
    def straddles(self) -> bool:
        """Compacted sums reach over the stretch's edge and are not in the profile."""


class Store(Protocol):
    """The part of the store that evaluation uses."""

    def catalogue(self) -> Catalogue:
        """Models and references."""

    def lease(self, name: str, holder: str, ttl_seconds: float) -> Lease | None:
        """The right to work alone, or None while another holds it."""

    def renew(self, lease: Lease, ttl_seconds: float) -> Lease | None:
        """The same lease, longer; None: it was lost."""

    def release_lease(self, lease: Lease) -> None:
        """Give it up."""

    def dirty(self, limit: int) -> Sequence[Dirty]:
        """Panes that got rows, oldest mark first."""

    def mark_stale(
        self, lease: Lease, dirty_ids: Sequence[int], windows: Iterable[tuple[int, int, str, Window, int]]
    ) -> None:
        """Windows (model, reference, spec, stretch, new rows) to be judged again; deletes exactly these marks."""

    def pending(self, model_id: int, limit: int) -> Sequence[StoredWindow]:
        """Windows that are stale or not final, oldest end first."""

    def partitions(self) -> Sequence[Status]:
        """Every partition."""

    def gaps(self) -> Sequence[Gap]:
        """Every recorded gap."""

    def profile(self, reference: Reference, start: int, end: int) -> PaneTotal:
        """The sums of all panes in a stretch."""

    def judgements(self, window_id: int) -> Mapping[int, Judgement]:
        """Segment index → judgement of a window's latest result."""

    def reference_profile(self, reference_id: int) -> Profile:
        """The reference's sums."""

    def commit_evaluation(self, batch: EvaluationCommit) -> None:
        """Results, all or nothing; fenced by the lease."""


class Metrics(Protocol):
    """What evaluation counts about itself."""

    def evaluation(self, seconds: float) -> None:
        """Duration of judging one window."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a model's next window is not closed yet."""

    model: str
    closing: Closing


class Evaluator:
    """Turns panes into results. `tick` does what is due now."""

    def __init__(
        self,
        store: Store,
        judge: Judge,
        clock: Clock,
        metrics: Metrics,
        holder: str,
        patience: Patience,
        stopping: Callable[[], bool] = lambda: False,
        detecting: Detecting | None = None,
    ) -> None:
        self._store, self._judge, self._clock, self._metrics = store, judge, clock, metrics
        self._detecting = detecting
        self._holder, self._patience, self._stopping = holder, patience, stopping
        self._references: dict[int, Profile] = {}
        self._lease: Lease | None = None

    def tick(self) -> int:
        """Judge every window that is due; the number of results stored. 0 while another evaluator holds the lease."""
        self._lease = self._store.lease(LEASE, self._holder, LEASE_SECONDS)
        done = 0
        while self._lease is not None:
            self._lease, results = self._slice(self._lease)
            done += results
            if not results or self._stopping():
                break
        return done

    def release(self) -> None:
        """Hand the lease back, so that another server goes on at once."""
        lease, self._lease = self._lease, None
        if lease is not None:
            self._store.release_lease(lease)

    def _slice(self, lease: Lease) -> tuple[Lease | None, int]:
        """About a second of work in one transaction. Marks are read before watermarks, watermarks before panes."""
        catalogue = self._store.catalogue()
        self._mark(lease, catalogue)
        if self._detecting is not None:
            self._detecting.begin()
        statuses, gaps, now = self._store.partitions(), self._store.gaps(), self._clock.now()
        started, results = self._clock.monotonic(), list[WindowResult]()
        for model in catalogue.models.values():
            reached = closing(model.id, statuses, now, self._patience)
            mine = carries(model.id, statuses)
            lost = [gap for gap in gaps if mine(gap.partition)]
            for pending in self._store.pending(model.id, PENDING_AT_ONCE):
                decision = decide(pending, reached, model.lateness, lost, now)
                if decision is None:
                    continue
                results.append(self._evaluate(model, catalogue, pending, decision.state, decision.reason))
                if self._clock.monotonic() - started > SLICE_SECONDS or len(results) >= SLICE_RESULTS:
                    return self._commit(lease, results)
        return self._commit(lease, results) if results else (lease, 0)

    def _commit(self, lease: Lease, results: Sequence[WindowResult]) -> tuple[Lease | None, int]:
        self._store.commit_evaluation(EvaluationCommit(lease, (), tuple(results)))
        return self._store.renew(lease, LEASE_SECONDS), len(results)

    def _mark(self, lease: Lease, catalogue: Catalogue) -> None:
        models = {model.id: model for model in catalogue.models.values()}
        while dirty := self._store.dirty(DIRTY_AT_ONCE):
            touched: dict[tuple[int, int, str, Window], int] = {}
            for mark in dirty:
                for spec in models[mark.model_id].windows:
                    for window in spec.covering(mark.start):
                        key = (mark.model_id, mark.reference_id, spec.name, window)
                        touched[key] = touched.get(key, 0) + mark.rows
            windows = sorted((*key, rows) for key, rows in touched.items())
            self._store.mark_stale(lease, [mark.id for mark in dirty], windows)
            if len(dirty) < DIRTY_AT_ONCE:
                return

    def _evaluate(
        self, model: Model, catalogue: Catalogue, pending: StoredWindow, state: WindowState, reason: str
    ) -> WindowResult:
        started = self._clock.monotonic()
        reference = next(r for r in catalogue.references if r.id == pending.reference_id)
        total = self._store.profile(reference, pending.window.start, pending.window.end)
        judgements: Mapping[int, Judgement] = {}
        detection: Detection | None = None
        rows = total.rows
        if total.straddles:
            # part of it was added up to an hour or a day that reaches over its edge: what was judged before stays
            judgements, rows, reason = self._store.judgements(pending.id), pending.rows, FROZEN
            state = pending.state if judgements and pending.state is not None else WindowState.INCOMPLETE
        elif state is not WindowState.INCOMPLETE:
            profile = total.profile or Profile.empty(reference.grid)
            judgements = self._judgements(model, reference, profile)
            judgements, detection = self._detected(model, reference, pending, state, profile, judgements)
            reason = reason or _across(pending.window, reference, catalogue)
        self._metrics.evaluation(self._clock.monotonic() - started)
        return WindowResult(
            model_id=model.id, reference_id=reference.id, spec=pending.spec, window=pending.window,
            revision=pending.revision + 1, state=state, rows=rows, evaluated_at=self._clock.now(),
            judgements=judgements, reason=reason, dirt=pending.dirt, detection=detection,
        )  # fmt: skip

    def _detected(
        self, model: Model, reference: Reference, pending: StoredWindow, state: WindowState, profile: Profile,
        judgements: Mapping[int, Judgement],
    ) -> tuple[Mapping[int, Judgement], Detection | None]:  # fmt: skip
        """The judgements with what sequential detectors say, which step on final windows only."""
        spec = next((spec for spec in model.windows if spec.name == pending.spec), None)
        if self._detecting is None or spec is None or not self._detecting.chosen(model).chosen:
            return judgements, None
        seen, detection = self._detecting.standing(reference, spec), None
        if state is WindowState.FINAL and profile.rows():
            again = pending.state is WindowState.FINAL
            share = pending.new_rows / max(pending.rows, 1) if again else 1.0
            seen, detection = self._detecting.step(model, reference, spec, pending.window, profile, share)
        return {at: _verdict(judged, seen, at) for at, judged in judgements.items()}, detection

    def _judgements(self, model: Model, reference: Reference, profile: Profile) -> dict[int, Judgement]:
        known = self._references.get(reference.id)
        if known is None:
            known = self._references[reference.id] = self._store.reference_profile(reference.id)
        found = {
            segment.index: self._judge(profile, known, model, segment.index)
            for segment in reference.grid.segments
            if segment.index == 0 or profile.rows(segment.index)
        }
        return found | {0: with_changes(found[0], schema_changes(profile, known, {}))}


def _verdict(judged: Judgement, seen: Seen, segment: int) -> Judgement:
    alarms = [one for one in seen.alarms if one.segment == segment]
    return with_alarms(judged, seen.evidence.get(segment, {}), alarms, seen.learning)


def _across(window: Window, reference: Reference, catalogue: Catalogue) -> str:
    """A sentence where another reference took over within the window; each then has a part of its rows."""
    changes = [
        r
        for r in catalogue.references
        if r.model_id == reference.model_id
        and r.version == reference.version
        and window.start < r.active_from < window.end
    ]
    return "partial: another reference took over within this window" if changes else ""
