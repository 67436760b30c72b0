"""The tables of alerting; times ending in `_on`, and those of notices, runs and people, are the clock's.

    alerts             one row for each alert that is or was: its key, where it stands
    incidents          alerts of one cause; `acknowledged_*` is written by people only
    incident_events    what happened to them; never changed
    notices            the outbox: one row for each message to one receiver
    runs               retrain runs, their own outbox
    silences, marks    what people said
    tokens, audit      who may, and who did

Ids are never given out twice. What is asked for stands in columns of its own, the whole value in `blob`.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)  # fmt: skip

from drift.store.tables import metadata

_BIG: Final = BigInteger().with_variant(Integer, "sqlite")
OPEN: Final = "state IN ('pending', 'firing')"
"""Alerts that are not over. Spelt out rather than bound, so that the planner sees that a partial index applies."""
IN_FLIGHT: Final = "state IN ('asked', 'requested', 'running')"
"""Runs that a model has to wait for."""
WAITING: Final = "state = 'waiting'"
DEAD: Final = "state = 'dead'"


def _id() -> Column[int]:
    return Column("id", _BIG, primary_key=True)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _time(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _perhaps(name: str) -> Column[int]:
    return Column(name, BigInteger)


def _which(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


alerts = Table(
    "alerts",
    metadata,
    _id(),
    Column("model_id", _BIG, nullable=False),
    _text("rule"),
    Column("reference_id", _BIG, nullable=False),
    _text("spec"),
    Column("segment", Integer, nullable=False),
    _text("column"),
    _text("detail"),
    _text("state"),
    _text("urgency"),
    Column("incident_id", _BIG, nullable=False),
    _time("seen_at"),
    _perhaps("fired_at"),
    _perhaps("resolved_at"),
    Column("blob", LargeBinary, nullable=False),
    UniqueConstraint("model_id", "rule", "reference_id", "spec", "segment", "column", "detail", name="uq_alerts_key"),
    Index("ix_alerts_listed", "model_id", "id"),
    Index("ix_alerts_incident", "incident_id"),
    sqlite_autoincrement=True,
)
Index("ix_alerts_open", alerts.c.id, **_which(OPEN))

# ids are the evaluator's; retention leaves the newest, so that the next one is new
incidents = Table(
    "incidents",
    metadata,
    Column("id", _BIG, primary_key=True, autoincrement=False),
    Column("model_id", _BIG, nullable=False),
    _text("family"),
    _text("urgency"),
    _time("opened_on"),
    _perhaps("resolved_at"),
    _perhaps("resolved_on"),
    _text("acknowledged_by"),
    _perhaps("acknowledged_on"),
    _text("acknowledged_why"),
    Column("blob", LargeBinary, nullable=False),
    Index("ix_incidents_listed", "model_id", "id"),
    Index("ix_incidents_resolved", "resolved_on"),
)
Index("ix_incidents_open", incidents.c.id, **_which("resolved_at IS NULL"))

incident_events = Table(
    "incident_events",
    metadata,
    _id(),
    Column("incident_id", _BIG, nullable=False),
    Column("model_id", _BIG, nullable=False),
    _text("happening"),
    _time("on"),
    _perhaps("at"),
    _text("who"),
    _text("why"),
    # of the alert it happened to
    Column("key", LargeBinary),
    Index("ix_incident_events_incident", "incident_id", "id"),
    Index("ix_incident_events_model", "model_id", "on", "id"),
    sqlite_autoincrement=True,
)

notices = Table(
    "notices",
    metadata,
    _id(),
    _text("receiver"),
    _text("stream"),
    Column("key", Text, nullable=False, unique=True),
    _text("state"),
    Column("tries", Integer, nullable=False),
    _time("created_at"),
    _time("not_before"),
    _perhaps("done_at"),
    _text("error"),
    Column("body", LargeBinary, nullable=False),
    Index("ix_notices_receiver", "receiver", "id"),
    Index("ix_notices_stream", "stream", "id"),
    Index("ix_notices_done", "done_at"),
    sqlite_autoincrement=True,
)
Index("ix_notices_waiting", notices.c.receiver, notices.c.stream, notices.c.id, **_which(WAITING))
Index("ix_notices_dead", notices.c.receiver, notices.c.id, **_which(DEAD))
Index("ix_notices_dead_listed", notices.c.id, **_which(DEAD))

runs = Table(
    "runs",
    metadata,
    _id(),
    _text("trigger"),
    Column("model_id", _BIG, nullable=False),
    Column("incident_id", _BIG, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    _text("state"),
    _time("created_at"),
    _time("changed_at"),
    Column("tries", Integer, nullable=False),
    _time("not_before"),
    _perhaps("started_at"),
    _perhaps("ended_at"),
    _text("external_id"),
    _text("url"),
    _text("error"),
    _text("who"),
    _text("why"),
    # JSON
    _text("conf"),
    Index("ix_runs_listed", "model_id", "id"),
    Index("ix_runs_incident", "incident_id", "id"),
    Index("ix_runs_trigger", "trigger", "state"),
    sqlite_autoincrement=True,
)
# one at a time for each model
Index("uq_runs_in_flight", runs.c.model_id, unique=True, **_which(IN_FLIGHT))

silences = Table(
    "silences",
    metadata,
    _id(),
    # JSON
    _text("matchers"),
    _time("starts_at"),
    _time("ends_at"),
    _text("who"),
    _text("why"),
    _time("created_at"),
    Index("ix_silences_ends_at", "ends_at"),
    sqlite_autoincrement=True,
)

marks = Table(
    "marks",
    metadata,
    _id(),
    Column("model_id", _BIG, nullable=False),
    _time("at"),
    _text("kind"),
    _text("text"),
    _text("who"),
    _time("created_at"),
    _text("url"),
    Index("ix_marks_at", "at"),
    sqlite_autoincrement=True,
)

tokens = Table(
    "tokens",
    metadata,
    _id(),
    _text("name"),
    # both JSON
    _text("scopes"),
    _text("models"),
    Column("digest", LargeBinary, nullable=False, unique=True),
    _time("created_at"),
    _text("created_by"),
    _perhaps("expires_at"),
    _perhaps("revoked_at"),
    sqlite_autoincrement=True,
)
# a name tells one token from all others that work
Index("uq_tokens_name", tokens.c.name, unique=True, **_which("revoked_at IS NULL"))

audit = Table(
    "audit",
    metadata,
    _id(),
    _time("at"),
    _text("who"),
    _text("action"),
    _text("target"),
    _text("detail"),
    Index("ix_audit_at", "at"),
    sqlite_autoincrement=True,
)
