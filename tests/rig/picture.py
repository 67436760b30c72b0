"""The README's pictures: the model's page on the demo's flights, light and dark. `make picture`.

The demo is played into a folder of its own and served on a free port; Debian's Chromium is driven by Playwright.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.rig.browser import Chromium
from tests.rig.proc import free_port

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
PAGE: Final = "/models/flights"
SIZE: Final = (1280, 860)
LARGEST: Final = 300_000
"""Bytes of a picture: a README is read over slow lines too."""


@contextmanager
def flights(folder: Path) -> Iterator[str]:
    """The demo served, and ended on leaving; its address."""
    command = [sys.executable, "-c", "from drift.cli import main; main()", "demo", "--once", "--json"]
    port = ["--port", str(free_port())]
    subprocess.run([*command, "--directory", str(folder), *port], check=True, stdout=subprocess.DEVNULL)
    served = [sys.executable, "-m", "tests.rig.flying", str(folder)]
    with subprocess.Popen(served, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            yield next(line.strip() for line in child.stdout if line.startswith("http"))
        finally:
            child.terminate()
            child.wait(30)


def take(url: str, folder: Path) -> list[Path]:
    """Both pictures of the service at `url`; a page that does what it must not raises."""
    made = []
    with Chromium() as chromium:
        for scheme in ("light", "dark"):
            with chromium.tab(url, SIZE, scheme=scheme) as tab:
                tab.go(PAGE)
                tab.page.wait_for_timeout(500)  # the last chart's last frame
                made.append(folder / f"flights-{scheme}.png")
                tab.page.screenshot(path=made[-1])
    return made


def main() -> None:
    """Take them into docs/images."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="driftsum-picture-") as folder, flights(Path(folder)) as url:
        for path in take(url, IMAGES):
            size = path.stat().st_size
            if size > LARGEST:
                raise SystemExit(f"{path.name} has {size:,} bytes; {LARGEST:,} are enough for a README")
            sys.stdout.write(f"{path.relative_to(IMAGES.parents[1])}: {size:,} bytes\n")


if __name__ == "__main__":
    main()
