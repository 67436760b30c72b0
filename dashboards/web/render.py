"""View → HTML. Everything is escaped; a template that names what its view has not fails."""

from functools import cache, partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from dashboards.web import formats, links
from dashboards.web.assets import asset_url
from dashboards.web.views.figure import Link, Moment
from dashboards.web.views.frame import SECTIONS, Frame


def render(template: str, frame: Frame, view: object, **more: Any) -> str:
    """The page of a view: `templates/<template>` with `frame`, `view` and what else it is given."""
    clock = {
        "time": partial(formats.time_tag, now=frame.now),
        "age": partial(formats.age_tag, now=frame.now),
        "since": partial(formats.ago, now=frame.now),
    }
    return environment().get_template(template).render(frame=frame, view=view, **clock, **more)


@cache
def environment() -> Environment:
    """Templates are compiled once a process."""
    made = Environment(
        loader=PackageLoader("dashboards.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    made.filters.update(
        number=formats.number, percent=formats.percent, count=formats.count, data=formats.data, short=formats.short,
        moment=formats.day_and_time,
    )  # fmt: skip
    made.tests.update(link=lambda cell: isinstance(cell, Link), moment=lambda cell: isinstance(cell, Moment))
    made.globals.update(
        asset=asset_url, sections=SECTIONS, span=formats.span, model_url=links.model_url, column_url=links.column_url,
        incident_url=links.incident_url, page_url=links.page_url,
    )  # fmt: skip
    return made
