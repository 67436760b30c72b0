"""How well a model did in a window: estimated, realised, and why; put together from what is known of its reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Final, Protocol

from detectors.budget import AlarmBudget
from detectors.performance.causes import causes
from detectors.performance.cbpe import Estimator
from detectors.performance.cbpe_binary import BinaryEstimate
from detectors.performance.delays import delays
from detectors.performance.dle import Dle
from detectors.performance.fairness import gaps
from detectors.performance.implied import matured
from detectors.performance.options import Payoff, PerformanceOptions
from detectors.performance.realized import realized
from detectors.performance.slices import slices
from detectors.performance.summary import summary
from detectors.performance.support import mattering, outside
from detectors.performance.watch import PerformanceWatch
from drift.config import ModelSettings
from drift.core.catalogue import Model, Reference
from drift.core.clock import DAY, Clock
from drift.core.outcome.grid import Task
from drift.core.outcome.sums import Outcomes
from drift.core.performance import Cause, Gap, Measures, Performance
from drift.core.profile import Profile
from drift.core.schema import canonical_key
from drift.core.window import Window, WindowSpec
from drift.evaluation.performing import Duty
from drift.service.reference_chunks import Regrouped

LABELLED: Final = 0.9
"""Share of predictions with a label from which on a window counts as mature, where nobody says when labels are."""
KEPT: Final = 64
"""References whose calibration is kept in memory."""


class Total(Protocol):
    """The sums of a stretch."""

    @property
    def outcomes(self) -> Outcomes | None:
        """Predictions and labels; None: there are none."""


class Store(Protocol):
    """What is read of a reference, once, and of recent labels, once a day."""

    def reference_outcomes(self, reference_id: int) -> Outcomes | None:
        """Its own predictions and labels."""

    def outcome_chunks(self, reference_id: int) -> Sequence[tuple[Window, Outcomes]]:
        """Those of each of its stretches of time."""

    def reference_learnt(self, reference_id: int) -> bytes | None:
        """What was fitted to a regression's errors."""

    def profile(self, reference: Reference, start: int, end: int) -> Total:
        """Production's sums of a stretch."""

    def reference_profile(self, reference_id: int) -> Profile:
        """Its sums."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a model's settings say."""

    options: PerformanceOptions
    after: int | None
    """When labels are mature, microseconds after the prediction; None: nobody says."""
    importances: Mapping[str, float] | None
    budget: AlarmBudget
    recalibrate: int | None
    """Length of the stretch whose labels calibrate anew, microseconds; None: the reference's do."""
    selective: bool
    """Whether only chosen predictions are ever labelled."""
    trained: bool
    """Whether the reference holds rows that the model has learnt: they tell nothing of its performance."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a reference, for one length of windows."""

    profile: Profile
    outcomes: Outcomes
    estimator: Estimator | None
    dle: Dle | None
    watch: PerformanceWatch | None
    measures: Mapping[int, Measures]
    """Segment → realised metrics."""
    matter: Mapping[str, float] | None
    """Column → how much the reference's loss follows it, 0–1."""


class Performing:
    """Tells how well models did; one per evaluator."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._rules: dict[int, tuple[Mapping[str, object], Rules]] = {}
        self._known: dict[tuple[int, str, int], Known | None] = {}
        self._recent: dict[tuple[int, str, int], Estimator] = {}

    def __call__(
        self, model: Model, reference: Reference, spec: WindowSpec, window: Window, profile: Profile, *,
        drifted: Sequence[str] = (), since: int | None = None, checked: int | None = None,
    ) -> Mapping[int, Performance]:  # fmt: skip
        """Segment → performance, of the segments with predictions; nothing where the reference counts no outcomes."""
        outcomes = profile.outcomes
        if outcomes is None or reference.grid.outcomes is None:
            return {}
        rules = self._of(model)
        known = self._base(reference, spec, rules, model)
        if known is None:
            return {}
        known = self._recalibrated(reference, spec, rules, known, checked)
        one = _One(rules, known, profile, outcomes, window.end, self._clock.now(), drifted, since, checked)
        return {s.index: one.of(s.index) for s in reference.grid.segments if outcomes.predicted(s.index) > 0}

    def duty(self, model: Model, reference: Reference, spec: WindowSpec) -> Duty | None:
        """What is watched of a model's performance; None: its reference counts no outcomes."""
        if reference.grid.outcomes is None:
            return None
        rules = self._of(model)
        known = self._base(reference, spec, rules, model)
        if known is None or known.watch is None:
            return None
        watch, absent = known.watch, rules.options.absent

        def view(outcomes: Outcomes) -> Outcomes:
            return outcomes if absent is None else matured(outcomes, absent, [0])

        return Duty(watch, rules.after, LABELLED, view)

    def _of(self, model: Model) -> Rules:
        known = self._rules.get(model.id)
        if known is None or known[0] != model.settings:
            known = self._rules[model.id] = (model.settings, rules_of(model))
        return known[1]

    def _base(self, reference: Reference, spec: WindowSpec, rules: Rules, model: Model) -> Known | None:
        key = reference.id, spec.name, hash(repr(sorted(model.settings.items(), key=str)))
        if key not in self._known:
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[key] = self._learn(reference, spec, rules)
        return self._known[key]

    def _recalibrated(
        self, reference: Reference, spec: WindowSpec, rules: Rules, known: Known, checked: int | None
    ) -> Known:
        """What is known, with scores that mean what the newest mature labels say, once a day."""
        if rules.recalibrate is None or checked is None or known.estimator is None:
            return known
        task, day = known.estimator.task, checked - checked % DAY
        if not isinstance(task, BinaryEstimate):
            return known
        key = reference.id, spec.name, day
        if key not in self._recent:
            if len(self._recent) >= KEPT:
                self._recent.clear()
            total = self._store.profile(reference, day - rules.recalibrate, day)
            recent = Outcomes.empty(reference.grid) if total.outcomes is None else total.outcomes
            absent = rules.options.absent
            recent = recent if absent is None else matured(recent, absent)
            options = replace(known.estimator.options, since=day) if recent.joined() else known.estimator.options
            self._recent[key] = replace(known.estimator, task=task.recalibrated(recent), options=options)
        return replace(known, estimator=self._recent[key])

    def _learn(self, reference: Reference, spec: WindowSpec, rules: Rules) -> Known | None:
        own = self._store.reference_outcomes(reference.id)
        if own is None:
            return None
        chunks = self._store.outcome_chunks(reference.id)
        options = replace(rules.options, since=chunks[-1][0].end if chunks else None)
        profile = self._store.reference_profile(reference.id)
        if rules.trained:
            return Known(profile, own, None, None, None, {}, None)
        estimator, learnt = None, self._store.reference_learnt(reference.id)
        dle = Dle.load(reference.grid, learnt) if learnt is not None else None
        if own.outcome.task is not Task.REGRESSION and own.outcome.scores and own.joined():
            estimator = Estimator.of(own, Regrouped(chunks, spec), options)
        measures = {s.index: realized(own, s.index, options, True) for s in reference.grid.segments}
        watch = PerformanceWatch(
            own,
            Regrouped(chunks, spec),
            max_drop=options.max_drop,
            alarm_windows=rules.budget.windows(spec, 1),
            dle=dle,
        )
        return Known(profile, own, estimator, dle, watch, measures, mattering(own))


@dataclass(frozen=True, slots=True)
class _One:
    """One window."""

    rules: Rules
    known: Known
    profile: Profile
    outcomes: Outcomes
    end: int
    now: int
    drifted: Sequence[str]
    since: int | None
    checked: int | None

    def of(self, segment: int) -> Performance:
        """One segment of it."""
        joined, joinable = self.outcomes.joined(segment), self.outcomes.joinable(segment)
        mature = self._mature(joined, joinable)
        implied = mature and self.rules.options.absent is not None
        found = Performance(
            estimated=self._estimated(segment),
            realized=realized(self.outcomes, segment, self.rules.options, mature) if joined or implied else {},
            reference=self.known.measures.get(segment, {}),
            assumption=self._assumption(),
            predicted=self.outcomes.predicted(segment),
            joined=joinable if implied else joined,
            coverage=joined / joinable if joinable else nan,
            mature=mature,
            confusion=self._confusion(segment),
            causes=self._causes() if segment == 0 else (),
            gaps=self._gaps(mature) if segment == 0 else (),
            delays=delays(self.outcomes) if segment == 0 else (),
            conflicts=int(self.outcomes.whole("conflicts")[0]) if segment == 0 else 0,
            slices=slices(self.outcomes, realized=self.rules.options.absent is None) if segment == 0 else (),
        )
        told = {"since": self.since, "drifted": self.drifted} if segment == 0 else {}
        said = summary(found, max_drop=self.rules.options.max_drop, zone=self.rules.options.zone, **told)  # type: ignore[arg-type]
        return replace(found, summary=said)

    def _gaps(self, mature: bool) -> tuple[Gap, ...]:
        """Of labels that are complete: where a class is implied by absence, not before the window is mature."""
        sensitive, absent = self.rules.options.sensitive, self.rules.options.absent
        if not sensitive:
            return ()
        measured = [realized(self.outcomes, s.index, self.rules.options, mature) for s in self.outcomes.grid.segments]
        if absent is None:
            return gaps(self.outcomes, sensitive, measured)
        whole = matured(self.outcomes, absent) if mature else self.outcomes
        return gaps(whole, sensitive, measured, realized=mature)

    def _assumption(self) -> str:
        said = self._assumed()
        some = self.rules.selective and self.outcomes.joined() < self.outcomes.joinable()
        chosen = "Only chosen predictions are ever labelled: what is realised is of the labelled population only."
        return " ".join(filter(None, (said, chosen if some else "")))

    def _assumed(self) -> str:
        if self.rules.trained:
            return "Nothing is estimated: the reference holds rows that the model was trained on."
        if self.known.dle is not None:
            return "Assumes that errors depend on the inputs as they did in the reference."
        known = self.known.estimator
        if known is None:
            return ""
        return replace(known, options=replace(known.options, checked=self.checked)).assumption()

    def _estimated(self, segment: int) -> Measures:
        if self.known.dle is not None:
            return self.known.dle.measures(self.profile, segment, self._outside(segment))
        if self.known.estimator is None:
            return {}
        return self.known.estimator.measures(self.outcomes, segment, self._outside(segment))

    def _outside(self, segment: int) -> float:
        matter = self.rules.importances if self.rules.importances is not None else self.known.matter
        return outside(self.profile, self.known.profile, matter, segment)

    def _mature(self, joined: int, joinable: int) -> bool:
        if self.rules.after is not None:
            return self.end + self.rules.after <= self.now
        return joinable > 0 and joined >= LABELLED * joinable

    def _confusion(self, segment: int) -> tuple[tuple[int, ...], ...]:
        if self.outcomes.outcome.task is Task.REGRESSION:
            return ()
        table = self.outcomes.block("joined", segment).sum(axis=0)
        return tuple(map(tuple, table.T.tolist()))

    def _causes(self) -> tuple[Cause, ...]:
        return causes(
            self.profile, self.outcomes, self.known.profile, self.known.outcomes, self.rules.importances,
            realized=self.rules.options.absent is None,
        )  # fmt: skip


def rules_of(model: Model) -> Rules:
    """What a model's settings say about its performance."""
    settings = ModelSettings.model_validate(dict(model.settings))
    label, value = settings.label, settings.value
    absent = None if label is None or label.absent_means is None else canonical_key(label.absent_means)
    top = max(settings.importances.values(), default=0.0)
    importances = {name: weight / top for name, weight in settings.importances.items()} if top else None
    options = PerformanceOptions(
        absent=absent, value=None if value is None else Payoff(value.tp, value.fp, value.fn, value.tn),
        max_drop=settings.max_drop, sensitive=settings.sensitive, importances=importances or {}, zone=model.zone,
    )  # fmt: skip
    after, recalibrate = (None, None) if label is None else (label.after, label.recalibrate)
    selective, trained = label is not None and label.selective, settings.held_out is False
    budget = AlarmBudget.parse(settings.alarm_budget)
    return Rules(options, after, importances, budget, recalibrate, selective, trained)
