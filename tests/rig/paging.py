"""Results made by hand, put through alerting into a real store: what people would have been told."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from alerts.message import Message
from alerts.notices import Receiver
from alerts.rules import AlertRule
from drift.core.alarm import Alarm, Severity
from drift.core.alert import AlertCommit, Happening, Incident
from drift.core.catalogue import Model, Reference
from drift.core.clock import HOUR, MINUTE, ManualClock
from drift.core.commit import AlarmChange, Detection, EvaluationCommit, Lease, WindowResult
from drift.core.result import Breach, Judgement, Outcome, WindowState
from drift.core.window import Window
from drift.evaluation.alerting import Alerting, Routing, Triggers
from drift.evaluation.closing import Status
from drift.store import Store
from tests.rig import storing
from tests.rig.storing import T0

ONCALL = Receiver("oncall")
DRIFT = (AlertRule("drift", "drift"),)


def hour(n: int) -> Window:
    """The nth hour; the first is 0."""
    return Window(T0 + n * HOUR, T0 + (n + 1) * HOUR)


def alarm(column: str, n: int, severity: Severity = Severity.PAGE, segment: int = 0, **changes: object) -> Alarm:
    """Raised by the nth hour."""
    base = Alarm(
        column, segment, "default", severity, hour(n), hour(n).start, hour(n).end, "increase", "location", 0.4, 0.1,
        100, 9.0, 8.0, sentence=f"{column} is higher",
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


@dataclass
class Office:
    """A model, its alerting, and a clock that stands just after the last window."""

    store: Store
    rules: Sequence[AlertRule] = DRIFT
    receivers: Sequence[Receiver] = (ONCALL,)
    routing: Routing = field(default_factory=Routing)
    triggers: Triggers | None = None
    statuses: Sequence[Status] = ()
    columns: int = 3
    settings: Mapping[str, object] = field(default_factory=dict)
    clock: ManualClock = field(default_factory=lambda: ManualClock(T0))
    revisions: dict[tuple[int, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        model = storing.model(self.store)
        self.model: Model = self.store.put_model(
            model.name, pane=model.pane, lateness=model.lateness, windows=model.windows,
            settings={**model.settings, **self.settings},
        )  # fmt: skip
        self.reference: Reference = storing.reference(self.store, self.model, self.columns)
        self.restart()

    def restart(self) -> None:
        """A new process: nothing but the store is known."""
        routing = replace(self.routing, receivers=tuple(self.receivers))
        self.alerting = Alerting(self.store, self.clock, lambda model: self.rules, routing, self.triggers)

    @property
    def lease(self) -> Lease:
        """The evaluation lease."""
        found = self.store.lease("evaluation", "office", 600)
        assert found is not None
        return found

    def at(self, n: int, minutes: int = 0) -> None:
        """The clock stands so long after the nth hour."""
        self.clock.advance((hour(n).end + minutes * MINUTE - self.clock.now()) / 1_000_000)

    def result(
        self, n: int, *changes: AlarmChange, values: Mapping[str, float] | None = None, breaches: Sequence[Breach] = (),
        state: WindowState = WindowState.FINAL, reference: Reference | None = None, rows: int = 100, segment: int = 0,
    ) -> WindowResult:  # fmt: skip
        """One hour's result: alarms that change, psi of columns, breaches of rules."""
        judged = reference or self.reference
        key = judged.id, n
        revision = self.revisions[key] = self.revisions.get(key, 0) + 1
        names = tuple(column.name for column in judged.grid.columns)
        table = np.array([[(values or {}).get(name, math.nan)] for name in names])
        outcomes = np.where(np.isnan(table[:, 0]), Outcome.INSUFFICIENT_DATA, Outcome.NO_DRIFT).astype(np.int8)
        judgement = Judgement(
            rows, Outcome.NO_DRIFT, names, ("psi",), table, outcomes, np.full_like(table, math.nan), tuple(breaches)
        )
        return WindowResult(
            self.model.id, judged.id, "1h", hour(n), revision, state, rows, self.clock.now(), {segment: judgement},
            reason="a partition is dead" if state is WindowState.INCOMPLETE else "",
            detection=Detection(b"", snapshot=False, changes=changes), late=revision > 1,
        )  # fmt: skip

    def judge(self, n: int, *changes: AlarmChange, live: bool = True, **given: object) -> AlertCommit | None:
        """One hour becomes final, a minute after its end by the clock unless not `live`."""
        if live and self.clock.now() < hour(n).end + MINUTE:
            self.at(n, 1)
        return self.commit(self.result(n, *changes, **given))  # type: ignore[arg-type]

    def commit(self, *results: WindowResult) -> AlertCommit | None:
        """What results mean, stored with them."""
        found = self.alerting.work(results, self.store.catalogue(), self.statuses)
        self.store.commit_evaluation(EvaluationCommit(self.lease, (), results, found))
        self.alerting.committed()
        return found

    def tick(self, minutes: int = 0) -> AlertCommit | None:
        """Time passes."""
        self.clock.advance(minutes * 60)
        found = self.alerting.work((), self.store.catalogue(), self.statuses)
        if found is not None:
            self.store.commit_alerting(self.lease, found)
            self.alerting.committed()
        return found

    def raised(self, column: str, n: int, severity: Severity = Severity.PAGE, **changes: object) -> AlarmChange:
        """An alarm is raised."""
        return AlarmChange("raised", alarm(column, n, severity, **changes), "", hour(n).end)  # type: ignore[arg-type]

    def ended(self, column: str, raised: int, n: int, why: str = "back to what is usual") -> AlarmChange:
        """One ends."""
        return AlarmChange("ended", alarm(column, raised), why, hour(n).end)

    def mail(self, receiver: str = "oncall") -> list[Message]:
        """What a receiver was sent, in order."""
        found = self.store.notices(receiver=receiver, limit=10_000)
        return [Message.load(one.body) for one in reversed(found)]

    def told(self, receiver: str = "oncall") -> list[str]:
        """Why each message was sent."""
        return [one.change.value for one in self.mail(receiver)]

    def incidents(self) -> list[Incident]:
        """All of them, oldest first."""
        return list(reversed(self.store.incidents(self.model.id, limit=1_000)))

    def history(self, incident: int) -> list[tuple[Happening, str]]:
        """What happened, oldest first."""
        return [(one.happening, one.why) for one in reversed(self.store.events(incident, limit=1_000))]
