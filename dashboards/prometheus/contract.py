"""What a rule is, and how it is written down for Prometheus."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import yaml

RUNBOOKS: Final = "docs/runbooks"
"""Where the pages are, unless `python -m dashboards --runbooks URL` says where they are served."""
_HEAD: Final = "# Written by `python -m dashboards`; change {module} instead. About it: docs/dashboards.md\n"

Level = Literal["critical", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded series, named `level:metric:operations`."""

    record: str
    expr: str

    def written(self, runbooks: str) -> dict[str, Any]:
        """As Prometheus reads it."""
        return {"record": self.record, "expr": self.expr}


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert; its runbook is the page with its name."""

    name: str
    level: Level
    """`critical` wakes somebody, `warning` waits for the morning, `info` is kept."""
    expr: str
    summary: str
    """One line, with the labels that say where."""
    description: str
    """What it means, and what happens if nobody acts."""
    hold: str = "5m"
    """How long the expression has to be true."""
    keep: str = "5m"
    """How long it goes on firing afterwards: over a restart, a missed scrape, the pause between two windows."""

    def written(self, runbooks: str) -> dict[str, Any]:
        """As Prometheus reads it."""
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.hold,
            "keep_firing_for": self.keep,
            "labels": {"severity": self.level},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{runbooks}/{self.name}.md",
            },
        }


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other."""

    name: str
    rules: Sequence[Recording | Alert]
    interval: str = ""
    """How often; empty: as Prometheus is set."""


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A file of groups."""

    name: str
    """Without `.yml`."""
    module: str
    """Where its rules are written."""
    groups: Sequence[Group] = field(default_factory=tuple)

    @property
    def alerts(self) -> Mapping[str, Alert]:
        """Its alerts by name."""
        return {rule.name: rule for group in self.groups for rule in group.rules if isinstance(rule, Alert)}

    def written(self, runbooks: str = RUNBOOKS) -> str:
        """The file's text."""
        groups = [
            {
                "name": group.name,
                **({"interval": group.interval} if group.interval else {}),
                "rules": [rule.written(runbooks) for rule in group.rules],
            }
            for group in self.groups
        ]
        text: str = yaml.safe_dump({"groups": groups}, sort_keys=False, width=110, allow_unicode=True)
        return _HEAD.format(module=self.module) + text
