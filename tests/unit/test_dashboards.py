"""The dashboards: fresh, of metrics that exist, with ids and addresses that stay, bounded for many columns."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboards.__main__ import BOARDS, HERE, written
from drift.metrics import names
from tests.rig.expressions import Expression, expressions, metrics, recorded

ROOT = Path(__file__).parents[2]
EXPRESSIONS = list(expressions())
EXPORTED = {metric.name for metric in names.ALL} | {
    f"{metric.name}_{part}" for metric in names.ALL if metric.kind == "histogram" for part in ("bucket", "count", "sum")
}
FILES = sorted((HERE / "grafana").glob("*.json"))
MANY = {"model", "column", "topic", "partition"}
"""Labels with so many values that a line for each is too much."""


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in FILES:
        for panel in json.loads(file.read_text())["panels"]:
            if panel["type"] != "row":
                yield f"{file.stem} {panel['id']}", panel


def test_the_committed_dashboards_are_what_the_code_writes() -> None:
    texts = {path: text for path, text in written().items() if path.suffix == ".json"}
    assert {HERE / path for path in texts} == set(FILES)
    for path, text in texts.items():
        assert (HERE / path).read_text() == text, f"{path} is stale: run python -m dashboards"


@pytest.mark.parametrize("one", EXPRESSIONS, ids=lambda one: one.where)
def test_every_metric_exists(one: Expression) -> None:
    assert metrics(one.expr) or recorded(one.expr) or one.expr.startswith("up")
    assert metrics(one.expr) - EXPORTED == set()
    assert recorded(one.expr) - {other.where for other in EXPRESSIONS if other.kind == "recording"} == set()


def test_a_metric_that_does_not_exist_would_be_noticed() -> None:
    assert metrics("sum(rate(drift_evnts_total[5m]))") - EXPORTED == {"drift_evnts_total"}
    assert len([one for one in EXPRESSIONS if one.kind == "panel"]) > 50


def test_dashboards_need_no_recording_rules() -> None:
    assert [one.where for one in EXPRESSIONS if one.kind in {"panel", "events"} and recorded(one.expr)] == []


def test_ids_and_addresses_stay() -> None:
    found = {file.stem: json.loads(file.read_text()) for file in FILES}
    assert {stem: board["uid"] for stem, board in found.items()} == {
        stem: stem for stem in ("driftsum-fleet", "driftsum-model", "driftsum-pipeline")
    }
    for board in found.values():
        ids = [panel["id"] for panel in board["panels"]]
        assert len(ids) == len(set(ids))
        assert board["schemaVersion"] >= 39
        assert "id" not in board


@pytest.mark.parametrize(("where", "panel"), list(panels()), ids=lambda value: value if isinstance(value, str) else "")
def test_a_panel_says_what_it_shows_and_asks_the_chosen_source(where: str, panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"]
    assert panel["datasource"]["uid"] == "${datasource}"
    assert panel["targets"]
    right = panel["gridPos"]["x"] + panel["gridPos"]["w"]
    assert right <= 24


def test_no_panel_draws_a_line_for_each_of_a_thousand() -> None:
    unbounded = [
        f"{where} {target['refId']}"
        for where, panel in panels()
        for target in panel.get("targets", [])
        if (MANY & set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) or panel["type"] == "table")
        and "topk(" not in target["expr"]
    ]
    assert unbounded == []


def test_links_lead_to_dashboards_and_variables_that_exist() -> None:
    for where, panel in panels():
        for link in panel.get("fieldConfig", {}).get("defaults", {}).get("links", []):
            url = link["url"]
            assert url.startswith(("/d/driftsum-", "${web}/")), where
            if url.startswith("/d/"):
                [uid] = re.findall(r"^/d/([\w-]+)", url)
                board = next(one for one in BOARDS if one.uid == uid)
                chosen = set(re.findall(r"var-(\w+)|\$\{(\w+):queryparam\}", url))
                assert {a or b for a, b in chosen} <= {variable.name for variable in board.variables}
