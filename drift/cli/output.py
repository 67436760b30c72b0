"""What commands print: results on standard output, everything else on standard error."""

import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

PARAGRAPH: Final = 100
"""Columns of a paragraph at most: longer lines are hard to read."""


def json(value: Any) -> None:
    """Strict JSON, one line."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def line(text: str) -> None:
    """One line of a result."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """One line about what is going on."""
    sys.stderr.write(text + "\n")


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """A table, as wide as the terminal allows; nothing in it is taken for markup."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=title or None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        shown.add_column(heading, overflow="fold")
    for row in rows:
        shown.add_row(*(Text("–" if cell is None else printable(str(cell))) for cell in row))
    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal:  # a pipe has no width: nothing is cut
        console.width = 240
    console.print(shown)


def paragraph(text: str) -> None:
    """Words for a person, wrapped, with an empty line after them."""
    width = min(shutil.get_terminal_size().columns, PARAGRAPH)
    together = printable(text).replace(" %", "\N{NO-BREAK SPACE}%")
    filled = textwrap.fill(together, width, break_long_words=False, break_on_hyphens=False)
    line(filled.replace("\N{NO-BREAK SPACE}", " ") + "\n")


def printable(text: str) -> str:
    """Without the control characters by which a column's name could drive the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else f"\\x{ord(char):02x}" for char in text)


def number(value: float | None) -> str:
    """Four significant digits, or a dash."""
    return "–" if value is None else f"{value:.4g}"
