"""Every alert has a page that can be followed: its parts, commands that exist, metrics and links that exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from dashboards.__main__ import RULES
from drift.cli.app import app
from drift.metrics import names

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "runbooks"
PAGES = sorted(FOLDER.glob("*.md"))
COMMANDS: Any = typer.main.get_command(app)


def commands(text: str) -> list[list[str]]:
    """Words of the commands of ours that stand indented or in backticks, each up to its remark."""
    found = re.findall(r"^    (drift .*)$|`(drift [^`]*)`", text, re.MULTILINE)
    return [(indented or quoted).split("  #")[0].split()[1:] for indented, quoted in found]


def mistakes(words: list[str]) -> list[str]:
    """What a command line names that the program does not have."""
    command, rest = COMMANDS, list(words)
    while hasattr(command, "commands"):
        if not rest or rest[0] not in command.commands:
            return [" ".join(words)]
        command = command.commands[rest.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    return [word for word in rest if word.startswith("--") and word not in known]


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    assert [page.stem for page in PAGES] == sorted(name for file in RULES for name in file.alerts)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_can_be_followed(page: Path) -> None:
    text = page.read_text()
    [alert] = [file.alerts[page.stem] for file in RULES if page.stem in file.alerts]
    assert text.startswith(f"# {page.stem}\n\n*{alert.level}: ")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["What it means", "Look", "Do", "Escalate"]
    assert commands(text), "it names no command"
    assert [wrong for words in commands(text) for wrong in mistakes(words)] == []
    assert [link for link in re.findall(r"\]\(([^)]+)\)", text) if not (FOLDER / link).exists()] == []
    metrics = {metric.name for metric in names.ALL}
    assert [name for name in re.findall(r"\bdrift_\w+", text) if name not in metrics] == []


def test_a_command_that_does_not_exist_is_noticed() -> None:
    assert mistakes(["explain", "MODEL", "--loudly"]) == ["--loudly"]
    assert mistakes(["mend"]) == ["mend"]
