"""`python -m benchmarks.quality` writes docs/detector-quality.md; `--only` and `--quick` show a part."""

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.measuring import CHECKOUT, THREADS
from benchmarks.quality.checks import checks
from benchmarks.quality.jobs import Asked, Work, check, jobs
from benchmarks.quality.registry import METHODS
from benchmarks.quality.report import Facts, render
from benchmarks.quality.running import Observed
from benchmarks.quality.scenarios import BY_THE_HOUR, FAMILIES, ROWS
from drift.core.clock import Clock, SystemClock, isoformat

DOCUMENT = CHECKOUT / "docs" / "detector-quality.md"
PROCESSES = 2
SLOWEST = "kswin-rows"
"""Not worth the minutes of a check of its own: it is KSWIN."""
SEED = 20_260_105


def measure(asked: Asked, clock: Clock) -> str:
    """Everything, on two processes; the document."""
    # children inherit it, and none of them may use the other's core
    os.environ.update(dict.fromkeys(THREADS, "1"))
    started = clock.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        observed, found = _gather(_works(asked), progress)
    minutes = (clock.monotonic() - started) / 60
    return render(observed, Facts(isoformat(clock.now())[:10], minutes, asked.seed, dict(sorted(found.items()))))


def _works(asked: Asked) -> list[Work]:
    checked = [name for name in asked.methods if name != SLOWEST]
    number = len(checks(tuple(method for method in METHODS if method.name in checked), asked.seed))
    # the checks first: where one fails nothing else is worth the time
    return [*(partial(check, i, checked, asked.seed) for i in range(number)), *(job.run for job in jobs(asked))]


def _gather(works: Sequence[Work], progress: Progress) -> tuple[list[Observed], dict[str, str]]:
    """What the pieces of work come back with, as they do."""
    observed, found = [], {}
    task = progress.add_task("replications and checks", total=len(works))
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(work) for work in works]
        for done in as_completed(futures):
            if done.exception():
                pool.shutdown(cancel_futures=True)
            result, seconds = done.result()
            if isinstance(result, Observed):
                observed.append(result)
            else:
                found[result[0]] = result[1]
            progress.console.print(f"{_name(result)}: {seconds:.0f} s of a processor", style="dim")
            progress.advance(task)
    return observed, found


def _name(result: Observed | tuple[str, str]) -> str:
    if isinstance(result, Observed):
        return f"{result.family}, n = {result.n}, replication {result.replication}"
    return f"{result[0]}, checked"


def main() -> None:
    everything = [family.name for family in FAMILIES]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=everything, help="families of streams; shows, and writes nothing")
    parser.add_argument("--rows", nargs="+", type=int, choices=[*ROWS, BY_THE_HOUR], help="0: by the hour")
    parser.add_argument("--methods", nargs="+", choices=[m.name for m in METHODS])
    parser.add_argument("--quick", action="store_true", help="one replication; shows, and writes nothing")
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    asked = Asked(
        given.only or everything, given.rows if given.rows is not None else [*ROWS, BY_THE_HOUR],
        1 if given.quick else 1_000, given.methods or [m.name for m in METHODS], given.seed,
    )  # fmt: skip
    text = measure(asked, SystemClock())
    if given.only or given.quick or given.methods or given.rows:
        print(text)
    else:
        Path(DOCUMENT).write_text(text, "utf-8")
        print(f"wrote {DOCUMENT.relative_to(CHECKOUT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
