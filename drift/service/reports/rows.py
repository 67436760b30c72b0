"""Evidently's HTML report over the rows that are kept of a window and of its reference, made in a subprocess.

Evidently takes seconds to import and some hundred megabytes, and what it makes is a page with scripts of its own. So a
child makes it: with a deadline, a bound on its memory, none of this process's secrets in its environment, and names in
which no markup is left. Two files go in, one comes out; the child ends when its parent does.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Final, Protocol

import msgspec

from drift.core.catalogue import Reference
from drift.core.errors import BackPressure, ConfigError, DriftError, NotFound
from drift.core.sample import RowSample
from drift.core.window import Window

DEADLINE: Final = 120.0
"""Seconds that a report may take."""
MEMORY: Final = 4 << 30
"""Bytes of address space that the child may have: some 1.7 GB are taken by libraries, a tenth of it really."""
COLUMNS: Final = 60
"""Columns of one report at most."""
LARGEST: Final = 64 << 20
"""Bytes of a report."""
LEAST_ROWS: Final = 20
"""Rows that both samples must hold."""
_PASSED_ON: Final = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "TZ")
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_SAID: Final = 300

_one = Lock()
"""One report at a time in a process: each takes a core and some hundred megabytes."""


class Samples(Protocol):
    """What is read."""

    def sample(self, reference_id: int, window: Window) -> RowSample | None:
        """The row sample of a stretch of event time."""

    def reference_sample(self, reference_id: int) -> RowSample | None:
        """The reference's own."""


@dataclass(frozen=True, slots=True)
class Job:
    """What the child is to make: the contents of `job.json`."""

    title: str
    columns: tuple[str, ...]
    """Those of the report, in their order; the samples may hold more."""
    left_out: int
    """Columns that are not in it."""
    memory: int
    largest: int


def rows_report(
    store: Samples, reference: Reference, window: Window, *, title: str = "", columns: Sequence[str] = (),
    deadline: float = DEADLINE, memory: int = MEMORY,
) -> str:  # fmt: skip
    """Evidently's report as one HTML page, with a line above it that says what it was made of.

    Args:
        store: where the samples are.
        reference: whose.
        window: any stretch of event time that is made of whole panes.
        title: what stands above it; the window's, unless given.
        columns: which of them, in the order wanted; the first 60, unless given.
        deadline: seconds.
        memory: bytes of address space of the child.

    Raises:
        ConfigError: the extra `evidently` is not installed.
        NotFound: no rows are kept of the reference or the window, too few of them, or there is no such column.
        BackPressure: another report is being made in this process.
        DriftError: the child failed, ran out of time or of memory.
    """
    if find_spec("evidently") is None:
        raise ConfigError("Evidently is not installed here; `pip install 'driftsum[evidently]'` brings it")
    before, after = _samples(store, reference, window)
    known = list(before.columns())
    chosen = _chosen(known, columns, reference)
    job = Job(title or str(window), tuple(chosen), len(known) - len(chosen), memory, LARGEST)
    if not _one.acquire(blocking=False):
        raise BackPressure("another report is being made; try again when it is done", 15.0)
    try:
        return _made(job, before, after, deadline)
    finally:
        _one.release()


def _samples(store: Samples, reference: Reference, window: Window) -> tuple[RowSample, RowSample]:
    before = store.reference_sample(reference.id)
    if before is None:
        raise NotFound(
            f"reference {reference.id} keeps no rows, and none are made up for a report; say `row_sample: 1000` for "
            "the model and register it again. The incident report needs no rows"
        )
    after = store.sample(reference.id, window)
    if after is None:
        raise NotFound(f"{window} holds no sampled rows of reference {reference.id}, and none are made up")
    fewest = min(len(before), len(after))
    if fewest < LEAST_ROWS:
        raise NotFound(f"{window}: {fewest} sampled rows are too few to compare; {LEAST_ROWS} are needed on both sides")
    return before, after


def _chosen(known: Sequence[str], wanted: Sequence[str], reference: Reference) -> list[str]:
    for name in wanted:
        if name not in known:
            listed = ", ".join(map(repr, known[:8]))
            raise NotFound(f"no rows of a column {name!r} are kept of reference {reference.id}; there are {listed}")
    return list(dict.fromkeys(wanted or known))[:COLUMNS]


def _made(job: Job, before: RowSample, after: RowSample, deadline: float) -> str:
    with TemporaryDirectory(prefix="driftsum-report-") as folder:
        place = Path(folder)
        (place / "job.json").write_bytes(msgspec.json.encode(job))
        (place / "reference.sample").write_bytes(before.dump())
        (place / "window.sample").write_bytes(after.dump())
        _run(place, deadline)
        try:
            return (place / "report.html").read_text("utf-8")
        except OSError as error:
            raise DriftError("Evidently made no report and did not say why; see the service's log") from error


def _run(place: Path, deadline: float) -> None:
    """Run the child to its end; whatever happens, neither it nor its children outlive this call."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= dict.fromkeys(_THREADS, "1") | {"DO_NOT_TRACK": "1", "HOME": str(place), "TMPDIR": str(place)}
    child = subprocess.Popen(  # noqa: S603  this interpreter and a module of ours
        [sys.executable, "-m", "drift.service.reports.child", str(place)], env=environment, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        # its input stays open until then: it ends with this process
        said = _wait(child, deadline)
    finally:
        _end(child)
    if child.returncode:
        raise DriftError(_why(child.returncode, said))


def _wait(child: "subprocess.Popen[bytes]", deadline: float) -> str:
    if child.stderr is None or child.stdin is None:
        raise AssertionError("the child was started with pipes")
    stdin, child.stdin = child.stdin, None  # communicate() would close it
    try:
        _, said = child.communicate(timeout=deadline)
    except subprocess.TimeoutExpired as error:
        raise DriftError(
            f"Evidently did not finish within {deadline:g} s and was ended; ask for fewer columns with `column`"
        ) from error
    finally:
        stdin.close()
    return said.decode("utf-8", "replace")


def _end(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if child.stderr is not None:
        child.stderr.close()


def _why(code: int, said: str) -> str:
    if code == -signal.SIGKILL:
        return "the system ended Evidently, probably for want of memory; ask for fewer columns with `column`"
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), f"exit code {code}")
    if "MemoryError" in last or "Unable to allocate" in last:
        return "Evidently needs more memory than it may have; ask for fewer columns with `column`"
    return f"Evidently made no report: {last[:_SAID]}"
