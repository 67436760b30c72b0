"""The pages in a real Chromium, on the demo's flights, served by the real service: for on-call, and for everybody."""

import os
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.rig.browser import PHONE, WIDE, Chromium, Tab
from tests.rig.flying import MORE
from tests.rig.proc import Process, free_port, python, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DEMO = (sys.executable, "-c", "from drift.cli import main; main()", "demo", "--once", "--json", "--directory")
PAGES = (
    "/", "/models/flights", "/models/flights?metric=auroc", "/models/flights/column?name=humid",
    "/models/flights/column?name=carrier", "/incidents", "/incidents/9", "/silences", "/runs",
    "/health?model=flights", "/references", "/references?model=flights", "/login", "/runbooks/DriftPage",
)  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The service on the demo's year; `log` says where it listens."""
    folder = tmp_path_factory.mktemp("flights")
    done = subprocess.run([*DEMO, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    config = folder / "drift.yaml"
    config.write_text(config.read_text().replace("port: 8642", f"port: {free_port()}") + MORE)
    sign = {"SIGN": f"whsec_{b64encode(os.urandom(32)).decode()}"}
    with python("-m", "tests.rig.flying", folder, log=folder / "log", env=sign) as process:
        process.wait_ready(lambda: re.search(r"^http://\S+$", process.output(), re.MULTILINE) is not None)
        yield process


@pytest.fixture(scope="module")
def url(service: Process) -> str:
    found = re.search(r"^http://\S+$", service.output(), re.MULTILINE)
    assert found is not None
    return found.group()


def ask(url: str, path: str, **params: Any) -> Any:
    response = httpx2.get(f"{url}{path}", params=params)
    assert response.status_code == 200, response.text
    return response.json()


def words(tab: Tab) -> str:
    return str(tab.page.inner_text("main"))


# What on-call does


def test_three_clicks_to_the_column_that_broke(chromium: Chromium, url: str) -> None:
    with chromium.tab(url) as tab:
        tab.go("/")
        row = tab.page.get_by_role("row").filter(has_text="flights").inner_text()
        # which model, since when, because of what, how bad: before anything is pressed
        assert "Drifting" in row
        assert "humid" in row
        assert "ago" in row
        with tab.leaving():
            tab.page.get_by_role("link", name="flights", exact=True).click()
        assert "humid: share of missing values went from 0.1 % to" in words(tab)
        assert "Accuracy over time" in tab.page.locator("#performance").inner_text()
        assert tab.page.locator("#performance canvas").count() == 1
        with tab.leaving():
            tab.page.get_by_role("link", name="humid", exact=True).first.click()
        assert tab.path.startswith("/models/flights/column?name=humid")
        assert tab.page.get_by_role("heading", level=1).inner_text() == "humid"
        assert "share of missing values went from 0.1 % to" in words(tab)
        drawn = tab.page.locator("[data-chart] canvas, [data-chart] svg").count()
        assert drawn >= 3


def test_acknowledge_and_silence(chromium: Chromium, url: str) -> None:
    with chromium.tab(url) as tab:
        tab.go("/incidents?state=open")
        with tab.leaving():
            tab.page.get_by_role("link", name=re.compile("6 columns drifted")).click()
        here = tab.path
        card = tab.page.locator("form[action$='/acknowledge']")
        card.get_by_label("Your name").fill("Ada")
        card.get_by_label("What do you do about it?").fill("the weather feed is late")
        with tab.leaving():
            card.get_by_role("button", name="Acknowledge").click()
        assert tab.path == here
        assert "acknowledged" in tab.page.locator(".head").first.inner_text()
        assert "by Ada" in tab.page.locator(".life").inner_text()
        assert ask(url, f"/v1{here}")["acknowledged_why"] == "the weather feed is late"
        form = tab.page.locator("form[action$='/silence']")
        # the name is remembered
        assert form.get_by_label("Your name").input_value() == "Ada"
        form.get_by_label("About").select_option(label="column humid")
        form.get_by_label("For").select_option(label="1 day")
        form.get_by_label("Why").fill("feed moves today")
        with tab.leaving():
            form.get_by_role("button", name="Silence").click()
        with tab.leaving():
            tab.page.get_by_role("link", name="Active silences").click()
        row = tab.page.get_by_role("row").filter(has_text="humid")
        assert "Ada: feed moves today" in row.inner_text()
        made = ask(url, "/v1/silences", active=True)["items"][0]
        assert made["matchers"] == {"model": "flights", "column": "humid"}
        with tab.leaving():
            row.get_by_role("button", name="Expire").click()
        assert ask(url, "/v1/silences", active=True)["items"] == []


def test_approve_a_retraining(chromium: Chromium, url: str) -> None:
    wait_until(lambda: ask(url, "/v1/runs")["items"], what="a run that waits for approval")
    with chromium.tab(url) as tab:
        tab.go("/runs?state=asked")
        card = tab.page.get_by_role("article").filter(has_text="waits for approval")
        card.get_by_label("Your name").fill("Ada")
        card.get_by_label("Why").fill("summer is not in the reference")
        with tab.leaving():
            card.get_by_role("button", name="Approve").click()
        assert "No run is like that" in words(tab)
        tab.go("/runs")
        assert "Ada: summer is not in the reference" in words(tab)
    run = ask(url, "/v1/runs")["items"][0]
    assert run["state"] != "asked"
    assert (run["who"], run["why"]) == ("Ada", "summer is not in the reference")


def test_what_is_refused_is_said_as_a_page(chromium: Chromium, url: str) -> None:
    with chromium.tab(url) as tab:
        tab.go("/incidents/777")
        assert "There is no incident 777" in words(tab)
        # Chromium itself writes the status on its console; it is the only thing that is noted
        assert len(tab.faults) == 1
        assert "404" in tab.faults.pop()
        with tab.leaving():
            tab.page.get_by_role("link", name="Back to the models").click()
        assert tab.path == "/"


# For everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_no_page_keeps_anybody_out(
    chromium: Chromium, url: str, scheme: str, size: tuple[int, int], subtests: pytest.Subtests
) -> None:
    """axe, no fault (console, policy, foreign hosts), and nothing to scroll sideways for."""
    with chromium.tab(url, size, scheme=scheme) as tab:
        for path in PAGES:
            with subtests.test(path):
                tab.go(path)
                # the phone's colours are the desk's
                assert (size, scheme) == (PHONE, "dark") or tab.barriers() == []
                assert tab.overflow() == 0


def test_the_theme_is_chosen_and_kept(chromium: Chromium, url: str) -> None:
    with chromium.tab(url) as tab:
        tab.go("/incidents")
        light = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
        tab.page.get_by_role("button", name="Switch to the dark theme").click()
        dark = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
        tab.go("/health")
        assert tab.page.evaluate("getComputedStyle(document.body).backgroundColor") == dark != light
        assert tab.barriers() == []


def test_by_keyboard_alone(chromium: Chromium, url: str) -> None:
    with chromium.tab(url) as tab:
        tab.go("/incidents?state=open")
        keys = tab.page.keyboard
        keys.press("Tab")
        assert tab.page.evaluate("document.activeElement.className") == "skip"
        keys.press("Enter")
        tab_to(tab, "document.activeElement.href?.includes('/incidents/8')")
        with tab.leaving():
            keys.press("Enter")
        assert tab.path == "/incidents/8"
        tab_to(tab, "document.activeElement.form?.action.endsWith('/acknowledge')")
        keys.type("Grace")
        keys.press("Tab")
        keys.type("pressure: sensors were changed")
        with tab.leaving():
            keys.press("Enter")
        assert "by Grace" in tab.page.locator(".life").inner_text()


def tab_to(tab: Tab, found: str, most: int = 60) -> None:
    """Press Tab until an element has the focus; each one on the way has to show it."""
    for _ in range(most):
        tab.page.keyboard.press("Tab")
        outline = tab.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", tab.page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        if tab.page.evaluate(found):
            return
    raise AssertionError(f"no Tab leads to {found}")


def test_without_scripts_tables_are_shown_and_forms_work(chromium: Chromium, url: str) -> None:
    with chromium.tab(url, scripts=False) as tab:
        for path, said in (
            ("/", "humid"), ("/models/flights", "humid"), ("/models/flights/column?name=humid", "missing"),
            ("/health", "embedded:flights[0]"), ("/references?model=flights", "recent_delay"),
        ):  # fmt: skip
            tab.go(path)
            assert tab.page.locator("table").count() >= 1, path
            assert said in words(tab), path
        tab.go("/silences")
        form = tab.page.locator("form[action='/silences']")
        form.get_by_label("Model").fill("flights")
        form.get_by_label("Your name").fill("Ada")
        form.get_by_label("Why").fill("no scripts here")
        with tab.leaving():
            form.get_by_role("button", name="Silence").click()
        assert "Ada: no scripts here" in words(tab)


def test_a_small_phone_reads_an_incident_without_scrolling_sideways(chromium: Chromium, url: str) -> None:
    with chromium.tab(url, (320, 640)) as tab:
        for path in ("/incidents", "/incidents/9", "/silences", "/health"):
            tab.go(path)
            assert tab.overflow() == 0, path
