"""`drift backtest`: runs it, shows how far it is, prints what came out."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drift.cli import output

if TYPE_CHECKING:
    from drift.backtesting.run import Progress


def show(reference: Path, events: Path, *, as_json: bool, **options: Any) -> None:
    """Backtest a file of events and print the result."""
    from drift.backtesting import backtest
    from drift.backtesting.tables import HEADINGS, row, summary, title

    with _bar() as progress:
        found = backtest(reference, events, progress=progress, **options)
    if as_json:
        output.json(found.as_plain())
        return
    output.line(title(found))
    if found.raised:
        output.table(HEADINGS, (row(found, one) for one in found.raised))
    else:
        output.line("No alarm.")
    for line in summary(found):
        output.line(line)


def listed(values: Sequence[str]) -> tuple[str, ...]:
    """Names given one by one or with commas in between."""
    return tuple(name for value in values for part in value.split(",") if (name := part.strip()))


@contextmanager
def _bar() -> "Iterator[Progress | None]":
    """A bar on standard error where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def tell(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=None)
            bar.update(tasks[what], completed=done, total=total)

        yield tell
