"""Incident reports as HTML and Markdown: whatever names hold stays text, and nothing in a report is elsewhere."""

import re
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from dashboards.reports import html, markdown
from dashboards.reports.incident import (
    Bar,
    Column,
    Finding,
    IncidentReport,
    Line,
    Mark,
    Point,
    Run,
    Step,
    Told,
)  # fmt: skip
from dashboards.reports.texts import lasted, number, plain, share
from dashboards.reports.texts import markdown as safe
from drift.core.clock import DAY, HOUR

NAN = float("nan")
T0 = 1_700_000_000_000_000
HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>'",
    "a|b|c\n| d | e |",
    "`x` **bold** _it_ ~~no~~",
    "[click](javascript:alert(1))",
    "![pixel](http://evil.example/x.png)",
    "http://evil.example www.evil.example ada@evil.example",
    "@everyone #12 !7 $3",
    "=cmd|'/C calc'!A1",
    "-1+1|0",
    "\u202egnp\u2066.exe\u200b",
    "{{ 7*7 }}{% raw %}",
    "\x00\x1b[31mred\x07",
    "</style></title></svg><b>",
    "# head\n---\n- item\n1. one",
    "&lt;b&gt; &amp; <!-- ",
    "x" * 10_000,
    "",
    "  ",
)


def points(n: int = 30) -> tuple[Point, ...]:
    return tuple(
        Point(T0 + i * HOUR, T0 + (i + 1) * HOUR, NAN if i == 4 else i / 10, 0.2 if i % 2 else NAN, i > 20)
        for i in range(n)
    )


def report(**changes: Any) -> IncidentReport:
    column = Column(
        "income", "channel=web", "1h", "page", "firing", "income rose", T0 + 20 * HOUR, T0 + DAY,
        (Bar("< 1", 0.5, 0.1), Bar("missing", 0.0, 0.4), Bar("invalid", 0.5, 0.5)), (1_000, 200), "Its first 31 days.",
        "psi", points(), (("psi", 0.41), ("ks", NAN)),
    )  # fmt: skip
    base = IncidentReport(
        number=17, title="credit: income rose", model="credit", version="3", owner="risk", family="drift",
        severity="page", status="open; ada has it", since=T0, until=T0 + DAY, made_at=T0 + 2 * DAY,
        link="https://drift.example/incidents/17", because="income rose", how_bad="one column",
        steps=(Step("Onset", "here", T0), Step("Detected", "then", T0, T0 + HOUR), Step("Resolved", "")),
        columns=(column,),
        findings=(Finding("income", "channel=web", "1h", "page", "firing", T0, "income rose"),),
        history=(Line(T0, "acknowledged", "income", "price feed", "ada"),),
        told=(Told(T0, "oncall", "firing", "dead", "410 Gone"),),
        runs=(Run(3, "airflow", "succeeded", T0, "ada", "new prices", "https://airflow.example/3"),),
        marks=(Mark(T0, "deploy", "credit 4.2", "ci"),), traffic=points(), traffic_window="1h",
        left_out=("3 more columns",),
    )  # fmt: skip
    return replace(base, **changes)


def poisoned(value: Any, text: str) -> Any:
    """The same with every text that comes from outside replaced."""
    ours = {"severity", "state", "change", "what", "family"}
    if is_dataclass(value) and not isinstance(value, type):
        skip = ours | ({"name"} if isinstance(value, Step) else set())
        return replace(
            value, **{f.name: poisoned(getattr(value, f.name), text) for f in fields(value) if f.name not in skip}
        )
    if isinstance(value, tuple):
        return tuple(poisoned(one, text) for one in value)
    return text if isinstance(value, str) else value


class Seen(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_text_in_html(text: str) -> None:
    clean, page = Seen(html.incident(report())), Seen(html.incident(poisoned(report(), text)))
    # an empty text leaves its element out; nothing ever adds one
    assert set(page.tags) <= set(clean.tags)
    assert not {"script", "img", "iframe", "object", "link", "base", "form"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "style")]
    assert "href" not in {name for name, _ in page.attributes}
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_text_in_markdown(text: str) -> None:
    read = MarkdownIt("gfm-like", {"linkify": False, "html": True}).render
    clean, said = read(markdown.incident(report())), markdown.incident(poisoned(report(), text))
    shown = read(said)
    tags = re.findall(r"<(\w+)", shown)
    assert set(tags) <= set(re.findall(r"<(\w+)", clean)) | {"li"}
    assert not {"script", "img", "code", "em", "del", "b"} & set(tags)
    assert shown.count("<a ") == 0
    for rows in re.findall(r"<table>.*?</table>", shown, re.DOTALL):
        cells = {len(re.findall("<t[hd][ >]", row)) for row in re.findall(r"<tr>.*?</tr>", rows, re.DOTALL)}
        assert len(cells) == 1
    assert not re.search(r"(?<!\S)@\w|https?://|www\.", said)


def test_both_say_what_since_when_because_of_what_and_how_bad() -> None:
    page, text = Seen(html.incident(report())).text, markdown.incident(report())
    for said in (
        "credit: income rose", "one column", "2023-11-14 22:13:20 UTC", "open; ada has it", "risk", "by the clock",
        "Detected", "not yet", "1,000 rows", "50 %", "acknowledged", "410 Gone", "airflow", "credit 4.2",
        "3 more columns",
    ):  # fmt: skip
        assert said in page, said
        assert said in text, said


def test_a_page_is_whole_and_may_do_nothing() -> None:
    page = html.incident(report())
    seen = Seen(page)
    assert seen.tags.count("svg") == 4
    assert "default-src 'none'" in page
    outside = {value for name, value in seen.attributes if "//" in value and name != "content"}
    assert outside == {"https://drift.example/incidents/17"}
    for part in ("prefers-color-scheme:dark", "@media print"):
        assert part in page


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "//evil.example", ""])
def test_only_a_web_address_is_a_link(link: str) -> None:
    assert "href" not in html.incident(report(link=link))
    assert "Page" not in markdown.incident(report(link=link))


def test_a_chart_tells_its_sides_apart_without_colour() -> None:
    page = html.incident(report())
    assert page.count('class="before"') == page.count('class="after"') == 3
    assert "fill:url(#hatch)" in page
    assert page.count('class="drifted"') == 9  # diamonds
    assert "0 % → 40 %" in page


def test_a_chart_of_nothing_is_left_out() -> None:
    one = replace(report().columns[0], bars=(), points=points(1), note="The sums are not kept any more.")
    page = html.incident(report(columns=(one,), traffic=()))
    assert Seen(page).tags.count("svg") == 1  # the pattern
    assert "not kept any more" in page
    assert "not kept any more" in markdown.incident(report(columns=(one,), traffic=()))


def test_texts() -> None:
    assert plain("a\n b\t c") == "a b c"
    assert plain("x" * 200, 10) == "xxxxxxxxxx… (200 characters)"
    assert plain("=1+1")[1:] == "=1+1"
    assert plain("-0.5 points") == "-0.5 points"
    assert safe("a_b|c") == r"a\_b\|c"
    assert safe("# x") == r"\# x"
    assert lasted(2 * DAY + 3 * HOUR + 5) == "2 days 3 hours"
    assert (share(0.0), share(0.0512), share(1.0)) == ("0 %", "5.12 %", "100 %")
    assert (number(NAN), number(None), number(1234.5)) == ("–", "–", "1,234")
