"""Names of other people's data in a real Chromium: shown as text, wherever they come. And signing in."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest

from dashboards.web.links import column_url, model_url, page_url
from tests.rig import hostile
from tests.rig.browser import PHONE, Chromium, Tab
from tests.rig.proc import free_port, python

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Site:
    url: str
    token: str


def answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/healthz", trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, port = tmp_path_factory.mktemp("hostile"), free_port()
    token = hostile.prepare(folder, port)
    url = f"http://127.0.0.1:{port}"
    command = ("-c", "from drift.cli import main; main()", "serve", "--config", folder / "drift.yaml")
    with python(*command, log=folder / "log") as server:
        server.wait_ready(lambda: answers(url))
        yield Site(url, token)


def sign_in(tab: Tab, site: Site) -> None:
    tab.page.get_by_label("Access token").fill(site.token)
    with tab.leaving():
        tab.page.get_by_role("button", name="Sign in").click()


def unharmed(tab: Tab) -> None:
    assert tab.page.evaluate("'pwned' in window") is False
    assert tab.page.locator("main img, main svg[onload], main i, main b script").count() == 0
    # the names made no elements: scripts are ours, from files, or data
    foreign = "[...document.scripts].filter((one) => !one.src && one.type !== 'application/json').length"
    assert tab.page.evaluate(foreign) == 0
    assert tab.page.evaluate("document.querySelectorAll('[onerror], [onload], [onfocus], [onmouseover]').length") == 0


def shown(name: str) -> str:
    """The beginning of a name as the page's text has it."""
    return " ".join(name.split())[:30].strip()


def text(tab: Tab) -> str:
    return " ".join(str(tab.page.evaluate("document.querySelector('main').textContent")).split())


def test_names_are_text_on_every_page(chromium: Chromium, site: Site, subtests: pytest.Subtests) -> None:
    model = hostile.MODEL
    pages = {
        "/": (model, hostile.OTHER), model_url(model): (model, *hostile.CORPUS[:6]), "/incidents": (model,),
        model_url(hostile.OTHER): hostile.CORPUS[:6], page_url("/incidents", model=model): (model,),
        "/silences": (model, *hostile.CORPUS[:4]), "/runs": (), "/references": (model, hostile.OTHER),
        page_url("/references", model=model): (model, *hostile.CORPUS, hostile.SEGMENT),
        page_url("/health", model=model): (model, f"new {hostile.CORPUS[2]}"),
        page_url("/health", reason="unknown_model"): (hostile.CORPUS[0], hostile.CORPUS[2]), "/health": (hostile.LONG,),
        page_url("/health", reason="malformed"): (hostile.CORPUS[0], hostile.CORPUS[2]),
    }  # fmt: skip
    with chromium.tab(site.url) as tab:
        tab.go("/")
        sign_in(tab, site)
        for path, names in pages.items():
            with subtests.test(path[:80]):
                tab.go(path)
                unharmed(tab)
                found = text(tab)
                for name in names:
                    assert shown(name) in found, name[:100]
                assert tab.overflow() == 0
        for incident in (1, 2):
            tab.go(f"/incidents/{incident}")
            unharmed(tab)
            assert tab.page.locator("article.evidence, table.listing tr").count() >= 1


def test_every_column_has_its_page(chromium: Chromium, site: Site, subtests: pytest.Subtests) -> None:
    with chromium.tab(site.url) as tab:
        tab.go("/")
        sign_in(tab, site)
        for name in (*hostile.CORPUS, "kind", hostile.SEGMENT):
            with subtests.test(name[:60]):
                assert tab.go(column_url(hostile.MODEL, name)).status == 200
                unharmed(tab)
                assert shown(name) in " ".join(tab.page.get_by_role("heading", level=1).inner_text().split())
        tab.go(column_url(hostile.MODEL, "kind"))
        for name in hostile.CORPUS[:3]:
            assert shown(name) in text(tab)


def test_on_a_phone_long_names_do_not_widen_the_page(chromium: Chromium, site: Site) -> None:
    with chromium.tab(site.url, PHONE) as tab:
        tab.go("/")
        sign_in(tab, site)
        for path in (
            "/", model_url(hostile.OTHER), column_url(hostile.OTHER, "x" * 512), "/incidents", "/incidents/1",
            "/silences", "/health", page_url("/references", model=hostile.OTHER),
        ):  # fmt: skip
            tab.go(path)
            assert tab.overflow() == 0, path[:100]


# Signing in


def test_sign_in_and_out_and_back_to_the_page_that_was_asked_for(chromium: Chromium, site: Site) -> None:
    with chromium.tab(site.url) as tab:
        tab.go("/incidents?severity=page")
        assert tab.path == "/login?next=%2Fincidents%3Fseverity%3Dpage"
        assert tab.barriers() == []
        tab.page.get_by_label("Access token").fill("drift_wrong")
        with tab.leaving():
            tab.page.get_by_role("button", name="Sign in").click()
        assert "not known here" in tab.page.get_by_role("alert").inner_text()
        # Chromium notes the 401 itself
        assert [fault for fault in tab.faults if "401" not in fault] == []
        tab.faults.clear()
        sign_in(tab, site)
        assert tab.path == "/incidents?severity=page"
        assert tab.page.evaluate("document.cookie") == ""
        with tab.leaving():
            tab.page.get_by_role("button", name="Sign out").click()
        assert tab.path == "/login"
        tab.go("/")
        assert tab.path == "/login?next=%2F"


def test_an_action_while_signed_in_is_the_tokens(chromium: Chromium, site: Site) -> None:
    with chromium.tab(site.url) as tab:
        tab.go("/incidents/1")
        sign_in(tab, site)
        form = tab.page.locator("form[action='/incidents/1/acknowledge']")
        assert form.get_by_label("Your name").count() == 0
        form.get_by_label("What do you do about it?").fill(hostile.CORPUS[1])
        with tab.leaving():
            form.get_by_role("button", name="Acknowledge").click()
        unharmed(tab)
        assert "by ada" in tab.page.locator(".life").inner_text()
        assert shown(hostile.CORPUS[1]) in text(tab)


def test_a_link_on_another_site_opens_the_page_for_whoever_is_signed_in(
    chromium: Chromium, site: Site, tmp_path: Path
) -> None:
    page = tmp_path / "chat.html"
    page.write_text(f'<a href="{site.url}/incidents/1">your incident</a>')
    with chromium.tab(site.url) as tab:
        tab.go("/")
        sign_in(tab, site)
        tab.page.goto(page.as_uri())
        tab.faults.clear()
        tab.page.get_by_text("your incident").click()
        tab.page.wait_for_url("**/incidents/1")
        assert "What to do" in tab.page.inner_text("main")


def test_another_site_cannot_send_a_form(chromium: Chromium, site: Site, tmp_path: Path) -> None:
    page = tmp_path / "evil.html"
    page.write_text(
        f'<form method="post" action="{site.url}/silences"><input name="model" value="*">'
        '<input name="hours" value="99"><input name="why" value="quiet"><input name="who" value="Mallory">'
        "<button>Win</button></form>"
    )
    with chromium.tab(site.url) as tab:
        tab.go("/")
        sign_in(tab, site)
        tab.page.goto(page.as_uri())
        tab.faults.clear()
        tab.page.get_by_role("button").click()
        tab.page.wait_for_url(f"{site.url}/**")
        # it is asked to sign in, and being signed in goes on from there: nowhere near what was sent
        tab.page.wait_for_load_state("networkidle")
        assert "/silences" not in tab.page.url or "not allowed" in tab.page.inner_text("main")
        tab.faults.clear()
        tab.go("/silences")
        assert "Mallory" not in text(tab)


def test_a_path_can_hold_anything(site: Site) -> None:
    headers = {"Authorization": f"Bearer {site.token}", "Accept": "text/html"}
    for name in (*hostile.CORPUS, "y" * 10_000):
        response = httpx2.get(f"{site.url}/models/{quote(name, safe='')}", headers=headers, trust_env=False)
        assert response.status_code in (404, 422), name[:80]
        assert response.headers["content-type"].startswith("text/html")
        assert "<script>alert" not in response.text
        assert "onerror=alert" not in response.text.replace("&lt;img src=x onerror=alert", "")
