"""`drift init` and `drift validate`."""

import re
from pathlib import Path

from drift.cli import output
from drift.core.errors import Conflict


def init(reference: Path, model: str, path: Path, *, force: bool) -> None:
    """Read the reference, show what was inferred, write a commented drift.yaml."""
    if path.exists() and not force:
        raise Conflict(f"{path} is there already; write another with --output, or overwrite it with --force")
    from drift.config.template import template
    from drift.reference import HEADINGS, ReferenceOptions, build_reference, summary_rows

    built = build_reference(reference, ReferenceOptions())
    name = model or re.sub(r"[^A-Za-z0-9_-]+", "_", reference.name.partition(".")[0]) or "model"
    path.write_text(template(name, _relative(reference, path.resolve().parent), built.summary), "utf-8")
    output.table(HEADINGS, summary_rows(built.summary), title=f"{reference}: {built.rows:,} rows")
    for note in built.summary["notes"]:
        output.note(f"note: {note}")
    output.note(f"{path} is written. Correct it where the table is wrong; then `drift validate` and `drift serve`.")


def _relative(reference: Path, folder: Path) -> str:
    full = reference.resolve()
    return str(full.relative_to(folder)) if full.is_relative_to(folder) else str(full)


def validate(path: Path, *, schema: bool) -> None:
    """Say that the configuration is right, or everything that is wrong with it."""
    from drift.config import json_schema, load

    if schema:
        output.json(json_schema())
        return
    config = load(path)
    sources = ", ".join(source.name for source in config.sources) or "http alone"
    output.line(
        f"{path} is right: {len(config.models)} {'model' if len(config.models) == 1 else 'models'}, sources: {sources}"
    )
