"""`make torture`: a thousand kills in rounds of other seeds, the teeth, and a report of what happened.

`DRIFT_TORTURE_KILLS=50 make torture` for less. Every round is a topic and a store of its own, compared to the bit.
"""

import os
import platform
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psycopg
import pytest

from tests.fault import scenarios
from tests.fault.harness import Run
from tests.fault.rampage import alone, haunted, rampage, stop, together
from tests.fault.runner import DUTIES, POINTS
from tests.rig.postgres import Postgres

ROUND: Final = 50
"""Kills on one topic and store."""
TIMES: Final = 120
"""How often each record is produced: 10,000 a kill, so that a thousand kills check ten million."""
REPORT: Final = Path(__file__).parents[2] / "docs" / "reliability-report.md"
NewRun = Callable[..., Run]
pytestmark = [pytest.mark.torture, pytest.mark.timeout(0)]


@dataclass
class Report:
    """What is written down, after every round."""

    kills: int
    started: float = field(default_factory=time.monotonic)
    rounds: list[str] = field(default_factory=list)
    teeth: list[str] = field(default_factory=list)
    points: Counter[str] = field(default_factory=Counter)
    sums: Counter[str] = field(default_factory=Counter)
    postgres: str = ""

    def add(self, run: Run, seed: int, store: str, differences: list[str]) -> None:
        """One round."""
        records, said = sum(map(len, run.produced.values())), run.outputs()
        happened = {
            "killed at a point": sum(run.deaths.points.values()), "killed at random": run.deaths.kills,
            "stood still": said.count(" stop\n"), "lost an answer": said.count(" lose\n"),
            "fenced": said.count("] fenced "), "records": records, "differences": len(differences),
        }  # fmt: skip
        self.points += run.deaths.points
        self.sums += Counter(happened)
        cells = (seed, store, run.client, *(f"{n:,}" for n in happened.values()))
        self.rounds.append("| " + " | ".join(map(str, cells)) + " |")
        self.write()

    @property
    def dead(self) -> int:
        return self.sums["killed at a point"] + self.sums["killed at random"]

    def write(self) -> None:
        """The file."""
        total, minutes = self.sums, (time.monotonic() - self.started) / 60
        missed = [point for point in POINTS + DUTIES if not self.points[point]]
        took = f"{minutes:.0f} minutes on {os.cpu_count()} cores"
        clients = f"kafka-python {version('kafka-python')}, confluent-kafka {version('confluent-kafka')}"
        text = f"""# What killing it showed

Written by `DRIFT_TORTURE_KILLS={self.kills} make torture`; that command runs it again with the same seeds ({took}).
In each round real processes (`drift serve` on SQLite; two of `drift worker` and a `drift serve` on PostgreSQL) read a
real broker's topic and are killed at named points and at random moments while records keep coming. Some stand still
until another has taken over, some lose the answer to a commit. Folding and compaction go on meanwhile. Afterwards every
sum, minimum, maximum, position, watermark, late row and dead letter is compared with one plain reading of the log by
code that shares nothing with the service but the bins' edges.

| | |
|---|---:|
| processes killed | {self.dead:,} |
| of these at one of {len(POINTS + DUTIES)} named points | {total["killed at a point"]:,} |
| points reached | {len(POINTS + DUTIES) - len(missed)} of {len(POINTS + DUTIES)}{_list(missed)} |
| processes that stood still while others took over | {total["stood still"]:,} |
| answers to commits lost | {total["lost an answer"]:,} |
| commits refused by the fence | {total["fenced"]:,} |
| records checked | {total["records"]:,} |
| **differences** | **{total["differences"]}** |

Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, PostgreSQL {self.postgres},
Apache Kafka {_kafka()}, {clients}.

## Rounds

| seed | store | client | killed at a point | at random | stood still | answers lost | fenced | records | differences |
|---:|---|---|---:|---:|---:|---:|---:|---:|---:|
{chr(10).join(self.rounds)}

## Teeth

Each protection broken on purpose, in test processes only; what passes with it has to fail without it.

| broken | scenario | differences found |
|---|---|---:|
{chr(10).join(self.teeth)}

## Not covered

- Power loss: processes are killed, the machine is not. (A cut WAL is tested in `tests/fault/test_store_sqlite.py`.)
- A topic made anew that has already outgrown the old position looks like the old one: nothing tells them apart.
- Several brokers, leader changes, unclean elections.
- Events near the bound on future times (`max_future`): whether one is refused depends on when it is read.
- librdkafka unpacks a compressed batch without a bound: run it where memory is limited.
"""
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(text)


def _list(points: list[str]) -> str:
    return f" (not: {', '.join(points)})" if points else ""


def _kafka() -> str:
    pom = (Path(__file__).parents[1] / "rig" / "pom.xml").read_text()
    return pom.split("kafka_2.13</artifactId>")[1].split("<version>")[1].split("<")[0]


@pytest.fixture(scope="module")
def report(postgres: Postgres) -> Report:
    with psycopg.connect(postgres.url()) as connection:
        server = connection.info.server_version
    kills = int(os.environ.get("DRIFT_TORTURE_KILLS", "1000"))
    return Report(kills, postgres=f"{server // 10_000}.{server % 10_000}")


@pytest.mark.parametrize(
    ("tooth", "scenario"),
    [("epoch", scenarios.made_anew), ("expected", scenarios.answer_lost), ("one", scenarios.killed_between)],
)
def test_the_scenarios_have_teeth(
    new_run: NewRun, postgres: Postgres, report: Report, tooth: str, scenario: scenarios.Scenario
) -> None:
    run = new_run(postgres.url(postgres.create_database()), "confluent", seed=900)
    with pytest.raises(AssertionError) as caught:
        scenario(run, tooth)
    differences = str(caught.value).count("\n") + 1
    assert "pane" in str(caught.value)
    report.teeth.append(f"| {tooth} | `{getattr(scenario, '__name__', scenario)}` | {differences} |")
    report.write()


@pytest.mark.parametrize("tooth", ["expected", "one"])
def test_random_kills_have_teeth(new_run: NewRun, postgres: Postgres, report: Report, tooth: str) -> None:
    """The very rampage that finds nothing otherwise."""
    run = new_run(postgres.url(postgres.create_database()), "confluent", seed=901)
    slots = haunted(together(run), run)
    rampage(run, slots, kills=20, tooth=tooth)
    stop(slots)
    differences = run.differences()
    report.teeth.append(f"| {tooth} | 20 random kills | {len(differences)} |")
    report.write()
    assert any("pane" in line for line in differences)


def test_a_thousand_kills_change_no_sum(new_run: NewRun, postgres: Postgres, tmp_path: Path, report: Report) -> None:
    number = 0
    while report.dead < report.kills:
        seed, client, on_sqlite = 1_000 + number, ("kafka-python", "confluent")[number % 2], number % 4 < 2
        database = "" if on_sqlite else postgres.create_database()
        url = f"sqlite:///{tmp_path / f'{number}.db'}" if on_sqlite else postgres.url(database)
        run = new_run(url, client, seed=seed, compact=on_sqlite)
        slots = haunted(alone(run) if on_sqlite else together(run), run)
        rampage(run, slots, kills=min(ROUND, report.kills - report.dead), times=TIMES)
        codes = stop(slots)
        differences = run.differences()
        report.add(run, seed, "SQLite" if on_sqlite else "PostgreSQL", differences)
        assert differences == []
        assert run.deaths.other == []
        assert codes == [0] * len(slots)
        run.kafka.delete_topic(run.topic)
        number += 1
    assert report.sums["fenced"] > 0
    assert report.sums["lost an answer"] > 0
