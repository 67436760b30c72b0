"""Estimated performance beside NannyML's CBPE: `python -m benchmarks.performance` writes docs/performance-quality.md.

The data ships inside the package nannyml, which has an environment of its own (`benchmarks.peers`). Each reading comes
from a child process on one core with one thread. Five minutes on one core; `--show` prints and writes nothing.
This file is imported by NannyML's Python too: whatever is Driftsum's own is imported late.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

CHUNK = 5_000
AIM, AIM_TIMES = 0.0035, 20
REPEATS = 7
SHARED = {
    "accuracy": "accuracy", "precision": "precision", "recall": "recall", "f1": "f1", "specificity": "specificity",
    "auroc": "roc_auc", "average_precision": "average_precision",
}  # fmt: skip
"""Our name → NannyML's."""
CLASSES = ("prepaid_card", "highstreet_card", "upmarket_card")


def frames(where: Path, which: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reference and analysis of `car` (binary) or `mc` (three classes), with their targets."""
    name, target = ("synthetic_car_loan", "target") if which == "car" else ("mc", "gt")
    truth = pd.read_csv(where / f"{name}_analysis_{target}.csv")
    reference, analysis = (pd.read_csv(where / f"{name}_{part}.csv") for part in ("reference", "analysis"))
    key = "id" if "id" in truth.columns and "id" in analysis.columns else None
    if key is None:
        raise SystemExit(f"{name}: targets cannot be joined")
    return reference, analysis.merge(truth, on=key)


def seconds(work: Callable[[], Any]) -> list[float]:
    """Several readings of processor time after one that warms up: what else runs on the machine adds little to it."""
    work()
    found = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return found


def nannyml(where: Path) -> dict[str, Any]:
    """NannyML's estimates by chunk, and its time; runs in its own Python."""
    import nannyml as nml

    def made(which: str, metrics: list[str]) -> tuple[Any, pd.DataFrame]:
        reference, analysis = frames(where, which)
        binary = which == "car"
        proba = "y_pred_proba" if binary else {name: f"y_pred_proba_{name}" for name in CLASSES}
        cbpe = nml.CBPE(
            metrics=metrics, y_pred_proba=proba, y_pred="y_pred", y_true="repaid" if binary else "y_true",
            problem_type="classification_binary" if binary else "classification_multiclass", chunk_size=CHUNK,
        )  # fmt: skip
        return cbpe.fit(reference), analysis

    def values(cbpe: Any, analysis: pd.DataFrame, metric: str) -> list[float]:
        table = cbpe.estimate(analysis).filter(period="analysis").to_df()
        return [float(x) for x in table[metric]["value"]]

    every, car = made("car", list(SHARED.values()))
    one, _ = made("car", ["accuracy"])
    several, mc = made("mc", ["accuracy"])
    return {
        "estimates": {ours: values(every, car, theirs) for ours, theirs in SHARED.items()},
        "mc": values(several, mc, "accuracy"),
        "seconds": seconds(lambda: one.estimate(car)),
        "seconds_all": seconds(lambda: every.estimate(car)),
    }


def ours(where: Path) -> dict[str, Any]:
    """Our estimates by chunk with their bands, what turned out to be true, and the time from arrays to bands."""
    from detectors.performance import binary
    from detectors.performance.cbpe import Estimator
    from tests.rig.outcomes import binary_grid, chunked, score_edges

    reference, analysis = (_car(frame) for frame in frames(where, "car"))
    grid = binary_grid(score_edges(reference["s"], reference["y"]), prediction="p")
    parts = chunked(grid, reference, _number(reference), 10)
    estimator = Estimator.of(sum(parts[1:], parts[0]), parts)
    windows = chunked(grid, analysis, _number(analysis), 10)
    found, real = [estimator.measures(one) for one in windows], [binary.measures(one) for one in windows]
    measured = {name: [[one[name].value, one[name].low, one[name].high] for one in found] for name in found[0]}
    return {
        "estimates": measured,
        "realized": {name: [one[name].value for one in real] for name in found[0]},
        "mc": _several(where),
        "seconds": seconds(_estimating(grid, analysis, estimator)),
    }


def _estimating(grid: Any, columns: dict[str, Any], estimator: Any) -> Callable[[], Any]:
    """From arrays to bands: records, counts, all metrics of ten windows."""
    from drift.core.outcome.counting import OutcomeCounter
    from drift.core.outcome.sums import Outcomes
    from tests.rig.outcomes import rows_of

    counter, number = OutcomeCounter(grid), _number(columns)
    unlabelled = {name: values for name, values in columns.items() if name != "y"}

    def work() -> list[Any]:
        rows = rows_of(grid, unlabelled)
        seen = counter.predictions.of(rows, np.zeros(len(rows), np.int64))
        sums = counter.predicted(seen, np.ones(len(rows), np.bool_), number, 10)
        return [estimator.measures(Outcomes(grid, one)) for one in sums]

    return work


def _several(where: Path) -> dict[str, list[float]]:
    """Accuracy of three classes, estimated and realised."""
    from detectors.performance import multiclass
    from detectors.performance.cbpe import Estimator
    from detectors.performance.cbpe_multiclass import MulticlassEstimate
    from tests.rig.outcomes import chunked, multiclass_grid, outcomes_of, reweighted, score_edges

    reference, analysis = (_cards(frame) for frame in frames(where, "mc"))
    edges = {name: score_edges(reference[f"s_{name}"], 1 * (reference["y"] == name)) for name in CLASSES}
    grid = multiclass_grid(edges)
    task = MulticlassEstimate.of(outcomes_of(grid, reference))
    grid = reweighted(grid, [one.chance[:-1].tolist() for one in task.calibrators])
    parts = chunked(grid, reference, _number(reference), len(reference["y"]) // CHUNK)
    estimator = Estimator.of(sum(parts[1:], parts[0]), parts)
    windows = chunked(grid, analysis, _number(analysis), len(analysis["y"]) // CHUNK)
    return {
        "estimated": [estimator.measures(one)["accuracy"].value for one in windows],
        "realized": [multiclass.measures(one)["accuracy"].value for one in windows],
    }


def _car(frame: pd.DataFrame) -> dict[str, Any]:
    return {
        "s": frame["y_pred_proba"].to_numpy(),
        "y": frame["repaid"].to_numpy().astype(int),
        "p": frame["y_pred"].to_numpy(),
    }


def _cards(frame: pd.DataFrame) -> dict[str, Any]:
    scores = {f"s_{name}": frame[f"y_pred_proba_{name}"].to_numpy() for name in CLASSES}
    return scores | {"y": frame["y_true"].to_numpy().astype(str)}


def _number(columns: dict[str, Any]) -> Any:
    rows = len(columns["y"])
    return np.minimum(np.arange(rows) // CHUNK, rows // CHUNK - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", nargs="?", choices=("nannyml", "ours"))
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--show", action="store_true")
    asked = parser.parse_args()
    if asked.role:
        print(json.dumps({"nannyml": nannyml, "ours": ours}[asked.role](asked.data)))
        return
    from benchmarks.measuring import CHECKOUT, child
    from benchmarks.peers import python_of
    from benchmarks.performance_report import covered, ranked, render

    python = python_of("nannyml")
    where = next(python.parents[1].glob("lib/python*/site-packages/nannyml/datasets/data"))
    text = render(
        child("performance", "ours", where), child("performance", "nannyml", where, python=python), covered(), ranked()
    )
    if asked.show:
        print(text)
    else:
        (CHECKOUT / "docs" / "performance-quality.md").write_text(text)
        print("docs/performance-quality.md", file=sys.stderr)


if __name__ == "__main__":
    main()
