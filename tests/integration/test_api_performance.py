"""Performance over REST and `drift performance`: all segments of a window, a paged series, one table."""

import json
from pathlib import Path
from typing import Any

import pytest

from drift.cli import run
from drift.core.alert import Scope
from drift.core.clock import SystemClock
from drift.core.performance import Gap
from drift.store import Store, open_store
from tests.rig.operated import operated
from tests.rig.performed import ASSUMED, measured, registered, result, store_results

GAP = Gap("sex", "recall", 0.12, 0.8, 0.08, 0.16, 0.05, "f", "m")


def filled(store: Store) -> None:
    """Five hours; labels of the first two are mature; the third has no performance."""
    _, reference = registered(store, sensitive=["sex"])
    women = next(one.index for one in reference.grid.segments if one.label == "sex=f")
    for n in range(5):
        found = measured(0.85, 0.9 - n / 100) if n < 2 else measured(0.93 - n / 1000)
        parts = {} if n == 2 else {0: found, women: measured(0.8, gaps=(GAP,))}
        store_results(store, result(reference, n, parts))


@pytest.fixture
def ask(tmp_path: Path) -> Any:
    app = operated(tmp_path)
    filled(app.store)
    secret = app.token(Scope.READ)

    def get(path: str, status: int = 200, **params: Any) -> Any:
        answer = app.client.get(path, params=params, headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == status, answer.text
        return answer.json()

    yield get
    app.store.close()


def test_a_window_has_the_performance_of_all_its_segments(ask: Any) -> None:
    window = next(one for one in ask("/v1/windows", model="loans")["items"] if one["end"].startswith("2026-11-23T02"))
    found = ask(f"/v1/windows/{window['id']}")["performance"]
    assert sorted(found) == ["all", "sex=f"]
    whole = found["all"]
    assert whole["realized"]["accuracy"] == {"value": 0.89, "low": 0.88, "high": 0.9, "why": ""}
    assert (whole["mature"], whole["affected"], whole["coverage"]) == (True, True, 0.97)
    assert whole["causes"][0] == {"column": "n0", "composition": 0.0097, "within": 0.019, "z": 16.9, "weight": 1.0}
    assert found["sex=f"]["gaps"][0]["worst"] == "f"


def test_the_series_is_paged_newest_first(ask: Any) -> None:
    whole = ask("/v1/performance", model="loans")["items"]
    assert [one["estimated"]["accuracy"]["value"] for one in whole] == [0.926, 0.927, 0.85, 0.85]
    first = ask("/v1/performance", model="loans", limit=3)
    assert [one["end"][11:13] for one in first["items"]] == ["05", "04"], "of the third nothing is known"
    rest = ask("/v1/performance", model="loans", limit=3, cursor=first["next"])
    assert [one["mature"] for one in rest["items"]] == [True, True]
    assert rest["next"] is None
    assert [*first["items"], *rest["items"]] == whole


def test_one_segment_one_metric_one_window(ask: Any) -> None:
    found = ask("/v1/performance", model="loans", segment="sex=f", metric="recall")["items"]
    assert {one["segment"] for one in found} == {"sex=f"}
    assert (found[0]["estimated"], found[0]["gaps"][0]["metric"]) == ({}, "recall")
    assert ask("/v1/performance", model="loans", window="1d")["items"] == []
    assert ask("/v1/performance", model="credit")["items"] == [], "its reference counts no outcomes"
    assert "no segment" in ask("/v1/performance", 404, model="loans", segment="sex=x")["error"]["message"]


def test_a_model_is_explained_with_its_performance(ask: Any) -> None:
    said = ask("/v1/explain", model="loans")["text"]
    assert said[-1] == "Performance (windows of 1h): Accuracy is estimated at 93%."
    assert not any("Performance" in one for one in ask("/v1/explain", model="credit")["text"])


@pytest.fixture
def drift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.chdir(tmp_path)
    for name in ("DRIFT_CONFIG", "DRIFT_URL", "DRIFT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    Path("drift.yaml").write_text("store: sqlite:///drift.db\n")

    def command(*args: str, code: int = 0) -> str:
        capsys.readouterr()
        assert run(list(args)) == code
        said = capsys.readouterr()
        return said.out if code == 0 else said.err

    return command


def test_the_command(drift: Any) -> None:
    store = open_store("sqlite:///drift.db", SystemClock())
    filled(store)
    store.close()
    said = drift("performance", "loans")
    assert "estimated: window of 1h to 2026-11-23T05:00:00Z, version 1" in said
    assert "realised: window of 1h to 2026-11-23T02:00:00Z" in said
    row = next(line for line in said.splitlines() if "accuracy" in line)
    assert row.split() == ["accuracy", "0.94", "0.926", "0.916", "to", "0.936", "0.89", "0.88", "to", "0.9"]
    assert "labels: 0 of 1,000 predictions (0.0% of those that can have one), not mature" in said
    assert "n0" in said
    assert "k  " not in said, "one standard error is none to speak of"
    assert ASSUMED in " ".join(said.split())
    found = json.loads(drift("performance", "loans", "--json", "--segment", "sex=f"))
    assert (found["latest"]["segment"], found["mature"]) == ("sex=f", None)


def test_where_nothing_is_known(drift: Any) -> None:
    store = open_store("sqlite:///drift.db", SystemClock())
    _, reference = registered(store)
    store_results(store, result(reference, 0, {}))
    store.close()
    assert "docs/performance.md" in drift("performance", "loans", code=2)
