"""Every table. Times are microseconds since the epoch UTC; `blob` columns stand last, so that scans need not pass them.

    store ─ one row: whose store this is, and the catalogue's version
    models ─< model_references ─< reference_sums
    partitions ─< watermarks, gaps, dead_letter_counts, dead_letters
    panes, dirty                 what commits append
    windows ─< results, breaches what the evaluation says
    axes                         names of a result's columns and statistics, shared by many results
    detector_states, watches     what sequential detectors go on from, and what they know of each column
    alarms                       one row each, from the window that raised it until it ends
    answers ─< stretches         what people said to alarms, and the sums they accepted
    leases, idempotency

Those of alerting are in `alert_tables`. A change here needs a migration; a test compares the two.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)  # fmt: skip

SCHEMA: Final = "0004"
"""The newest migration. A store that says anything unknown was written by a newer release and is refused."""

SAMPLE: Final = -1
"""The block of `panes` that holds a row sample instead of sums; in `reference_sums` it stands with chunk −1."""
FIELDS: Final = -2
"""The block of `panes` that holds what was seen of unknown fields."""

OUTCOMES: Final = -3
"""The block of `panes` that holds sums of predictions and labels; in `reference_sums` it stands with every chunk."""

LEARNT: Final = -4
"""The block of `reference_sums` that holds what was fitted to a regression's errors; it stands with chunk −1."""

metadata = MetaData(
    naming_convention={
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_BIG: Final = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[int]:
    return Column("id", _BIG, primary_key=True)


store = Table(
    "store",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("uuid", Text, nullable=False),
    Column("schema", Text, nullable=False),
    Column("catalogue_version", BigInteger, nullable=False),
)

models = Table(
    "models",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("pane", BigInteger, nullable=False),
    Column("lateness", BigInteger, nullable=False),
    Column("zone", Text, nullable=False),
    Column("windows", Text, nullable=False),
    Column("settings", Text, nullable=False),
)

model_references = Table(
    "model_references",
    metadata,
    _id(),
    Column("model_id", _BIG, ForeignKey("models.id"), nullable=False),
    Column("version", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("active_from", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("schema", Text, nullable=False),
    Column("summary", LargeBinary, nullable=False),
    Column("grid", LargeBinary, nullable=False),
    UniqueConstraint("model_id", "version", "content_hash"),
)

# chunk −1 is the whole reference, 0 … its stretches of time
reference_sums = Table(
    "reference_sums",
    metadata,
    Column("reference_id", _BIG, ForeignKey("model_references.id"), primary_key=True),
    Column("chunk", Integer, primary_key=True),
    Column("block", Integer, primary_key=True),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("blob", LargeBinary, nullable=False),
)

partitions = Table(
    "partitions",
    metadata,
    _id(),
    Column("source", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("owner", Text),
    Column("next", BigInteger),
    Column("log_end", BigInteger, nullable=False),
    Column("heartbeat_at", BigInteger),
    Column("caught_up_at", BigInteger),
    Column("finished", Boolean, nullable=False),
    Column("records", BigInteger, nullable=False),
    UniqueConstraint("source", "topic", "number"),
)

watermarks = Table(
    "watermarks",
    metadata,
    Column("partition_id", _BIG, ForeignKey("partitions.id"), primary_key=True),
    Column("model_id", _BIG, primary_key=True),
    Column("watermark", BigInteger, nullable=False),
    Column("advanced_at", BigInteger, nullable=False),
)

gaps = Table(
    "gaps",
    metadata,
    _id(),
    Column("partition_id", _BIG, ForeignKey("partitions.id"), nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("after", BigInteger),
    Column("until", BigInteger),
    UniqueConstraint("partition_id", "first", "last"),
)

# Ids are never used twice (sqlite_autoincrement): folding and evaluation delete exactly the ids that they read.
panes = Table(
    "panes",
    metadata,
    _id(),
    Column("model_id", _BIG, nullable=False),
    Column("reference_id", _BIG, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("tier", SmallInteger, nullable=False),
    Column("block", SmallInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("late", BigInteger, nullable=False),
    Column("foreign_rows", BigInteger, nullable=False),
    Column("blob", LargeBinary, nullable=False),
    Index("ix_panes_stretch", "reference_id", "start", "tier"),
    sqlite_autoincrement=True,
)

outcomes = Table(
    "outcomes",
    metadata,
    # a prediction, its label, or both: whichever came first waits for the other
    Column("model_id", _BIG, primary_key=True, autoincrement=False),
    # 128 bits of a hash of the event's id
    Column("key_a", BigInteger, primary_key=True, autoincrement=False),
    Column("key_b", BigInteger, primary_key=True, autoincrement=False),
    # when the first of the two was made, event time
    Column("at", BigInteger, nullable=False),
    # records of `core.outcome.seen`, one per reference that judged the event
    Column("prediction", LargeBinary),
    Column("label", Text),
    Column("label_at", BigInteger),
    # the label before the last one that came
    Column("previous", Text),
    Column("previous_at", BigInteger),
    Index("ix_outcomes_expiry", "at"),
    sqlite_with_rowid=False,
)

dirty = Table(
    "dirty",
    metadata,
    _id(),
    Column("model_id", _BIG, nullable=False),
    Column("reference_id", _BIG, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

windows = Table(
    "windows",
    metadata,
    _id(),
    Column("model_id", _BIG, nullable=False),
    Column("reference_id", _BIG, nullable=False),
    Column("spec", Text, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", Text),
    Column("rows", BigInteger, nullable=False),
    Column("dirt", BigInteger, nullable=False),
    Column("new_rows", BigInteger, nullable=False),
    Column("stale", Boolean, nullable=False),
    Column("stale_since", BigInteger),
    Column("evaluated_at", BigInteger),
    Column("outcome", SmallInteger),
    Column("reason", Text, nullable=False),
    Column("first_final", Integer),
    Column("pending", Boolean, nullable=False),
    UniqueConstraint("reference_id", "spec", "start"),
    Index("ix_windows_listed", "model_id", "end", "id"),
    Index("ix_windows_latest", "model_id", "spec", "state", "end"),
    sqlite_autoincrement=True,
)
# few of many rows: only those that the evaluation has to look at
Index(
    "ix_windows_pending",
    windows.c.model_id,
    windows.c.end,
    windows.c.id,
    sqlite_where=text("pending = 1"),
    postgresql_where=text("pending"),
)

axes = Table(
    "axes",
    metadata,
    _id(),
    Column("digest", Text, nullable=False, unique=True),
    Column("blob", LargeBinary, nullable=False),
)

results = Table(
    "results",
    metadata,
    Column("window_id", _BIG, ForeignKey("windows.id", ondelete="CASCADE"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("segment", Integer, primary_key=True),
    Column("state", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("outcome", SmallInteger, nullable=False),
    Column("evaluated_at", BigInteger, nullable=False),
    Column("axes_id", _BIG, nullable=False),
    Column("blob", LargeBinary, nullable=False),
    Column("performance", LargeBinary),
)

breaches = Table(
    "breaches",
    metadata,
    _id(),
    Column("window_id", _BIG, ForeignKey("windows.id", ondelete="CASCADE"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("segment", Integer, nullable=False),
    Column("model_id", _BIG, nullable=False),
    Column("column", Text, nullable=False),
    Column("statistic", Text, nullable=False),
    # SQLite keeps NaN as NULL
    Column("value", Double),
    Column("threshold", Double),
    Column("rule", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Index("ix_breaches_window", "window_id"),
    Index("ix_breaches_listed", "model_id", "id"),
)

detector_states = Table(
    "detector_states",
    metadata,
    Column("reference_id", _BIG, ForeignKey("model_references.id", ondelete="CASCADE"), primary_key=True),
    Column("spec", Text, primary_key=True),
    # of the window it was taken after
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("end", BigInteger, nullable=False),
    Column("snapshot", Boolean, nullable=False),
    Column("blob", LargeBinary, nullable=False),
)

watches = Table(
    "watches",
    metadata,
    Column("reference_id", _BIG, ForeignKey("model_references.id", ondelete="CASCADE"), primary_key=True),
    Column("spec", Text, primary_key=True),
    Column("segment", Integer, primary_key=True, autoincrement=False),
    Column("detector", Text, primary_key=True),
    Column("blob", LargeBinary, nullable=False),
)

alarms = Table(
    "alarms",
    metadata,
    _id(),
    Column("model_id", _BIG, nullable=False),
    Column("reference_id", _BIG, nullable=False),
    Column("spec", Text, nullable=False),
    Column("segment", Integer, nullable=False),
    Column("column", Text, nullable=False),
    Column("detector", Text, nullable=False),
    Column("raised_start", BigInteger, nullable=False),
    Column("raised_end", BigInteger, nullable=False),
    Column("severity", Text, nullable=False),
    Column("onset", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("direction", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("snoozed", Boolean, nullable=False),
    # event time; null: it stands
    Column("ended_at", BigInteger),
    Column("ended_why", Text, nullable=False),
    Column("retracted_by", Integer),
    Column("blob", LargeBinary, nullable=False),
    UniqueConstraint("reference_id", "spec", "segment", "column", "detector", "raised_start", name="uq_alarms_key"),
    Index("ix_alarms_listed", "model_id", "id"),
    sqlite_autoincrement=True,
)
_STANDING: Final = "ended_at IS NULL AND retracted_by IS NULL"
Index(
    "ix_alarms_standing",
    alarms.c.reference_id,
    alarms.c.spec,
    sqlite_where=text(_STANDING),
    postgresql_where=text(_STANDING),
)

answers = Table(
    "answers",
    metadata,
    _id(),
    Column("model_id", _BIG, ForeignKey("models.id"), nullable=False),
    Column("reference_id", _BIG, nullable=False),
    Column("spec", Text, nullable=False),
    Column("column", Text, nullable=False),
    Column("segment", Integer),
    Column("action", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("applies_from", BigInteger, nullable=False),
    Column("withdrawn_at", BigInteger),
    Column("withdrawn_from", BigInteger),
    Column("withdrawn_by", Text, nullable=False),
    Index("ix_answers_model", "model_id", "id"),
    sqlite_autoincrement=True,
)

stretches = Table(
    "stretches",
    metadata,
    Column("answer_id", _BIG, ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("spec", Text, primary_key=True),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("block", Integer, primary_key=True, autoincrement=False),
    Column("reference_id", _BIG, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("blob", LargeBinary, nullable=False),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    _id(),
    Column("partition_id", _BIG, ForeignKey("partitions.id"), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("nth", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("replayed_at", BigInteger),
    Column("detail", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Index("ix_dead_letters_listed", "reason", "id"),
    sqlite_autoincrement=True,
)

dead_letter_counts = Table(
    "dead_letter_counts",
    metadata,
    Column("partition_id", _BIG, ForeignKey("partitions.id"), primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("key", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Index("ix_idempotency_at", "at"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
