"""Commands about alarms: what stands, why, and what is answered."""

from typing import Annotated, Optional

import typer

from drift.cli.options import (
    HERE,
    Alarm,
    ColumnName,
    ConfigFile,
    Json,
    ModelName,
    Segment,
    Since,
    Until,
    Url,
    Version,
    Who,
    Why,
    Window,
)  # fmt: skip

commands = typer.Typer()


@commands.command()
def alarms(
    model: ModelName,
    everything: Annotated[bool, typer.Option("--all", help="Those that ended as well.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """List a model's alarms, newest first."""
    from drift.cli import alarms as listing

    listing.listed(model, limit, config, url, everything=everything, as_json=json)


@commands.command()
def explain(
    model: ModelName,
    column: ColumnName = "",
    segment: Segment = "",
    window: Window = "",
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """Why was I paged, or why was I not: in words, with what to do about it."""
    from drift.cli import explaining

    explaining.explain(model, column, segment, window, config, url, as_json=json)


@commands.command()
def performance(
    model: ModelName,
    segment: Segment = "",
    window: Window = "",
    metric: Annotated[str, typer.Option(help="Only this metric, as in accuracy.")] = "",
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """Show how good a model is now: estimated without labels, realised by them, against its reference, and why."""
    from drift.cli import performance as shown

    shown.performance(model, segment, window, metric, config, url, as_json=json)


@commands.command()
def rivals(
    model: ModelName,
    champion: Annotated[str, typer.Argument(help="The version that serves now.")],
    challenger: Annotated[str, typer.Argument(help="The canary or shadow.")],
    since: Since = "",
    until: Until = "",
    metric: Annotated[str, typer.Option(help="That decides; accuracy or mae, unless given.")] = "",
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """Say which of two versions does better on the same traffic, and whether to promote the challenger."""
    from drift.cli import rivals as comparing

    comparing.rivals(model, champion, challenger, since, until, metric, config, url, as_json=json)


@commands.command()
def accept(
    model: ModelName,
    why: Why,
    column: ColumnName = "",
    who: Who = "",
    alarm: Alarm = None,
    segment: Segment = "",
    window: Window = "",
    version: Version = "",
    since: Since = "",
    until: Until = "",
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """Accept what an alarm is about as the new baseline, from the next window on."""
    from drift.cli import answers as answering

    wanted = answering.Wanted("accept", column, alarm, segment, window, version, since, until)
    answering.answer(model, wanted, why, who, config, url, as_json=json)


@commands.command()
def dismiss(
    model: ModelName,
    why: Why,
    column: ColumnName = "",
    who: Who = "",
    alarm: Alarm = None,
    segment: Segment = "",
    window: Window = "",
    version: Version = "",
    since: Since = "",
    until: Until = "",
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """Say that what an alarm is about was normal: the tolerance learns from it, the baseline stays where it is."""
    from drift.cli import answers as answering

    wanted = answering.Wanted("dismiss", column, alarm, segment, window, version, since, until)
    answering.answer(model, wanted, why, who, config, url, as_json=json)


@commands.command()
def snooze(
    model: ModelName,
    why: Why,
    span: Annotated[str, typer.Option("--for", metavar="DURATION", help="For how long, as in 3d.")],
    column: ColumnName = "",
    who: Who = "",
    alarm: Alarm = None,
    segment: Segment = "",
    window: Window = "",
    version: Version = "",
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """Let alarms stand and tell nobody for a while."""
    from drift.cli import answers as answering

    wanted = answering.Wanted("snooze", column, alarm, segment, window, version, "", answering.until(span))
    answering.answer(model, wanted, why, who, config, url, as_json=json)


@commands.command()
def answers(
    model: ModelName,
    withdraw: Annotated[
        Optional[int],  # noqa: UP045  typer reads it
        typer.Option(metavar="ID", min=1, help="Take this one back."),
    ] = None,
    who: Who = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """List what people answered to a model's alarms, newest first, or take an answer back."""
    from drift.cli import answers as answering

    if withdraw is not None:
        answering.withdraw(model, withdraw, who, config, url, as_json=json)
    else:
        answering.listed(model, limit, config, url, as_json=json)


@commands.command("row-tests")
def row_tests(
    model: ModelName,
    test: Annotated[
        list[str], typer.Option("--test", "-t", help="classifier, or Evidently's as in evidently:ks; may be repeated.")
    ] = ["classifier"],  # noqa: B006  typer copies it
    window: Window = "",
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """Test the rows that are kept of the latest final window against the reference's (`row_sample` keeps them)."""
    from drift.cli import row_tests as testing

    testing.show(model, test, window, config, url, as_json=json)
