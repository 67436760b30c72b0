"""(e) A verdict on many columns. As a child: `python -m benchmarks.verdicts 1000`."""

import sys
import time

from benchmarks.data import wide
from benchmarks.measuring import say

ROWS = 20_000
REPEATS = 20


def main(columns: int) -> None:
    from detectors.judge import judge
    from detectors.plan import Plan
    from drift.core.result import Outcome
    from drift.reference import build_reference, profile_frame

    built = build_reference(wide(ROWS, columns, seed=0))
    window = profile_frame(wide(ROWS, columns, seed=1), built.grid)
    plan = Plan.from_settings({})
    took = []
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        verdict = judge(window, built.profile, plan, 0)
        took.append(time.perf_counter() - started)
    drifted = int((verdict.outcomes == Outcome.DRIFT).sum())
    if not columns // 20 <= drifted <= columns // 5:
        raise RuntimeError(f"a tenth of the columns is shifted, {drifted} of {columns} were found")
    say({"seconds": took[1:], "first": took[0], "drifted": drifted, "statistics": len(verdict.statistics)})


if __name__ == "__main__":
    main(int(sys.argv[1]))
