"""Which baseline alarms compare with: the reference, production's first windows, or what somebody accepted."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final, Protocol

from drift.core.answer import Action, Answer
from drift.core.baseline import Baseline, Origin, Stretch, only
from drift.core.catalogue import Model, Reference
from drift.core.grid import Grid
from drift.core.profile import Profile, Sums
from drift.core.window import WindowSpec

FEWEST: Final = 8
"""Windows that a reference must fill in the order of time to be a baseline of them."""
KEPT: Final = 16
"""Baselines kept in memory."""


class Store(Protocol):
    """What is read."""

    def reference_profile(self, reference_id: int) -> Profile:
        """The reference's sums."""

    def reference_stretches(self, reference: Reference) -> Sequence[Stretch]:
        """The reference's own stretches of time, unpacked when read."""

    def answers(self, model_id: int) -> list[Answer]:
        """A model's answers, oldest first."""

    def answer_stretches(self, answer_id: int, spec: str) -> Sequence[Stretch]:
        """The sums that an answer keeps."""


@dataclass(frozen=True, slots=True)
class Standard:
    """A baseline, and which answers made it what it is."""

    baseline: Baseline | None
    """None: there is none yet; production's first windows are being learnt."""
    answers: tuple[Answer, ...]
    """Those in force that change it, oldest first."""

    @property
    def key(self) -> tuple[int, ...]:
        """The same key means the same baseline."""
        return tuple(answer.id for answer in self.answers)


class Standards:
    """Tells baselines; each is put together once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._references: dict[tuple[object, ...], Baseline | None] = {}
        self._made: OrderedDict[tuple[object, ...], Standard] = OrderedDict()

    def standard(
        self, model: Model, reference: Reference, spec: WindowSpec, answers: Sequence[Answer], end: int,
        segment: int | None = None,
    ) -> Standard:  # fmt: skip
        """The baseline for windows of `spec` that end at `end`, in one segment; None: whichever it is changed in."""
        base, mine = self._base(model, reference, spec), self.in_force(model, reference, spec, answers, end, segment)
        key = reference.id, spec, base is None, tuple(answer.id for answer in mine)
        if key not in self._made:
            self._made[key] = self._put_together(base, reference, spec, mine)
            while len(self._made) > KEPT:
                self._made.popitem(last=False)
        self._made.move_to_end(key)
        return self._made[key]

    def in_force(
        self, model: Model, reference: Reference, spec: WindowSpec, answers: Sequence[Answer], end: int,
        segment: int | None = None,
    ) -> tuple[Answer, ...]:  # fmt: skip
        """The answers that change the baseline of windows that end at `end`, oldest first.

        What was learnt comes first of all, unless the reference can be the baseline; of two that learnt (a server that
        was stopped came back) the first one counts.
        """
        mine = [
            answer
            for answer in answers
            if answer.reference_id == reference.id
            and answer.spec in ("", spec.name)
            and (segment is None or answer.segment in (None, segment))
            and answer.action in (Action.ACCEPT, Action.DISMISS, Action.LEARN)
            and answer.holds(end)
        ]
        learnt = [answer for answer in mine if answer.action is Action.LEARN]
        if self._base(model, reference, spec) is not None:
            learnt = []
        return (*learnt[:1], *(answer for answer in mine if answer.action is not Action.LEARN))

    def _base(self, model: Model, reference: Reference, spec: WindowSpec) -> Baseline | None:
        """What is normal before anybody answered; None: the reference cannot be."""
        key = reference.id, spec, model.settings.get("baseline", "auto"), model.settings.get("held_out")
        if key not in self._references:
            self._references[key] = _reference(self._store, model, reference, spec)
        return self._references[key]

    def _put_together(
        self, base: Baseline | None, reference: Reference, spec: WindowSpec, mine: tuple[Answer, ...]
    ) -> Standard:
        for answer in mine:
            kept = self._store.answer_stretches(answer.id, spec.name)
            if answer.action is Action.LEARN:
                base = _of(reference.grid, kept, Origin.PRODUCTION)
            elif base is not None:
                base = _answered(base, answer, kept)
            elif answer.action is Action.ACCEPT and not answer.column:
                base = _of(reference.grid, kept, Origin.ACCEPTED)
        return Standard(base, mine)


def _reference(store: Store, model: Model, reference: Reference, spec: WindowSpec) -> Baseline | None:
    """The reference itself, if it is held out and in the order of time."""
    asked = str(model.settings.get("baseline", "auto"))
    if asked == "production" or model.settings.get("held_out") is False:
        return None
    stretches = store.reference_stretches(reference)
    if asked == "auto" and _windows(stretches, spec) < FEWEST:
        return None
    return Baseline(reference.grid, store.reference_profile(reference.id), stretches, Origin.REFERENCE)


def _windows(stretches: Sequence[Stretch], spec: WindowSpec) -> int:
    """About how many windows the stretches fill; 0 where they are longer than a window."""
    if not len(stretches):
        return 0
    first, last = stretches[0].window, stretches[-1].window
    if first.end - first.start > spec.length:
        return 0
    return min(len(stretches), (last.end - first.start) // spec.length)


def _of(grid: Grid, stretches: Sequence[Stretch], origin: Origin) -> Baseline | None:
    if not stretches:
        return None
    return Baseline(grid, Profile(grid, Sums.total(one.sums for one in stretches)), stretches, origin)


def _answered(base: Baseline, answer: Answer, kept: Sequence[Stretch]) -> Baseline:
    """The baseline as it is after somebody accepted or dismissed a stretch, for the columns that were meant."""
    grid = base.grid
    if not kept or (answer.column and answer.column not in grid.index):
        return base
    meant = [grid.index[answer.column]] if answer.column else list(range(len(grid.columns)))
    mine = Narrowed(kept, lambda sums: only(grid, sums, meant))
    if answer.action is Action.DISMISS:
        return replace(base, dismissed=Joined(base.dismissed, mine))
    rest = sorted(set(range(len(grid.columns))) - set(meant))
    if not rest:
        return _of(grid, mine, Origin.ACCEPTED) or base
    others, dismissed = (
        Narrowed(some, lambda sums: only(grid, sums, rest)) for some in (base.stretches, base.dismissed)
    )
    total = only(grid, base.profile.sums, rest) + _rowless(Sums.total(one.sums for one in mine))
    return Baseline(grid, Profile(grid, total), Joined(others, mine), Origin.ACCEPTED, dismissed)


def _rowless(sums: Sums) -> Sums:
    """Without its row counts: they are already those of the other columns."""
    ints = sums.ints.copy()
    ints[:, 0] = 0
    return Sums(ints, sums.low, sums.high, sums.cross)


class Narrowed(Sequence[Stretch]):
    """Stretches of which only some columns are left, made when they are read."""

    def __init__(self, stretches: Sequence[Stretch], narrow: Callable[[Sums], Sums]) -> None:
        self._stretches, self._narrow = stretches, narrow

    def __len__(self) -> int:
        return len(self._stretches)

    def __getitem__(self, at: int) -> Stretch:  # type: ignore[override]
        one = self._stretches[at]
        return Stretch(one.window, self._narrow(one.sums))

    def __iter__(self) -> Iterator[Stretch]:
        return (Stretch(one.window, self._narrow(one.sums)) for one in self._stretches)


class Joined(Sequence[Stretch]):
    """Two runs of stretches, one after the other."""

    def __init__(self, first: Sequence[Stretch], second: Sequence[Stretch]) -> None:
        self._first, self._second = first, second

    def __len__(self) -> int:
        return len(self._first) + len(self._second)

    def __getitem__(self, at: int) -> Stretch:  # type: ignore[override]
        place = range(len(self))[at]
        return self._first[place] if place < len(self._first) else self._second[place - len(self._first)]

    def __iter__(self) -> Iterator[Stretch]:
        return chain(self._first, self._second)
