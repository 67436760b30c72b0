"""`drift performance`: how good a model is now, by labels and without them."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from drift.cli import output
from drift.cli.client import connect
from drift.core.errors import NotFound

PAGE: Final = 50
PAGES: Final = 20
"""Windows that are gone back for one whose labels are mature: a thousand."""


def performance(
    model: str, segment: str, window: str, metric: str, config: Path, url: str | None, *, as_json: bool
) -> None:
    """Show the newest window, and beside it the newest whose labels are mature."""
    about = {"model": model, "segment": segment or "all", "window": window or None, "metric": metric or None}
    with connect(config, url) as client:
        latest, mature = _found(client.pages("/v1/performance", PAGE * PAGES, **_given(about)))
    if as_json:
        output.json({"latest": latest, "mature": mature})
        return
    if latest is None:
        raise NotFound(
            f"nothing is known of the performance of model {model}: its reference needs predictions and labels, and a "
            "window has to be final; docs/performance.md says how"
        )
    _shown(latest, mature)


def _given(about: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in about.items() if value is not None}


def _found(points: Iterable[Any]) -> tuple[Any, Any]:
    """The newest window, and the newest of the same cut whose labels are mature."""
    latest = None
    for point in points:
        latest = latest or point
        if point["mature"] and (point["window"], point["version"]) == (latest["window"], latest["version"]):
            return latest, point
    return latest, None


def _shown(latest: Any, mature: Any) -> None:
    output.line(_where("estimated", latest))
    if mature is not None:
        output.line(_where("realised", mature))
    headings = ("metric", "reference", "estimated", "95 % band", "realised", "95 % band")
    names = dict.fromkeys([*latest["reference"], *latest["estimated"], *(mature["realized"] if mature else ())])
    rows = (
        [name, _value(latest["reference"].get(name)), *_banded(latest["estimated"].get(name)),
         *_banded(mature["realized"].get(name) if mature else None)]
        for name in names
    )  # fmt: skip
    output.table(headings, rows)
    output.line(_labels(latest, mature) + "\n")
    for text in _delays(latest):
        output.line(text)
    causes = [one for one in latest["causes"] if one["composition"] is not None and abs(one["z"] or 0) >= SHOWN]
    if causes:
        cells = (
            [one["column"], _number(one["composition"]), _number(one["within"]), _number(one["z"])] for one in causes
        )
        output.table(("column", "by other values", "by the same values", "z"), cells, title="causes of a changed error")
    for text in filter(
        None, (latest["summary"], latest["assumption"] if latest["assumption"] not in latest["summary"] else "")
    ):
        output.paragraph(text)


SHOWN: Final = 2.0
"""Standard errors from which on a column is listed."""


def _where(what: str, point: Any) -> str:
    part = "" if point["segment"] == "all" else f", {point['segment']}"
    return f"{what}: window of {point['window']} to {point['end']}, version {point['version']}{part}"


def _labels(latest: Any, mature: Any) -> str:
    share = (
        "none can have one" if latest["coverage"] is None else f"{latest['coverage']:.1%} of those that can have one"
    )
    word = "mature" if latest["mature"] else "not mature"
    said = f"labels: {latest['joined']:,} of {latest['predicted']:,} predictions ({share}), {word}"
    return said if mature is not None else f"{said}; no window's are"


def _delays(latest: Any) -> Iterator[str]:
    """How long labels took, and how many contradicted."""
    for one in latest["delays"]:
        name = f"labels {one['name']}" if one["name"] else "labels"
        minutes = [max(round(one[part] / 60), 1) for part in ("median", "most")]
        yield f"{name}: half came within {minutes[0]:,} min, nine in ten within {minutes[1]:,} min"
    if latest["conflicts"]:
        yield f"{latest['conflicts']:,} labels said otherwise than one before"


def _value(measure: Any) -> str | None:
    return None if measure is None or measure["value"] is None else _number(measure["value"])


def _banded(measure: Any) -> list[str | None]:
    if measure is None or measure["value"] is None:
        return [None, measure["why"] if measure is not None and measure["why"] else None]
    known = measure["low"] is not None and measure["high"] is not None
    return [_number(measure["value"]), f"{_number(measure['low'])} to {_number(measure['high'])}" if known else None]


def _number(value: float | None) -> str:
    return output.number(value)
