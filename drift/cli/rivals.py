"""`drift rivals`."""

from pathlib import Path
from typing import Any

from drift.cli import output
from drift.cli.client import connect


def rivals(
    model: str, champion: str, challenger: str, since: str, until: str, metric: str, config: Path, url: str | None, *,
    as_json: bool,
) -> None:  # fmt: skip
    """Say which of two versions does better."""
    given = {"from": since, "until": until, "metric": metric}
    with connect(config, url) as client:
        found = client.get(
            "/v1/rivals", model=model, champion=champion, challenger=challenger,
            **{name: value for name, value in given.items() if value},
        )  # fmt: skip
    if as_json:
        output.json(found)
        return
    output.paragraph(found["sentence"])
    rows = [
        (one["metric"], "labels" if one["realized"] else "estimated", _band(one["champion"]), _band(one["challenger"]),
         _band(one["gain"]), one["verdict"])
        for one in found["metrics"]
    ]  # fmt: skip
    output.table(("metric", "from", champion, challenger, "gain", "verdict"), rows)
    for one in found["traffic"]:
        output.line(f"other traffic: {one['column']} ({one['what']}) {one['amount']:+.3g}\n")


def _band(band: dict[str, Any]) -> str:
    if band["value"] is None:
        return "–"
    return f"{band['value']:.4g} ({_number(band['low'])} to {_number(band['high'])})"


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.4g}"
