"""What the documents name exists; what they tell a reader to run is there."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("drift", "ingest", "detectors", "alerts", "dashboards", "tests")


def names(document: str) -> list[str]:
    """Dotted names of ours in backticks."""
    text = (ROOT / document).read_text()
    found = re.findall(r"`((?:" + "|".join(PACKAGES) + r")(?:\.\w+)+)`", text)
    return sorted({name for name in found if not name.endswith((".py", ".yaml", ".json"))})


def resolve(name: str) -> object:
    """The module, class or function of a dotted name."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: object = import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[cut:]:
            found = getattr(found, attribute)
        return found
    raise ModuleNotFoundError(name)


@pytest.mark.parametrize(
    ("document", "name"),
    [(document, name) for document in ("ARCHITECTURE.md", "CONTRIBUTING.md") for name in names(document)],
)
def test_every_name_in_a_document_exists(document: str, name: str) -> None:
    assert resolve(name) is not None


def test_the_walks_name_enough_to_follow_them() -> None:
    assert len(names("ARCHITECTURE.md")) > 25


def test_a_wrong_name_would_be_noticed() -> None:
    with pytest.raises(AttributeError):
        resolve("drift.core.grid.NoSuchThing")


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_within_the_project_lead_somewhere(document: str) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / document).read_text())
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_make_knows_the_commands_of_the_readme() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^    make (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
