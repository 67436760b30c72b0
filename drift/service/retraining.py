"""From `triggers:` in drift.yaml to runs: which incidents need one, and threads that start and follow them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from random import Random
from threading import Event as Flag
from threading import Thread
from typing import Final

import structlog

from alerts.delivery import Duty
from alerts.egress import Gate
from alerts.grouping import fires, worst
from alerts.notices import Case
from alerts.retrain.conf import conf_of
from alerts.retrain.policy import due, key_by_hand
from alerts.retrain.runner import LEASE, Runner
from alerts.retrain.target import Target
from drift.config import Config, TriggerSettings
from drift.core.alert import Event, Happening, Incident, Run, RunState, Urgency
from drift.core.catalogue import Model
from drift.core.clock import Clock, isoformat
from drift.core.errors import ConfigError, NotFound, StoreError
from drift.evaluation.cases import Names
from drift.metrics import Metrics
from drift.store import Store

log = structlog.get_logger(__name__)

STOP_WITHIN: Final = 45.0
"""Seconds for attempts that are under way; what is not written down by then is asked for again with the same key."""
LAST_RUNS: Final = 50
GONE: Final = "drift.yaml has no such trigger any more"


def target_for(settings: TriggerSettings, gate: Gate, clock: Clock) -> Target:
    """The target behind one entry of `triggers:`.

    Raises:
        ConfigError: its options do not fit together, or a URL is missing.
    """
    try:
        return Target(settings.preset.make(settings.options), gate, clock)
    except ConfigError as error:
        raise ConfigError(f"triggers: {settings.name}: {settings.kind}: {error}") from error


class Retraining:
    """Decides, asks, and has a thread per configured trigger, all under the lease `retrain`: one server at a time."""

    def __init__(self, config: Config, store: Store, clock: Clock, metrics: Metrics, holder: str, rng: Random) -> None:
        """Open every trigger.

        Raises:
            ConfigError: one cannot be made of what drift.yaml says.
        """
        self._store, self._clock, self._metrics, self._url = store, clock, metrics, config.alerting.url
        self._settings = {one.name: one for one in config.triggers}
        self._rules = tuple(one.rule(self._url) for one in config.triggers)
        self._duty, self._stopping, gate = Duty(store, holder, LEASE), Flag(), Gate(config.egress.allow)
        self._targets = {one.name: target_for(one, gate, clock) for one in config.triggers}
        self._runners = [
            Runner(
                store, name, target, self._duty, clock, metrics, rng,
                timeout=self._settings[name].timeout, poll=self._settings[name].poll,
                rehearse=self._settings[name].dry_run,
            )
            for name, target in self._targets.items()
        ]  # fmt: skip
        self._threads = [
            Thread(target=self._run, args=(one,), name=f"retrain-{one.name}", daemon=True) for one in self._runners
        ]

    def due(self, cases: Sequence[Case], latest: Sequence[Run], now: int) -> Sequence[Run]:
        """The runs that open incidents need now; what `drift.evaluation.alerting` calls `Triggers`.

        Args:
            cases: open incidents that may be told.
            latest: runs, newest first; those that are not stored yet have no id.
            now: the clock's.
        """
        wanted = [case for case in cases if any(rule.wants(case) for rule in self._rules)]
        if not wanted:
            return ()
        runs: list[Run] = []
        for model in {case.incident.model_id for case in wanted}:
            found = self._store.runs(model_id=model, limit=LAST_RUNS)
            runs += found
            if len(found) == LAST_RUNS and not any(run.state.in_flight for run in found):  # there may be older ones
                mine = [case.incident.id for case in wanted if case.incident.model_id == model]
                runs += [run for one in mine for run in self._store.runs(incident_id=one, limit=LAST_RUNS)]
        made = [run for run in latest if not run.id]
        return due(wanted, [*runs, *made], self._rules, now, self._store.uuid)

    def ask(self, model: Model, trigger: str, who: str, why: str) -> Run:
        """A run that a person asks for; it needs no approval, and is about the model's worst open drift, if any.

        Raises:
            NotFound: no trigger of this name is configured for the model.
            Conflict: a run of the model is in flight.
        """
        settings = self._settings.get(trigger)
        if settings is None or not _is_for(settings, model.name):
            known = ", ".join(name for name, one in self._settings.items() if _is_for(one, model.name)) or "none"
            raise NotFound(f"drift.yaml has no trigger {trigger!r} for model {model.name!r}; there are: {known}")
        now = self._clock.now()
        case, key = self._case(model, now), key_by_hand(self._store.uuid, trigger, model.id, now)
        conf = conf_of(case, self._url) | {"trigger": trigger, "key": key, "requested_at": isoformat(now)}
        state = RunState.SKIPPED if settings.dry_run else RunState.REQUESTED
        run = Run(
            trigger, model.id, case.incident.id, key, state, now, now, conf, who=who, why=why,
            ended_at=now if settings.dry_run else None,
        )  # fmt: skip
        said = f"{trigger}: asked for by hand: {why}"
        made = self._store.put_run(run, Event(case.incident.id, Happening.RUN, said, now, who=who))
        self.wake()
        return made

    def publish(self) -> None:
        """Replace the gauge of runs."""
        names = {model.id: model.name for model in self._store.catalogue().models.values()}
        counts: Counter[tuple[str, ...]] = Counter()
        for (model, trigger, state), n in self._store.run_counts().items():
            counts[names.get(model, ""), trigger, state] += n
        self._metrics.retrain_runs(counts)

    # Threads

    def start(self) -> None:
        """Begin; runs of triggers that drift.yaml does not have any more end, or their models would wait for ever."""
        now = self._clock.now()
        for run in self._store.runs(states=[state for state in RunState if state.in_flight], limit=1_000):
            if run.trigger not in self._settings:
                ended = replace(run, state=RunState.FAILED, error=GONE, changed_at=now, ended_at=now)
                event = Event(run.incident_id, Happening.RUN, f"{run.trigger}: failed: {GONE}", now)
                self._store.advance_run(ended, run.state, event)
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """A run was asked for or approved: look at once."""
        for one in self._runners:
            one.wake()

    def stop(self, within: float = STOP_WITHIN) -> None:
        """End after the attempts that are under way, and hand the lease back."""
        self._stopping.set()
        self.wake()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(within)
        late = [thread.name for thread in self._threads if thread.is_alive()]
        if late:
            log.warning("stopped in the middle of an attempt; it will be made again", threads=late)
            return
        try:
            self._duty.release()
        except StoreError as error:
            log.info("lease not handed back; it ends by itself", error=str(error))
        for target in self._targets.values():
            target.close()

    @property
    def stopped(self) -> list[str]:
        """Triggers whose thread has ended though nobody asked for it."""
        return [
            one.name
            for one, thread in zip(self._runners, self._threads, strict=True)
            if thread.ident is not None and not thread.is_alive() and not self._stopping.is_set()
        ]

    def _run(self, runner: Runner) -> None:
        try:
            runner.run(self._stopping)
        except Exception:
            log.exception("retraining failed; this is a bug, please report it", trigger=runner.name)

    def _case(self, model: Model, now: int) -> Case:
        """The model's worst open drift; without any, a case that says only which model it is."""
        names = Names(self._store.catalogue())
        found = [one for one in self._store.open_incidents() if one.model_id == model.id and one.family == "drift"]
        if found:
            incident = max(found, key=lambda one: (one.urgency.rank, -one.since, -one.id))
            alerts = [one for one in self._store.open_alerts() if fires(one) and one.incident_id == incident.id]
            return names.case(incident, sorted(alerts, key=worst), self._url)
        own = [one for one in names.references.values() if one.model_id == model.id]
        active = max(own, key=lambda one: (one.active_from, one.id)).id if own else 0
        nobody = Incident(0, model.id, "drift", Urgency.INFO, now, now, now, active, title="asked for by hand")
        return replace(names.case(nobody, (), self._url), link="")


def _is_for(settings: TriggerSettings, model: str) -> bool:
    """Whether a trigger may be pulled for a model, whatever its incident."""
    patterns = [block.get("model", "*") for block in settings.match] or ["*"]
    return any(model == one or fnmatchcase(model, one) for one in patterns)
