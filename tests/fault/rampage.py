"""Killing processes over and over: at named points and at random moments, while records keep coming."""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle

from tests.fault import events
from tests.fault.harness import Child, Run
from tests.fault.runner import DUTIES, POINTS

RECORDS = 40
"""Produced to each partition before every kill, and again while a failpoint is waited for."""
TAKEOVER = 1.8
"""Seconds for which a process stands still: longer than its session, so that others take over."""
STANDSTILLS = ("after poll", "after count", "before commit", "commit: INSERT dirty", "commit: COMMIT", "after commit")
PATIENCE = 6.0
"""Seconds until a process that does not reach its failpoint is killed without."""


@dataclass
class Slot:
    """One process's place: who stands there now, and what it will die of."""

    command: str
    sources: bool
    faults: Iterator[str]
    child: Child | None = None
    fault: str = ""


def alone(run: Run) -> list[Slot]:
    """`drift serve`, everything in one process: SQLite."""
    return [Slot("serve", True, _faults(run, POINTS + DUTIES))]


def together(run: Run) -> list[Slot]:
    """Two of `drift worker`, and a server that folds and evaluates: PostgreSQL."""
    points = _faults(run, POINTS)
    return [Slot("worker", True, points), Slot("worker", True, points), Slot("serve", False, _faults(run, DUTIES))]


def haunted(slots: Sequence[Slot], run: Run) -> list[Slot]:
    """The same, but now and then a process stands still instead of dying, or loses the answer to a commit."""
    for slot in slots:
        if slot.sources:
            slot.faults = _haunted(run, slot.faults)
    return list(slots)


def _faults(run: Run, points: Sequence[str]) -> Iterator[str]:
    """Every point in an order of the seed's own, and after each a random moment."""
    order = list(points)
    run.random.shuffle(order)
    for point in cycle(order):
        often = point in POINTS[:9]
        yield f"{point}:{run.random.choice((1, 1, 2, 3)) if often else 1}"
        yield ""


def _haunted(run: Run, faults: Iterator[str]) -> Iterator[str]:
    for number, fault in enumerate(faults):
        yield fault
        if number % 4 == 1:
            yield f"{run.random.choice(STANDSTILLS)}:2:stop"
        elif number % 4 == 3:
            yield "after commit:2:lose"


def rampage(
    run: Run, slots: Sequence[Slot], kills: int, *, tooth: str = "", records: int = RECORDS, times: int = 1
) -> None:
    """Kill so often, one after the other; all run again afterwards, without faults, until the log is counted.

    `records` are produced to each partition before each kill, and each slice of them `times` times over.
    """
    run.produce(records, events.large(kills))
    for slot in slots:
        _start(run, slot, tooth)
    turns = cycle(slots)
    while run.deaths.total < kills and len(run.deaths.other) < 3:
        slot = next(turns)
        assert slot.child is not None
        run.produce(records, times=times)
        if slot.fault:
            _await(run, slot, slot.child, records)
        run.kill_one(slot.child, slot.fault)
        _start(run, slot, tooth)
    for slot in slots:
        assert slot.child is not None
        run.kill_one(slot.child, slot.fault if slot.child.code is not None else "", within=0.0)
        slot.child = run.start(slot.command, sources=slot.sources, tooth=tooth)
    run.produce(records)
    run.settle(120)


def _start(run: Run, slot: Slot, tooth: str) -> None:
    slot.fault = next(slot.faults)
    slot.child = run.start(slot.command, fault=slot.fault, sources=slot.sources, tooth=tooth)


def _await(run: Run, slot: Slot, child: Child, records: int) -> None:
    """Records keep coming until the process has met its fault. One that stands still goes on after a takeover."""
    deadline = time.monotonic() + PATIENCE
    while child.code is None and not child.stopped() and time.monotonic() < deadline:
        with suppress(TimeoutError):
            child.wait(0.5)
        if slot.fault.endswith("lose") and "FAULT" in child.output:
            return
        if child.code is None:
            run.produce(max(records // 4, 1))
    if child.stopped():
        time.sleep(TAKEOVER)
        child.send(signal.SIGCONT)


def stop(slots: Sequence[Slot]) -> list[int]:
    """SIGTERM to all; their exit codes."""
    return [slot.child.stop() for slot in slots if slot.child is not None]
