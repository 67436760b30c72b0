"""What watches the pages sees what it is there for: each fault that a page can have is made once, and found."""

from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from drift.api.pages.headers import POLICY
from tests.rig.browser import PHONE, Chromium, PageFaultError

PAGES = {
    "/good": "<p>Good</p>",
    "/inline-script": "<script>window.ran = 1</script>",
    "/inline-style": '<p style="color: red">x</p>',
    "/handler": '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" onload="window.ran = 1">',
    "/exception": '<script src="/throws.js"></script>',
    "/dialog": '<script src="/asks.js"></script>',
    "/elsewhere": '<script src="/fetches.js"></script>',
    "/wide": '<pre>' + "x" * 2_000 + "</pre>",
    "/unlabelled": "<input type=text><button></button>",
    "/faint": '<link rel="stylesheet" href="/faint.css"><p>Faint</p>',
}  # fmt: skip
FILES = {
    "/throws.js": "null.x", "/asks.js": "alert('pwned')", "/fetches.js": "fetch('http://127.0.0.1:9/').catch(() => 0)",
    "/faint.css": "p { color: #eee; background: #fff }",
}  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        kind = {"js": "text/javascript", "css": "text/css"}.get(
            self.path.rpartition(".")[2], "text/html; charset=utf-8"
        )
        page = f"<!doctype html><html lang=en><head><title>t</title></head><body><main><h1>t</h1>{PAGES.get(self.path)}"
        body = (FILES.get(self.path) or page).encode()
        self.send_response(500 if self.path == "/broken" else 200)
        self.send_header("Content-Type", kind)
        if self.path != "/elsewhere":  # there the policy would be first
            self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def faults(chromium: Chromium, url: str, path: str) -> str:
    try:
        with chromium.tab(url) as tab:
            tab.go(path)
            tab.page.wait_for_timeout(100)
            assert not tab.page.evaluate("'ran' in window")
    except PageFaultError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/good", ""),
        ("/inline-script", "Content Security Policy"),
        ("/inline-style", "Content Security Policy"),
        ("/handler", "Content Security Policy"),
        ("/exception", "exception: Cannot read properties of null"),
        ("/dialog", "dialog: pwned"),
        ("/elsewhere", "asked for http://127.0.0.1:9/"),
        ("/broken", "500 from"),
    ],
)
def test_a_fault_is_noted(chromium: Chromium, url: str, path: str, found: str) -> None:
    noted = faults(chromium, url, path)
    assert found in noted
    assert bool(noted) is bool(found)


def test_barriers_and_width_are_measured(chromium: Chromium, url: str) -> None:
    with chromium.tab(url, PHONE) as tab:
        tab.go("/good")
        assert (tab.barriers(), tab.overflow()) == ([], 0)
        tab.go("/wide")
        assert tab.overflow() > 1_000
        tab.go("/unlabelled")
        assert {one.split()[0] for one in tab.barriers()} == {"label", "button-name"}
        tab.go("/faint")
        assert [one.split()[0] for one in tab.barriers()] == ["color-contrast"]
