"""`drift backtest`, its options."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from drift.cli.options import Json

commands = typer.Typer()
_Text = Optional[str]  # noqa: UP045  typer reads it
_CUT = "Windows: by time, or by rows"
_WHAT = "What the columns are"
_JUDGE = "How it is judged"


@commands.command()
def backtest(
    reference: Annotated[Path, typer.Option(help="What is normal: Parquet, CSV or JSON Lines.")],
    events: Annotated[Path, typer.Option(help="What production saw: Parquet, CSV or JSON Lines, of any size.")],
    time: Annotated[
        _Text, typer.Option(metavar="COL", help="Column with the event time, in both.", rich_help_panel=_CUT)
    ] = None,
    window: Annotated[
        _Text, typer.Option(metavar="LENGTH", help="How long a window is: 15m, 1h, 1d.", rich_help_panel=_CUT)
    ] = None,
    rows_per_window: Annotated[
        Optional[int],  # noqa: UP045  typer reads it
        typer.Option(metavar="N", help="So many rows, in the file's order, are a window.", rich_help_panel=_CUT),
    ] = None,
    prediction: Annotated[_Text, typer.Option(metavar="COL", help="The model's output.", rich_help_panel=_WHAT)] = None,
    score: Annotated[
        _Text, typer.Option(metavar="COL", help="Its probability or score.", rich_help_panel=_WHAT)
    ] = None,
    label: Annotated[
        _Text, typer.Option(metavar="COL", help="The truth; not watched as an input.", rich_help_panel=_WHAT)
    ] = None,
    segment: Annotated[
        list[str],
        typer.Option(metavar="COL", help="Judge its values apart; several with commas.", rich_help_panel=_WHAT),
    ] = [],  # noqa: B006
    ignore: Annotated[
        list[str],
        typer.Option(metavar="A,B", help="Columns that are not watched.", rich_help_panel=_WHAT),
    ] = [],  # noqa: B006
    budget: Annotated[
        _Text,
        typer.Option(
            metavar="TIME", help="One false alarm is allowed in this time; 30d, unless given.", rich_help_panel=_JUDGE
        ),
    ] = None,
    seasonal: Annotated[
        _Text,
        typer.Option(metavar="SEASON", help="auto, none, or the season that is expected.", rich_help_panel=_JUDGE),
    ] = None,
    timezone: Annotated[
        _Text,
        typer.Option(metavar="ZONE", help="IANA zone whose midnight starts a day.", rich_help_panel=_JUDGE),
    ] = None,
    config: Annotated[
        Optional[Path],  # noqa: UP045  typer reads it
        typer.Option(
            "--config", "-c", help="Start from a model's settings in this drift.yaml.", rich_help_panel=_JUDGE
        ),
    ] = None,
    model: Annotated[
        str, typer.Option("--model", "-m", help="Which model; needed where it has several.", rich_help_panel=_JUDGE)
    ] = "",
    json: Json = False,
) -> None:
    """Show what would have been paged, when, and how long after the onset.

    The events go through the pipeline and the detectors of `drift serve`,
    with the time that they carry; nothing is left behind. The same files give
    the same output, to the byte.

    drift backtest --reference ref.parquet --events log.parquet --time ts --window 1d

    drift backtest --reference ref.csv --events log.csv --rows-per-window 5000

    With --time, windows at both ends that the events fill in part only are set
    aside; times without a zone are UTC. If the reference lacks the column, the
    events' own first windows are the baseline.

    With --rows-per-window, `start`, `end` and `onset` are numbers of rows, the
    last window may be smaller, and a window counts as one hour of the budget.

    Rows that cannot be read are counted, and shown with the reason.
    """
    from drift.cli import backtesting

    backtesting.show(
        reference, events, as_json=json, time=time, window=window, rows_per_window=rows_per_window,
        prediction=prediction, score=score, label=label, segments=backtesting.listed(segment),
        ignore=backtesting.listed(ignore), budget=budget, seasonal=seasonal, timezone=timezone, config=config,
        model=model,
    )  # fmt: skip
