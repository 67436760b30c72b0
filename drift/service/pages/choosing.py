"""What a page of one model offers to choose from: lengths of windows, segments, pages of time."""

from collections.abc import Callable
from typing import Final

from dashboards.web.formats import count, day_and_time
from dashboards.web.views.figure import Choice, Pages
from drift.service.pages.scope import WHOLE, Scope

SEGMENTS: Final = 200
"""Segments that are offered; any other can be asked for by its address."""
Address = Callable[..., str]
"""The page's address with other parts."""


def specs(of: Scope, link: Address) -> list[Choice]:
    """The model's lengths of windows, the shortest first."""
    names = [one.name for one in sorted(of.model.windows, key=lambda one: one.length)]
    return [Choice(name, link(window=name, until=""), name == of.spec) for name in names]


def segments(of: Scope, link: Address) -> list[Choice]:
    """The parts of the traffic that are counted apart."""
    links = {one: link(segment="" if one == WHOLE else one) for one in list(of.labels)[:SEGMENTS]}
    return [Choice(one, href, one == of.segment) for one, href in links.items()]


def time_pages(of: Scope, link: Address, place: str = "") -> Pages:
    """Older windows, and back to the newest; `place` is a part of the page to go to, as in `#heat`."""
    newest = link(until="") + place if of.until else ""
    if not of.windows:
        return Pages("", newest, "", ("Newest windows", ""))
    first, last = of.windows[0].window.start, of.windows[-1].window.end
    return Pages(
        f"{count(len(of.windows), 'window')}, {day_and_time(first)} to {day_and_time(last)}",
        link(until=of.older) + place if of.older else "", newest, ("Older windows", "Newest windows"),
    )  # fmt: skip
