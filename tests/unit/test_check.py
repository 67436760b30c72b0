"""`drift.check` and the package's lazy names."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

import drift
from drift.check import check
from drift.config import ModelSettings
from drift.core.errors import ReferenceRefused
from drift.core.result import Outcome


def frame(rows: int = 1000, shift: float = 0.0, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"x": rng.normal(shift, 1, rows), "kind": rng.choice(["a", "b"], rows)})


def test_frames_are_compared() -> None:
    assert check(frame(), frame(seed=1)).outcome is Outcome.NO_DRIFT
    found = check(frame(), frame(shift=1))
    assert found.outcome is Outcome.DRIFT
    assert [b.column for b in found.judgements["all"].breaches if b.statistic == "psi"] == ["x"]
    assert check(frame(), frame(20)).outcome is Outcome.INSUFFICIENT_DATA


def test_columns_that_only_the_current_data_have_are_said() -> None:
    settings = ModelSettings.model_validate({"ignore": ["note"]})
    found = check(frame().assign(note="n"), frame(seed=1).assign(note="n", more=1.0), settings)
    assert found.unwatched == ("more",)
    assert found.as_plain()["unwatched"] == ["more"]
    assert found.outcome is Outcome.NO_DRIFT
    assert check(frame(), frame(seed=1)).unwatched == ()


def test_a_segment_that_drifts_is_a_drift() -> None:
    current = frame(4000, seed=1)
    current.loc[current["kind"].eq("b"), "x"] += 1
    rules = ModelSettings.model_validate({"segments": ["kind"], "rules": [{"when": "psi > 0.5"}]})
    found = check(frame(4000), current, rules)
    assert found.judgements["all"].outcome is Outcome.NO_DRIFT
    assert found.judgements["kind=b"].outcome is found.outcome is Outcome.DRIFT


@pytest.mark.parametrize(
    "current",
    [
        frame(0),
        frame().assign(x=np.nan),
        frame().assign(x=np.inf),
        frame().assign(x="text"),
        frame().drop(columns="x"),
        frame().assign(kind=None, more=1),
        frame(1),
    ],
)
def test_whatever_comes_there_is_an_outcome_and_strict_json(current: pd.DataFrame) -> None:
    found = check(frame(), current)
    text = json.dumps(found.as_plain(), allow_nan=False)
    assert json.loads(text)["current_rows"] == len(current)
    assert msgspec.json.encode(found.as_plain())


def test_an_empty_reference_is_refused() -> None:
    with pytest.raises(ReferenceRefused, match="rows"):
        check(frame(0), frame())


def test_the_package_imports_nothing_until_it_is_asked() -> None:
    code = "import sys, drift; print(sorted(m for m in sys.modules if m.startswith('drift.') or m == 'numpy'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=_root())
    assert done.stdout == "[]\n"
    assert drift.build_reference(frame()).rows == 1000
    assert isinstance(drift.__version__, str)
    with pytest.raises(AttributeError, match="nothing"):
        _ = drift.nothing


def _root() -> Path:
    return Path(__file__).parents[2]
