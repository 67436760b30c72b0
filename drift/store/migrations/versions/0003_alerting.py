"""Alerting: alerts, incidents and their events, notices, runs, silences, marks, tokens, audit."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"
branch_labels: Final = None
depends_on: Final = None

BIG: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _c(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [_c(name, sa.Text()) for name in names]


def _times(*names: str) -> list[sa.Column[Any]]:
    return [_c(name, sa.BigInteger()) for name in names]


def _perhaps(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.BigInteger(), nullable=True) for name in names]


def _make(table: str, *rest: Any) -> None:
    key = sa.PrimaryKeyConstraint("id", name=f"pk_{table}")
    op.create_table(table, _c("id", BIG), *rest, key, sqlite_autoincrement=True)


def _index(name: str, table: str, columns: list[str], which: str | None = None, *, unique: bool = False) -> None:
    where = sa.text(which) if which is not None else None
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)


def upgrade() -> None:
    """Make the tables."""
    _alerts()
    _incidents()
    _notices()
    _runs()
    _people()
    _access()


def _alerts() -> None:
    _make(
        "alerts",
        _c("model_id", BIG),
        *_texts("rule"),
        _c("reference_id", BIG),
        *_texts("spec"),
        _c("segment", sa.Integer()),
        *_texts("column", "detail", "state", "urgency"),
        _c("incident_id", BIG),
        *_times("seen_at"),
        *_perhaps("fired_at", "resolved_at"),
        _c("blob", sa.LargeBinary()),
        sa.UniqueConstraint(
            "model_id", "rule", "reference_id", "spec", "segment", "column", "detail", name="uq_alerts_key"
        ),
    )
    _index("ix_alerts_listed", "alerts", ["model_id", "id"])
    _index("ix_alerts_incident", "alerts", ["incident_id"])
    _index("ix_alerts_open", "alerts", ["id"], "state IN ('pending', 'firing')")


def _incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        _c("model_id", BIG),
        *_texts("family", "urgency"),
        *_times("opened_on"),
        *_perhaps("resolved_at", "resolved_on"),
        *_texts("acknowledged_by"),
        *_perhaps("acknowledged_on"),
        *_texts("acknowledged_why"),
        _c("blob", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
    )
    _index("ix_incidents_listed", "incidents", ["model_id", "id"])
    _index("ix_incidents_resolved", "incidents", ["resolved_on"])
    _index("ix_incidents_open", "incidents", ["id"], "resolved_at IS NULL")
    _make(
        "incident_events",
        _c("incident_id", BIG),
        _c("model_id", BIG),
        *_texts("happening"),
        *_times("on"),
        *_perhaps("at"),
        *_texts("who", "why"),
        sa.Column("key", sa.LargeBinary(), nullable=True),
    )
    _index("ix_incident_events_incident", "incident_events", ["incident_id", "id"])
    _index("ix_incident_events_model", "incident_events", ["model_id", "on", "id"])


def _notices() -> None:
    _make(
        "notices",
        *_texts("receiver", "stream", "key", "state"),
        _c("tries", sa.Integer()),
        *_times("created_at", "not_before"),
        *_perhaps("done_at"),
        *_texts("error"),
        _c("body", sa.LargeBinary()),
        sa.UniqueConstraint("key", name="uq_notices_key"),
    )
    _index("ix_notices_receiver", "notices", ["receiver", "id"])
    _index("ix_notices_stream", "notices", ["stream", "id"])
    _index("ix_notices_done", "notices", ["done_at"])
    _index("ix_notices_waiting", "notices", ["receiver", "stream", "id"], "state = 'waiting'")
    _index("ix_notices_dead", "notices", ["receiver", "id"], "state = 'dead'")
    _index("ix_notices_dead_listed", "notices", ["id"], "state = 'dead'")


def _runs() -> None:
    _make(
        "runs",
        *_texts("trigger"),
        _c("model_id", BIG),
        _c("incident_id", BIG),
        *_texts("key", "state"),
        *_times("created_at", "changed_at"),
        _c("tries", sa.Integer()),
        *_times("not_before"),
        *_perhaps("started_at", "ended_at"),
        *_texts("external_id", "url", "error", "who", "why", "conf"),
        sa.UniqueConstraint("key", name="uq_runs_key"),
    )
    _index("ix_runs_listed", "runs", ["model_id", "id"])
    _index("ix_runs_incident", "runs", ["incident_id", "id"])
    _index("ix_runs_trigger", "runs", ["trigger", "state"])
    _index("uq_runs_in_flight", "runs", ["model_id"], "state IN ('asked', 'requested', 'running')", unique=True)


def _people() -> None:
    _make(
        "silences",
        *_texts("matchers"),
        *_times("starts_at", "ends_at"),
        *_texts("who", "why"),
        *_times("created_at"),
    )
    _index("ix_silences_ends_at", "silences", ["ends_at"])
    _make(
        "marks",
        _c("model_id", BIG),
        *_times("at"),
        *_texts("kind", "text", "who"),
        *_times("created_at"),
        *_texts("url"),
    )
    _index("ix_marks_at", "marks", ["at"])


def _access() -> None:
    _make(
        "tokens",
        *_texts("name", "scopes", "models"),
        _c("digest", sa.LargeBinary()),
        *_times("created_at"),
        *_texts("created_by"),
        *_perhaps("expires_at", "revoked_at"),
        sa.UniqueConstraint("digest", name="uq_tokens_digest"),
    )
    _index("uq_tokens_name", "tokens", ["name"], "revoked_at IS NULL", unique=True)
    _make("audit", *_times("at"), *_texts("who", "action", "target", "detail"))
    _index("ix_audit_at", "audit", ["at"])
