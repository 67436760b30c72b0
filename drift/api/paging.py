"""Keyset paging: a page's `next` says where the following one goes on, however many rows were added meanwhile."""

from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

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
