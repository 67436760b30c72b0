"""A real Chromium, Debian's, driven by Playwright; nothing is downloaded. Every page that it opens is watched.

What a page must never do is noted while it is used, and `Tab.close` raises if there is any: errors on the console (a
breach of the Content-Security-Policy is one), exceptions, dialogs, requests to another host, requests that fail.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from tests.rig import ServiceUnavailableError

AXE: Final = Path(__file__).parent / "axe" / "axe.min.js"
WIDE: Final = (1400, 900)
PHONE: Final = (390, 844)
_DRAWN: Final = """() => [...document.querySelectorAll("[data-chart] .canvas")]
    .every((place) => place.querySelector("canvas, svg") || !place.parentElement.querySelector("script"))"""
"""Whether every chart that has something to draw is drawn."""
LOUD: Final = ("serious", "critical")
"""What axe calls a fault that keeps people out."""


class PageFaultError(Exception):
    """A page did what it must not."""


class Tab:
    """One page in a browser of its own: no cookies of others. `page` is Playwright's."""

    def __init__(self, browser: Any, url: str, size: tuple[int, int], options: dict[str, Any]) -> None:
        self.url = url
        self._host = urlsplit(url).netloc
        self._scripts = options.get("java_script_enabled", True)
        self._context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        self.page = self._context.new_page()
        self.page.set_default_timeout(8_000)
        self.faults: list[str] = []
        self._watch()

    def _watch(self) -> None:
        page = self.page
        page.on("console", lambda said: self._note(said.type in ("error", "warning"), f"console: {said.text[:300]}"))
        page.on("pageerror", lambda error: self._note(True, f"exception: {error}"))
        page.on("request", self._asked)
        page.on("response", lambda got: self._note(got.status >= 500, f"{got.status} from {got.url[:200]}"))
        page.on("dialog", self._dialog)

    def _note(self, bad: bool, what: str) -> None:
        if bad:
            self.faults.append(f"{urlsplit(self.page.url).path[:100]}: {what}")

    def _asked(self, request: Any) -> None:
        parts = urlsplit(request.url)
        self._note(parts.scheme != "data" and parts.netloc != self._host, f"asked for {request.url[:200]}")

    def _dialog(self, dialog: Any) -> None:
        self._note(True, f"dialog: {dialog.message[:100]}")
        dialog.dismiss()

    def go(self, path: str) -> Any:
        """Open a path; returns Playwright's response. Charts are drawn when it returns."""
        response = self.page.goto(self.url + path)
        self.settle()
        return response

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """What is done in the block leads to another page, which is there at its end."""
        with self.page.expect_navigation():
            yield
        self.settle()

    def settle(self) -> None:
        """Wait until the page is there with all that it draws."""
        self.page.wait_for_load_state("load")
        if self._scripts:
            self.page.wait_for_function(_DRAWN)

    @property
    def path(self) -> str:
        """Path and query of the page that is open."""
        return str(self.page.url).removeprefix(self.url)

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window: above 0, somebody has to scroll sideways."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def barriers(self) -> list[str]:
        """What axe finds that keeps people out, with the first place of each."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        return [
            f"{one['id']} ({one['impact']}, {len(one['nodes'])}): {one['help']}: {one['nodes'][0]['html'][:200]} "
            f"{json.dumps(one['nodes'][0].get('failureSummary', ''))[:300]}"
            for one in found
            if one["impact"] in LOUD
        ]

    def picture(self, path: Path) -> None:
        """A PNG of the whole page, to be looked at."""
        self.page.screenshot(path=path, full_page=True)

    def close(self) -> None:
        """End it.

        Raises:
            PageFaultError: a page did what it must not.
        """
        self._context.close()
        if self.faults:
            raise PageFaultError("\n".join(self.faults))


class Chromium:
    """The browser; as a context manager it is started, and ended on leaving."""

    def __enter__(self) -> Self:
        program = shutil.which("chromium")
        if program is None:
            raise ServiceUnavailableError("no chromium on this machine: apt-get install chromium")
        try:
            from playwright.sync_api import sync_playwright
        except ImportError as missing:
            raise ServiceUnavailableError(f"{missing}: it is among the lock's packages") from missing
        self._playwright = sync_playwright().start()
        try:
            self.browser = self._playwright.chromium.launch(executable_path=program)
        except BaseException:
            self._playwright.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.browser.close()
        self._playwright.stop()

    @contextmanager
    def tab(
        self, url: str, size: tuple[int, int] = WIDE, *, scheme: str = "light", scripts: bool = True
    ) -> Iterator[Tab]:
        """A page of the service at `url`, watched until the end of the block."""
        options = {
            "color_scheme": scheme, "java_script_enabled": scripts, "reduced_motion": "reduce", "locale": "en-GB",
            "timezone_id": "America/New_York",
        }  # fmt: skip
        tab = Tab(self.browser, url, size, options)
        try:
            yield tab
        except BaseException:
            tab._context.close()
            raise
        tab.close()
