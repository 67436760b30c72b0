"""Silences for the page."""

from alerts.silences import MATCHED
from dashboards.web.links import page_url
from dashboards.web.views.figure import Pages
from dashboards.web.views.silences import SilenceLine, SilenceList
from drift.core.alert import Silence
from drift.core.errors import InputError
from drift.service.access import Caller
from drift.service.pages.listing import scan
from drift.store.store import Store

STATES = ("active", "pending", "expired")


def silence_list(store: Store, asker: Caller, now: int, state: str = "", before: int | None = None) -> SilenceList:
    """Silences of the models that the caller sees.

    Raises:
        InputError: there is no such state.
    """
    if state and state not in STATES:
        raise InputError(f"query state: there are {', '.join(STATES)}")

    def wanted(one: Silence) -> bool:
        return asker.sees(one.matchers.get("model", "")) and state in ("", state_of(one, now))

    rows, following = scan(
        lambda n, till: store.silences(active_on=now if state == "active" else None, limit=n, before=till), before,
        lambda one: one.id, wanted,
    )  # fmt: skip
    pages = Pages(
        before=page_url("/silences", state=state) if before is not None else "",
        after=page_url("/silences", state=state, cursor=following) if following else "",
        words=("First page", "Older"),
    )
    return SilenceList(tuple(_line(one, now, asker) for one in rows), state, MATCHED, pages)


def state_of(silence: Silence, now: int) -> str:
    """Whether it holds: `active`, `pending` (it will) or `expired`."""
    if silence.ends_at <= now:
        return "expired"
    return "active" if silence.starts_at <= now else "pending"


def _line(of: Silence, now: int, asker: Caller) -> SilenceLine:
    state = state_of(of, now)
    mine = state != "expired" and (not asker.restricted or of.matchers.get("model", "") in asker.models)
    return SilenceLine(of.id, of.matchers, state, of.starts_at, of.ends_at, of.who, of.why, mine)
