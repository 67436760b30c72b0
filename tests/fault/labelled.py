"""Predictions and the labels that meet them, on one topic; and what the sums have to be, by a batch computation."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np
import pandas as pd

from drift.core.catalogue import Reference
from drift.core.clock import DAY, HOUR, MINUTE, SECOND, SystemClock, isoformat
from drift.core.outcome.counting import OutcomeCounter
from drift.core.outcome.sums import Outcomes
from drift.core.rows import Rows
from drift.reference import ReferenceOptions, build_reference
from drift.store import Store, open_store
from tests.fault.harness import Run
from tests.fault.world import T0

STEP: Final = 20 * SECOND
Event = dict[str, Any]


def frame(n: int, seed: int) -> pd.DataFrame:
    """Rows of a model whose score says what it knows."""
    rng = np.random.default_rng(seed)
    amount = rng.normal(100, 20, n)
    chance = 1 / (1 + np.exp(-(amount - 110) / 10))
    return pd.DataFrame({
        "amount": amount, "region": rng.choice(["n", "s"], n), "score": np.round(chance, 4),
        "prediction": (chance > 0.5).astype(int), "label": (rng.random(n) < chance).astype(int),
    })  # fmt: skip


def records(seed: int, partition: int) -> Iterator[bytes]:
    """Predictions; in between labels of any earlier one: late by up to 30 days, early, doubled, corrected; some never.

    A label may come before its prediction, and each id is one partition's own, as producers key their records.
    """
    random, rows = Random(seed), frame(20_000, seed)
    waiting: list[Event] = []
    for number, row in enumerate(rows.to_dict("records")):
        event, labels = _event(
            random, f"{partition}-{number}", T0 + number * STEP, {str(name): value for name, value in row.items()}
        )
        early = bool(labels) and random.random() < 0.1
        yield from (_write(one) for one in labels[:1] if early)
        yield _write(event)
        waiting += labels[early:]
        random.shuffle(waiting)
        for _ in range(random.choice((0, 1, 2)) if waiting else 0):
            if waiting:
                yield _write(waiting.pop())


def _event(random: Random, id_: str, time: int, row: Event) -> tuple[Event, list[Event]]:
    truth = int(row["label"])
    event = {
        "model": "m", "version": "1", "id": id_, "time": isoformat(time), "score": row["score"],
        "prediction": row["prediction"], "features": {"amount": row["amount"], "region": row["region"]},
        "segments": {"region": row["region"]},
    }  # fmt: skip
    if random.random() < 0.2:
        return event, []
    at = time + random.choice((-MINUTE, HOUR, 30 * DAY))
    given = [(at, truth)] * random.choice((1, 1, 2))
    given += [(at + HOUR, 1 - truth)] * (random.random() < 0.2)
    return event, [{"model": "m", "id": id_, "label": label, "time": isoformat(moment)} for moment, label in given]


def _write(event: Event) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()


class LabelledRun(Run):
    """A run on a topic of predictions and labels."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        seed = self.random.randrange(1 << 20)
        self._streams = [records(seed + p, p) for p in range(self.partitions)]

    def _install(self) -> dict[str, list[Reference]]:
        store = open_store(self.url, SystemClock())
        built = build_reference(frame(3_000, 1), ReferenceOptions(segments={"region": ("n", "s")}))
        model = store.put_model("m", pane=5 * MINUTE, lateness=MINUTE)
        reference = store.add_reference(
            model.id, version="1", schema=built.schema, grid=built.grid, profile=built.profile,
            content_hash=built.content_hash, rows=built.rows, active_from=0, outcomes=built.outcomes,
        )  # fmt: skip
        store.close()
        return {"m": [reference]}

    def _configure(self, name: str, *, sources: bool) -> Path:
        path = super()._configure(name, sources=sources)
        head, rest = path.read_text().split("models:\n")
        after = rest[rest.index("retention:") :].replace("{panes: 36500d", "{labels: 36500d, panes: 36500d")
        path.write_text(f"{head}models:\n  m: {{pane: 300s, lateness: 60s, windows: [1h]}}\n{after}")
        return path

    @property
    def reference(self) -> Reference:
        """The one there is."""
        return self.references["m"][0]

    def met(self, store: Store) -> Outcomes:
        """What the store holds."""
        found = store.profile(self.reference, T0 - DAY, T0 + 100 * DAY).outcomes
        assert found is not None
        return found

    def batch(self) -> Outcomes:
        """What it has to hold: the whole log read at once, the last label of each id kept, and then counted."""
        events: list[Event] = []
        last: dict[str, tuple[str, str]] = {}
        for values in self.log().values():
            for event in (json.loads(value) for value in values if value):
                if event.get("model") != "m":
                    continue
                if "features" in event:
                    events.append(event)
                else:
                    last[event["id"]] = max(last.get(event["id"], ("", "")), (event["time"], str(event["label"])))
        return self._counted(events, {id_: label for id_, (_, label) in last.items()})

    def _counted(self, events: list[Event], labels: dict[str, str]) -> Outcomes:
        counter, n = OutcomeCounter(self.reference.grid), len(events)
        names = [grid.name for grid in self.reference.grid.columns if grid.measured]
        numbers = np.array([[e["features"].get(name, e.get(name)) for e in events] for name in names], float)
        rows = Rows(np.zeros(n, np.int64), numbers, {"region": [e["features"]["region"] for e in events]})
        zero = np.zeros(n, np.int64)
        seen = counter.predictions.of(rows, zero)
        truth = np.array([float(labels.get(e["id"], "nan")) for e in events])
        (predicted,) = counter.predicted(seen, np.ones(n, np.bool_), zero, 1)
        (joined,) = counter.joined(seen, truth, zero + 1, zero, zero, 1)
        return Outcomes(self.reference.grid, predicted + joined)
