"""Boards as Grafana's classic JSON, by its own SDK (a development dependency: nothing here runs in the service)."""

import json
from collections.abc import Sequence
from typing import Any, Final

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import (
    prometheus,
    stat,
    statetimeline,
    statushistory,
    table,
    text,
    timeseries,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models import prometheus as prometheus_models
from grafana_foundation_sdk.models import text as text_models

from dashboards.grafana.panel import Board, Panel, Query, Row, Variable

SOURCE: Final = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
ROW_IDS: Final = 1000
"""Rows are numbered from here on, so that panels keep their ids."""
_VERDICTS: Final = {0: ("no drift", "green"), 1: ("too little data", "#808080"), 2: ("drift", "red")}


def rendered(board: Board) -> str:
    """A board's JSON file."""
    made = _board(board).build()
    return json.dumps(made, cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _board(board: Board) -> builders.Dashboard:
    made = (
        builders.Dashboard(board.title)
        .uid(board.uid)
        .description(board.about)
        .tags(["driftsum"])
        .time(board.since, "now")
        .refresh("1m")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .variables(_variables(board))
        .annotations([_event(name, query) for name, query in board.events])
        .links([_others()])
    )
    for number, row in enumerate(board.rows):
        _add(made, row, ROW_IDS + number)
    return made


def _add(made: builders.Dashboard, row: Row, number: int) -> None:
    made.with_row(builders.Row(row.title).id(number))
    for panel in row.panels:
        made.with_panel(_panel(panel))


def _variables(board: Board) -> list[Any]:
    source = builders.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
    web = builders.TextBoxVariable("web").label("Web page").default_value("http://localhost:8642")
    return [source, *(_variable(one) for one in board.variables), web]


def _variable(one: Variable) -> builders.QueryVariable:
    made = (
        builders.QueryVariable(one.name)
        .label(one.name.capitalize())
        .datasource(SOURCE)
        .query({"query": one.query, "refId": one.name})
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    )
    if not one.several:
        return made
    everything = dashboard.VariableOption(selected=True, text=["All"], value=["$__all"])
    return made.multi(True).include_all(True).all_value(".*").current(everything)


def _event(name: str, query: Query) -> builders.AnnotationQuery:
    return (
        builders.AnnotationQuery()
        .name(name)
        .datasource(SOURCE)
        .enable(True)
        .icon_color("orange")
        .expr(query.expr)
        .title_format(query.legend)
        .step("60s")
    )


def _others() -> builders.DashboardLink:
    link = builders.DashboardLink("Driftsum").type(dashboard.DashboardLinkType.DASHBOARDS)
    return link.tags(["driftsum"]).as_dropdown(True).keep_time(True)


def _panel(panel: Panel) -> Any:
    made: Any = {
        "stat": _stat, "lines": _lines, "verdicts": _verdicts, "cells": _cells, "table": _table, "text": _text,
    }[panel.kind](panel)  # fmt: skip
    made.id(panel.id).title(panel.title).span(panel.wide).height(panel.high)
    if panel.kind == "text":
        return made
    made.description(panel.about).datasource(SOURCE).unit(panel.unit)
    if panel.links:
        made.data_links([_link(*link) for link in panel.links])
    for number, query in enumerate(panel.queries):
        made.with_target(_target(query, chr(ord("A") + number), now=panel.kind in {"stat", "table"}, kind=panel.kind))
    return made


def _link(title: str, url: str) -> builders.DashboardLink:
    return builders.DashboardLink(title).url(url).target_blank(url.startswith("${web}"))


def _target(query: Query, ref: str, *, now: bool, kind: str) -> prometheus.Dataquery:
    made = (
        prometheus.Dataquery().expr(query.expr).ref_id(ref).legend_format(query.legend or "__auto").datasource(SOURCE)
    )
    made = made.instant() if now else made.range()
    form = prometheus_models.PromQueryFormat
    return made.format(form.TABLE if kind == "table" else form.TIME_SERIES)


def _limits(limits: Sequence[float]) -> builders.ThresholdsConfig:
    colours = ["yellow"] * (len(limits) - 2) + ["orange", "red"] if len(limits) > 1 else ["red"] * len(limits)
    steps = [
        dashboard.Threshold(color="green"),
        *(dashboard.Threshold(v, c) for v, c in zip(limits, colours, strict=True)),
    ]
    return builders.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(steps)


def _by_thresholds() -> builders.FieldColor:
    return builders.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS)


def _stat(panel: Panel) -> stat.Panel:
    last = common_builders.ReduceDataOptions().calcs(["lastNotNull"])
    made = stat.Panel().graph_mode(common.BigValueGraphMode.NONE).reduce_options(last).no_value("–")
    return made.thresholds(_limits(panel.limits)).color_scheme(_by_thresholds())


def _lines(panel: Panel) -> timeseries.Panel:
    made = timeseries.Panel().fill_opacity(0).show_points(common.VisibilityMode.AUTO)
    legend = common_builders.VizLegendOptions().show_legend(True).display_mode(common.LegendDisplayMode.TABLE)
    made.legend(legend.placement(common.LegendPlacement.BOTTOM).calcs(["lastNotNull"]))
    made.tooltip(
        common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
    )
    for number, query in enumerate(panel.queries):
        if styles := _styles(query):
            made.override_by_query(chr(ord("A") + number), styles)
    return made


def _styles(query: Query) -> list[dashboard.DynamicConfigValue]:
    if query.dashed:
        return [dashboard.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [8, 8]})]
    if query.dots:
        return [
            dashboard.DynamicConfigValue("custom.drawStyle", "points"),
            dashboard.DynamicConfigValue("custom.pointSize", 7),
        ]
    return []


def _verdicts(_panel: Panel) -> statetimeline.Panel:
    words = {
        str(code): dashboard.ValueMappingResult(word, colour, index=code) for code, (word, colour) in _VERDICTS.items()
    }
    made = statetimeline.Panel().mappings([dashboard.ValueMap(words)]).merge_values(True)
    return made.show_value(common.VisibilityMode.NEVER).color_scheme(_by_thresholds())


def _cells(panel: Panel) -> statushistory.Panel:
    made = statushistory.Panel().thresholds(_limits(panel.limits)).color_scheme(_by_thresholds())
    return made.show_value(common.VisibilityMode.NEVER).decimals(2)


def _table(panel: Panel) -> table.Panel:
    made = table.Panel().sort_by([common_builders.TableSortByFieldState().display_name(panel.names[0]).desc(True)])
    values = ["Value"] if len(panel.names) == 1 else [f"Value #{chr(ord('A') + n)}" for n in range(len(panel.names))]
    organize = {
        "excludeByName": {"Time": True, "job": True},
        "renameByName": dict(zip(values, panel.names, strict=True)),
    }
    made.with_transformation(dashboard.DataTransformerConfig("merge", options={}))
    made.with_transformation(dashboard.DataTransformerConfig("organize", options=organize))
    for name in panel.names:
        if unit := _UNITS.get(name):
            made.override_by_name(name, [dashboard.DynamicConfigValue("unit", unit)])
    return made


_UNITS: Final = {"Columns drifted": "percentunit", "Newest event": "s", "Last window": "s", "Events/s": "cps"}


def _text(panel: Panel) -> text.Panel:
    return text.Panel().mode(text_models.TextMode.MARKDOWN).content(panel.about)
