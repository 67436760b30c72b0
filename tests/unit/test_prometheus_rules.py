"""The rules: fresh, valid, each alert fires when it should and bears what it should, each has a runbook."""

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.__main__ import HERE, RULES, written
from dashboards.prometheus.contract import Alert
from dashboards.promql import series
from drift.metrics import names
from tests.unit.rule_cases import CASES, HEALTHY, Series

ROOT = Path(__file__).parents[2]
ALERTS: Mapping[str, Alert] = {name: alert for file in RULES for name, alert in file.alerts.items()}


def inputs(changes: Series) -> list[dict[str, str]]:
    """The healthy world with changes, as two servers export it."""
    world = {**HEALTHY, **changes}
    return [
        {"series": labelled(name, instance), "values": values}
        for name, values in world.items()
        if values is not None
        for instance in ("a:8080", "b:8080")
    ]


def labelled(name: str, instance: str) -> str:
    metric, _, rest = name.partition("{")
    return f'{metric}{{job="drift", instance="{instance}"' + (f", {rest}" if rest else "}")


def firing(name: str, instance: str = "") -> str:
    """The sample that says that an alert fires."""
    alert, case = ALERTS[name], CASES[name]
    labels = [f'alertname="{name}"', 'alertstate="firing"', f'severity="{alert.level}"', instance, case.labels]
    return "ALERTS{" + ", ".join(filter(None, labels)) + "}"


def expected(name: str) -> list[str]:
    if name == "DriftDown":
        return [firing(name, f'instance="{one}:8080"') for one in "ab"]
    return [firing(name)]


def world(changes: Series, at: str, samples: Iterable[str], alert: str = "") -> dict[str, Any]:
    only = f', alertname="{alert}"' if alert else ""
    test = {
        "expr": f'ALERTS{{alertstate="firing"{only}}}',
        "eval_time": at,
        "exp_samples": [{"labels": labels, "value": 1} for labels in samples],
    }
    return {"interval": "1m", "input_series": inputs(changes), "promql_expr_test": [test]}


def run(promtool: str, folder: Path, tests: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    files = [str(HERE / "prometheus" / f"{file.name}.yml") for file in RULES]
    # what alerts read is recorded first; else promtool takes groups in any order, and a boundary is met or not
    groups = [(path, group["name"]) for path in files for group in yaml.safe_load(Path(path).read_text())["groups"]]
    order = [name for _, name in sorted(groups, key=lambda one: "recording" not in one[0])]
    suite = {"rule_files": files, "evaluation_interval": "1m", "group_eval_order": order, "tests": tests}
    (folder / "tests.yml").write_text(json.dumps(suite))  # JSON is YAML
    return subprocess.run(
        [promtool, "test", "rules", str(folder / "tests.yml")], capture_output=True, text=True, check=False
    )


def test_the_committed_files_are_what_the_code_writes() -> None:
    for path, text in written().items():
        assert (HERE / path).read_text() == text, f"{path} is stale: run python -m dashboards"
    kinds = ("prometheus/*.yml", "grafana/*.json", "web/runbooks/*.md")
    committed = {path.relative_to(HERE) for kind in kinds for path in HERE.glob(kind)}
    assert committed == set(written())


def test_promtool_finds_the_rules_valid(promtool: str) -> None:
    files = [str(HERE / "prometheus" / f"{file.name}.yml") for file in RULES]
    done = subprocess.run([promtool, "check", "rules", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_that_fires_and_one_that_does_not() -> None:
    assert CASES.keys() == ALERTS.keys()
    assert all(case.bears for case in CASES.values())


def test_nothing_fires_while_all_is_well(promtool: str, tmp_path: Path) -> None:
    done = run(promtool, tmp_path, [world({}, at, []) for at in ("20m", "6h")])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", CASES)
def test_an_alert_fires_alone_and_bears_what_it_should(name: str, promtool: str, tmp_path: Path) -> None:
    case = CASES[name]
    others = [sample for other in case.also for sample in expected(other)]
    tests = [world(case.fires, case.at, [*expected(name), *others])]
    tests += [world(bearable, case.at, [], name) for bearable in case.bears]
    tests += [world(case.fires, case.after, [], name)] if case.after else []
    done = run(promtool, tmp_path, tests)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS.keys())
def test_an_alert_says_where_with_labels_that_it_has(alert: Alert) -> None:
    has = set(re.findall(r"(\w+)=", CASES[alert.name].labels)) | ({"instance"} if alert.name == "DriftDown" else set())
    said = set(re.findall(r"\$labels\.(\w+)", alert.summary + alert.description))
    assert said <= has
    assert not has or "job" in has
    assert re.fullmatch(r"Drift[A-Za-z]+", alert.name)
    assert "topk" not in alert.expr
    assert alert.summary
    assert alert.description.endswith(".")


def test_a_wrong_label_is_refused_while_rules_are_written() -> None:
    with pytest.raises(ValueError, match="drift_lag_records has no label model"):
        series(names.LAG, model="credit")


def test_runbooks_can_be_anywhere() -> None:
    [text] = [text for path, text in written("https://docs.example/runbooks").items() if "service" in path.name]
    rules = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    assert rules[0]["annotations"]["runbook_url"] == "https://docs.example/runbooks/DriftAbsent.md"
