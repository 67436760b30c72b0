"""`drift demo`: real flights through the very pipeline that runs in production."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from drift.config import SourceSettings, load
from drift.core.clock import MINUTE, Clock, SystemClock, from_datetime
from drift.core.errors import Conflict
from drift.demo import flights
from drift.demo.settings import TEMPLATE
from drift.demo.stream import MODEL, EmbeddedSource, events, write_reference
from drift.demo.summary import Summary, summarise
from drift.pipeline import Options, Worker
from drift.service.service import Service
from drift.service.sources import decoders_for

HERE: Final = Path(".drift-demo")
PORT: Final = 8642
NEW_YEAR: Final = from_datetime(datetime(2014, 1, 1, tzinfo=ZoneInfo(flights.ZONE))) + 15 * MINUTE
"""When the demo takes place: the last day of the data has just become final."""

Serve = Callable[[Service, Callable[[str], None]], None]
"""Serves REST and metrics until told to stop, and says its address once it listens."""


class AsLive:
    """The machine's clock, put back so that it begins at `NEW_YEAR`: to the service the data is fresh."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._back = clock.now() - NEW_YEAR

    def now(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        return self._clock.now() - self._back

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self._clock.sleep(seconds)


def run_demo(
    directory: Path | None = None,
    *,
    once: bool = False,
    as_json: bool = False,
    port: int = PORT,
    serve: Serve | None = None,
) -> Summary:
    """Write the demo's files, replay the stream, print what was found, and unless `once` serve it.

    Started again in the same directory it goes on where it stopped.

    Args:
        directory: where the files go; `.drift-demo`, or with `once` a temporary one, unless given.
        once: end after the summary.
        as_json: the summary is one JSON object, the last line of standard output.
        port: to listen on.
        serve: what listens.

    Raises:
        Conflict: somebody else's drift.yaml lies in the directory.
        InputError: the demo's data is not installed.
    """
    clock = AsLive(SystemClock())
    started = clock.monotonic()
    with ExitStack() as stack:
        if directory is None:
            directory = Path(stack.enter_context(TemporaryDirectory(prefix="drift-demo-"))) if once else HERE
        with _progress() as progress:
            records = _files(directory, port, progress)
            with _step(progress, "Building the reference's grid"):
                service = Service.open(load(directory / "drift.yaml"), clock)
            stack.callback(service.stop)
            _replay(service, records, progress)
        summary = summarise(service.store, clock.monotonic() - started)
        _show(summary, as_json=as_json)
        if serve is not None and not once:
            serve(service, _invite)
    return summary


def _files(directory: Path, port: int, progress: Progress) -> list[bytes]:
    """Write drift.yaml and the reference, and return the events."""
    config = directory / "drift.yaml"
    if config.exists() and not config.read_text("utf-8").startswith(TEMPLATE.splitlines()[0]):
        raise Conflict(f"{config} is not the demo's; give it a directory of its own")
    directory.mkdir(parents=True, exist_ok=True)
    with _step(progress, "A year of flights and their weather"):
        frame = flights.load()
    with _step(progress, "Training a model on the first quarter"):
        frame["score"] = flights.scores(frame)
    with _step(progress, "Writing the reference and the events"):
        config.write_text(TEMPLATE.format(port=port), "utf-8")
        write_reference(frame, directory / "reference.parquet")
        return events(frame)


def _replay(service: Service, records: Sequence[bytes], progress: Progress) -> None:
    """Count every event and judge each window as soon as it is final, as in production."""
    source = EmbeddedSource(records, topic=MODEL)
    settings = SourceSettings.model_validate({"http": None})
    options = Options(owner=service.owner, future_bound=service.config.event_time.max_future)
    worker = Worker(source, decoders_for(settings), service.store, service.clock, service.metrics, options)
    task = progress.add_task("Counting events, judging windows", total=len(records))
    try:
        while not worker.finished:
            worker.step()
            progress.update(task, completed=source.position)
            service.evaluator.tick()
    finally:
        worker.close()
    service.publisher.tick()


def _progress() -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=Console(stderr=True))


@contextmanager
def _step(progress: Progress, what: str) -> Iterator[None]:
    task = progress.add_task(what, total=None)
    yield
    progress.update(task, total=1, completed=1)


def _show(summary: Summary, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")
        sys.stdout.flush()
        return
    console = Console()
    console.print(_alarms(summary), _months(summary))
    pages = sum(one.severity == "page" for one in summary.alarms)
    console.print(
        f"{summary.windows} days were judged: {pages} pages, {len(summary.alarms) - pages} warnings. An alarm is told "
        "once and stands until its column is back.\n"
        f"{summary.rows_read:,} events read = {summary.rows_counted:,} counted + {summary.dead_letters} dead letters, "
        f"in {summary.seconds} s.",
        soft_wrap=True,
    )


def _alarms(summary: Summary) -> Table:
    table = Table("told", "", "what moved", "since", "until", title="Alarms, against the first quarter", box=SIMPLE)
    for one in summary.alarms:
        loud = f"[bold red]{one.severity}" if one.severity == "page" else one.severity
        table.add_row(one.told, loud, escape(one.sentence), one.since, one.until or "it stands")
    return table


def _months(summary: Summary) -> Table:
    table = Table("month", "flights", "called late", "pages", "warnings", title="The months", box=SIMPLE)
    for month in summary.months:
        numbers = str(month.pages or ""), str(month.warnings or "")
        table.add_row(month.month, f"{month.rows:,}", f"{month.predicted_late:.1%}", *numbers)
    return table


def _invite(address: str) -> None:
    lines = (
        f"Serving at {address} until Ctrl-C. Look at:",
        f"  the model     {address}/models/{MODEL}",
        f"  incidents     {address}/incidents",
        f"  a column      {address}/models/{MODEL}/column?name=humid",
        f"  REST          {address}/openapi.json",
        f"  metrics       {address}/metrics",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
