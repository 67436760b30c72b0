"""Outcomes: predictions that wait for their labels, labels that wait for their predictions; results' performance."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"
branch_labels: Final = None
depends_on: Final = None

BIG: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table, widen the results."""
    op.create_table(
        "outcomes",
        sa.Column("model_id", BIG, nullable=False, autoincrement=False),
        sa.Column("key_a", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("key_b", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("prediction", sa.LargeBinary(), nullable=True),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("label_at", sa.BigInteger(), nullable=True),
        sa.Column("previous", sa.Text(), nullable=True),
        sa.Column("previous_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("model_id", "key_a", "key_b", name="pk_outcomes"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_outcomes_expiry", "outcomes", ["at"])
    op.add_column("results", sa.Column("performance", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Take both away again."""
    op.drop_column("results", "performance")
    op.drop_table("outcomes")
