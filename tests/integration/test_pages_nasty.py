"""Names with markup, quotes, newlines and 10,000 characters are shown as text, whatever they are the name of."""

from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from dashboards.web.links import column_url, model_url, page_url
from drift.core.clock import HOUR
from tests.rig import nasty
from tests.rig.operated import Operated, operated
from tests.rig.storing import T0

KNOWN = {
    "a", "article", "b", "body", "br", "button", "caption", "code", "dd", "details", "div", "dl", "dt", "figcaption",
    "figure", "footer", "form", "h1", "h2", "h3", "head", "header", "html", "img", "input", "label", "link", "main",
    "meta", "nav", "option", "p", "rect", "script", "section", "select", "span", "summary", "svg", "table", "tbody",
    "td", "th", "thead", "time", "title", "tr",
}  # fmt: skip


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def seen(html: str) -> Seen:
    parser = Seen()
    parser.feed(html)
    parser.close()
    return parser


def assert_harmless(html: str) -> Seen:
    found = seen(html)
    assert {tag for tag, _ in found.tags} <= KNOWN
    for tag, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes)
        for name in ("href", "src", "action"):
            target = attributes.get(name)
            assert target is None or target.startswith(("/", "#")), (tag, target)
            assert target is None or not target.startswith("//")
        if tag == "script":
            assert attributes.get("type") == "application/json" or (attributes.get("src") or "").startswith("/static/")
    for script in (attributes for tag, attributes in found.tags if tag == "script" and "src" not in attributes):
        assert script == {"type": "application/json"}
    return found


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    found = operated(tmp_path_factory.mktemp("nasty"), "require_token: false")
    nasty.fill(found.store)
    found.clock.set(T0 + 5 * HOUR)
    yield found
    found.store.close()


def get(rig: Operated, path: str) -> str:
    response = rig.client.get(path, headers={"Accept": "text/html"})
    assert response.status_code == 200, response.text[:2_000]
    assert len(response.content) < 1_500_000
    return response.text


def test_overview(rig: Operated) -> None:
    found = assert_harmless(get(rig, "/"))
    assert nasty.NAME[:60] in "".join(found.text)
    links = [attributes.get("href") or "" for tag, attributes in found.tags if tag == "a"]
    assert model_url(nasty.NAME) in links
    assert column_url(nasty.NAME, nasty.columns()[0]) in links


def test_model(rig: Operated) -> None:
    found = assert_harmless(get(rig, model_url(nasty.NAME)))
    text = "".join(found.text)
    assert "<script>alert(1)</script>" in text
    assert nasty.TEXTS[7][:20] in text
    assert "49" not in [piece.strip() for piece in found.text]


def test_model_segment(rig: Operated) -> None:
    for value in nasty.TEXTS[:8]:
        label = f"{nasty.columns()[0]}={value}"
        found = assert_harmless(get(rig, model_url(nasty.NAME, segment=label)))
        assert label[:40] in "".join(found.text)


@pytest.mark.parametrize("number", range(len(nasty.TEXTS)))
def test_column(rig: Operated, number: int) -> None:
    name = nasty.columns()[number]
    html = get(rig, column_url(nasty.NAME, name))
    found = assert_harmless(html)
    assert name.strip()[:15] in [text.strip()[:15] for text in found.text]
    forms = [attributes for tag, attributes in found.tags if tag == "form"]
    posted = [one["action"] for one in forms if one.get("method") == "post"]
    assert posted == [f"{model_url(nasty.NAME)}/column/answer"]
    assert unquote(posted[0] or "") == f"/models/{nasty.NAME}/column/answer"


def test_column_part_and_numbers(rig: Operated) -> None:
    name = nasty.columns()[1]
    window = rig.store.windows(rig.store.catalogue().models[nasty.NAME].id, limit=1)[0].id
    assert_harmless(get(rig, column_url(nasty.NAME, name, part="window", at=window)))
    numbers = rig.client.get(column_url(nasty.NAME, name, csv="distribution", at=window))
    assert numbers.headers["content-type"].startswith("text/csv")
    assert "'=HYPERLINK" in numbers.text
    assert "\n=HYPERLINK" not in numbers.text


def test_refusals(rig: Operated) -> None:
    for text in nasty.TEXTS:
        for path in (
            model_url(text[:190] + "?"),
            column_url(nasty.NAME, text[:400] + "?"),
            page_url("/", q=text[:150]),
        ):
            response = rig.client.get(path, headers={"Accept": "text/html"})
            assert response.status_code in (200, 404, 422), response.text
            assert_harmless(response.text)


def test_without_nul(rig: Operated) -> None:
    response = rig.client.get("/models/a%00b", headers={"Accept": "text/html"})
    assert response.status_code in (404, 422)
    assert "\0" not in response.text
    response = rig.client.get(column_url(nasty.NAME, "a\0b"), headers={"Accept": "text/html"})
    assert response.status_code in (404, 422)
    assert "\0" not in response.text
