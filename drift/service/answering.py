"""Keeping what people answer to alarms: who, why, when, and the sums of the stretch that is meant."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from drift.core.answer import Action, Answer, Stretches
from drift.core.baseline import Stretch, only
from drift.core.catalogue import Model, Reference
from drift.core.clock import HOUR, Clock, isoformat
from drift.core.errors import Conflict, InputError, NotFound
from drift.core.window import Window, WindowSpec
from drift.store import Store
from drift.store.rows import AlarmRow

FEWEST: Final = 3
"""Windows that a baseline needs at least: from fewer nothing can be learnt of how it wanders."""
MOST: Final = 2_016
"""Windows whose sums one answer keeps: twelve weeks by the hour."""
_STANDING_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for. Times in microseconds."""

    action: Action
    who: str
    why: str
    alarm: int | None = None
    """An alarm's id; else `column` says what is meant."""
    column: str = ""
    """Empty: all columns."""
    segment: int | None = None
    """Index in the grid; None: the alarm's, or all."""
    spec: str = ""
    """Window spec; empty: all of the model."""
    version: str = ""
    """The model version; needed only where several have alarms."""
    start: int | None = None
    """Start of the stretch; None: the onset of the alarms."""
    until: int | None = None
    """End of the stretch, or of a snooze."""


def answer(store: Store, clock: Clock, model: Model, wish: Wish) -> Answer:
    """Keep an answer; the evaluator judges by it from the next window on.

    Raises:
        NotFound: there is no such alarm, column, version, window spec, or no alarm stands that could be meant.
        InputError: who or why is missing, or the stretch cannot be kept.
        Conflict: the alarm was retracted.
    """
    _check_words(wish)
    meant = _meant(store, model, wish)
    reference = _reference(store, model, wish, meant)
    _check_names(model, reference, wish)
    scope = wish if wish.alarm is None else _scope_of(wish, meant[0])
    if wish.action is Action.SNOOZE:
        return store.answer(_snooze(clock, reference, scope))
    window = _stretch(store, reference, scope, meant)
    kept = _kept(store, model, reference, scope, window, {row.spec for row in meant})
    spec = scope.spec or (next(iter(kept)) if len(kept) == 1 else "")
    return store.answer(_answer(clock, reference, scope, spec, window), kept)


def rereferenced(store: Store, clock: Clock, reference: Reference, who: str, why: str) -> Answer:
    """Keep why another reference was registered, and who did it.

    Raises:
        InputError: who or why is missing.
    """
    wish = Wish(Action.REREFERENCE, who, why)
    _check_words(wish)
    return store.answer(_answer(clock, reference, wish, "", Window(reference.active_from, reference.active_from)))


def _check_words(wish: Wish) -> None:
    for what, given in (("who", wish.who), ("why", wish.why)):
        if not given.strip() or "\0" in given:
            raise InputError(f"{wish.action.value}: say {what}, in words: it is kept with the answer")


def _scope_of(wish: Wish, row: AlarmRow) -> Wish:
    """A wish about an alarm is about its column and segment."""
    segment = row.alarm.segment if wish.segment is None else wish.segment
    return replace(wish, column=row.alarm.column, segment=segment)


def _meant(store: Store, model: Model, wish: Wish) -> list[AlarmRow]:
    """The alarms that the wish is about; none where it needs none."""
    if wish.alarm is not None:
        row = store.alarm(wish.alarm)
        if row.model_id != model.id:
            raise NotFound(f"model {model.name!r} has no alarm {wish.alarm}; `drift alarms {model.name}` lists them")
        if row.retracted_by is not None:
            raise Conflict(f"alarm {wish.alarm} was retracted: {row.ended_why}; there is nothing to answer")
        return [row]
    column = wish.column or None
    found = [
        row
        for row in store.alarms(model.id, standing=True, column=column, limit=_STANDING_AT_ONCE)
        if (not wish.spec or row.spec == wish.spec) and wish.segment in (None, row.alarm.segment)
    ]
    if not found and wish.action is not Action.SNOOZE and (wish.action is Action.DISMISS or wish.start is None):
        about = f"column {wish.column!r} of model {model.name!r}" if wish.column else f"model {model.name!r}"
        more = "; say which stretch with --from and --until" if wish.action is Action.ACCEPT else ""
        raise NotFound(f"no alarm stands on {about}, so there is nothing to {wish.action.value}{more}")
    return found


def _reference(store: Store, model: Model, wish: Wish, meant: Sequence[AlarmRow]) -> Reference:
    """The reference that is meant: the alarms', or the one that judged last."""
    mine = {reference.id: reference for reference in store.references(model.id)}
    if wish.version:
        versions = [reference for reference in mine.values() if reference.version == wish.version]
        if not versions:
            known = ", ".join(sorted({repr(reference.version) for reference in mine.values()})) or "none"
            raise NotFound(f"model {model.name!r} has no version {wish.version!r}; there are {known}")
        mine = {reference.id: reference for reference in versions}
    ids = {row.reference_id for row in meant} & mine.keys()
    if len(ids) > 1:
        versions_ = ", ".join(sorted({mine[one].version for one in ids}))
        raise InputError(
            f"alarms stand on several references of model {model.name!r} (versions {versions_}); "
            "answer them by the alarm's id, or say which version"
        )
    judged = [row for row in store.latest_final(model.id) if row.reference_id in mine]
    if not judged:
        raise NotFound(f"model {model.name!r} has no final window yet; there is nothing to answer")
    latest = max(judged, key=lambda row: (row.window.end, row.reference_id)).reference_id
    return mine[ids.pop() if ids else latest]


def _check_names(model: Model, reference: Reference, wish: Wish) -> None:
    if wish.column and wish.column not in reference.grid.index:
        listed = ", ".join(repr(name) for name in sorted(reference.grid.names)[:8])
        raise NotFound(f"model {model.name!r} has no column {wish.column!r}; there are {listed}")
    specs = {spec.name for spec in model.windows}
    if wish.spec and wish.spec not in specs:
        raise NotFound(f"model {model.name!r} has no windows {wish.spec!r}; there are {', '.join(sorted(specs))}")


def _snooze(clock: Clock, reference: Reference, wish: Wish) -> Answer:
    now = clock.now()
    if wish.until is None or wish.until <= now:
        raise InputError("snooze: say for how long, as in --for 3d; it has to end in the future")
    return _answer(clock, reference, wish, wish.spec, Window(now, wish.until))


def _answer(clock: Clock, reference: Reference, wish: Wish, spec: str, window: Window) -> Answer:
    """`applies_from` is set by the store, where no window can become final meanwhile."""
    return Answer(
        0, reference.model_id, reference.id, spec, wish.column, wish.segment, wish.action, wish.who.strip(),
        wish.why.strip(), clock.now(), window.start, window.end,
        reference.active_from if wish.action is Action.REREFERENCE else 0,
    )  # fmt: skip


def _stretch(store: Store, reference: Reference, wish: Wish, meant: Sequence[AlarmRow]) -> Window:
    """From the onset of the alarms to their end, or to the end of the latest final window."""
    mine = [row for row in meant if row.reference_id == reference.id]
    final = max(row.window.end for row in store.latest_final(reference.model_id) if row.reference_id == reference.id)
    ended = max((row.ended_at or final for row in mine), default=final)
    start = wish.start if wish.start is not None else min(row.alarm.onset for row in mine)
    until = wish.until if wish.until is not None else ended
    if until > final:
        raise InputError(f"the stretch ends at {isoformat(until)}, but windows are final only up to {isoformat(final)}")
    if start >= until:
        raise InputError(f"the stretch from {isoformat(start)} to {isoformat(until)} is empty; say another --from")
    return Window(start, until)


def _kept(
    store: Store, model: Model, reference: Reference, wish: Wish, stretch: Window, alarming: set[str]
) -> Stretches:
    """Sums of the whole windows in a stretch, for each spec that has enough of them; read as they are asked for.

    Raises:
        InputError: a spec that is asked for, or whose alarm stands, has too few, or they can no longer be told apart.
    """
    kept = {}
    fewest = FEWEST if wish.action is Action.ACCEPT else 1
    needed = {wish.spec} if wish.spec else alarming
    for spec in model.windows:
        if wish.spec not in ("", spec.name):
            continue
        windows, why = _windows(store, reference, spec, stretch, fewest)
        if not why:
            kept[spec.name] = _sums(store, reference, windows, wish.column)
        elif spec.name in needed:
            raise InputError(why)
    if not kept:
        raise InputError(f"{stretch} holds fewer than {fewest} windows of model {model.name!r}; say an earlier --from")
    return kept


def _windows(
    store: Store, reference: Reference, spec: WindowSpec, stretch: Window, fewest: int
) -> tuple[list[Window], str]:
    """The windows of a stretch that hold rows, or why they cannot be kept."""
    windows, found = list(disjoint(spec, stretch)), []
    if len(windows) > MOST:
        return [], f"{stretch} holds {len(windows):,} windows of {spec.name}, {MOST:,} can be kept; say a later --from"
    for window in windows:
        total = store.counted(reference.id, window.start, window.end)
        if total.straddles:
            return [], (
                f"the sums of {window} were added up to longer ones and can no longer be told apart; "
                "say a later --from, or keep them apart for longer (compaction in drift.yaml)"
            )
        if total.rows:
            found.append(window)
    if len(found) < fewest:
        wait = "; wait until there are more, or say an earlier --from" if fewest > 1 else ""
        return [], f"{stretch} holds {len(found)} windows of {spec.name} with rows, it takes {fewest}{wait}"
    return found, ""


def _sums(store: Store, reference: Reference, windows: Sequence[Window], column: str) -> Iterator[Stretch]:
    for window in windows:
        profile = store.profile(reference, window.start, window.end).profile
        if profile is not None:
            grid = reference.grid
            yield Stretch(window, only(grid, profile.sums, [grid.index[column]]) if column else profile.sums)


def disjoint(spec: WindowSpec, stretch: Window) -> Iterator[Window]:
    """Windows of a spec that lie in the stretch and do not overlap, oldest first."""
    at = stretch.start
    while at < stretch.end:
        newest = max(spec.covering(at))
        if newest.start < at:
            at = _next_start(spec, newest)
        elif newest.end > stretch.end:
            return
        else:
            yield newest
            at = newest.end


def _next_start(spec: WindowSpec, window: Window) -> int:
    if not spec.calendar:
        return window.start + spec.hop
    # midnight comes 23 to 25 hours after midnight
    return max(spec.covering(window.start + spec.hop + 2 * HOUR)).start
