"""The evaluator: one at a time by a lease in SQL, ticked by the scheduler."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import structlog

from drift.core.catalogue import Catalogue, Model, Reference
from drift.core.clock import Clock
from drift.core.commit import Detection, EvaluationCommit, Lease, WindowResult
from drift.core.errors import Fenced
from drift.core.performance import Performance
from drift.core.profile import Profile
from drift.core.result import Judgement, Outcome, WindowState
from drift.core.window import Window
from drift.evaluation.alerting import Alerting
from drift.evaluation.closing import Patience, Status, carries, closing
from drift.evaluation.decide import decide
from drift.evaluation.detecting import Detecting, Seen
from drift.evaluation.forms import Forms
from drift.evaluation.ports import Judge, Metrics, Perform, Store, StoredWindow
from drift.evaluation.stepping import OF_THE_MODEL
from drift.evaluation.verdict import unusual, with_alarms, with_changes

log = structlog.get_logger(__name__)

LEASE: Final = "evaluation"
LEASE_SECONDS: Final = 30.0
RENEW_SECONDS: Final = 5.0
"""The lease is renewed so often while a slice takes long: making the watches of a wide model takes a minute."""
SLICE_SECONDS: Final = 1.0
"""Results are committed at least so often, so that a backlog is visible as it shrinks and a lost lease costs little."""
DIRTY_AT_ONCE: Final = 5_000
PENDING_AT_ONCE: Final = 500
SLICE_RESULTS: Final = 64
FROZEN: Final = "frozen: late rows came after its panes had been compacted, and can no longer be told apart"


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
        alerting: Alerting | None = None,
        perform: Perform | None = None,
    ) -> None:
        self._store, self._judge, self._clock, self._metrics = store, judge, clock, metrics
        self._detecting, self._alerting, self._perform = detecting, alerting, perform
        self._holder, self._patience, self._stopping = holder, patience, stopping
        self._references: dict[int, Profile] = {}
        self._forms = Forms(store)
        self._lease: Lease | None = None
        self._renewed = 0.0

    def tick(self) -> int:
        """Judge every window that is due; the number of results stored. 0 while another evaluator holds the lease."""
        self._lease = self._store.lease(LEASE, self._holder, LEASE_SECONDS)
        done = 0
        while self._lease is not None:
            self._renewed = self._clock.monotonic()
            results = self._slice(self._lease)
            done += results
            if not results or self._stopping():
                break
        return done

    @property
    def lease(self) -> Lease | None:
        """The right to evaluate, as it was taken last; None: another has it. What uses it is fenced by the store."""
        return self._lease

    def release(self) -> None:
        """Hand the lease back, so that another server goes on at once."""
        lease, self._lease = self._lease, None
        if lease is not None:
            self._store.release_lease(lease)

    def _keep(self) -> None:
        """Renew the lease while a slice takes long.

        Raises:
            Fenced: another evaluator has it by now; what this slice found is dropped.
        """
        if self._clock.monotonic() - self._renewed < RENEW_SECONDS:
            return
        self._renewed = self._clock.monotonic()
        self._lease = self._lease and self._store.renew(self._lease, LEASE_SECONDS)
        if self._lease is None:
            raise Fenced("the evaluation took longer than its lease, and another server goes on with it")

    def _slice(self, lease: Lease) -> int:
        """About a second of work in one transaction. Marks are read before watermarks, watermarks before panes."""
        catalogue = self._store.catalogue()
        self._mark(lease, catalogue)
        if self._detecting is not None:
            self._detecting.begin(self._keep)
        statuses, gaps, now = self._store.partitions(), self._store.gaps(), self._clock.now()
        commit = partial(self._commit, catalogue=catalogue, statuses=statuses)
        started, results = self._clock.monotonic(), list[WindowResult]()
        for model in catalogue.models.values():
            reached = closing(model.id, statuses, now, self._patience)
            mine = carries(model.id, statuses)
            lost = [gap for gap in gaps if mine(gap.partition)]
            for pending in self._store.pending(model.id, PENDING_AT_ONCE):
                decision = decide(pending, reached, model.lateness, lost, now)
                if decision is None:
                    continue
                self._keep()
                results.append(self._evaluate(model, catalogue, pending, decision.state, decision.reason))
                if self._clock.monotonic() - started > SLICE_SECONDS or len(results) >= SLICE_RESULTS:
                    return commit(results)
        return commit(results)

    def _commit(self, results: Sequence[WindowResult], catalogue: Catalogue, statuses: Sequence[Status]) -> int:
        """Results and what they mean to alerts; without results, what the moment means to them."""
        if self._lease is None:
            raise AssertionError("a slice is worked on under a lease")
        alerts = None if self._alerting is None else self._alerting.work(results, catalogue, statuses)
        if not results:
            if alerts is not None:
                self._store.commit_alerting(self._lease, alerts)
                self._told()
            return 0
        sealed = results if self._detecting is None else self._detecting.sealed(results)
        if self._detecting is not None and self._detecting.matured:
            # what their labels say is told anew; a row each, so that it is worth a revision
            self._store.mark_stale(self._lease, (), [(*one, 1) for one in self._detecting.matured])
        self._store.commit_evaluation(EvaluationCommit(self._lease, (), tuple(sealed), alerts))
        if self._detecting is not None:
            self._detecting.committed()
        self._told()
        self._lease = self._store.renew(self._lease, LEASE_SECONDS)
        return len(results)

    def _told(self) -> None:
        if self._alerting is not None:
            self._alerting.committed()

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
        performances: Mapping[int, Performance] = {}
        detection: Detection | None = None
        rows = total.rows
        if total.straddles:
            # part of it was added up to an hour or a day that reaches over its edge: what was judged before stays
            judgements, rows, reason = self._store.judgements(pending.id), pending.rows, FROZEN
            state = pending.state if judgements and pending.state is not None else WindowState.INCOMPLETE
            performances = {at: one for (_, at), one in self._store.performances([pending.id], None).items()}
        elif state is not WindowState.INCOMPLETE:
            profile = total.profile or Profile.empty(reference.grid)
            judgements = self._judgements(model, reference, profile)
            judgements, detection = self._detected(model, catalogue, reference, pending, state, profile, judgements)
            changes = self._forms.changes(reference, pending.window, profile, self._references[reference.id])
            if self._detecting is not None and self._detecting.watches(model):
                changes = unusual(changes, judgements[0])
            judgements = {**judgements, 0: with_changes(judgements[0], changes)}
            reason = reason or _across(pending.window, reference, catalogue)
            performances = self._performed(model, reference, pending, profile, judgements[0])
        self._metrics.evaluation(self._clock.monotonic() - started)
        return WindowResult(
            model_id=model.id, reference_id=reference.id, spec=pending.spec, window=pending.window,
            revision=pending.revision + 1, state=state, rows=rows, evaluated_at=self._clock.now(),
            judgements=judgements, performances=performances, reason=reason, dirt=pending.dirt, detection=detection,
            late=pending.state is WindowState.FINAL,
        )  # fmt: skip

    def _performed(
        self, model: Model, reference: Reference, pending: StoredWindow, profile: Profile, judged: Judgement
    ) -> Mapping[int, Performance]:
        """How well the model did, segment by segment."""
        spec = next((spec for spec in model.windows if spec.name == pending.spec), None)
        if self._perform is None or spec is None:
            return {}
        standing = () if self._detecting is None else self._detecting.standing(reference, spec).alarms
        since = min((one.onset for one in standing if one.detector in OF_THE_MODEL), default=None)
        names = zip(judged.columns, judged.outcomes.tolist(), strict=True)
        drifted = [name for name, outcome in names if outcome == Outcome.DRIFT]
        checked = None if self._detecting is None else self._detecting.compared(reference, spec)
        return self._perform(
            model, reference, spec, pending.window, profile, drifted=drifted, since=since, checked=checked
        )

    def _detected(
        self, model: Model, catalogue: Catalogue, reference: Reference, pending: StoredWindow, state: WindowState,
        profile: Profile, judgements: Mapping[int, Judgement],
    ) -> tuple[Mapping[int, Judgement], Detection | None]:  # fmt: skip
        """The judgements with what sequential detectors say, which step on final windows only."""
        spec = next((spec for spec in model.windows if spec.name == pending.spec), None)
        if self._detecting is None or spec is None or not self._detecting.watches(model):
            return judgements, None
        seen, detection = self._detecting.standing(reference, spec), None
        if state is WindowState.FINAL and profile.rows():
            last = _replaced(reference, catalogue, pending.window)
            seen, detection = self._detecting.step(model, reference, spec, pending.window, profile, last=last)
        return {at: _verdict(judged, seen, at) for at, judged in judgements.items()}, detection

    def _judgements(self, model: Model, reference: Reference, profile: Profile) -> dict[int, Judgement]:
        known = self._references.get(reference.id)
        if known is None:
            known = self._references[reference.id] = self._store.reference_profile(reference.id)
        return {
            segment.index: self._judge(profile, known, model, segment.index)
            for segment in reference.grid.segments
            if segment.index == 0 or profile.rows(segment.index)
        }


def _verdict(judged: Judgement, seen: Seen, segment: int) -> Judgement:
    alarms = [one for one in seen.alarms if one.segment == segment]
    return with_alarms(judged, seen.judged.get(segment), alarms, seen.learning, seen.wrong.get(segment, ()))


def _replaced(reference: Reference, catalogue: Catalogue, window: Window) -> bool:
    """Whether another reference of the same version takes over by the window's end."""
    return any(
        (one.model_id, one.version) == (reference.model_id, reference.version)
        and (reference.active_from, reference.id) < (one.active_from, one.id)
        and one.active_from <= window.end
        for one in catalogue.references
    )


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
