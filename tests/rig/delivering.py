"""Messages, routes and an outbox in memory for tests of delivery."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from alerts.message import Change, Finding, Message, Status
from alerts.notices import notice
from alerts.routes.contract import Fate, Outcome
from drift.core.alert import Notice, NoticeState, Urgency
from drift.core.clock import HOUR, ManualClock
from drift.core.commit import Lease

T0 = 1_795_000_000_000_000
"""A moment in November 2026."""
HOSTILE = 'in*come <!channel> <http://evil|x> & "q"\r\nBcc: evil@example.com\n\u202e`rm`'


def message(change: Change = Change.FIRING, nth: int = 1, incident: int = 7, **changes: object) -> Message:
    """A message as the evaluator makes it; its status follows from the change."""
    statuses = {Change.RESOLVED: Status.RESOLVED, Change.ACKNOWLEDGED: Status.ACKNOWLEDGED}
    notes = (Change.DIGEST, Change.RUN, Change.TEST)
    status = Status.NOTE if change in notes else statuses.get(change, Status.FIRING)
    base = Message(
        f"0123-i{incident}-r-{nth}", change, status, Urgency.PAGE, "credit: 2 columns drift", "income is higher.",
        incident, "credit", "3", "risk", "drift", T0 - 3 * HOUR, T0 - HOUR, T0, columns=2,
        findings=(
            Finding("income", "income is higher (psi 0.4)", "drift", Urgency.PAGE, value=0.4, threshold=0.1),
            Finding("age", "age is lower", "drift", Urgency.WARNING, "channel=web", value=float("nan")),
        ),
        link=f"https://drift.example/incidents/{incident}",
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def queued(text: Message, receiver: str = "r", stream: str = "") -> Notice:
    """A message as a row of the outbox."""
    return notice(text, receiver, stream or f"incident:{text.incident}", text.at)


class MemoryOutbox:
    """The store's part of delivery, in memory; the same contract test runs on it and on the store."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.rows, self.away = clock, dict[int, Notice](), False
        self.holder = ""
        self._error: Callable[[], Exception] | None = None

    def put(self, *notices: Notice) -> None:
        for one in notices:
            if one.key not in {row.key for row in self.rows.values()}:
                self.rows[len(self.rows) + 1] = replace(one, id=len(self.rows) + 1)

    def fail(self, error: Callable[[], Exception] | None) -> None:
        """From now on every call raises this; None: none does."""
        self._error = error

    def lease(self, name: str, holder: str, ttl_seconds: float) -> Lease | None:
        self._check()
        if self.holder not in ("", holder):
            return None
        self.holder = holder
        return Lease(name, holder, 1, self.clock.now() + round(ttl_seconds * 1_000_000))

    def release_lease(self, lease: Lease) -> None:
        self.holder = ""

    def waiting(self, receiver: str, now: int, limit: int) -> list[Notice]:
        self._check()
        heads: dict[str, Notice] = {}
        for row in sorted(self.rows.values(), key=lambda row: row.id):
            if row.receiver == receiver and row.state is NoticeState.WAITING:
                heads.setdefault(row.stream, row)
        return [row for row in heads.values() if row.not_before <= now][:limit]

    def sent(self, notice_id: int, on: int) -> bool:
        return self._move(notice_id, state=NoticeState.SENT, done_at=on, error="")

    def failed(self, notice_id: int, error: str, not_before: int) -> bool:
        return self._move(notice_id, error=error, not_before=not_before)

    def given_up(self, notice_id: int, error: str, on: int) -> bool:
        return self._move(notice_id, state=NoticeState.DEAD, error=error, done_at=on)

    def _move(self, notice_id: int, **changes: object) -> bool:
        self._check()
        row = self.rows[notice_id]
        if row.state is not NoticeState.WAITING:
            return False
        self.rows[notice_id] = replace(row, tries=row.tries + 1, **changes)  # type: ignore[arg-type]
        return True

    def _check(self) -> None:
        if self._error is not None:
            raise self._error()


@dataclass
class ScriptedRoute:
    """A route that does as the test says, and remembers what it was given."""

    act: Callable[[Message], Outcome] = lambda message: Outcome(Fate.SENT)
    got: list[Message] = field(default_factory=list)

    def send(self, text: Message) -> Outcome:
        self.got.append(text)
        return self.act(text)

    def close(self) -> None:
        pass


@dataclass
class Tally:
    """Metrics as a list."""

    seen: list[tuple[str, str]] = field(default_factory=list)

    def delivery(self, receiver: str, outcome: str, seconds: float) -> None:
        self.seen.append((receiver, outcome))
