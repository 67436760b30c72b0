"""The oracle and the worker agree about every odd record, however the log is cut; and the comparison has eyes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drift.core.clock import SystemClock
from drift.store import open_store
from tests.fault import events, world
from tests.fault.oracle import Oracle
from tests.fault.stored import Stored, differences, expected, stored
from tests.rig.timeline import Log, drain, partition

N = 1_000


def log_of(seed: int) -> Log:
    log = Log(2)
    for number in range(2):
        log.append(number, *events.records(seed + number, N), events.large(number))
    return log


def counted(folder: Path, log: Log, most: int, full: int = 32 << 20) -> tuple[Stored, Stored]:
    """What a worker stores of a log that it polls `most` records at a time, and what the oracle says."""
    store = open_store(f"sqlite:///{folder / 'drift.db'}", SystemClock())
    world.install(store)
    drain(store, log, poll_records=most, commit_bytes=full)
    catalogue = store.catalogue()
    oracle = Oracle(
        world.models(),
        {name: [r for r in catalogue.references if r.model_id == m.id] for name, m in catalogue.models.items()},
    )
    for number in range(2):
        oracle.read(number, log.values[partition(number)])
    found = stored(store)
    store.close()
    return found, expected(oracle)


@pytest.mark.parametrize(("seed", "most", "full"), [(1, 7, 32 << 20), (1, 5_000, 32 << 20), (2, 400, 50_000)])
def test_worker_and_oracle_agree(tmp_path: Path, seed: int, most: int, full: int) -> None:
    found, wanted = counted(tmp_path, log_of(seed), most, full)
    assert differences(found, wanted) == []
    assert sum(total.rows for total in found.totals.values()) > N
    assert sum(total.late for total in found.totals.values()) > 10
    assert sum(total.foreign for total in found.totals.values()) > 0
    assert {reason for _, reason in found.refused} == {
        "malformed", "too_large", "unknown_model", "missing_time", "bad_time", "future_time", "wrong_type", "empty",
        "label_only",
    }  # fmt: skip


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert list(events.records(3, 500)) == list(events.records(3, 500))
    assert list(events.records(3, 500)) != list(events.records(4, 500))


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    return counted(tmp_path_factory.mktemp("one"), log_of(5), 500)[0]


def _first(found: Stored, **changes: Any) -> Stored:
    key = min(found.totals)
    return replace(found, totals={**found.totals, key: replace(found.totals[key], **changes)})


def _without_a_pane(found: Stored) -> Stored:
    return replace(found, totals={key: total for key, total in found.totals.items() if key != min(found.totals)})


def _one_more(found: Stored) -> Stored:
    ints = found.totals[min(found.totals)].ints.copy()
    ints[0, -1] += 1
    return _first(found, ints=ints)


def _another_bound(found: Stored) -> Stored:
    low = found.totals[min(found.totals)].low
    return _first(found, low=np.nextafter(low, -np.inf))


@pytest.mark.parametrize(
    "spoil",
    [
        _without_a_pane, _one_more, _another_bound,
        lambda s: _first(s, late=1_000), lambda s: _first(s, foreign=1_000),
        lambda s: replace(s, positions={**s.positions, 0: 3}),
        lambda s: replace(s, records={**s.records, 1: N}),
        lambda s: replace(s, watermarks={**s.watermarks, (0, "churn"): 5}),
        lambda s: replace(s, refused=s.refused + s.refused.__class__({(0, "malformed"): 1})),
        lambda s: replace(s, gaps=[(0, 1, 2, 3, 4)]),
    ],
)  # fmt: skip
def test_the_comparison_sees_every_difference(one: Stored, spoil: Callable[[Stored], Stored]) -> None:
    assert differences(one, one) == []
    assert len(differences(spoil(one), one)) >= 1
    assert len(differences(one, spoil(one))) >= 1
