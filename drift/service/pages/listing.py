"""Keyset pages of what a caller may see, newest first, bounded in what they read."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

R = TypeVar("R")

PAGE: Final = 50
"""Rows of a page."""
SCANS: Final = 20
"""Reads of the store for one page of a filtered list; then it is short and goes on."""


def scan(
    fetch: Callable[[int, int | None], Sequence[R]], before: int | None, id_of: Callable[[R], int],
    wanted: Callable[[R], bool], limit: int = PAGE,
) -> tuple[list[R], int | None]:  # fmt: skip
    """At most `limit` rows, and before which id the following page goes on; None: there is none.

    Args:
        fetch: (how many, before which id) → rows in descending order of ids.
        before: where this page begins.
        id_of: row → id.
        wanted: which rows are shown.
        limit: rows of a page.
    """
    found: list[R] = []
    for _ in range(SCANS):
        some = fetch(limit + 1, before)
        found += filter(wanted, some)
        if len(found) > limit:
            return found[:limit], id_of(found[limit - 1])
        if len(some) <= limit:
            return found, None
        before = id_of(some[-1])
    return found, before
