"""The first tables: catalogue, positions, sums, evaluation, leases."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None

BIG: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BLOBS: Final = (
    ("model_references", "grid"), ("reference_sums", "blob"), ("panes", "blob"), ("results", "blob"), ("axes", "blob"),
)  # fmt: skip


def _c(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    """Make every table."""
    _catalogue()
    _positions()
    _refused()
    _sums()
    _windows()
    _results()
    _duties()
    if op.get_context().dialect.name == "postgresql":
        for table, column in BLOBS:
            # zstd has squeezed them already: PostgreSQL need not try again
            op.execute(f'ALTER TABLE {table} ALTER COLUMN "{column}" SET STORAGE EXTERNAL')


def _catalogue() -> None:
    op.create_table(
        "store",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        _c("uuid", sa.Text()),
        _c("schema", sa.Text()),
        _c("catalogue_version", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_store"),
    )
    op.create_table(
        "models",
        _c("id", BIG),
        _c("name", sa.Text()),
        _c("pane", sa.BigInteger()),
        _c("lateness", sa.BigInteger()),
        _c("zone", sa.Text()),
        _c("windows", sa.Text()),
        _c("settings", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_models"),
        sa.UniqueConstraint("name", name="uq_models_name"),
    )
    op.create_table(
        "model_references",
        _c("id", BIG),
        _c("model_id", BIG),
        _c("version", sa.Text()),
        _c("content_hash", sa.Text()),
        _c("rows", sa.BigInteger()),
        _c("active_from", sa.BigInteger()),
        _c("created_at", sa.BigInteger()),
        _c("schema", sa.Text()),
        _c("summary", sa.LargeBinary()),
        _c("grid", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_model_references_model_id"),
        sa.PrimaryKeyConstraint("id", name="pk_model_references"),
        sa.UniqueConstraint(
            "model_id", "version", "content_hash", name="uq_model_references_model_id_version_content_hash"
        ),
    )
    op.create_table(
        "reference_sums",
        _c("reference_id", BIG),
        _c("chunk", sa.Integer()),
        _c("block", sa.Integer()),
        _c("start", sa.BigInteger()),
        _c("end", sa.BigInteger()),
        _c("blob", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["reference_id"], ["model_references.id"], name="fk_reference_sums_reference_id"),
        sa.PrimaryKeyConstraint("reference_id", "chunk", "block", name="pk_reference_sums"),
    )


def _positions() -> None:
    op.create_table(
        "partitions",
        _c("id", BIG),
        _c("source", sa.Text()),
        _c("topic", sa.Text()),
        _c("number", sa.Integer()),
        _c("epoch", sa.BigInteger()),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("next", sa.BigInteger(), nullable=True),
        _c("log_end", sa.BigInteger()),
        sa.Column("heartbeat_at", sa.BigInteger(), nullable=True),
        sa.Column("caught_up_at", sa.BigInteger(), nullable=True),
        _c("finished", sa.Boolean()),
        _c("records", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_partitions"),
        sa.UniqueConstraint("source", "topic", "number", name="uq_partitions_source_topic_number"),
    )
    op.create_table(
        "watermarks",
        _c("partition_id", BIG),
        _c("model_id", BIG),
        _c("watermark", sa.BigInteger()),
        _c("advanced_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["partition_id"], ["partitions.id"], name="fk_watermarks_partition_id"),
        sa.PrimaryKeyConstraint("partition_id", "model_id", name="pk_watermarks"),
    )
    op.create_table(
        "gaps",
        _c("id", BIG),
        _c("partition_id", BIG),
        _c("first", sa.BigInteger()),
        _c("last", sa.BigInteger()),
        _c("at", sa.BigInteger()),
        sa.Column("after", sa.BigInteger(), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["partition_id"], ["partitions.id"], name="fk_gaps_partition_id"),
        sa.PrimaryKeyConstraint("id", name="pk_gaps"),
        sa.UniqueConstraint("partition_id", "first", "last", name="uq_gaps_partition_id_first_last"),
    )


def _refused() -> None:
    op.create_table(
        "dead_letters",
        _c("id", BIG),
        _c("partition_id", BIG),
        _c("offset", sa.BigInteger()),
        _c("nth", sa.Integer()),
        _c("reason", sa.Text()),
        _c("at", sa.BigInteger()),
        sa.Column("replayed_at", sa.BigInteger(), nullable=True),
        _c("detail", sa.Text()),
        _c("payload", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["partition_id"], ["partitions.id"], name="fk_dead_letters_partition_id"),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letters"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_dead_letters_listed", "dead_letters", ["reason", "id"])
    op.create_table(
        "dead_letter_counts",
        _c("partition_id", BIG),
        _c("reason", sa.Text()),
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        _c("count", sa.BigInteger()),
        _c("first", sa.BigInteger()),
        _c("last", sa.BigInteger()),
        sa.ForeignKeyConstraint(["partition_id"], ["partitions.id"], name="fk_dead_letter_counts_partition_id"),
        sa.PrimaryKeyConstraint("partition_id", "reason", "hour", name="pk_dead_letter_counts"),
    )


def _sums() -> None:
    op.create_table(
        "panes",
        _c("id", BIG),
        _c("model_id", BIG),
        _c("reference_id", BIG),
        _c("start", sa.BigInteger()),
        _c("end", sa.BigInteger()),
        _c("tier", sa.SmallInteger()),
        _c("block", sa.SmallInteger()),
        _c("rows", sa.BigInteger()),
        _c("late", sa.BigInteger()),
        _c("foreign_rows", sa.BigInteger()),
        _c("blob", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_panes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_panes_stretch", "panes", ["reference_id", "start", "tier"])
    op.create_table(
        "dirty",
        _c("id", BIG),
        _c("model_id", BIG),
        _c("reference_id", BIG),
        _c("start", sa.BigInteger()),
        _c("rows", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_dirty"),
        sqlite_autoincrement=True,
    )


def _windows() -> None:
    op.create_table(
        "windows",
        _c("id", BIG),
        _c("model_id", BIG),
        _c("reference_id", BIG),
        _c("spec", sa.Text()),
        _c("start", sa.BigInteger()),
        _c("end", sa.BigInteger()),
        _c("revision", sa.Integer()),
        sa.Column("state", sa.Text(), nullable=True),
        _c("rows", sa.BigInteger()),
        _c("dirt", sa.BigInteger()),
        _c("new_rows", sa.BigInteger()),
        _c("stale", sa.Boolean()),
        sa.Column("stale_since", sa.BigInteger(), nullable=True),
        sa.Column("evaluated_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.SmallInteger(), nullable=True),
        _c("reason", sa.Text()),
        sa.Column("first_final", sa.Integer(), nullable=True),
        _c("pending", sa.Boolean()),
        sa.PrimaryKeyConstraint("id", name="pk_windows"),
        sa.UniqueConstraint("reference_id", "spec", "start", name="uq_windows_reference_id_spec_start"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_windows_latest", "windows", ["model_id", "spec", "state", "end"])
    op.create_index("ix_windows_listed", "windows", ["model_id", "end", "id"])
    op.create_index(
        "ix_windows_pending",
        "windows",
        ["model_id", "end", "id"],
        sqlite_where=sa.text("pending = 1"),
        postgresql_where=sa.text("pending"),
    )


def _results() -> None:
    op.create_table(
        "axes",
        _c("id", BIG),
        _c("digest", sa.Text()),
        _c("blob", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_axes"),
        sa.UniqueConstraint("digest", name="uq_axes_digest"),
    )
    op.create_table(
        "results",
        _c("window_id", BIG),
        _c("revision", sa.Integer()),
        _c("segment", sa.Integer()),
        _c("state", sa.Text()),
        _c("rows", sa.BigInteger()),
        _c("outcome", sa.SmallInteger()),
        _c("evaluated_at", sa.BigInteger()),
        _c("axes_id", BIG),
        _c("blob", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["window_id"], ["windows.id"], name="fk_results_window_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("window_id", "revision", "segment", name="pk_results"),
    )
    op.create_table(
        "breaches",
        _c("id", BIG),
        _c("window_id", BIG),
        _c("revision", sa.Integer()),
        _c("segment", sa.Integer()),
        _c("model_id", BIG),
        _c("column", sa.Text()),
        _c("statistic", sa.Text()),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=True),
        _c("rule", sa.Text()),
        _c("direction", sa.Text()),
        sa.ForeignKeyConstraint(["window_id"], ["windows.id"], name="fk_breaches_window_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_breaches"),
    )
    op.create_index("ix_breaches_listed", "breaches", ["model_id", "id"])
    op.create_index("ix_breaches_window", "breaches", ["window_id"])


def _duties() -> None:
    op.create_table(
        "idempotency",
        _c("key", sa.Text()),
        _c("at", sa.BigInteger()),
        _c("answer", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("key", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_at", "idempotency", ["at"])
    op.create_table(
        "leases",
        _c("name", sa.Text()),
        _c("holder", sa.Text()),
        _c("epoch", sa.BigInteger()),
        _c("expires_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
