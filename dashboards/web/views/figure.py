"""Figures and tables: what every screen's charts have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Moment:
    """A time in a table, microseconds since the epoch."""

    at: int


@dataclass(frozen=True, slots=True)
class Link:
    """A text in a table that leads to a page of this service."""

    text: str
    href: str


Cell = str | int | float | None | Moment | Link
"""None: nothing, shown as a dash."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head; numbers are aligned right."""

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with what it says in words and in numbers."""

    id: str
    """Unique on the page, letters and dashes."""
    kind: str
    """Name of the builder in `static/`: `heat`, `lines`, …"""
    title: str
    says: str
    """A sentence: what it shows."""
    table: Table
    """The same in numbers."""
    data: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """What the builder draws; plain JSON. Empty: there is nothing to draw."""
    csv: str = ""
    """Where the numbers can be fetched as CSV; empty: nowhere."""
    size: str = ""
    """`short` or `tall`; empty: as usual."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Where the pages before and after are; empty: there is none."""

    says: str = ""
    """As in `1–50 of 1,000`."""
    before: str = ""
    """Link to the page before (newer, or first)."""
    after: str = ""
    """Link to the following page."""
    words: tuple[str, str] = ("Previous", "Next")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several links of which one is chosen."""

    text: str
    href: str
    chosen: bool
