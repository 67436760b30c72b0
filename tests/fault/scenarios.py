"""Small exact stories about one protection each. Told with a tooth pulled, each of them has to fail.

A   reads, and stands still before (or within) its commit          SIGSTOP
B   takes over and goes on                                          epoch + 1
A   goes on with what it has                                        SIGCONT: must be refused
"""

import signal
import time
from collections.abc import Callable
from contextlib import suppress

from tests.fault.harness import Child, Run
from tests.fault.runner import FAILPOINT
from tests.rig.proc import wait_until

Scenario = Callable[[Run, str], None]
CUT_OFF = 3.5
"""Seconds after which the database has ended a transaction in which nothing happens."""


def superseded(run: Run, tooth: str = "") -> None:
    """A is stopped before its commit; B takes over and counts everything; A goes on and is refused."""
    _superseded(run, tooth, "before commit:2:stop")


def superseded_within(run: Run, tooth: str = "") -> None:
    """The same in the middle of A's transaction, which holds locks until the database cuts it off.

    A then hears of its lost connection first, and perhaps of its lost partitions before it tries again.
    """
    _superseded(run, tooth, "commit: INSERT panes:1:stop", "store away")


def _superseded(run: Run, tooth: str, fault: str, said: str = "fenced") -> None:
    run.produce(150)
    a = run.start("worker", fault=fault, tooth=tooth)
    _stands_still(a)
    b = run.start("worker", tooth=tooth)
    run.produce(150)
    run.settle()
    # a transaction that is open is cut off after three seconds; earlier there is nothing to hear of
    time.sleep(CUT_OFF if said == "store away" else 0)
    a.send(signal.SIGCONT)
    refused = _refused(a, said)
    run.produce(50)
    run.settle()
    _ends_well(run, a, b)
    assert refused, f"the worker was not refused; it said {a.output[-2000:]}"


def made_anew(run: Run, tooth: str = "") -> None:
    """While A stands still its topic is made anew: what A has read is of a log that is no more.

    The positions fit, so only the epoch tells that A's rows must not take the place of the new log's first.
    """
    run.produce(100)
    a = run.start("worker", fault="before commit:2:stop", tooth=tooth, flush=0.5)
    _stands_still(a)
    run.kafka.delete_topic(run.topic)
    run.kafka.create_topic(run.topic, run.partitions)
    run.produce(100)
    b = run.start("worker", tooth=tooth, flush=4.0, poll_records=5_000)
    wait_until(lambda: b.output.count("partition acquired") >= run.partitions, what="B has the partitions")
    a.send(signal.SIGCONT)
    refused = _refused(a)
    run.settle()
    a.kill()
    _ends_well(run, b)
    assert refused


def answer_lost(run: Run, tooth: str = "") -> None:
    """A commit stands, its answer does not arrive: trying again must find that the partition stands elsewhere."""
    run.produce(300)
    a = run.start("serve", fault="after commit:2:lose", tooth=tooth)
    refused = _refused(a)
    run.produce(50)
    run.settle()
    assert run.faults()["after commit lose"] == 1
    _ends_well(run, a)
    assert refused


def killed_between(run: Run, tooth: str = "") -> None:
    """Killed when positions are written: if sums stood already, they would be counted again."""
    run.produce(300)
    a = run.start("serve", fault="commit: UPDATE partitions:3", tooth=tooth)
    assert a.wait() == FAILPOINT
    b = run.start("serve", tooth=tooth)
    run.settle()
    _ends_well(run, b)


def _stands_still(child: Child) -> None:
    wait_until(child.stopped, 20, what="the process stands still")


def _refused(child: Child, said: str = "fenced") -> bool:
    """Whether the worker says within some seconds that its commit was refused."""
    with suppress(TimeoutError):
        return wait_until(lambda: said in child.output, 5)
    return False


def _ends_well(run: Run, *children: Child) -> None:
    assert [child.stop() for child in children] == [0] * len(children)
    told = run.differences()
    assert not told, "\n".join(told)
