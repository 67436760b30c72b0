"""Readings → docs/benchmarks.md."""

import os
import platform
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.measuring import Spread
from benchmarks.topics import ARROW_ROWS

Readings = dict[str, list[dict[str, Any]]]

AIMS = {"nannyml": 8, "whylogs": 60, "evidently": 200}
TITLES = {
    "driftsum": "Driftsum",
    "nannyml": "NannyML, `calculate`",
    "whylogs": "whylogs, `why.log`",
    "evidently": "Evidently, DataDriftPreset",
}
SHARES = {"kafka-python": 0.70, "confluent": 0.45}
GROWTH, RESIDENT = 0.10, 250
VERDICT = 0.5


def render(found: dict[str, Readings], rows: int) -> str:
    """The document: what was measured on what, then a table for each part."""
    parts: dict[str, Callable[[], str]] = {
        "a": lambda: _profiles(found["a"], rows),
        "b": lambda: _json(found["b"]),
        "c": lambda: _arrow(found["c"], found.get("a"), rows),
        "d": lambda: _memory(found["d"], rows),
        "e": lambda: _verdicts(found["e"]),
        "f": lambda: _detection(found["f"]),
    }
    return "\n".join([_head(found), *(parts[part]() for part in found)])


def _head(found: dict[str, Readings]) -> str:
    readings = [reading for part in found.values() for several in part.values() for reading in several]
    pulses = [reading["pulse"] for reading in readings if "pulse" in reading]
    noise = Spread(pulses).times(1000).show("{:.0f}") if pulses else "not measured"
    packages = ("numpy", "pandas", "pyarrow", "msgspec", "kafka-python", "confluent-kafka", "sqlalchemy")
    return f"""# Benchmarks

Written by `make bench`, which also is the one command to run them again. Each reading comes from a process of its own,
pinned to one core with one thread to every library; broker and database run on the others. Readings are interleaved:
one of each, then the next of each. A cell is `median (least–most)`. Where an aim speaks of one thread or one core it is
judged by processor time, which other work on the machine disturbs least; the time on the wall stands beside it.

- Date: {datetime.now(UTC):%Y-%m-%d}
- Machine: {machine()}
- Python {platform.python_version()}; {", ".join(f"{name} {version(name)}" for name in packages)}
- Noise: to sort a million numbers, once in every process, took {noise} ms; load at the end {os.getloadavg()[1]:.1f}
"""


def _profiles(found: Readings, rows: int) -> str:
    lines = [_profile(name, found, rows) for name in found]
    return f"""
## (a) {rows:,} rows × 20 columns, from a DataFrame to a profile

16 numbers and 4 categories, one thread. The reference has as many rows: Driftsum builds its grid from it and NannyML is
fitted on it, once and outside the measurement; whylogs needs none; Evidently reads it again in every run. The ratio is
how many times as long as Driftsum a peer takes.

{table(("", "rows/s", "seconds", "CPU seconds", "ratio", "ratio, CPU", "aim", "peak MB"), lines)}"""


def _profile(name: str, found: Readings, rows: int) -> Sequence[str]:
    several, ours = found[name], found["driftsum"]
    wall, cpu = _of(several, "wall"), _of(several, "cpu")
    versions = several[0]["versions"]
    compared = ["", "", ""]
    if name in AIMS:
        ratio, by_cpu = wall.median / _of(ours, "wall").median, cpu.median / _of(ours, "cpu").median
        compared = [f"{ratio:.1f}", f"{by_cpu:.1f}", f"≥ {AIMS[name]}: {_met(by_cpu >= AIMS[name])}"]
    title = f"{TITLES[name]} {versions[name]} (pandas {versions['pandas']})"
    peak = max(reading["peak_mb"] for reading in several)
    return title, wall.per(rows).show(), wall.show("{:.2f}"), cpu.show("{:.2f}"), *compared, f"{peak:,.0f}"


def _json(found: Readings) -> str:
    lines = [_share(name, found) for name in found]
    return f"""
## (b) Kafka to committed sums, JSON events

Events of 20 features, a prediction and a score, about 370 bytes, lz4, one partition, one core. *Alone* is the bare
client with the same fetch sizes, which looks at no record. The share is its time ÷ the worker's.

{table(("", "events/s", "µs/event", "CPU µs/event", "share", "share, CPU", "aim"), lines)}"""


def _share(name: str, found: Readings) -> Sequence[str]:
    client = name.split(maxsplit=1)[0]
    wall, cpu = _of(found[name], "wall"), _of(found[name], "cpu")
    compared = ["", "", ""]
    if not name.endswith("alone"):
        alone = found[f"{client} alone"]
        share, by_cpu = _of(alone, "wall").median / wall.median, _of(alone, "cpu").median / cpu.median
        compared = [f"{share:.0%}", f"{by_cpu:.0%}", f"≥ {SHARES[client]:.0%}: {_met(by_cpu >= SHARES[client])}"]
    return name, wall.per(1).show(), wall.times(1e6).show("{:.2f}"), cpu.times(1e6).show("{:.2f}"), *compared


def _arrow(found: Readings, profiles: Readings | None, rows: int) -> str:
    half = rows / _of(profiles["driftsum"], "wall").median / 2 if profiles else None
    lines = []
    for name, several in found.items():
        wall, cpu = (_of(several, key).times(1 / ARROW_ROWS) for key in ("wall", "cpu"))
        unasked = half is None or name.endswith("alone")
        aim = "" if unasked else f"≥ {half:,.0f}: {_met(wall.per(1).median >= (half or 0))}"
        lines.append((name, wall.per(1).show(), wall.times(1e6).show("{:.3f}"), cpu.times(1e6).show("{:.3f}"), aim))
    return f"""
## (c) Kafka to committed sums, Arrow batches of {ARROW_ROWS:,} rows

The same rows as Arrow IPC streams, categories as texts. The aim is half of (a)'s rows per second.

{table(("", "rows/s", "µs/row", "CPU µs/row", "aim"), lines)}"""


def _memory(found: Readings, rows: int) -> str:
    lines = []
    for name, (reading,) in found.items():
        growth = reading["last"] / reading["first"] - 1
        longer = reading["events"] > rows
        fine = _met(growth <= GROWTH and reading["peak"] < RESIDENT)
        shown = (f"{reading['last']:.0f}", f"{growth:+.1%}") if longer else ("", "")
        lines.append((name, f"{reading['first']:.0f}", *shown, f"{reading['peak']:.0f}", fine))
    return f"""
## (d) Memory of `drift worker`

Resident MB of a real worker on PostgreSQL when {rows:,} and when {10 * rows:,} events are committed, and the most
it ever had. The aims: at most {GROWTH:.0%} more, and below {RESIDENT} MB. The reference of 100,000 rows is registered
already, as it is when workers come and go, but in the first line.

{table(("client", f"after {rows:,}", f"after {10 * rows:,}", "growth", "peak", "aims"), lines)}"""


def _verdicts(found: Readings) -> str:
    lines = []
    for name, several in found.items():
        took = Spread([seconds for reading in several for seconds in reading["seconds"]])
        first = Spread([reading["first"] for reading in several])
        aim = f"< {VERDICT}: {_met(took.median < VERDICT)}"
        lines.append((name, str(several[0]["statistics"]), took.show("{:.3f}"), first.show("{:.3f}"), aim))
    return f"""
## (e) A verdict

Seconds from two profiles to the verdict on every column, with every statistic and the default rules. The first one in a
process also makes the tables that later ones find ready.

{table(("", "measures", "seconds", "the first", "aim"), lines)}"""


def _detection(found: Readings) -> str:
    lines = []
    for name, (reading,) in found.items():
        step, raising, pack = (Spread(reading[key]) for key in ("steps", "raising", "pack"))
        told = f"{raising.show('{:.2f}')}, {reading['raised']:,} alarms" if raising.values else ""
        raw, packed = (f"{reading[key] / 1e6:.1f}" for key in ("raw", "packed"))
        lines.append(
            (
                name, f"{reading['make']:.0f}", step.show("{:.2f}"), told, pack.show("{:.2f}"), raw, packed,
                f"{reading['peak_mb']:,.0f}",
            )
        )  # fmt: skip
    headings = (
        "columns × segments", "make, s", "step, s", "step with alarms, s", "pack, s", "state, MB", "stored, MB",
        "peak MB",
    )  # fmt: skip
    return f"""
## (f) Sequential detection

Columns × segments under the default detector, windows of an hour, a baseline of a week of hours; processor time.
*Make* is the first window, at which every watch learns from the baseline and checks itself on it: once for each segment
in a process, and again when somebody answers an alarm or the settings change; the evaluator keeps its lease meanwhile.
*Step* is every further window. Half-way a tenth of the columns moves by half a standard deviation, in every segment at
once: those windows raise alarms and measure them.

What bounds them, per reference and window length:

- **State**: columns × segments × about (60 S + 4 B + 140) bytes. S are the streams of the richest column: 28 here, 72
  at most (a category with 64 keys). B are its bins and two: 72 here, 136 at most (a score), but for an ordinal column
  that somebody declares, which may have 1,024. That is 2.2 KB here, 0.8 KB stored; 5 KB at most, 9 with such a one. It
  depends on neither rows nor time. Stored are the newest one, and up to eight older ones to go back to when rows
  come late.
- **Step**: columns × segments, 40 µs each here; alarms that are raised are measured besides. With a season there is a
  table of logarithms for each of its cells, of which 48 MB a watch are kept; others are computed anew.
- **Make**: columns × segments × windows of the baseline, of which at most 60 million means are looked at, and the
  self-check replays at most 30 million counts: the latest 2,100 and 400 windows here.
- **Watches**: those for 24,000 columns × segments are kept, of all models and window lengths together. Beyond that the
  ones used longest ago are made anew when they are needed, which takes the time of *make*.

{table(headings, lines)}"""


def _of(readings: Sequence[dict[str, Any]], key: str) -> Spread:
    return Spread([reading[key] for reading in readings])


def _met(fine: bool) -> str:
    return "met" if fine else "**missed**"


def table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    rows = [headings, ["---", *("---:" for _ in headings[1:])], *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def machine() -> str:
    """Processor, cores, memory and system in one line."""
    return f"{_processor()}, {os.cpu_count()} cores, {_memory_gb():.0f} GB; {platform.system()} {platform.release()}"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
