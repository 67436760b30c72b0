"""`make torture`: a thousand kills in rounds of other seeds, and a report of what happened. Hours, not minutes.

`DRIFT_TORTURE_KILLS` sets how many; every round is a topic and a store of its own and is compared to the bit.
"""

import os
import platform
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fault.harness import Run
from tests.fault.rampage import alone, rampage, stop, together
from tests.rig.postgres import Postgres

KILLS = int(os.environ.get("DRIFT_TORTURE_KILLS", "1000"))
ROUND = 50
REPORT = Path(__file__).parents[2] / "docs" / "reliability-report.md"
NewRun = Callable[..., Run]


@pytest.mark.torture
@pytest.mark.timeout(0)
def test_a_thousand_kills_change_no_sum(new_run: NewRun, postgres: Postgres, tmp_path: Path) -> None:
    lines, total, events = [], 0, 0
    for number in range(max(1, -(-KILLS // ROUND))):
        client = ("kafka-python", "confluent")[number % 2]
        on_sqlite = number % 4 < 2
        url = f"sqlite:///{tmp_path / f'{number}.db'}" if on_sqlite else postgres.url(postgres.create_database())
        run = new_run(url, client, seed=1_000 + number, compact=on_sqlite)
        slots = alone(run) if on_sqlite else together(run)
        rampage(run, slots, kills=min(ROUND, KILLS - total))
        codes = stop(slots)
        assert run.deaths.other == []
        assert codes == [0] * len(slots)
        differences = run.differences()
        records = sum(len(values) for values in run.log().values())
        total, events = total + run.deaths.total, events + records
        store = "SQLite" if on_sqlite else "PostgreSQL"
        points = sum(run.deaths.points.values())
        row = (1_000 + number, store, client, points, run.deaths.kills, f"{records:,}", len(differences))
        lines.append("| " + " | ".join(map(str, row)) + " |")
        _write(lines, total, events)
        assert differences == []
    assert total >= KILLS


def _write(lines: list[str], kills: int, events: int) -> None:
    REPORT.write_text(
        f"""# What killing it showed

Written by `make torture` (`DRIFT_TORTURE_KILLS={KILLS}`), one round a line. In each, processes are killed at named
points and at random moments while records keep coming; afterwards every sum, position, watermark and dead letter is
compared with one plain reading of the log.

{kills:,} processes killed, {events:,} records checked.
Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}.

| seed | store | client | killed at a named point | killed at random | records | differences |
|---:|---|---|---:|---:|---:|---:|
"""
        + "\n".join(lines)
        + "\n"
    )
