"""Alarms, detections and what a watch says of itself, made up for tests."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from drift.core.alarm import Alarm, Moved, Severity
from drift.core.clock import HOUR
from drift.core.commit import AlarmChange, Detection, EvaluationCommit, Lease, WindowResult
from drift.core.result import Judgement, WindowState
from drift.core.window import Window
from tests.rig.storing import T0, Feed


def hour(n: int) -> Window:
    """The n-th hour after T0."""
    return Window(T0 + n * HOUR, T0 + (n + 1) * HOUR)


def alarm(**changes: Any) -> Alarm:
    """A page on the column n0, raised in the fourth hour, of which the third differed already."""
    base = Alarm(
        column="n0", segment=0, detector="default", severity=Severity.PAGE, raised=hour(3), onset=hour(2).start,
        until=hour(3).end, direction="increase", what="location", effect=0.41, tolerance=0.12, rows=4_321, level=9.7,
        limit=9.2, statistics={"psi": 0.31, "ks": 0.18, "mean_shift": 0.41},
        moved=(Moved("≥ 2", 0.08, 0.21), Moved("[0, 1)", 0.42, 0.31)), sentence="n0 is higher",
    )  # fmt: skip
    return replace(base, **changes)


def about(**changes: Any) -> dict[str, Any]:
    """What a watch with a sound baseline says of a column."""
    return {
        "judged": "reliable",
        "why": "",
        "windows": 672,
        "inflation": 4.2,
        "season": "hour+weekend",
        "scores": [
            {"what": "location", "tolerance": 0.12, "phi": 1.4, "omega": 0.03, "blind": False},
            {"what": "spread", "tolerance": 0.2, "phi": 1.1, "omega": 0.05, "blind": False},
        ],
        "shares": [
            {"what": "share missing", "baseline": 0.012, "tolerance_low": 0.002, "tolerance_high": 0.023},
            {"what": "share of ≥ 2", "baseline": 0.08, "tolerance_low": 0.06, "tolerance_high": 0.101},
        ],
        "widened": 2,
        "self_check": {"windows": 672, "alarms": 0, "expected": 0.02, "bound": 1},
        "origin": "reference",
        "rows": 250_000,
    } | changes


def result(
    fed: Feed, n: int, *changes: AlarmChange, spec: str = "1h", revision: int = 1, detection: Detection | None = None,
    judgements: Mapping[int, Judgement] | None = None,
) -> WindowResult:  # fmt: skip
    """The final result of the n-th hour, with these changes of alarms unless a whole detection is given."""
    found = detection or Detection(f"state {n}".encode(), snapshot=True, changes=changes)
    return WindowResult(
        fed.model.id, fed.reference.id, spec, hour(n), revision, WindowState.FINAL, 10, T0 + revision,
        judgements or {}, detection=found,
    )  # fmt: skip


def commit(fed: Feed, *results: WindowResult) -> Lease:
    """Commit results as the evaluator."""
    lease = fed.store.lease("evaluation", "tester", 60)
    assert lease is not None
    fed.store.commit_evaluation(EvaluationCommit(lease, (), results))
    return lease
