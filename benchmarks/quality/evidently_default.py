"""Evidently's default: the test that its DataDriftPreset picks for each column, called without the report around it."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.quality.methods import Bools, Fitted, Reference, Stateless
from benchmarks.quality.streams import Block, Floats, Kind

ROWS: Final = 10_000
"""Rows of the reference that it compares each window with; it reads all of them each time."""


def evidently(reference: Reference) -> Fitted:
    """A reference of over 1,000 rows: normed Wasserstein distance ≥ 0.1, or Jensen–Shannon distance ≥ 0.1."""
    from evidently.legacy.calculations.stattests import get_stattest
    from evidently.legacy.core import ColumnType

    sample = np.concatenate([block.values for block in reference.sample(ROWS)], axis=1)
    types = [ColumnType.Numerical if kind is Kind.NUMBER else ColumnType.Categorical for kind in reference.kinds]
    base = [_series(values) for values in sample]
    tests = [get_stattest(column, column, kind, None) for column, kind in zip(base, types, strict=True)]

    def fires(block: Block) -> Bools:
        found = zip(block.values, base, types, tests, strict=True)
        return np.array([bool(_drifted(test, column, _series(values), kind)) for values, column, kind, test in found])

    return Fitted(lambda: Stateless(fires))


def preset(reference: npt.NDArray[Any], current: npt.NDArray[Any]) -> Bools:
    """What the whole report says of columns of numbers: to check that the above is the same."""
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    frames = [pd.DataFrame({f"x{i}": row for i, row in enumerate(values)}) for values in (current, reference)]
    metrics = Report([DataDriftPreset()]).run(*frames).dict()["metrics"]
    found = {m["config"]["column"]: m for m in metrics if "column" in m["config"]}
    return np.array(
        [bool(found[f"x{i}"]["value"] >= found[f"x{i}"]["config"]["threshold"]) for i in range(len(current))]
    )


def _drifted(test: Any, reference: Any, current: Any, kind: Any) -> bool:
    return len(current) > 0 and test(reference, current, kind, None).drifted


def _series(values: Floats) -> Any:
    import pandas as pd

    return pd.Series(values[np.isfinite(values)])
