"""Commands about retraining, routes, access tokens, the audit and the digest."""

from typing import Annotated

import typer

from drift.cli.options import HERE, ConfigFile, Json, Limit, ModelName, Number, OfModel, Url, Who, Why

commands = typer.Typer()
token = typer.Typer(help="Access tokens: needed wherever the service can be reached from other machines.")
routes = typer.Typer(help="Routes: where alerts go.")
commands.add_typer(token, name="token", no_args_is_help=True)
commands.add_typer(routes, name="routes", no_args_is_help=True)


@commands.command()
def runs(
    model: OfModel = "", limit: Limit = 50, config: ConfigFile = HERE, url: Url = None, json: Json = False
) -> None:
    """List retrain runs, newest first."""
    from drift.cli import runs as listing

    listing.listed(model, limit, config, url, as_json=json)


@commands.command()
def approve(
    number: Number, why: Why, who: Who = "", config: ConfigFile = HERE, url: Url = None, json: Json = False
) -> None:
    """Let a retrain run that waits for an approval start."""
    from drift.cli import runs as listing

    listing.decide("approve", number, why, who, config, url, as_json=json)


@commands.command()
def deny(
    number: Number, why: Why, who: Who = "", config: ConfigFile = HERE, url: Url = None, json: Json = False
) -> None:
    """Say no to a retrain run that waits for an approval."""
    from drift.cli import runs as listing

    listing.decide("deny", number, why, who, config, url, as_json=json)


@commands.command()
def retrain(
    model: ModelName,
    trigger: Annotated[str, typer.Option(help="As drift.yaml calls it.")],
    why: Why,
    who: Who = "",
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """Ask for a retraining by hand."""
    from drift.cli import runs as listing

    listing.ask(model, trigger, why, who, config, url, as_json=json)


@routes.command("test")
def routes_test(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Only this route; else all of them.")] = "",
    config: ConfigFile = HERE,
    json: Json = False,
) -> None:
    """Send a test alert through each configured route. Exits with 1 if one did not take it."""
    from drift.cli import routing

    raise typer.Exit(routing.test(name, config, as_json=json))


@token.command("create")
def token_create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who holds it; it stands in the audit.")],
    scope: Annotated[list[str], typer.Option(help="ingest, read, operate or admin; may be repeated.")],
    model: Annotated[list[str], typer.Option(help="Only for models of this name or pattern; may be repeated.")] = [],  # noqa: B006
    expires: Annotated[str, typer.Option(help="After how long, as in 90d; or never.")] = "90d",
    who: Who = "",
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """Make an access token and show it, once."""
    from drift.cli import tokens

    tokens.create(name, scope, model, expires, who, config, url, as_json=json)


@token.command("list")
def token_list(config: ConfigFile = HERE, url: Url = None, json: Json = False) -> None:
    """List access tokens, newest first; never their secrets."""
    from drift.cli import tokens

    tokens.listed(config, url, as_json=json)


@token.command("revoke")
def token_revoke(number: Number, who: Who = "", config: ConfigFile = HERE, url: Url = None, json: Json = False) -> None:
    """Let an access token allow nothing from now on."""
    from drift.cli import tokens

    tokens.revoke(number, who, config, url, as_json=json)


@commands.command()
def audit(limit: Limit = 50, config: ConfigFile = HERE, url: Url = None, json: Json = False) -> None:
    """List who did what, newest first."""
    from drift.cli import tokens

    tokens.audit(limit, config, url, as_json=json)


@commands.command()
def digest(
    days: Annotated[int, typer.Option(min=1, max=92, help="How many, up to now.")] = 7,
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """Show what paged in the last days, what would have, what is open, and what became of retraining."""
    from drift.cli import incidents as listing

    listing.digest(days, config, url, as_json=json)


@commands.command()
def forget(
    model: ModelName, why: Why, who: Who = "", config: ConfigFile = HERE, url: Url = None, json: Json = False
) -> None:
    """Watch a model no more, once it is out of drift.yaml: its incidents end; what is stored of it stays."""
    from drift.cli import forgetting

    forgetting.forget(model, why, who, config, url, as_json=json)
