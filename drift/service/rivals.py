"""Two versions of a model over the same stretch of event time: gathered from the store, compared by `detectors`."""

from dataclasses import dataclass

from detectors.performance.rivals import Rivalry, rivalry
from drift.core.catalogue import Model, Reference
from drift.core.clock import Clock
from drift.core.errors import InputError, NotFound
from drift.core.performance import Performance
from drift.core.profile import Profile
from drift.core.window import Window, WindowSpec
from drift.service.performing import Performing, rules_of
from drift.store import Store


@dataclass(frozen=True, slots=True)
class Compared:
    """Two versions, and what there is to say of them."""

    champion: str
    challenger: str
    window: Window
    performances: tuple[Performance, Performance]
    """Champion first."""
    rivalry: Rivalry


def rivals(
    store: Store, clock: Clock, model: Model, champion: str, challenger: str, window: Window, *, metric: str = "",
    margin: float | None = None,
) -> Compared:  # fmt: skip
    """Compare two versions of a model over all panes within a stretch.

    Args:
        store: where their panes are.
        clock: tells whether labels are mature.
        model: whose.
        champion: the present version.
        challenger: the other.
        window: event time; panes that reach over its edges are left out.
        metric: that decides.
        margin: see `rivalry`; None: the model's `max_drop`.

    Raises:
        NotFound: a version has no reference, or saw nothing.
        InputError: they are one, or a reference has no label.
    """
    if champion == challenger:
        raise InputError(f"version {champion!r} cannot be compared with itself; name another")
    performing, sides = Performing(store, clock), list[tuple[Performance, Profile]]()
    for version in (champion, challenger):
        sides.append(_side(store, performing, model, _reference(store, model, version, window), version, window))
    (one, seen), (other, saw) = sides
    borne = rules_of(model).options.max_drop if margin is None else margin
    found = rivalry(one, other, (seen, saw), metric=metric, margin=borne)
    return Compared(champion, challenger, window, (one, other), found)


def _reference(store: Store, model: Model, version: str, window: Window) -> Reference:
    mine = [one for one in store.references(model.id) if one.version == version and one.active_from < window.end]
    if not mine:
        known = ", ".join(sorted({repr(one.version) for one in store.references(model.id)})) or "none"
        raise NotFound(f"model {model.name!r} has no reference of version {version!r}; there are {known}")
    return max(mine, key=lambda one: (one.active_from, one.id))


def _side(
    store: Store, performing: Performing, model: Model, reference: Reference, version: str, window: Window
) -> tuple[Performance, Profile]:
    if reference.grid.outcomes is None:
        raise InputError(f"the reference of version {version!r} has no label, so its performance is not known")
    profile = store.profile(reference, window.start, window.end).profile
    if profile is None or not profile.rows():
        raise NotFound(f"version {version!r} saw nothing in {window}")
    spec = WindowSpec.parse("1d", zone=model.zone, pane=model.pane)
    found = performing(model, reference, spec, window, profile).get(0)
    if found is None:
        raise NotFound(f"version {version!r} predicted nothing in {window}")
    return found, profile
