"""Sequential detection: states, watches, alarms, and what people answer."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"
branch_labels: Final = None
depends_on: Final = None

BIG: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BLOBS: Final = ("detector_states", "watches", "stretches")
STANDING: Final = "ended_at IS NULL AND retracted_by IS NULL"


def _c(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _maybe(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


def _number(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, autoincrement=False, nullable=False)


def _of_reference(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_reference_id"
    return sa.ForeignKeyConstraint(["reference_id"], ["model_references.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    """Make the tables."""
    _states()
    _alarms()
    _answers()
    if op.get_context().dialect.name == "postgresql":
        for table in BLOBS:
            op.execute(f'ALTER TABLE {table} ALTER COLUMN "blob" SET STORAGE EXTERNAL')


def _states() -> None:
    op.create_table(
        "detector_states",
        _c("reference_id", BIG),
        _c("spec", sa.Text()),
        _number("start", sa.BigInteger()),
        _c("end", sa.BigInteger()),
        _c("snapshot", sa.Boolean()),
        _c("blob", sa.LargeBinary()),
        _of_reference("detector_states"),
        sa.PrimaryKeyConstraint("reference_id", "spec", "start", name="pk_detector_states"),
    )
    op.create_table(
        "watches",
        _c("reference_id", BIG),
        _c("spec", sa.Text()),
        _number("segment", sa.Integer()),
        _c("detector", sa.Text()),
        _c("blob", sa.LargeBinary()),
        _of_reference("watches"),
        sa.PrimaryKeyConstraint("reference_id", "spec", "segment", "detector", name="pk_watches"),
    )


def _alarms() -> None:
    op.create_table(
        "alarms",
        _c("id", BIG),
        _c("model_id", BIG),
        _c("reference_id", BIG),
        _c("spec", sa.Text()),
        _c("segment", sa.Integer()),
        _c("column", sa.Text()),
        _c("detector", sa.Text()),
        _c("raised_start", sa.BigInteger()),
        _c("raised_end", sa.BigInteger()),
        _c("severity", sa.Text()),
        _c("onset", sa.BigInteger()),
        _c("until", sa.BigInteger()),
        _c("direction", sa.Text()),
        _c("what", sa.Text()),
        _c("snoozed", sa.Boolean()),
        _maybe("ended_at", sa.BigInteger()),
        _c("ended_why", sa.Text()),
        _maybe("retracted_by", sa.Integer()),
        _c("blob", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_alarms"),
        sa.UniqueConstraint(
            "reference_id", "spec", "segment", "column", "detector", "raised_start", name="uq_alarms_key"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alarms_listed", "alarms", ["model_id", "id"])
    op.create_index(
        "ix_alarms_standing",
        "alarms",
        ["reference_id", "spec"],
        sqlite_where=sa.text(STANDING),
        postgresql_where=sa.text(STANDING),
    )


def _answers() -> None:
    op.create_table(
        "answers",
        _c("id", BIG),
        _c("model_id", BIG),
        _c("reference_id", BIG),
        _c("spec", sa.Text()),
        _c("column", sa.Text()),
        _maybe("segment", sa.Integer()),
        _c("action", sa.Text()),
        _c("who", sa.Text()),
        _c("why", sa.Text()),
        _c("at", sa.BigInteger()),
        _c("start", sa.BigInteger()),
        _c("until", sa.BigInteger()),
        _c("applies_from", sa.BigInteger()),
        _maybe("withdrawn_at", sa.BigInteger()),
        _maybe("withdrawn_from", sa.BigInteger()),
        _c("withdrawn_by", sa.Text()),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_answers_model_id"),
        sa.PrimaryKeyConstraint("id", name="pk_answers"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_answers_model", "answers", ["model_id", "id"])
    op.create_table(
        "stretches",
        _c("answer_id", BIG),
        _c("spec", sa.Text()),
        _number("start", sa.BigInteger()),
        _number("block", sa.Integer()),
        _c("reference_id", BIG),
        _c("end", sa.BigInteger()),
        _c("blob", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["answer_id"], ["answers.id"], name="fk_stretches_answer_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("answer_id", "spec", "start", "block", name="pk_stretches"),
    )
