"""What a page of one model is about: which windows, of which cut, of which part of the traffic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from drift.core.catalogue import Catalogue, Model, Reference
from drift.core.errors import NotFound
from drift.core.result import Judgement
from drift.store import Store
from drift.store.evaluation import Cursor
from drift.store.rows import WindowRow

WINDOWS: Final = 60
"""Windows of a page."""
WHOLE: Final = "all"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address says of windows; empty: as usual."""

    spec: str = ""
    segment: str = ""
    until: str = ""
    """`<end>.<id>` of the window that the page begins before."""
    query: str = ""
    page: int = 1
    metric: str = ""
    """Of performance."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One cut of a model's traffic over one page of time."""

    model: Model
    references: Mapping[int, Reference]
    """Id → reference of the model."""
    spec: str
    segment: str
    until: str
    windows: Sequence[WindowRow]
    """Those that were judged, oldest first."""
    older: str
    """Cursor of the page before in time; empty: there is none."""

    @property
    def newest(self) -> Reference | None:
        """The reference of the last window; without windows, the latest one."""
        if self.windows:
            return self.references[self.windows[-1].reference_id]
        return self.references[max(self.references)] if self.references else None

    def index(self, reference: Reference) -> int | None:
        """The segment's index in a reference; None: it has no such segment."""
        labels = [one.label for one in reference.grid.segments]
        return labels.index(self.segment) if self.segment in labels else None

    @property
    def labels(self) -> Sequence[str]:
        """The segments of the newest reference."""
        return [one.label for one in self.newest.grid.segments] if self.newest is not None else [WHOLE]


def scope(store: Store, catalogue: Catalogue, model: Model, asked: Asked) -> Scope:
    """The windows that a page shows.

    Raises:
        NotFound: the model has no such windows or segment.
    """
    references = {one.id: one for one in catalogue.references if one.model_id == model.id}
    spec = _spec(store, model, asked.spec)
    known = {one.label for reference in references.values() for one in reference.grid.segments} | {WHOLE}
    if asked.segment and asked.segment not in known:
        raise NotFound(f"model {model.name!r} has no segment {asked.segment[:200]!r}")
    rows = store.windows(model.id, spec=spec, limit=WINDOWS + 1, before=cursor(asked.until)) if spec else []
    shown = [row for row in rows[:WINDOWS] if row.state is not None]
    older = f"{rows[WINDOWS - 1].window.end}.{rows[WINDOWS - 1].id}" if len(rows) > WINDOWS else ""
    return Scope(model, references, spec, asked.segment or WHOLE, asked.until, shown[::-1], older)


def _spec(store: Store, model: Model, wanted: str) -> str:
    """The cut asked for; else the shortest that has final windows, else the shortest."""
    names = [one.name for one in sorted(model.windows, key=lambda one: one.length)]
    if wanted:
        if wanted not in names:
            raise NotFound(f"model {model.name!r} has no windows {wanted[:80]!r}; there are {names}")
        return wanted
    final = store.newest_final([(model.id, name) for name in names])
    return next((name for name in names if (model.id, name) in final), names[0] if names else "")


def cursor(until: str) -> Cursor | None:
    """What the address says; what is none is passed over: the page then is the newest."""
    end, _, window_id = until.partition(".")
    if end.isdecimal() and window_id.isdecimal() and len(end) < 19 and len(window_id) < 19:
        return int(end), int(window_id)
    return None


def judgements(store: Store, of: Scope) -> Mapping[int, Judgement]:
    """Window id → its judgement of the segment, of all windows shown."""
    by_index: dict[int, list[int]] = {}
    for row in of.windows:
        index = of.index(of.references[row.reference_id])
        if index is not None:
            by_index.setdefault(index, []).append(row.id)
    found: dict[int, Judgement] = {}
    for index, ids in by_index.items():
        found |= store.judged(ids, index)
    return found
