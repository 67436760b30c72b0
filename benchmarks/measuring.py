"""Readings: each from a child process of its own, pinned to one core, with one thread to every library."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
CORES = sorted(os.sched_getaffinity(0))
MEASURED = CORES[-1]
"""The core of what is measured; brokers and databases share the others."""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "ARROW_NUM_THREADS")
QUIET = {"NML_DISABLE_USAGE_LOGGING": "1", "WHYLOGS_NO_ANALYTICS": "True", "DO_NOT_TRACK": "1"}
"""Peers that report their use to their makers are asked not to: it would cost them time."""


@dataclass(frozen=True)
class Spread:
    """Several readings of one thing."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def per(self, n: float) -> "Spread":
        """n ÷ each reading."""
        return Spread([n / value for value in self.values])

    def times(self, n: float) -> "Spread":
        return Spread([n * value for value in self.values])

    def show(self, form: str = "{:,.0f}") -> str:
        """`median (min–max)`."""
        if len(self.values) == 1:
            return form.format(self.median)
        return f"{form.format(self.median)} ({form.format(min(self.values))}–{form.format(max(self.values))})"


def child(module: str, *args: object, python: str | Path = sys.executable, core: int = MEASURED) -> dict[str, Any]:
    """Run a module of this package pinned to a core; the JSON object on its last line."""
    done = subprocess.run(
        [str(python), "-m", f"benchmarks.{module}", *map(str, args)],
        cwd=CHECKOUT,
        env={**os.environ, **dict.fromkeys(THREADS, "1"), **QUIET},
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"benchmarks.{module} {args} failed:\n{done.stderr[-4000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def say(reading: Mapping[str, Any]) -> None:
    """What a child ends with."""
    print(json.dumps({**reading, "peak_mb": resident_mb(os.getpid(), peak=True), "pulse": pulse()}))


def resident_mb(pid: int, *, peak: bool = False) -> float:
    """A process's resident size now, or the largest it ever had."""
    field = "VmHWM:" if peak else "VmRSS:"
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


@dataclass(frozen=True)
class Time:
    """Seconds on the wall and of the process, all its threads together."""

    wall: float
    cpu: float


def timed(work: Callable[[], object]) -> Time:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Time(time.perf_counter() - wall, time.process_time() - cpu)


def pulse() -> float:
    """Seconds for a fixed piece of work; how much it varies over a run is the machine's noise."""
    import numpy as np

    values = np.random.default_rng(0).random(1_000_000)
    return timed(lambda: np.sort(values)).wall
