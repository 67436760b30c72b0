"""An incident report as one HTML file: no script, nothing from elsewhere, readable on light, dark and paper."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dashboards.reports import charts
from dashboards.reports.incident import Column, IncidentReport
from dashboards.reports.texts import moment, number, plain, web_address


def incident(report: IncidentReport) -> str:
    """The whole page; what it is given decides its size, about 10 KB a column."""
    template = _environment().get_template("incident.html")
    link = report.link if web_address(report.link) else ""
    return template.render(report=report, link=link, over=report.over)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("dashboards.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    made.filters.update(plain=plain, number=number)
    known: dict[str, Any] = {
        "when": _when, "hatch": charts.HATCH, "distribution": _distribution, "over_time": _over_time,
        "traffic": _traffic,
    }  # fmt: skip
    made.globals.update(known)
    return made


def _when(micros: int) -> Markup:
    return Markup("<time>{}</time>").format(moment(micros))


def _distribution(column: Column) -> Markup:
    return charts.distribution(column.bars, f"{column.name}: shares of rows, reference and stretch")


def _over_time(column: Column) -> Markup:
    title = f"{column.name}: {column.statistic} over time"
    return charts.over_time(column.points, column.since, column.until, title)


def _traffic(report: IncidentReport) -> Markup:
    return charts.traffic(report.traffic, report.since, report.until, "rows of each window")
