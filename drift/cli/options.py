"""Options that many commands share."""

from pathlib import Path
from typing import Annotated, Final, Optional

import typer

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", envvar="DRIFT_CONFIG", help="The configuration.", show_default=True)
]
Url = Annotated[
    Optional[str],  # noqa: UP045  typer reads it
    typer.Option("--url", envvar="DRIFT_URL", help="A running service; else the one that drift.yaml describes."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
HERE: Final = Path("drift.yaml")

ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="The model's name.")]
ColumnName = Annotated[str, typer.Argument(metavar="COLUMN", help="Only this column; else all of them.")]
Why = Annotated[str, typer.Option(help="The reason; it is kept.")]
Who = Annotated[
    str,
    typer.Option(
        help="Who does this; your user name here, unless given. With an access token, its name.", show_default=False
    ),
]
Alarm = Annotated[
    Optional[int],  # noqa: UP045  typer reads it
    typer.Option(min=1, help="This alarm alone, by its id."),
]
Segment = Annotated[str, typer.Option(help="Only this segment, as in channel=web.")]
Window = Annotated[str, typer.Option(help="Only windows cut this way, as in 1h.")]
Version = Annotated[str, typer.Option(help="Of this model version; needed where several have alarms.")]
Since = Annotated[str, typer.Option("--from", help="Start of the stretch, as in 2026-11-23T10:00:00Z.")]
Until = Annotated[str, typer.Option("--until", help="End of the stretch; the last final window, unless given.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")]
Number = Annotated[int, typer.Argument(metavar="ID", min=1, help="As the list shows it.")]
OfModel = Annotated[str, typer.Argument(metavar="MODEL", help="Only this model; else all of them.")]
