"""The part of the store that alerting uses. Each method is one transaction.

Alerts, incidents, new notices and new runs are the evaluator's, written under its lease. What people do is written
beside, each to columns of its own or on a condition, and noted in the audit in the same transaction.
"""

from collections.abc import Collection

from drift.core.alert import (
    Alert,
    AlertCommit,
    AlertState,
    AuditEntry,
    Event,
    Incident,
    Mark,
    Notice,
    NoticeState,
    Run,
    RunState,
    Silence,
    Token,
)  # fmt: skip
from drift.core.commit import Lease
from drift.store import access, alerting, history, incidents, outbox, runs, silences
from drift.store.rows import AlertRow, OutboxCount
from drift.store.transactions import Transactions


class AlertingStore(Transactions):
    """Methods of `Store`. Where lists have `before`, it is the last id of the page before."""

    # The evaluator

    def commit_alerting(self, lease: Lease, batch: AlertCommit) -> None:
        """What alerting leaves behind when no result was the cause; all or nothing.

        Raises:
            Fenced: the lease is another's.
        """
        self._under(lease, lambda c: alerting.commit(c, batch))

    def open_alerts(self) -> list[Alert]:
        """Those that are pending or firing, in the order of their keys."""
        return self._read(alerting.standing)

    def next_incident_id(self) -> int:
        """An id that no incident ever had. To be asked for under the evaluation lease."""
        return self._read(incidents.next_id)

    def open_incidents(self) -> list[Incident]:
        """All that are open, oldest first."""
        return self._read(incidents.unresolved)

    def incidents_closed_since(self, on: int) -> list[Incident]:
        """Those resolved at `on` or later by the clock, oldest first."""
        return self._read(lambda c: incidents.closed_since(c, on))

    # Alerts and incidents

    def alerts(
        self, model_id: int | None = None, *, state: AlertState | None = None, limit: int = 100,
        before: int | None = None,
    ) -> list[AlertRow]:  # fmt: skip
        """Alerts of one model or of all; the one whose key was seen first last."""
        return self._read(lambda c: alerting.listed(c, model_id, state, limit, before))

    def incidents(
        self, model_id: int | None = None, *, open: bool | None = None, limit: int = 100,  # noqa: A002  as in the API
        before: int | None = None,
    ) -> list[Incident]:  # fmt: skip
        """Incidents of one model or of all, newest first."""
        return self._read(lambda c: incidents.listed(c, model_id, open, limit, before))

    def incident(self, incident_id: int) -> Incident:
        """One incident; raises NotFound."""
        return self._read(lambda c: incidents.one(c, incident_id))

    def incident_alerts(self, incident_id: int) -> list[AlertRow]:
        """Alerts in an incident: the loudest first, of those the ones that fire, of those the oldest."""
        return self._read(lambda c: alerting.of_incident(c, incident_id))

    def acknowledge(self, incident_id: int, who: str, why: str, on: int) -> Incident:
        """Note who looks after an open incident, with its event; whoever does so later takes it over.

        Raises:
            NotFound: there is none of this id.
            Conflict: it is resolved.
        """
        return self._write(lambda c: incidents.acknowledge(c, incident_id, who, why, on))

    def unacknowledge(self, incident_id: int, who: str, why: str, on: int) -> Incident:
        """Take an acknowledgement back, with a note in the history.

        Raises:
            NotFound: there is none of this id.
            Conflict: nobody looks after it.
        """
        return self._write(lambda c: incidents.unacknowledge(c, incident_id, who, why, on))

    # History

    def events(self, incident_id: int | None = None, *, limit: int = 100, before: int | None = None) -> list[Event]:
        """Events of one incident (0: of alerts that were in none) or of all, newest first."""
        return self._read(lambda c: history.events(c, incident_id, limit, before))

    def model_events(self, model_id: int, start_on: int, end_on: int, limit: int = 1_000) -> list[Event]:
        """A model's events with start_on ≤ on < end_on, newest first."""
        return self._read(lambda c: history.of_model(c, model_id, start_on, end_on, limit))

    def add_event(self, event: Event) -> Event:
        """Append one; the same with its id."""
        return self._write(lambda c: history.add_one(c, event))

    def put_mark(self, mark: Mark) -> Mark:
        """Keep a mark; the same with its id. Audited as `mark.create`."""
        return self._write(lambda c: history.put_mark(c, mark))

    def marks(self, model_id: int | None, start: int, end: int, limit: int = 1_000) -> list[Mark]:
        """Marks with start ≤ at < end, newest first; of one model, with those that concern all, or every one."""
        return self._read(lambda c: history.listed_marks(c, model_id, start, end, limit))

    # Silences

    def put_silence(self, silence: Silence) -> Silence:
        """Keep a silence; the same with its id. Audited as `silence.create`."""
        return self._write(lambda c: silences.put(c, silence))

    def end_silence(self, silence_id: int, who: str, on: int) -> Silence:
        """Let a silence end now. Audited as `silence.end`.

        Raises:
            NotFound: there is none of this id.
            Conflict: it is over.
        """
        return self._write(lambda c: silences.end(c, silence_id, who, on))

    def silence(self, silence_id: int) -> Silence:
        """One silence; raises NotFound."""
        return self._read(lambda c: silences.one(c, silence_id))

    def silences(self, *, active_on: int | None = None, limit: int = 1_000, before: int | None = None) -> list[Silence]:
        """Silences that hold at a moment of the clock, or all; newest first."""
        return self._read(lambda c: silences.listed(c, active_on, limit, before))

    # Notices

    def waiting(self, receiver: str, now: int, limit: int = 100) -> list[Notice]:
        """The oldest undone notice of each stream of a receiver, if it is due; oldest first."""
        return self._read(lambda c: outbox.waiting(c, receiver, now, limit))

    def sent(self, notice_id: int, on: int) -> bool:
        """Note that the receiver has it; False: it was not waiting any more."""
        return self._write(lambda c: outbox.sent(c, notice_id, on))

    def failed(self, notice_id: int, error: str, not_before: int) -> bool:
        """Note an attempt that is to be repeated at `not_before`; False: it was not waiting any more."""
        return self._write(lambda c: outbox.failed(c, notice_id, error, not_before))

    def given_up(self, notice_id: int, error: str, on: int) -> bool:
        """Note the last attempt; False: it was not waiting any more."""
        return self._write(lambda c: outbox.given_up(c, notice_id, error, on))

    def resend(self, notice_id: int, who: str, on: int) -> Notice:
        """Let a dead notice wait again, due at once. Audited as `notice.resend`.

        Raises:
            NotFound: there is none of this id.
            Conflict: it is not dead.
        """
        return self._write(lambda c: outbox.resend(c, notice_id, who, on))

    def expire_notices(self, receivers_known: Collection[str], on: int) -> int:
        """Give up what waits for a receiver that is none of these; how many."""
        return self._write(lambda c: outbox.expire(c, receivers_known, on))

    def notice(self, notice_id: int) -> Notice:
        """One notice; raises NotFound."""
        return self._read(lambda c: outbox.one(c, notice_id))

    def notices(
        self, *, receiver: str | None = None, state: NoticeState | None = None, incident_id: int | None = None,
        limit: int = 100, before: int | None = None,
    ) -> list[Notice]:  # fmt: skip
        """Notices, newest first; those of an incident are those of its stream, `incident:7`."""
        return self._read(lambda c: outbox.listed(c, receiver, state, incident_id, limit, before))

    def outbox(self) -> list[OutboxCount]:
        """What waits and what is dead, for each receiver that has any."""
        return self._read(outbox.counts)

    # Retrain runs

    def put_run(self, run: Run, event: Event | None = None) -> Run:
        """Insert the run a person asked for, with an event; the same with its id. Audited as `run.request` if `who` is
        given. One whose key is there already is returned as it stands.

        Raises:
            Conflict: a run of the model is in flight.
        """
        return self._write(lambda c: runs.put(c, run, event))

    def advance_run(
        self, run: Run, expected: RunState, event: Event | None = None, entry: AuditEntry | None = None
    ) -> bool:
        """Write what changes in a run, with an event and a line of the audit.

        Returns:
            False, and nothing is written: it is not in the state `expected` any more, or it is to be in flight again
            while another of the model is.
        """
        return self._write(lambda c: runs.advance(c, run, expected, event, entry))

    def run(self, run_id: int) -> Run:
        """One run; raises NotFound."""
        return self._read(lambda c: runs.one(c, run_id))

    def runs(
        self, *, model_id: int | None = None, states: Collection[RunState] | None = None,
        incident_id: int | None = None, trigger: str | None = None, limit: int = 100, before: int | None = None,
    ) -> list[Run]:  # fmt: skip
        """Runs, newest first."""
        return self._read(lambda c: runs.listed(c, model_id, states, incident_id, trigger, limit, before))

    def run_counts(self) -> dict[tuple[int, str, str], int]:
        """How many runs are kept: (model, trigger, state) → n."""
        return self._read(runs.counts)

    # Access

    def put_token(self, token: Token) -> Token:
        """Keep a token; the same with its id. Audited as `token.create`.

        Raises:
            Conflict: one of this name is there and not revoked.
        """
        return self._write(lambda c: access.put(c, token))

    def tokens(self) -> list[Token]:
        """All tokens, also those that are over, oldest first."""
        return self._read(access.listed)

    def token_by_digest(self, digest: bytes) -> Token | None:
        """The token of a secret, also one that is over: the caller looks at its dates. None: there is none."""
        return self._read(lambda c: access.by_digest(c, digest))

    def revoke_token(self, token_id: int, on: int, who: str = "") -> Token:
        """Let a token allow nothing from now on. Audited as `token.revoke`; raises NotFound."""
        return self._write(lambda c: access.revoke(c, token_id, on, who))

    def audit(self, entry: AuditEntry) -> None:
        """Append a line for what no other method notes."""
        self._write(lambda c: access.note(c, entry))

    def audit_entries(self, limit: int = 100, before: int | None = None) -> list[AuditEntry]:
        """The audit, newest first."""
        return self._read(lambda c: access.entries(c, limit, before))
