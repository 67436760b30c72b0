"""Every module stands in a layer: import-linter says nothing about one that no layer lists."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
PACKAGES: list[str] = SETTINGS["root_packages"]
LAYERS: list[str] = next(c["layers"] for c in SETTINGS["contracts"] if c["id"] == "layers")
LISTED = {name.strip(" ()") for layer in LAYERS for name in re.split(r"[|:]", layer)}


def modules() -> set[str]:
    """The dotted names of all modules in the packages, `drift` itself aside: it stands above no layer and is lazy."""
    files = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files}
    return names - {"drift"}


def unlisted(names: Iterable[str]) -> list[str]:
    """Those names that neither are in a layer nor are below a module that is."""
    return sorted(name for name in names if not any(f"{name}.".startswith(f"{layer}.") for layer in LISTED))


def test_every_module_is_in_a_layer() -> None:
    strangers = unlisted(modules())
    assert not strangers, f"add these to a layer under [tool.importlinter] in pyproject.toml: {strangers}"


def test_a_stranger_is_noticed() -> None:
    assert unlisted(["drift.core.grid", "drift.corex", "drift.utils", "ingest", "ingest.sources.http"]) == [
        "drift.corex",
        "drift.utils",
    ]


def test_all_five_packages_are_found() -> None:
    assert {"alerts", "dashboards", "detectors", "drift.core", "ingest"} <= modules()
    assert len(PACKAGES) == 5
