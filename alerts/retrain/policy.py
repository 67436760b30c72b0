"""Which incident needs a retrain run: a pure function of incidents, runs, triggers and the clock.

One run of a model is in flight at a time; after one has ended the model rests for the trigger's cooldown; and an
incident starts a trigger once, and once more when it was reopened because the retrained model has the same drift.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from alerts.notices import Case
from alerts.retrain.conf import conf_of
from alerts.silences import matches
from drift.core.alert import Run, RunState, Urgency
from drift.core.clock import DAY, isoformat


@dataclass(frozen=True, slots=True)
class TriggerRule:
    """When a configured trigger is pulled."""

    name: str
    match: tuple[Mapping[str, str], ...] = ()
    """Any of them has to fit; empty: every incident."""
    on: Urgency = Urgency.PAGE
    """Incidents that are as loud or louder."""
    approval: Literal["ask", "auto"] = "ask"
    cooldown: int = DAY
    """Microseconds after the end of the model's last run."""
    dry_run: bool = False
    url: str = field(default="", kw_only=True)
    """The service's own address, for links; empty: unknown."""

    def wants(self, case: Case) -> bool:
        """Whether an incident is one of this trigger's."""
        incident = case.incident
        if not incident.open or incident.silent or case.quiet or case.snoozed or incident.family != "drift":
            return False
        if incident.model_id == 0 or incident.urgency.rank < self.on.rank:
            return False
        return not self.match or any(matches(one, case.labels) for one in self.match)


def due(
    cases: Iterable[Case], runs: Sequence[Run], triggers: Sequence[TriggerRule], now: int, store: str
) -> tuple[Run, ...]:
    """The runs to be made now.

    Args:
        cases: open incidents.
        runs: of their models, at least those in flight, the last that ended, and those of these incidents.
        triggers: as configured; of several that fit, the first goes first.
        now: the clock's.
        store: its UUID, part of every key.

    Returns:
        At most one per model: asked for, requested, or, in a rehearsal, skipped.
    """
    made: dict[int, Run] = {}
    known = {run.key for run in runs}
    for case in sorted(cases, key=lambda one: (-one.incident.urgency.rank, one.incident.since, one.incident.id)):
        model = case.incident.model_id
        if model in made:
            continue
        run = _first(case, [one for one in runs if one.model_id == model], known, triggers, now, store)
        if run is not None:
            made[model] = run
    return tuple(made.values())


def _first(
    case: Case, runs: Sequence[Run], known: set[str], triggers: Sequence[TriggerRule], now: int, store: str
) -> Run | None:
    if any(run.state.in_flight for run in runs):
        return None
    ended = max((run.changed_at if run.ended_at is None else run.ended_at for run in runs), default=None)
    for trigger in triggers:
        key = key_of(store, trigger.name, case.incident.id, case.incident.reopened)
        rested = ended is None or now - ended >= trigger.cooldown
        if key not in known and rested and trigger.wants(case):
            return _run(case, trigger, key, now)
    return None


def _run(case: Case, trigger: TriggerRule, key: str, now: int) -> Run:
    conf = conf_of(case, trigger.url) | {"trigger": trigger.name, "key": key, "requested_at": isoformat(now)}
    state = RunState.REQUESTED if trigger.approval == "auto" else RunState.ASKED
    if trigger.dry_run:
        state = RunState.SKIPPED
    return Run(
        trigger.name, case.incident.model_id, case.incident.id, key, state, now, now, conf,
        ended_at=now if trigger.dry_run else None,
        why="a rehearsal (dry_run): this is what would have been sent" if trigger.dry_run else "",
    )  # fmt: skip


def key_of(store: str, trigger: str, incident: int, reopened: int) -> str:
    """The idempotency key of an incident's run: the same however often it is computed, and fit to be a name."""
    again = f"-{reopened}" if reopened else ""
    return f"driftsum-{store[:13].lower()}-{trigger}-{incident}{again}"


def key_by_hand(store: str, trigger: str, model: int, now: int) -> str:
    """The key of a run that a person asked for."""
    return f"driftsum-{store[:13].lower()}-{trigger}-m{model}-{now // 1_000}"
