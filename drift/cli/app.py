"""The commands and their options; what they do stands in the modules beside, imported when it is needed."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from drift.cli import app_alarms, app_backtest, app_incidents, app_operating, app_reports
from drift.cli.options import HERE, ConfigFile, Json, Url, Who

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
reference = typer.Typer(help="Register and show references: what a model's production data is compared with.")
dead_letters = typer.Typer(help="Events that could not be counted.")
app.add_typer(reference, name="reference", no_args_is_help=True)
app.add_typer(dead_letters, name="dead-letters", no_args_is_help=True)
app.add_typer(app_alarms.commands)
app.add_typer(app_incidents.commands)
app.add_typer(app_operating.commands)
app.add_typer(app_reports.commands)
app.add_typer(app_backtest.commands)


@app.callback()
def prepare(context: typer.Context) -> None:
    """Drift monitoring for prediction streams: exact sums, exactly once.

    --debug, anywhere, shows where an error came from.
    """
    from drift.cli import logs

    logs.configure(logs.TALKATIVE if context.invoked_subcommand in ("serve", "worker", "demo") else logs.QUIET)


@app.command()
def init(
    reference_file: Annotated[Path, typer.Argument(metavar="REFERENCE", help="Training or validation data.")],
    model: Annotated[str, typer.Option(help="The model's name; the file's, unless given.")] = "",
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write.")] = HERE,
    force: Annotated[bool, typer.Option(help="Overwrite the file.")] = False,
) -> None:
    """Write a commented drift.yaml for a reference (Parquet or CSV)."""
    from drift.cli import project

    project.init(reference_file, model, output, force=force)


@app.command()
def validate(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", envvar="DRIFT_CONFIG", help="The configuration.")] = HERE,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema instead, for editors.")] = False,
) -> None:
    """Check drift.yaml: everything that is wrong, with its line and the fix."""
    from drift.cli import project

    project.validate(config, schema=schema)


@reference.command("add")
def reference_add(
    file: Annotated[Path, typer.Argument(help="Parquet or CSV.")],
    model: Annotated[str, typer.Option("--model", "-m", help="The model.")],
    version: Annotated[str, typer.Option("--version", "-v", help="The model version it belongs to.")] = "1",
    active_from: Annotated[
        str, typer.Option("--active-from", help="Event time from which it judges, as in 2026-11-23T10:00:00Z.")
    ] = "",
    why: Annotated[str, typer.Option(help="Why it takes over from another; kept beside the answers to alarms.")] = "",
    who: Who = "",
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """Register data as the reference of a model's version, and show what was inferred."""
    from drift.cli import references

    references.add(file, model, version, active_from, why, who, config, url, as_json=json)


@reference.command("list")
def reference_list(
    model: Annotated[str, typer.Option("--model", "-m", help="Only this model's.")] = "",
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """List references, newest first."""
    from drift.cli import references

    references.listed(model, config, url, as_json=json)


@reference.command("show")
def reference_show(
    number: Annotated[int, typer.Argument(metavar="ID", help="As `reference list` shows it.")],
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """Show what was inferred from a reference's data."""
    from drift.cli import references

    references.show(number, config, url, as_json=json)


@app.command()
def serve(config: ConfigFile = HERE) -> None:
    """Run everything in one process: ingest, evaluation, REST API, metrics."""
    from drift.cli import running

    running.serve(config)


@app.command()
def worker(
    config: ConfigFile = HERE,
    metrics_port: Annotated[
        Optional[int],  # noqa: UP045  typer reads it
        typer.Option(min=1, max=65535, help="Serve /metrics on this port of the configured host."),
    ] = None,
) -> None:
    """Run ingest alone, beside a server and other workers (PostgreSQL only)."""
    from drift.cli import running

    running.worker(config, metrics_port)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="JSON Lines, CSV or Parquet.")],
    config: ConfigFile = HERE,
    url: Url = None,
    again: Annotated[bool, typer.Option(help="Count a file again that was counted before.")] = False,
    source: Annotated[str, typer.Option(help="Read it as this source of drift.yaml is read (its map).")] = "",
    json: Json = False,
) -> None:
    """Count the events of a file, each once: a replay that was cut short goes on where it stopped."""
    from drift.cli import replaying

    replaying.replay(file, config, url, source, again=again, as_json=json)


@app.command()
def status(config: ConfigFile = HERE, url: Url = None, json: Json = False) -> None:
    """Show partitions, lag, watermarks and totals."""
    from drift.cli import operations

    operations.status(config, url, as_json=json)


@app.command()
def retire(
    source: Annotated[str, typer.Argument(help="As `drift status` shows it.")],
    topic: Annotated[str, typer.Argument(help="As `drift status` shows it.")],
    config: ConfigFile = HERE,
    url: Url = None,
) -> None:
    """Let windows close without a topic that will never be read again: a deleted one, an abandoned file."""
    from drift.cli import operations

    operations.retire(source, topic, config, url)


@app.command()
def fields(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model's name.")],
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """List fields that a model's events have and no reference knows: nobody watches them."""
    from drift.cli import operations

    operations.fields(model, config, url, as_json=json)


@dead_letters.command("list")
def dead_letters_list(
    reason: Annotated[str, typer.Option(help="Only those refused for this reason.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """List events that could not be counted, newest first."""
    from drift.cli import operations

    operations.dead_letters(reason, limit, config, url, as_json=json)


@dead_letters.command("replay")
def dead_letters_replay(
    ids: Annotated[list[int], typer.Argument(metavar="ID…", help="As `dead-letters list` shows them.")],
    config: ConfigFile = HERE,
    url: Url = None,
    json: Json = False,
) -> None:
    """Feed dead letters in again, each once, after their cause was mended."""
    from drift.cli import operations

    operations.replay(ids, config, url, as_json=json)


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Replay the data, print a summary and exit.")] = False,
    json: Json = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8642,
    directory: Annotated[
        Optional[Path],  # noqa: UP045  typer reads it
        typer.Option(help="Where its files go; .drift-demo, or with --once a temporary folder, unless given."),
    ] = None,
) -> None:
    """Watch a drifting model on real flights: trained on the first quarter of 2013, judged on the rest."""
    from drift.cli import running

    running.demo(directory, port, once=once, as_json=json)


@app.command()
def check(
    reference: Annotated[Path, typer.Option(help="What is normal: Parquet or CSV.")],
    current: Annotated[Path, typer.Option(help="What is judged: Parquet or CSV.")],
    config: Annotated[
        Optional[Path],  # noqa: UP045  typer reads it
        typer.Option("--config", "-c", help="Take columns and rules from this file …"),
    ] = None,
    model: Annotated[str, typer.Option("--model", "-m", help="… of this model; needed where it has several.")] = "",
    rule: Annotated[list[str], typer.Option(help='A rule such as "psi > 0.2"; may be repeated.')] = [],  # noqa: B006
    json: Json = False,
) -> None:
    """Compare two files. Exits with 0: no drift, 1: drift, 2: could not tell."""
    from drift.cli import checking

    raise typer.Exit(checking.check(reference, current, config, model, rule, as_json=json))
