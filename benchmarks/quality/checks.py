"""What the measurement rests on, checked in every run: shortcuts give what the thing itself gives."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from benchmarks.measuring import CHECKOUT, QUIET, THREADS
from benchmarks.peers import PINS, python_of
from benchmarks.quality import changes
from benchmarks.quality.bases import HeavyTails, Normal
from benchmarks.quality.binned import nannyml
from benchmarks.quality.changes import Changed
from benchmarks.quality.evidently_default import ROWS, evidently, preset
from benchmarks.quality.methods import Bools, Fitted, Method, Reference
from benchmarks.quality.streams import COLUMNS, Stream, steady

HOURS: Final = 240
LATER: Final = 60
SCRIPT: Final = """
import sys
import nannyml, numpy, pandas
reference, later = (numpy.load(f"{sys.argv[1]}/{name}.npy") for name in ("reference", "later"))
names = [f"x{i}" for i in range(len(reference))]
frames = [pandas.DataFrame(dict(zip(names, values))) for values in (reference, later)]
calculator = nannyml.UnivariateDriftCalculator(column_names=names, chunk_size=int(sys.argv[2])).fit(frames[0])
found = calculator.calculate(frames[1]).filter(period="analysis").to_df()
numpy.save(f"{sys.argv[1]}/found.npy", [found[name]["jensen_shannon"]["alert"].to_numpy(bool) for name in names])
"""


def alone(method: Method, seed: int) -> str:
    """That a column's alarms do not depend on what other columns do, so that twenty shifts are twenty replications."""
    together = Changed(changes.mean(0.25), changes.step)
    one = Changed(changes.only(0, changes.mean(0.25)), changes.step)
    reference = Reference(Stream(Normal(), steady(200), seed), range(720))
    fitted = method.fit(reference)
    found = [_fires(fitted, Stream(Normal(), steady(200), seed + 1, change, 730)) for change in (together, one)]
    if not (found[0][:, 0] == found[1][:, 0]).all():
        raise RuntimeError(f"{method.title}: column 0 is judged differently when the other columns are shifted as well")
    return (
        f"one column shifted alone is judged as when all twenty are ({len(found[0])} windows, "
        f"{int(found[1][:, 0].sum())} firing; {int(found[1][:, 1:].sum())} on the other columns)"
    )


def _fires(fitted: Fitted, stream: Stream) -> Bools:
    run = fitted.start()
    return np.array([run.alarm(block) for block in stream.blocks(range(720, 800))])


def by_the_report(seed: int) -> str:
    """That calling Evidently's tests is the same as its report."""
    fires = compared = 0
    for base in (Normal(), HeavyTails()):
        reference = Reference(Stream(base, steady(200), seed), range(HOURS))
        rows = np.concatenate([block.values for block in reference.sample(ROWS)], axis=1)
        shifted = Stream(base, steady(200), seed + 1, Changed(changes.mean(0.1), changes.step))
        run = evidently(reference).start()
        for block in shifted.blocks(range(3)):
            ours, theirs = run.alarm(block), preset(rows, block.values)
            if (ours != theirs).any():
                raise RuntimeError(
                    f"Evidently's report and its tests disagree on columns {np.flatnonzero(ours != theirs)}"
                )
            fires, compared = fires + int(theirs.sum()), compared + COLUMNS
    return f"its report gives the same {compared} verdicts ({fires} of them drift)"


def by_nannyml(seed: int) -> str:
    """That the formula is NannyML's."""
    found, n = [], 200
    for base in (Normal(), HeavyTails()):
        reference = Reference(Stream(base, steady(n), seed), range(HOURS))
        later = list(Stream(base, steady(n), seed + 1, Changed(changes.mean(0.1), changes.step)).blocks(range(LATER)))
        run = nannyml(reference).start()
        formula = np.array([run.alarm(block) for block in later]).T
        theirs = _nannyml([block.values for block in reference.blocks()], [block.values for block in later], n)
        found.append((formula, theirs))
    differ = sum(int((a != b).sum()) for a, b in found)
    total = sum(a.size for a, _ in found)
    if differ > total / 100:
        raise RuntimeError(f"NannyML and the formula disagree on {differ} of {total} verdicts")
    drift = sum(int(theirs.sum()) for _, theirs in found)
    return f"NannyML itself gives {total - differ} of {total} verdicts alike ({drift} of them drift)"


def _nannyml(reference: list[Any], later: list[Any], n: int) -> Bools:
    with TemporaryDirectory(prefix="drift-bench-") as folder:
        for name, blocks in (("reference", reference), ("later", later)):
            np.save(Path(folder) / f"{name}.npy", np.concatenate(blocks, axis=1))
        subprocess.run(
            [python_of("nannyml"), "-c", SCRIPT, folder, str(n)],
            cwd=CHECKOUT, env={**os.environ, **dict.fromkeys(THREADS, "1"), **QUIET}, check=True, stdout=sys.stderr,
        )  # fmt: skip
        found: Bools = np.load(Path(folder) / "found.npy")
        return found


def checks(methods: tuple[Method, ...], seed: int) -> list[tuple[str, Callable[[], str]]]:
    """Name and what to call; each says what it found, and raises where the measurement would be wrong."""
    return [
        *((method.title, partial(alone, method, seed)) for method in methods),
        ("Evidently's tests beside its report", lambda: by_the_report(seed)),
        (f"NannyML's formula beside {PINS['nannyml'][0]}", lambda: by_nannyml(seed)),
    ]
