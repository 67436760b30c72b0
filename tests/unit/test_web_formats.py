"""How the pages say numbers, times and data, and that nothing a name holds can leave its place."""

import json
import math

import pytest

from dashboards.web import formats, links
from dashboards.web.tables import as_csv
from dashboards.web.views.figure import Link, Moment, Table
from drift.core.clock import DAY, HOUR, MINUTE, SECOND

NOON = 1_795_435_200_000_000
"""2026-11-23 12:00 UTC."""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"), (0.0, "0"), (12, "12"), (-3.5, "−3.5"), (1234567, "1,234,567"), (1234.5, "1,234"), (0.12345, "0.123"),
        (1e-7, "1.00e-07"), (math.nan, "–"), (None, "–"), (math.inf, "∞"), (-math.inf, "−∞"), (99.96, "100"),
        (2e15, "2.00e+15"), (1.0, "1"),
    ],
)  # fmt: skip
def test_numbers(value: float | None, said: str) -> None:
    assert formats.number(value) == said


def test_shares_and_counts() -> None:
    assert formats.percent(0.0342) == "3.42 %"
    assert formats.percent(math.nan) == "–"
    assert formats.count(1, "row") == "1 row"
    assert formats.count(2_000, "row") == "2,000 rows"
    assert formats.count(2, "category", "categories") == "2 categories"


def test_times_have_their_zone_and_their_age() -> None:
    assert formats.day_and_time(NOON) == "2026-11-23 12:00 UTC"
    assert formats.day_and_time(NOON + 5 * SECOND) == "2026-11-23 12:00:05 UTC"
    assert formats.ago(NOON - 3 * HOUR, NOON) == "3h ago"
    assert formats.ago(NOON + 2 * DAY, NOON) == "in 2d"
    assert formats.ago(NOON, NOON) == "just now"
    tag = formats.time_tag(NOON - HOUR, NOON)
    assert tag == ('<time datetime="2026-11-23T11:00:00Z">2026-11-23 11:00 UTC</time> <span class="age">1h ago</span>')
    assert formats.time_tag(None, NOON) == "–"
    assert formats.age_tag(NOON - HOUR, NOON) == (
        '<time datetime="2026-11-23T11:00:00Z" title="2026-11-23 11:00 UTC">1h ago</time>'
    )


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (NOON, NOON + HOUR, "2026-11-23 12:00–13:00 UTC"),
        (NOON - 12 * HOUR, NOON + 12 * HOUR, "2026-11-23 UTC"),
        (NOON - 12 * HOUR, NOON - 12 * HOUR + 7 * DAY, "2026-11-23, 7 days UTC"),
        (NOON, NOON + DAY, "2026-11-23 12:00 – 2026-11-24 12:00 UTC"),
        (NOON, NOON + 5 * MINUTE, "2026-11-23 12:00–12:05 UTC"),
    ],
)
def test_stretches(start: int, end: int, said: str) -> None:
    assert formats.span(start, end) == said


def test_data_cannot_end_its_element() -> None:
    nasty = "</script><script>alert(1)</script><!-- & ' \u2028\u2029 \ud800"
    text = formats.data({nasty: [nasty, math.nan, math.inf, 1.5, None, True]})
    assert not set("<>&'\u2028\u2029") & set(text)
    read = json.loads(text)
    ((key, values),) = read.items()
    assert key == nasty.replace("\ud800", "?")
    assert values == [key, None, None, 1.5, None, True]


def test_long_names_are_cut() -> None:
    shown = formats.short("<b>" * 4_000, 10)
    assert shown.count("&lt;b&gt;") < 400
    assert shown.endswith("…</span>")
    assert "<b>" not in shown
    assert formats.short("a & b") == "a &amp; b"


def test_links_hold_any_name() -> None:
    assert links.model_url("a/b?c#d") == "/models/a%2Fb%3Fc%23d"
    assert links.column_url("m", "x&y=1\n", window="1h", segment="") == "/models/m/column?name=x%26y%3D1%0A&window=1h"
    assert links.page_url("/", q="", page=None) == "/"
    assert links.incident_url(7) == "/incidents/7"


def test_csv_is_no_formula() -> None:
    table = Table(
        ("=cmd|x", "n"),
        [("=1+1", 1.5), ("@SUM", None), (Link("-2", "/x"), math.nan), ('a "b", c\nd', Moment(NOON)), ("+1", 3)],
    )
    assert as_csv(table) == (
        '\'=cmd|x,n\r\n\'=1+1,1.5\r\n\'@SUM,\r\n\'-2,\r\n"a ""b"", c\nd",2026-11-23T12:00:00Z\r\n\'+1,3\r\n'
    )
