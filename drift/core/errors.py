"""The one error tree. Every message says what was wrong, where, and what to do about it.

DriftError
├── InputError                what a person or a file handed in; the CLI exits 2 with the sentence
│   ├── ConfigError           drift.yaml: names the line and the fix
│   ├── SchemaError           a column, kind or role that cannot be
│   ├── ReferenceRefused      a reference file that cannot become a reference
│   ├── NotFound              a model, reference, window … that is not there
│   ├── Conflict              it is there already, or somebody else changed it
│   └── Unauthorized          an access token that is none, or is none any more
├── ProfileMismatch           sums on different grids were asked to be added
├── RecordRejected            this record is bad: dead letter, go on
├── BackPressure              full: try again after `retry_after` seconds
├── SourceError               the stream itself
│   ├── SourceUnavailable     broker or file away: back off, try again
│   └── OffsetGap             records were deleted before they were read
└── StoreError                the SQL store
    ├── StoreUnavailable      away, locked or full: pause, keep the buffer bounded, try again
    ├── StoreHeld             another process is this SQLite file's writer
    ├── Fenced                another worker owns the partition: drop the buffer
    └── CatalogueChanged      models or references changed: roll back, recount
"""


class DriftError(Exception):
    """Root of every error that Driftsum raises on purpose."""


class InputError(DriftError):
    """What a person or a file handed in cannot be used as it is."""


class ConfigError(InputError):
    """`drift.yaml` is wrong; the message names the line and the fix."""


class SchemaError(InputError):
    """A column's kind, role or name cannot be what it was said to be."""


class ReferenceRefused(InputError):
    """The data cannot become a reference."""


class NotFound(InputError):
    """Nothing is stored under that name."""


class Conflict(InputError):
    """It exists already, or was changed by somebody else meanwhile."""


class Unauthorized(InputError):
    """The access token is none, or is none any more."""


class ProfileMismatch(DriftError):
    """Sums on different grids, or bytes that are no sums, were asked to be added."""


class RecordRejected(DriftError):
    """One record cannot be counted; it belongs to the dead letters under `reason`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class BackPressure(DriftError):
    """A bounded queue is full; `retry_after` is in seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SourceError(DriftError):
    """The stream that events come from."""


class SourceUnavailable(SourceError):
    """The broker or the file is away."""


class OffsetGap(SourceError):
    """Records `first` … `last` (both included) of a partition were deleted before they were read.

    `resume` is where reading goes on: `last` + 1, or earlier where the topic was made anew and counts from the start.
    """

    def __init__(
        self, source: str, topic: str, partition: int, first: int, last: int, resume: int | None = None
    ) -> None:
        super().__init__(
            f"{source} {topic}[{partition}]: records {first} to {last} are no longer there; "
            "the windows they belong to are marked incomplete"
        )
        self.source, self.topic, self.partition = source, topic, partition
        self.first, self.last = first, last
        self.resume = last + 1 if resume is None else resume


class StoreError(DriftError):
    """The SQL store."""


class StoreUnavailable(StoreError):
    """The database is away, locked or full; nothing was written."""


class StoreHeld(StoreError):
    """Another process holds this SQLite file."""


class Fenced(StoreError):
    """The partition belongs to another worker by now; nothing was written."""


class CatalogueChanged(StoreError):
    """Models or references changed since the rows were counted; nothing was written."""
