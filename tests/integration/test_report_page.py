"""An incident report in a real browser: it asks nobody for anything, keeps nobody out, and fits every screen."""

from pathlib import Path

import pytest

from dashboards.reports import html
from tests.rig.browser import PHONE, WIDE, Chromium
from tests.unit.test_reports import poisoned, report


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_a_report_is_whole_by_itself(tmp_path: Path, chromium: Chromium, scheme: str, size: tuple[int, int]) -> None:
    (tmp_path / "report.html").write_text(html.incident(report()), "utf-8")
    with chromium.tab(f"file://{tmp_path}", size, scheme=scheme) as tab:
        tab.go("/report.html")
        assert tab.overflow() == 0
        assert tab.barriers() == []
        dark = tab.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"
        assert dark == (scheme == "dark")
        bars = [box.bounding_box() for box in tab.page.locator("rect.before, rect.after").all()]
        assert max(bar["width"] for bar in bars if bar) > 50


def test_names_do_nothing_in_a_browser(tmp_path: Path, chromium: Chromium) -> None:
    text = "</style></script><script>document.title='gone'</script><img src=x onerror=alert(1)>" + "é" * 9_000
    (tmp_path / "report.html").write_text(html.incident(poisoned(report(), text)), "utf-8")
    with chromium.tab(f"file://{tmp_path}", PHONE) as tab:
        tab.go("/report.html")
        assert tab.page.title().startswith("Incident 17")
        assert tab.overflow() == 0
