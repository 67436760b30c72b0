"""Tables as CSV."""

import csv
import io
import math
from collections.abc import Sequence
from typing import Final

from dashboards.web.views.figure import Cell, Link, Moment, Table
from drift.core.clock import isoformat

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take for a formula at the beginning of a cell."""


def as_csv(table: Table) -> str:
    """A head and rows by RFC 4180. Texts that a spreadsheet would calculate begin with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_text(name) for name in table.head])
    writer.writerows(_row(row) for row in table.rows)
    return out.getvalue()


def _row(row: Sequence[Cell]) -> list[str | int | float]:
    return [_cell(cell) for cell in row]


def _cell(cell: Cell) -> str | int | float:
    match cell:
        case None:
            return ""
        case Moment(at=at):
            return isoformat(at)
        case Link(text=text) | str(text):
            return _text(text)
        case float() if not math.isfinite(cell):
            return ""
    return cell


def _text(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
