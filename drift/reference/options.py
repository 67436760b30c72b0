"""What a user may say about a reference; everything else is inferred from its data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar

from drift.core.errors import ConfigError, SchemaError
from drift.core.outcome.grid import Task
from drift.core.sample import MOST_ROWS
from drift.core.schema import Kind, Role, canonical_key
from drift.core.window import DEFAULT_PANE, check_pane, parse_duration

_NAMED: Final = (Role.PREDICTION, Role.SCORE, Role.LABEL, Role.TIME, Role.ID, Role.WEIGHT)
_Word = TypeVar("_Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may ask for: it is read in batches, but a small hostile file could ask for a week of them."""

    rows: int = 2_000_000_000
    columns: int = 10_000
    ratio: int = 2_000
    """How many times its compressed size a column of a Parquet file may unpack to."""
    part: int = 2 << 30
    """Bytes that one column of one row group of a Parquet file may unpack to."""


@dataclass(frozen=True, slots=True)
class ReferenceOptions:
    """How a reference is to be read. Names are those of the data's columns."""

    version: str = "1"
    """The model version that the reference belongs to."""
    roles: Mapping[str, Role] = field(default_factory=dict)
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    """Columns not to watch: names, or patterns as in `debug_*`."""
    segments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Column → the values counted apart; empty: its most frequent ones."""
    max_segment_values: int = 10
    thresholds: tuple[float, ...] = (0.5,)
    """Decision thresholds on the score; each becomes an edge of its grid."""
    pane: int = DEFAULT_PANE
    """Microseconds; time chunks are never finer."""
    multivariate: bool = True
    """Whether products of columns are kept, for `correlation_drift` and `pca_reconstruction`."""
    row_sample: int = 0
    """Rows kept of the reference and of every pane; 0: none. They hold what is counted of a row, see
    `drift.core.sample`."""
    label_prior: Mapping[str, float] = field(default_factory=dict)
    """Class of the label → its share in production, 0–1; empty: classes are as they are. See
    `drift.reference.prior`."""
    task: Task | None = None
    """What the model predicts; None: as label and prediction tell."""
    positive: str | None = None
    """The class that a binary score is the probability of; None: `1`, `true`, `yes`, else the later name."""
    scores: Mapping[str, str] = field(default_factory=dict)
    """Multiclass: class → the column with its probability."""
    quantiles: tuple[float, ...] = ()
    """Regression: levels, 0–1, of the pinball losses to be summed."""
    held_out: bool | None = None
    """Whether the rows were kept from training; None: nobody has said. The summary says what follows from it."""
    sample_rows: int = 200_000
    """Rows, chosen by a hash of their number, whose quantiles become edges. Counts are always of all rows."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        check_pane(self.pane)
        if self.sample_rows < 1 or self.max_segment_values < 1:
            raise ConfigError("sample_rows and max_segment_values are at least 1")
        if not 0 <= self.row_sample <= MOST_ROWS:
            raise ConfigError(f"row_sample is {self.row_sample:,}; write 0 for none, or at most {MOST_ROWS:,} rows")
        object.__setattr__(self, "roles", {str(name): _word(Role, role, name) for name, role in self.roles.items()})
        object.__setattr__(self, "kinds", {str(name): _word(Kind, kind, name) for name, kind in self.kinds.items()})

    @staticmethod
    def from_settings(settings: Mapping[str, Any], **more: Any) -> "ReferenceOptions":
        """Options from a model's part of drift.yaml as plain data; what is not about references is passed over.

        Args:
            settings: `version`, `prediction`, `score`, `label`, `time`, `id` (names of columns), `columns`
                (name → kind and role), `ignore`, `segments` (names, or mappings with `name` and `values`),
                `thresholds`, `pane` (`5m`, or microseconds), `max_segment_values`, `multivariate`,
                `row_sample`, `label_prior`, `held_out`.
            more: options by their names here; they win.

        Raises:
            SchemaError, ConfigError: a kind, role or pane that cannot be.
        """
        roles: dict[str, Any] = {
            str(settings[role.value]): role for role in _NAMED if isinstance(settings.get(role.value), str)
        }
        kinds: dict[str, Any] = {}
        for name, column in (settings.get("columns") or {}).items():
            said = column if isinstance(column, Mapping) else {"kind": column}
            if said.get("role"):
                roles[name] = said["role"]
            if said.get("kind"):
                kinds[name] = said["kind"]
        pane = settings.get("pane", DEFAULT_PANE)
        plain: dict[str, Any] = {
            "version": str(settings.get("version", "1")),
            "roles": roles,
            "kinds": kinds,
            "ignore": tuple(settings.get("ignore") or ()),
            "segments": dict(map(_segment, [*(settings.get("segments") or ()), *_sensitive(settings)])),
            "pane": pane if isinstance(pane, int) else parse_duration(pane),
        }
        if settings.get("multivariate") is not None:
            plain["multivariate"] = bool(settings["multivariate"])
        if settings.get("row_sample"):
            plain["row_sample"] = int(settings["row_sample"])
        if settings.get("label_prior"):
            shares = settings["label_prior"].items()
            plain["label_prior"] = {canonical_key(name): float(share) for name, share in shares}
        plain |= _outcomes(settings, roles)
        if settings.get("held_out") is not None:
            plain["held_out"] = bool(settings["held_out"])
        if settings.get("thresholds"):
            plain["thresholds"] = tuple(float(threshold) for threshold in settings["thresholds"])
        if settings.get("max_segment_values"):
            plain["max_segment_values"] = int(settings["max_segment_values"])
        return ReferenceOptions(**(plain | more))


def _sensitive(settings: Mapping[str, Any]) -> list[str]:
    """Sensitive attributes that are no segments already."""
    listed = {_segment(one)[0] for one in settings.get("segments") or ()}
    return [name for name in settings.get("sensitive") or () if name not in listed]


def _outcomes(settings: Mapping[str, Any], roles: dict[str, Any]) -> dict[str, Any]:
    """What is said of labels and predictions; adds the roles that follow."""
    found: dict[str, Any] = {}
    label = settings.get("label")
    if isinstance(label, Mapping):
        if label.get("column"):
            roles[str(label["column"])] = Role.LABEL
        if label.get("positive") is not None:
            found["positive"] = canonical_key(label["positive"])
    if settings.get("task"):
        found["task"] = Task(settings["task"])
    if settings.get("quantiles"):
        found["quantiles"] = tuple(float(level) for level in settings["quantiles"])
    if settings.get("scores"):
        found["scores"] = {canonical_key(name): str(column) for name, column in settings["scores"].items()}
        roles |= dict.fromkeys(found["scores"].values(), Role.SCORE)
    return found


def _segment(said: Any) -> tuple[str, tuple[str, ...]]:
    if not isinstance(said, Mapping):
        return str(said), ()
    if "name" in said:
        return str(said["name"]), tuple(map(str, said.get("values") or ()))
    ((name, values),) = said.items()
    return str(name), tuple(map(str, values or ()))


def _word(words: type[_Word], value: Any, column: str) -> _Word:
    try:
        return words(value)
    except ValueError:
        what = words.__name__.lower()
        raise SchemaError(f"column {column!r}: {value!r} is no {what}; there are {', '.join(words)}") from None
