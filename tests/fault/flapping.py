"""A model whose inputs flap: more than a hundred incidents open and close within a few hundred windows of a minute."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from drift.core.clock import MINUTE, SECOND, isoformat
from tests.fault.world import T0

MODEL: Final = "credit"
TRIGGER: Final = "retrain"
ROWS: Final = 24
"""Of a window."""
COLUMNS: Final = ("income", "age", "debt")
SHIFT: Final = 4.0
"""Standard deviations: a window of it crosses the rule's 1 whatever is drawn, and one without never does."""
SECRET: Final = "whsec_" + "bm90IGEgc2VjcmV0LCBqdXN0IGEgdGVzdCBvZiBvbmU="


@dataclass(frozen=True)
class Flaps:
    """Which columns are shifted in each window; the same seed, the same events."""

    seed: int
    windows: tuple[frozenset[str], ...]

    @staticmethod
    def draw(seed: int, n: int) -> "Flaps":
        """Episodes of one to four windows, of one column, two, or two one after the other; the last window is calm."""
        random, windows = Random(seed), list[frozenset[str]]()
        while len(windows) < n - 5:
            windows += [frozenset()] * random.choice((1, 1, 2))
            first, second = random.sample(COLUMNS, 2)
            together = random.choice(({first}, {first}, {first, second}))
            windows += [frozenset(together)] * random.choice((1, 2, 2, 3))
            if random.random() < 0.2:
                windows += [frozenset({second})] * 2
        return Flaps(seed, (*windows, *[frozenset[str]()] * (n - len(windows))))

    def lines(self, start: int, end: int) -> Iterator[str]:
        """The events of some windows, as JSON Lines."""
        for number in range(start, min(end, len(self.windows))):
            random = Random(self.seed * 100_000 + number)
            for row in range(ROWS):
                at = T0 + number * MINUTE + row * (MINUTE // ROWS)
                yield json.dumps(_event(random, at, self.windows[number])) + "\n"

    def last(self) -> str:
        """One event so late that every window before it is over; its own never is."""
        return json.dumps(_event(Random(0), T0 + (len(self.windows) + 60) * MINUTE, frozenset())) + "\n"


def _event(random: Random, at: int, shifted: frozenset[str]) -> dict[str, Any]:
    features = {name: round(random.gauss(SHIFT * (name in shifted), 1), 3) for name in COLUMNS}
    return {"model": MODEL, "version": "1", "time": isoformat(at), "features": features, "prediction": at // SECOND % 2}


def write_reference(path: Path) -> None:
    """What the model was trained on."""
    random = Random(1)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow((*COLUMNS, "prediction"))
        writer.writerows([*(round(random.gauss(0, 1), 3) for _ in COLUMNS), n % 2] for n in range(600))


def settings(
    store: str, secret: Path, events: Path | None, port: int, routes: Mapping[str, str],
    airflow: Mapping[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """drift.yaml: `routes` are names and URLs of signed webhooks, `airflow` starts runs by itself."""
    forever = "36500d"
    found = {
        "store": store,
        "server": {"port": port},
        "sources": [] if events is None else [{"file": {"path": str(events)}}],
        "models": {
            MODEL: {
                "reference": "reference.csv", "pane": "1m", "lateness": "1s", "windows": ["1m"], "min_rows": 10,
                "multivariate": False, "detectors": [], "rules": ["psi > 1000"],
                "alerts": [{"when": "|mean_shift| > 1", "for": "2m", "severity": "page"}],
            }
        },
        "alerting": {"horizon": forever},
        "routes": [{"name": name, "webhook": {"url": url, "secret": f"file:{secret}"}} for name, url in routes.items()],
        "egress": {"allow": ["localhost"]},
        "event_time": {"idle_timeout": "1h"},
        "retention": {"panes": forever, "results": forever, "dead_letters": forever},
        "compaction": {"hours_after": "36000d", "days_after": forever},
    }  # fmt: skip
    if airflow is None:
        return found
    started = {**airflow, "password": f"file:{secret}.airflow"}
    return found | {"triggers": [{"name": TRIGGER, "airflow": started, "approval": "auto", "cooldown": "0.01s"}]}
