"""`python -m benchmarks.flights` writes docs/flights.md and docs/flights.svg; ten minutes or so on two cores."""

import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.flights.data import late_by_month, load, odd_days
from benchmarks.flights.picture import picture
from benchmarks.flights.report import Measured, render
from benchmarks.flights.runs import WINDOWS, Asked, everything, gather
from benchmarks.measuring import CHECKOUT
from drift.core.clock import SystemClock

DOCUMENT = CHECKOUT / "docs" / "flights.md"
PICTURE = CHECKOUT / "docs" / "flights.svg"


def main() -> None:
    """Measure everything and write it down."""
    clock = SystemClock()
    started, asked = clock.monotonic(), everything()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("backtests", total=len(asked))
        found = gather(asked, lambda _: progress.advance(task))
    minutes = (clock.monotonic() - started) / 60
    frame = load()
    write(DOCUMENT, render(Measured(found, odd_days(frame), late_by_month(frame), minutes)))
    write(PICTURE, picture({window: found[Asked(window)] for window in WINDOWS}))


def write(path: Path, text: str) -> None:
    """Put a document in its place and say so."""
    path.write_text(text, "utf-8")
    print(f"wrote {path.relative_to(CHECKOUT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
