"""(a) A DataFrame to a profile. As a child: `python -m benchmarks.profiling driftsum 1000000`."""

import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from benchmarks.data import frame
from benchmarks.measuring import say, timed

WARM_ROWS = 20_000

Work = Callable[[Any], object]


def driftsum(reference: Any) -> Work:
    from drift.reference import build_reference, profile_frame

    built = build_reference(reference)

    def work(current: Any) -> None:
        assert profile_frame(current, built.grid).rows() == len(current)

    return work


def nannyml(reference: Any) -> Work:
    import nannyml

    calculator = nannyml.UnivariateDriftCalculator(column_names=list(reference.columns))
    calculator.fit(reference)
    return calculator.calculate


def whylogs(_: Any) -> Work:
    import whylogs

    def work(current: Any) -> None:
        assert len(whylogs.log(current).view().get_columns()) == current.shape[1]

    return work


def evidently(reference: Any) -> Work:
    from evidently import Report
    from evidently.presets import DataDriftPreset

    return lambda current: Report([DataDriftPreset()]).run(current, reference).dict()


MAKERS: dict[str, Callable[[Any], Work]] = {f.__name__: f for f in (driftsum, nannyml, whylogs, evidently)}


def main(name: str, rows: int) -> None:
    work = MAKERS[name](frame(rows, seed=0))
    current = frame(rows, seed=1)
    work(current.iloc[:WARM_ROWS])
    took = timed(lambda: work(current))
    packages = dict.fromkeys((name, "pandas", "numpy"))
    say({"wall": took.wall, "cpu": took.cpu, "versions": {package: version(package) for package in packages}})


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
