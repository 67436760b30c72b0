"""References: what models are compared with, and what was inferred of it. Event times, microseconds, unless said."""

from dataclasses import dataclass

from dashboards.web.views.figure import Pages


@dataclass(frozen=True, slots=True)
class ModelReference:
    """A model with its reference that judges now."""

    model: str
    version: str
    """Empty: it has none."""
    rows: int
    columns: int
    active_from: int | None
    versions: int


@dataclass(frozen=True, slots=True)
class ReferenceList:
    """The models."""

    lines: tuple[ModelReference, ...]
    query: str
    pages: Pages


@dataclass(frozen=True, slots=True)
class Version:
    """One reference of a model."""

    id: int
    version: str
    rows: int
    columns: int
    active_from: int
    created_at: int
    """By the clock."""
    judges: bool
    """Whether it judges events of now that name no version."""
    hash: str


@dataclass(frozen=True, slots=True)
class Share:
    """A category and its share of the rows, 0–1."""

    name: str
    share: float


@dataclass(frozen=True, slots=True)
class ColumnLine:
    """What was inferred of a column."""

    name: str
    kind: str
    role: str
    distinct: int | None
    """None: too many to count."""
    missing: float
    """Share of rows, 0–1."""
    bins: int | None
    """None: it is not watched."""
    why: str
    notes: tuple[str, ...]
    top: tuple[Share, ...]
    """The most frequent categories."""
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """What a person said to an alarm."""

    id: int
    action: str
    what: str
    who: str
    why: str
    at: int
    """By the clock."""
    start: int
    until: int
    withdrawn: str


@dataclass(frozen=True, slots=True)
class ReferencePage:
    """A model's references, and one of them in full."""

    model: str
    versions: tuple[Version, ...]
    versions_pages: Pages
    chosen: Version | None
    """None: the model has no reference."""
    ordered: str
    """How it lies in time, in words."""
    baseline: str
    """What alarms compare with, in words."""
    segments: tuple[tuple[str, int], ...]
    """(name, values that are told apart)."""
    notes: tuple[str, ...]
    columns: tuple[ColumnLine, ...]
    query: str
    total: int
    """Columns that the search finds."""
    pages: Pages
    answers: tuple[AnswerLine, ...]
