"""Every PromQL expression of the generated dashboards and rules, read from the files that people load."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parents[2] / "dashboards"
BOARDS = sorted((HERE / "grafana").glob("*.json"))
RULES = sorted((HERE / "prometheus").glob("*.yml"))
_CHOSEN: Mapping[str, str] = {
    "$__rate_interval": "1m", "$__range": "1h", "$model": "credit", "$version": ".*", "$window": ".*",
    "$segment": ".*", "$metric": "accuracy", "$column": ".*", "$statistic": ".*",
}  # fmt: skip


@dataclass(frozen=True)
class Expression:
    """One of them, and where it stands."""

    where: str
    """`driftsum-fleet 7 A`, or the rule's name."""
    expr: str
    kind: str
    """`panel`, `events`, `recording` or `alert`."""

    @property
    def filled(self) -> str:
        """With Grafana's variables filled in as for a model called credit."""
        text = self.expr
        for name, value in _CHOSEN.items():
            text = text.replace(name, value)
        return text

    @property
    def selectors(self) -> list[str]:
        """The metrics it reads, each with its labels."""
        return re.findall(r"\b(?:\w+:)?drift_\w+(?::\w+)?(?:\{[^}]*\})?", self.filled)


def metrics(text: str) -> set[str]:
    """Names of exported metrics in an expression; those of recorded series left out."""
    return {name for name in re.findall(r"[\w:]*drift_[\w:]*", text) if ":" not in name}


def recorded(text: str) -> set[str]:
    """Names of recorded series in an expression."""
    return {name for name in re.findall(r"[\w:]*drift_[\w:]*", text) if ":" in name}


def expressions() -> Iterator[Expression]:
    """All of them."""
    for board in BOARDS:
        content = json.loads(board.read_text())
        for panel in content["panels"]:
            for target in panel.get("targets", []):
                yield Expression(f"{board.stem} {panel['id']} {target['refId']}", target["expr"], "panel")
        for event in content["annotations"]["list"]:
            yield Expression(f"{board.stem} {event['name']}", event["expr"], "events")
    for rule in (rule for file in RULES for rule in _rules(file)):
        name, kind = (rule["alert"], "alert") if "alert" in rule else (rule["record"], "recording")
        yield Expression(name, rule["expr"], kind)


def _rules(file: Path) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]
