"""What a panel shows, apart from how Grafana wants it written: dashboards are lists of these."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["stat", "lines", "verdicts", "cells", "table", "text"]
"""A number; lines over time; a state timeline; rows × time coloured by a number; a table of now; words."""


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression of a panel."""

    expr: str
    legend: str = ""
    dashed: bool = False
    """Drawn as a limit."""
    dots: bool = False
    """Drawn as dots: measured, where the line beside it is estimated."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. Its id stays for ever: links and alerts point to it; a panel that goes away takes its id with it."""

    id: int
    title: str
    kind: Kind
    queries: Sequence[Query] = ()
    unit: str = "short"
    wide: int = 12
    """Of 24."""
    high: int = 8
    about: str = ""
    """What one sees, in one sentence; of a text panel its text."""
    limits: Sequence[float] = ()
    """From the first on it is orange, from the last on red."""
    names: Sequence[str] = ()
    """Of a table: headings of the queries' values."""
    links: Sequence[tuple[str, str]] = ()
    """Title and address of what a click leads to."""


@dataclass(frozen=True, slots=True)
class Row:
    """A heading with the panels under it."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the top of a dashboard: the values of a label."""

    name: str
    query: str
    several: bool = True
    """Several can be chosen, and all are at first."""
    regex: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard."""

    uid: str
    title: str
    about: str
    rows: Sequence[Row]
    variables: Sequence[Variable] = ()
    events: Sequence[tuple[str, Query]] = ()
    """Names and queries of what is marked on every time axis."""
    since: str = "now-24h"

    @property
    def panels(self) -> list[Panel]:
        """All of them."""
        return [panel for row in self.rows for panel in row.panels]
