"""Keyset paging: a page's `next` says where the following one goes on, however many rows were added meanwhile."""

from collections.abc import Callable, Sequence
from typing import Annotated, Final, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from drift.core.errors import InputError

T = TypeVar("T")
R = TypeVar("R")

Limit = Annotated[int, Query(ge=1, le=1000, description="Items per page.")]
Cursor = Annotated[
    str | None,
    Query(
        max_length=64,
        pattern=r"^-?[0-9]{1,19}(\.-?[0-9]{1,19})?$",
        description="`next` of the page before; leave it out for the first page.",
    ),
]


class Page(BaseModel, Generic[T]):
    """Some items, newest first, and where to go on."""

    items: list[T]
    next: str | None = Field(None, description="Give it as `cursor` to get the following page; null on the last one.")


def page(rows: Sequence[R], limit: int, shape: Callable[[R], T], place: Callable[[R], tuple[int, ...]]) -> Page[T]:
    """A page of `limit` of the rows, of which one more was read to know whether there is another page."""
    shown = rows[:limit]
    more = len(rows) > limit
    return Page[T](items=[shape(row) for row in shown], next=".".join(map(str, place(shown[-1]))) if more else None)


def place(cursor: str | None, parts: int) -> tuple[int, ...] | None:
    """What a cursor says; it has so many numbers.

    Raises:
        InputError: it is no cursor of this list.
    """
    if cursor is None:
        return None
    try:
        numbers = tuple(int(part) for part in cursor.split("."))
    except ValueError:
        numbers = ()
    if len(numbers) != parts or any(abs(number) >= 2**63 for number in numbers):
        raise InputError("query cursor: this is no cursor of this list; take `next` of the page before")
    return numbers


SCANS: Final = 20
"""Reads of the store for one page of what a restricted token may see; then the page is short and goes on."""


def seen(
    fetch: Callable[[int, int | None], Sequence[R]], limit: int, cursor: str | None, shape: Callable[[R], T],
    id_of: Callable[[R], int], visible: Callable[[R], bool] | None = None,
) -> Page[T]:  # fmt: skip
    """A page of a list in descending order of ids.

    Args:
        fetch: (how many, before which id) → rows.
        limit: items of a page.
        cursor: as the client gave it.
        shape: row → item.
        id_of: row → id.
        visible: which rows the caller may see; None: all.
    """
    at = place(cursor, 1)
    before = at[0] if at else None
    found: list[R] = []
    for _ in range(SCANS):
        some = fetch(limit + 1, before)
        found += some if visible is None else filter(visible, some)
        if len(found) > limit or len(some) <= limit:
            return page(found, limit, shape, lambda row: (id_of(row),))
        before = id_of(some[-1])
    return Page[T](items=[shape(row) for row in found], next=str(before))
