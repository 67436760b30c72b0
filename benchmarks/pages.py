"""How fast pages of a large store are: `python -m benchmarks.pages` fills one (100 models, 1,000 columns, 5,000 windows
each) on SQLite and on PostgreSQL, serves it, and opens each screen in a real Chromium, a fresh one each time.

    --models, --columns, --windows    another size
    --only sqlite                     one database
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.request import Request, urlopen

from prometheus_client import CollectorRegistry

from drift.api import Replayed, Services, create_app
from drift.config import parse
from drift.core.clock import HOUR, ManualClock
from drift.store import open_store
from tests.rig.browser import Chromium
from tests.rig.fleet import END, Fleet, fill
from tests.rig.postgres import Postgres
from tests.rig.proc import free_port

NOW: Final = END + HOUR // 2
SCREENS: Final = {
    "fleet": "/",
    "fleet, one state": "/?state=page",
    "model": "/models/model-000",
    "model, columns 951–1,000": "/models/model-000?page=20",
    "model, its predictions": "/models/model-000?part=prediction",
    "column": "/models/model-000/column?name=feature_0000",
    "column, over time": "/models/model-000/column?name=feature_0000&part=quantiles",
    "column, another window": "/models/model-000/column?name=feature_0000&part=window&at={window}",
    "incidents": "/incidents",
}
_PAINT: Final = """[performance.getEntriesByType("navigation")[0].responseEnd,
    performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0]"""


def serve(url: str, port: int) -> None:
    """Serve a store's pages, and nothing else, until terminated."""
    import uvicorn

    store, nothing = open_store(url, ManualClock(NOW), role="reader"), object()
    config = parse("server: {trusted_hosts: [localhost, 127.0.0.1]}")
    services = Services(
        store, config, CollectorRegistry(), ManualClock(NOW), nothing, nothing, lambda _: Replayed(0, 0)  # type: ignore[arg-type]
    )  # fmt: skip
    uvicorn.run(create_app(services), port=port, log_level="warning")


@contextmanager
def served(url: str) -> Iterator[str]:
    """The pages of a store in a process of their own; the address."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "benchmarks.pages", "serve", url, str(port)]) as child:
        try:
            base = f"http://127.0.0.1:{port}"
            _wait(base)
            yield base
        finally:
            child.terminate()


def _wait(base: str) -> None:
    for _ in range(300):
        try:
            urlopen(Request(base + "/healthz"), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"nothing answers at {base}")


def measure(base: str, chromium: Chromium, times: int, window: int) -> dict[str, tuple[list[float], list[float]]]:
    """Screen → milliseconds until the answer was there, and until something of it was painted; `window`: the id of one
    of the first model's."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    for name, path in SCREENS.items():
        answered, painted = [], []
        for _ in range(times):
            with chromium.tab(base) as tab:
                tab.page.goto(
                    base + path.format(window=window)
                )  # parts of pages have no scripts that would draw their charts
                server, paint = tab.page.evaluate(_PAINT)
                answered.append(server)
                painted.append(paint)
        found[name] = answered, painted
    return found


def table(title: str, found: dict[str, tuple[list[float], list[float]]]) -> str:
    """Markdown."""
    lines = [f"{title}, milliseconds: median (largest)", "", "| | answered | first contentful paint |", "|---|---|---|"]
    lines += [f"| {name} | {_ms(answered)} | {_ms(painted)} |" for name, (answered, painted) in found.items()]
    return "\n".join(lines)


def _ms(some: Sequence[float]) -> str:
    return f"{statistics.median(some):.0f} ({max(some):.0f})"


def main(given: Sequence[str]) -> None:
    if given[:1] == ["serve"]:
        serve(given[1], int(given[2]))
        return
    parser = argparse.ArgumentParser("python -m benchmarks.pages", description=__doc__)
    for name, usual in (("models", 100), ("columns", 1_000), ("windows", 5_000), ("times", 5)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--only", choices=("sqlite", "postgres"))
    asked: Any = parser.parse_args(given)
    size = Fleet(asked.models, asked.columns, asked.windows)
    with ExitStack() as stack:
        chromium = stack.enter_context(Chromium())
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="drift-pages-")))
        makers = {
            "sqlite": lambda: f"sqlite:///{folder / 'drift.db'}",
            "postgres": lambda: stack.enter_context(Postgres()).url(),
        }
        for name in [asked.only] if asked.only else makers:
            url = makers[name]()
            store = open_store(url, ManualClock(NOW))
            fill(store, size)
            store.close()
            with served(url) as base:
                urlopen(base + "/").close()  # what is read once: the catalogue
                found = measure(base, chromium, asked.times, size.windows - 10)
                sys.stdout.write(table(f"{name}, {size}", found) + "\n\n")


if __name__ == "__main__":
    main(sys.argv[1:])
