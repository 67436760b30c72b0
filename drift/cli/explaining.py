"""`drift explain`."""

from pathlib import Path

from drift.cli import output
from drift.cli.client import connect


def explain(
    model: str, column: str, segment: str, window: str, config: Path, url: str | None, *, as_json: bool
) -> None:
    """Say in words what stands on a column or a model, and why."""
    with connect(config, url) as client:
        found = client.get("/v1/explain", model=model, column=column, segment=segment, window=window)
    if as_json:
        output.json(found)
        return
    for i, case in enumerate(found["cases"]):
        if i:
            output.line("─" * 40 + "\n")
        for text in case["text"]:
            output.paragraph(text)
    if not found["cases"]:
        for text in found["text"]:
            output.paragraph(text)
