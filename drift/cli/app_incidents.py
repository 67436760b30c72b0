"""Commands for people on call: incidents, silences, marks, messages that did not arrive."""

from typing import Annotated

import typer

from drift.cli.options import HERE, ConfigFile, Json, Limit, Number, OfModel, Url, Who, Why

commands = typer.Typer()
silence = typer.Typer(help="Let incidents that match tell nobody for a while.")
commands.add_typer(silence, name="silence", no_args_is_help=True)


@commands.command()
def incidents(
    model: OfModel = "",
    everything: Annotated[bool, typer.Option("--all", help="Those that are over as well.")] = False,
    limit: Limit = 50,
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """List incidents that are open: what broke together is one, and is told once."""
    from drift.cli import incidents as listing

    listing.listed(model, limit, config, url, everything=everything, as_json=json)


@commands.command()
def incident(number: Number, config: ConfigFile = HERE, url: Url = None, json: Json = False) -> None:
    """Show an incident: what fires, what happened when, who was told, retrain runs, deploys around it."""
    from drift.cli import incidents as listing

    listing.show(number, config, url, as_json=json)


@commands.command()
def ack(
    number: Number, why: Why, who: Who = "", config: ConfigFile = HERE, url: Url = None, json: Json = False
) -> None:
    """Say that you look after an incident: it is not repeated any more."""
    from drift.cli import incidents as listing

    listing.acknowledge(number, why, who, config, url, back=False, as_json=json)


@commands.command()
def unack(
    number: Number, why: Why, who: Who = "", config: ConfigFile = HERE, url: Url = None, json: Json = False
) -> None:
    """Take an acknowledgement back."""
    from drift.cli import incidents as listing

    listing.acknowledge(number, why, who, config, url, back=True, as_json=json)


@silence.command("add")
def silence_add(
    matchers: Annotated[
        list[str],
        typer.Argument(metavar="LABEL=PATTERN…", help="As in model=credit column='income*'; all have to fit."),
    ],
    why: Why,
    span: Annotated[str, typer.Option("--for", metavar="DURATION", help="For how long, as in 2h.")],
    who: Who = "",
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """Silence what matches: model, owner, family, severity, column, rule."""
    from drift.cli import silences

    silences.add(matchers, why, span, who, config, url, as_json=json)


@silence.command("list")
def silence_list(
    everything: Annotated[bool, typer.Option("--all", help="Those that are over as well.")] = False,
    limit: Limit = 50,
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """List silences, newest first."""
    from drift.cli import silences

    silences.listed(limit, config, url, everything=everything, as_json=json)


@silence.command("end")
def silence_end(number: Number, who: Who = "", config: ConfigFile = HERE, url: Url = None, json: Json = False) -> None:
    """End a silence now: what it held back and still fires is told."""
    from drift.cli import silences

    silences.end(number, who, config, url, as_json=json)


@commands.command()
def mark(
    text: Annotated[str, typer.Option(help="What happened.")],
    model: OfModel = "",
    kind: Annotated[str, typer.Option(help="deploy, incident, or a word of your own.")] = "deploy",
    at: Annotated[str, typer.Option(help="When, as in 2026-11-23T10:00:00Z; now, unless given.")] = "",
    link: Annotated[str, typer.Option(help="Where to read more.")] = "",
    who: Who = "",
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """Note something that happened elsewhere, such as a deploy, to be seen beside drift."""
    from drift.cli import silences

    silences.mark(model, kind, text, at, link, who, config, url, as_json=json)


@commands.command()
def notices(
    dead: Annotated[bool, typer.Option("--dead", help="Only those that were given up.")] = False,
    receiver: Annotated[str, typer.Option(help="Only those to this route.")] = "",
    limit: Limit = 50,
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """List messages to receivers, newest first: waiting, sent, dead."""
    from drift.cli import notices as listing

    listing.listed(receiver, limit, config, url, dead=dead, as_json=json)


@commands.command()
def resend(
    ids: Annotated[list[int], typer.Argument(metavar="ID…", help="As `drift notices --dead` shows them.")] = [],  # noqa: B006
    all_dead: Annotated[bool, typer.Option("--all-dead", help="All that were given up.")] = False,
    receiver: Annotated[str, typer.Option(help="Of these, only those to this route.")] = "",
    who: Who = "",
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """Send messages again that were given up, after their cause was mended."""
    from drift.cli import notices as listing

    listing.resend(ids, receiver, who, config, url, all_dead=all_dead, as_json=json)
