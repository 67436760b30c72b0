"""What the pages say a reader can do: links lead somewhere, commands parse, names and settings exist."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from detectors.names import statistics
from drift.cli.app import app
from drift.config import parse
from drift.core.alert import Scope
from tests.unit.test_documents import ROOT, names, resolve

PAGES = ["README.md", *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md"))]
NUMBERS = ("ID", "RUN", "N")
"""Placeholders of numbers; others are any text."""
SETTINGS = ("drift.prod.main",)
"""Values that look like names of ours."""


@cache
def text(page: str) -> str:
    return (ROOT / page).read_text()


def without_code(page: str) -> str:
    return re.sub(r"^```.*?^```|^    .*?$|`[^`\n]*`", "", text(page), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    found: set[str] = set()
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for heading in re.findall(r"^#{1,6} (.+)$", prose, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings_that_exist(page: str) -> None:
    found = re.findall(r"\]\(([^)\s]+)\)", without_code(page))
    found += re.findall(r"""(?:src|srcset|href)=["']([^"']+)["']""", text(page))
    for link in found:
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{page}: {link}"


def test_the_index_names_every_page() -> None:
    index = text("docs/README.md")
    missing = [
        page for page in PAGES
        if page.startswith("docs/") and "/runbooks/" not in page and f"({page.removeprefix('docs/')})" not in index
    ]  # fmt: skip
    assert missing == ["docs/README.md"]


def commands(page: str) -> Iterator[str]:
    """Command lines of the page: those in blocks of code, and whole ones in the text."""
    fenced = "".join(re.findall(r"^```.*?^```", text(page), re.MULTILINE | re.DOTALL))
    yield from re.findall(r"^    (drift .+)$", text(page), re.MULTILINE)
    yield from re.findall(r"^ *(drift [a-z].+)$", fenced, re.MULTILINE)
    for span in re.findall(r"`(drift [^`\n]+)`", text(page)):
        if not re.search(r"[…|\[\]{}]", span):
            yield span


LINES = [(page, line) for page in PAGES for line in dict.fromkeys(commands(page))]


def test_there_are_commands_to_try() -> None:
    assert len(LINES) > 80


@pytest.mark.parametrize(("page", "line"), LINES)
def test_commands_parse(page: str, line: str) -> None:
    words = shlex.split(re.split(r"\s{2,}#|\s#\s", line)[0])[1:]
    words = [word for word in words if word != "\\"]
    command: Any = get_command(app)
    while hasattr(command, "commands"):
        if not words or words[0].startswith("-"):
            return
        assert words[0] in command.commands, f"{page}: {line}"
        command = command.commands[words.pop(0)]
    if not words and any(param.required for param in command.params):
        return  # the command is named, not called
    given = ["1" if word in NUMBERS else word for word in words]
    command.make_context("drift", given)  # raises what click would say


def test_a_wrong_option_would_be_noticed() -> None:
    with pytest.raises(Exception, match="No such option"):
        test_commands_parse("x", "drift status --jsn")
    with pytest.raises(AssertionError):
        test_commands_parse("x", "drift stauts")


@pytest.mark.parametrize(
    ("page", "name"), [(page, name) for page in PAGES for name in names(page) if name not in SETTINGS]
)
def test_names_in_code_exist(page: str, name: str) -> None:
    assert resolve(name.removesuffix("()")) is not None


@pytest.mark.parametrize("page", PAGES)
def test_paths_of_the_project_exist(page: str) -> None:
    roots = "drift|ingest|detectors|alerts|dashboards|tests|benchmarks|docs"
    for path in re.findall(rf"`((?:{roots})/[\w./-]+)`", text(page)):
        assert (ROOT / path).exists(), f"{page}: {path}"


def test_every_statistic_is_explained() -> None:
    page = text("docs/statistics.md")
    assert [name for name in statistics() if f"`{name}`" not in page] == []


def test_every_scope_is_explained() -> None:
    assert [scope for scope in Scope if f"| `{scope.value}` |" not in text("docs/operating.md")] == []


def test_what_the_readme_shows_as_drift_yaml_is_one() -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```", text("README.md"), re.MULTILINE | re.DOTALL)
    assert len(block.strip().splitlines()) <= 10
    config = parse(block)
    assert set(config.models) == set(yaml.safe_load(block)["models"])
    assert config.sources


def test_the_readme_is_short() -> None:
    assert len(text("README.md").splitlines()) < 200


def settings() -> dict[str, set[str]]:
    """Part of drift.yaml → its settings, as the reference of all settings lists them."""
    parts = re.split(r"^## `([^`]+)`$", text("docs/configuration.md"), flags=re.MULTILINE)
    return {
        name: set(re.findall(r"^\| `(\w+)`", body, re.MULTILINE))
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


@pytest.mark.parametrize("page", PAGES)
def test_settings_that_are_named_exist(page: str) -> None:
    known = settings()
    assert "max_hold" in known["event_time"]
    for part, name in re.findall(r"`(\w+)\.(\w+)(?::[^`]*)?`", text(page)):
        if part in known and (part, name) != ("server", "properties"):  # that is Kafka's file
            assert name in known[part], f"{page}: {part}.{name}"
