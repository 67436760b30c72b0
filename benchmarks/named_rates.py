"""False alarms and delays of the detectors by name: `python -m benchmarks.named_rates` writes docs/detectors.md.

Seeded; about five minutes on one core. `--show` prints the measurements alone, `--columns` and `--windows` make it
smaller, `--options` measures nothing.
"""

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from benchmarks.measuring import CHECKOUT
from detectors.sequential.contract import Context, SequentialDetector
from detectors.sequential.names import detectors
from drift.core.baseline import Baseline, Origin, Stretch
from drift.core.clock import HOUR
from drift.core.profile import Profile
from drift.core.window import Window, WindowSpec
from tests.unit.grids import grid, numeric
from tests.unit.samples import count

DOCUMENT = CHECKOUT / "docs" / "detectors.md"
STRETCHES = 60
QUIET, SEEN = 120, 200
STREAMS = 20
"""Columns that share the budget, as each detector is told."""


@dataclass(frozen=True)
class Stream:
    """What windows are drawn from."""

    title: str
    rows: int
    wander: float = 0.0
    """Standard deviation of the windows' own means, in standard deviations of the rows."""
    follow: float = 0.0
    """Correlation of a window's own mean with the next one's."""


STATIONARY = (
    Stream("n = 2,000", 2_000),
    Stream("n = 200", 200),
    Stream("wander", 2_000, 0.1, 0.8),
)
SHIFTS = (0.1, 0.5)


def means(stream: Stream, columns: int, windows: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """(windows, columns) each window's own mean: AR(1) from its stationary law."""
    found = rng.standard_normal((windows, columns))
    for i in range(1, windows):
        found[i] = stream.follow * found[i - 1] + np.sqrt(1 - stream.follow**2) * found[i]
    return found * stream.wander


@cache
def baseline(stream: Stream, columns: int) -> Baseline:
    """Sixty windows, hour by hour, and the grid that their rows make; each column is a baseline of its own."""
    rng = np.random.default_rng([1, stream.rows, columns])
    level = means(stream, columns, STRETCHES, rng)
    rows = rng.standard_normal((columns, STRETCHES, stream.rows)) + level.T[:, :, None]
    on = grid(*(numeric(f"x{i}", row.ravel()) for i, row in enumerate(rows)))
    parts = [count(on, rows[:, i]) for i in range(STRETCHES)]
    whole = Profile.empty(on)
    for part in parts:
        whole = whole.merge(part)
    stretches = tuple(Stretch(hour(i), part.sums) for i, part in enumerate(parts))
    return Baseline(on, whole, stretches, Origin.REFERENCE)


def hour(number: int) -> Window:
    return Window(number * HOUR, (number + 1) * HOUR)


def production(stream: Stream, columns: int, windows: int, shift: float = 0.0, seed: int = 2) -> Iterator[Profile]:
    """Windows of the same law; all columns shift after `QUIET` of them, if they do."""
    rng, on = np.random.default_rng([seed, stream.rows, columns]), baseline(stream, columns).grid
    level = means(stream, columns, windows, rng)
    for number in range(windows):
        moved = level[number] + (shift if number >= QUIET else 0.0)
        yield count(on, rng.standard_normal((columns, stream.rows)) + moved[:, None])


def raised(
    detector: SequentialDetector, options: Mapping[str, Any], known: Baseline, profiles: Iterable[Profile]
) -> np.ndarray[Any, Any]:
    """(windows, columns) where alarms were raised."""
    watch = detector.watch(Context(known, WindowSpec.parse("1h"), streams=STREAMS, options=options))
    state, found = watch.start(), []
    for number, profile in enumerate(profiles, start=STRETCHES):
        state, evidence = watch.step(state, hour(number), profile)
        found.append(evidence.raised)
    return np.array(found)


VARIANTS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("threshold", {"of": "psi", "limit": 0.2}),
    ("threshold", {"of": "psi", "limit": 0.1}),
    ("threshold", {"of": "ks", "limit": 0.1}),
    ("threshold", {"of": "chi2_p", "limit": 0.01}),
    ("calibrated", {}),
    ("calibrated", {"rate": 0.01}),
    ("calibrated", {"rate": 0.0167, "from": "baseline"}),
    ("benjamini_hochberg", {}),
    ("benjamini_hochberg", {"level": 0.05}),
    ("cusum", {}),
    ("cusum", {"run_length": 1000}),
    ("adwin", {}),
    ("adwin", {"of": "z"}),
    ("page_hinkley", {}),
    ("page_hinkley", {"of": "z"}),
    ("kswin", {}),
    ("kswin", {"alpha": 0.0001}),
    ("ddm", {}),
    ("ddm", {"of": "outside"}),
    ("eddm", {}),
    ("hddm_a", {}),
    ("hddm_a", {"of": "outside"}),
    ("hddm_w", {}),
    ("hddm_w", {"of": "outside"}),
)


def variants() -> list[tuple[str, Mapping[str, Any]]]:
    """Those above, and every other detector at its defaults."""
    others = detectors().keys() - {name for name, _ in VARIANTS} - {"default"}
    return [*VARIANTS, *((name, {}) for name in sorted(others))]


def measure(columns: int, windows: int) -> dict[str, list[str]]:
    """Detector with its options → a cell per stationary stream (alarms per 1,000) and per shift (median delay)."""
    cells: dict[str, list[str]] = {label(name, options): [] for name, options in variants()}
    for stream in STATIONARY:
        profiles = list(production(stream, columns, windows))
        for name, options in variants():
            found = raised(detectors()[name], options, baseline(stream, columns), profiles)
            cells[label(name, options)].append(rate(found))
    for shift in SHIFTS:
        profiles = list(production(STATIONARY[0], columns, QUIET + SEEN, shift, seed=3))
        for name, options in variants():
            found = raised(detectors()[name], options, baseline(STATIONARY[0], columns), profiles)
            cells[label(name, options)].append(delay(found))
    return cells


def label(name: str, options: Mapping[str, Any]) -> str:
    given = ", ".join(f"{key}: {value}" for key, value in options.items())
    return f"`{name}`" + (f" {given}" if given else "")


def rate(found: np.ndarray[Any, Any]) -> str:
    """Alarms raised per 1,000 column-windows."""
    alarms, size = int(found.sum()), found.size
    return f"{1000 * alarms / size:.3g}" if alarms else f"0 of {size:,}"


def delay(found: np.ndarray[Any, Any]) -> str:
    """Median number of windows from the shift to the first alarm after it, its own window counted."""
    after = found[QUIET:]
    waits = np.where(after.any(axis=0), after.argmax(axis=0) + 1, np.inf)
    middle = float(np.median(waits))
    return f"{middle:.0f}" if np.isfinite(middle) else "never"


HEAD = """\
# Detectors by name

<!-- written by `python -m benchmarks.named_rates`; change the detectors in detectors/sequential/ instead -->

`default` is the detector with a false-alarm budget and a tolerance. Beside it stand the detectors below, for those who
know them and want them. They watch each column, window after window, and share one latch: an alarm is raised once,
stands, and ends when its condition was clear for three judged windows in a row. River's detectors tell of *changes*:
they start anew after each, and call what comes after normal. So their alarms end three windows later, whether or not
the shift stays.

They know of no tolerance: what they can prove they report, however small. What they name is reliable in so far as
the user chose it; `calibrated` alone says when its baseline is too short for the rate asked for.
"""

MEASURED = """
## Measured

Alarms raised per 1,000 column-windows where nothing changed, and the median number of windows to the first alarm after
every column shifted by 0.1 and 0.5 standard deviations (n = 2,000; `never`: not within {seen}). {columns} standard
normal columns, {windows} windows each, a baseline of {stretches} windows of the same law; a budget of one false alarm
in 720 windows of {streams} columns, which is {budget:.2g} per 1,000 column-windows. *Wander*: n = 2,000, and each
window's mean moves by an AR(1) process of standard deviation 0.1 and correlation 0.8, in the baseline as well. Seeded;
alarms are counted when they are raised, so that one which stands hides those which would follow.

| detector | {titles} | 0.1 sd | 0.5 sd |
|---|{lines}|---:|---:|
{rows}
"""


def document(cells: Mapping[str, Sequence[str]], columns: int, windows: int) -> str:
    """docs/detectors.md."""
    titles = [stream.title for stream in STATIONARY]
    table = MEASURED.format(
        seen=SEEN, columns=columns, windows=windows, stretches=STRETCHES, streams=STREAMS,
        budget=1000 / (720 * STREAMS), titles=" | ".join(titles), lines="|".join("---:" for _ in titles),
        rows="\n".join(f"| {name} | {' | '.join(row)} |" for name, row in cells.items()),
    )  # fmt: skip
    return HEAD + table + sections()


def sections() -> str:
    """Every detector's options."""
    return "".join(section(d) for d in detectors().values() if d.name != "default")


def section(detector: SequentialDetector) -> str:
    """A detector's options."""
    needs = f" Needs `pip install driftsum[{detector.needs}]`." if detector.needs else ""
    rows = "\n".join(f"| `{name}` | {cell(text)} |" for name, text in detector.options.items())
    return f"\n## {detector.name}\n\n{detector.title}.{needs}\n\n| option | meaning; default |\n|---|---|\n{rows}\n"


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--columns", type=int, default=40)
    parser.add_argument("--windows", type=int, default=500)
    parser.add_argument("--show", action="store_true", help="print, write nothing")
    parser.add_argument("--options", action="store_true", help="write the options anew, keep what was measured")
    asked = parser.parse_args()
    if asked.options:
        kept = DOCUMENT.read_text().split("\n\n## ")
        DOCUMENT.write_text("\n\n## ".join(kept[:2]) + "\n" + sections())
        return
    cells = measure(asked.columns, asked.windows)
    for name, row in cells.items():
        print(name.ljust(50), *(text.rjust(14) for text in row))
    if not asked.show:
        DOCUMENT.write_text(document(cells, asked.columns, asked.windows))


if __name__ == "__main__":
    main()
