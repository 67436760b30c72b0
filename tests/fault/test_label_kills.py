"""SIGKILL at any moment, labels late by 30 days, doubled, corrected, shuffled: the same performance as in one batch."""

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from detectors.performance.options import PerformanceOptions
from detectors.performance.realized import realized
from drift.core.outcome.sums import Outcomes
from tests.fault.harness import Zygote
from tests.fault.labelled import LabelledRun
from tests.fault.rampage import Slot, _faults, alone, rampage, stop, together
from tests.fault.runner import MEETING, POINTS
from tests.rig.kafka import Kafka

NewRun = Callable[..., LabelledRun]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
KILLS = 12


@pytest.fixture
def new_run(kafka: Kafka, zygote: Zygote, tmp_path: Path) -> NewRun:
    """`new_run(url, seed)`."""
    return lambda url, seed: LabelledRun(kafka, zygote, tmp_path, url, "confluent", seed)


def assert_as_in_one_batch(run: LabelledRun, slots: list[Slot]) -> None:
    """Each sum to the bit, hence each metric; and the deaths did happen."""
    assert run.deaths.other == []
    assert run.deaths.total >= KILLS
    assert run.deaths.points[MEETING[0]], "nothing died between the rows of the join and their sums"
    assert stop(slots) == [0] * len(slots)
    store = run.open()
    try:
        found, wanted = run.met(store), run.batch()
    finally:
        store.close()
    assert wanted.joined() > 100
    same(found, wanted)
    options = PerformanceOptions()
    assert realized(found, 0, options, True) == realized(wanted, 0, options, True)


def same(found: Outcomes, wanted: Outcomes) -> None:
    for segment in found.grid.segments:
        for block in found.layout.blocks:
            one, other = found.block(block, segment.index), wanted.block(block, segment.index)
            assert np.array_equal(one, other), (segment.label, block)
    for block in ("cause_rows", "cause_expected", "cause_seen", "cause_loss"):
        assert np.array_equal(found.whole(block), wanted.whole(block)), block


def test_one_process_on_sqlite(new_run: NewRun, tmp_path: Path) -> None:
    run = new_run(f"sqlite:///{tmp_path / 'drift.db'}", 21)
    slots = alone(run)
    slots[0].faults = chain(MEETING, _faults(run, POINTS))
    rampage(run, slots, kills=KILLS)
    assert_as_in_one_batch(run, slots)


def test_two_workers_on_postgresql(new_run: NewRun, pg_url: str) -> None:
    run = new_run(pg_url, 22)
    slots = together(run)
    for slot in slots[:2]:
        slot.faults = chain(MEETING, _faults(run, POINTS))
    rampage(run, slots, kills=KILLS)
    assert_as_in_one_batch(run, slots)
