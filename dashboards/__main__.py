"""`python -m dashboards` writes the committed rules and dashboards, and what the web page has of docs/."""

import argparse
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dashboards.grafana import fleet, model, pipeline
from dashboards.prometheus import models, recording, service
from dashboards.prometheus.contract import RUNBOOKS

HERE: Final = Path(__file__).parent
RULES: Final = (recording.FILE, models.FILE, service.FILE)
DOCS: Final = HERE.parent / "docs" / "runbooks"
BOARDS: Final = (fleet.BOARD, model.BOARD, pipeline.BOARD)


def written(runbooks: str = RUNBOOKS) -> Mapping[Path, str]:
    """Every generated file under `dashboards/` and its text."""
    with warnings.catch_warnings():  # the SDK would rather write v2, which file provisioning refuses
        warnings.filterwarnings("ignore", "Prefer using dashboardv2", DeprecationWarning)
        from dashboards.grafana.render import rendered

    rules = {Path("prometheus") / f"{file.name}.yml": file.written(runbooks) for file in RULES}
    # an installed package has no docs/
    pages = {Path("web", "runbooks", page.name): page.read_text("utf-8") for page in sorted(DOCS.glob("*.md"))}
    return rules | pages | {Path("grafana") / f"{board.uid}.json": rendered(board) for board in BOARDS}


def main() -> None:
    """Write them."""
    parser = argparse.ArgumentParser(prog="python -m dashboards", description=main.__doc__)
    parser.add_argument("--runbooks", default=RUNBOOKS, help="where docs/runbooks/ is served, for runbook_url")
    parser.add_argument("--into", type=Path, default=HERE, help="a folder")
    options = parser.parse_args()
    for path, text in written(options.runbooks).items():
        target = options.into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
