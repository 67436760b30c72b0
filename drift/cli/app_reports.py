"""Commands that write reports."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

from drift.cli.options import HERE, ConfigFile, ModelName, Number, Url

commands = typer.Typer()
report = typer.Typer(help="Write reports: of an incident from the sums, of a window from its row sample.")
commands.add_typer(report, name="report", no_args_is_help=True)


class Form(StrEnum):
    """What an incident report is written as."""

    HTML = "html"
    MARKDOWN = "markdown"


Output = Annotated[
    Optional[Path],  # noqa: UP045  typer reads it
    typer.Option("--output", "-o", help="Where to write; to standard output, unless given.", show_default=False),
]


@report.command("incident")
def report_incident(
    number: Number,
    form: Annotated[
        Optional[Form],  # noqa: UP045  typer reads it
        typer.Option("--format", help="As what; what the file's name ends in, else html.", show_default=False),
    ] = None,
    output: Output = None,
    config: ConfigFile = HERE,
    url: Url = None,
) -> None:
    """Write an incident as one file for a ticket: what, since when, because of what, how bad, who did what."""
    from drift.cli import reports

    reports.incident(number, form.value if form is not None else "", output, config, url)


@report.command("window")
def report_window(
    model: ModelName,
    window: Annotated[str, typer.Option(help="Of windows cut this way, as in 1h; else of the model's first.")] = "",
    number: Annotated[
        Optional[int],  # noqa: UP045  typer reads it
        typer.Option("--id", min=1, help="This window; else the latest final one with rows.", show_default=False),
    ] = None,
    column: Annotated[list[str], typer.Option(help="Only this column; may be repeated.")] = [],  # noqa: B006
    output: Output = None,
    config: ConfigFile = HERE,
    url: Url = None,
) -> None:
    """Write Evidently's HTML report over the rows kept of a window (`row_sample`), which takes some seconds."""
    from drift.cli import reports

    reports.window(model, window, number, column, output, config, url)
