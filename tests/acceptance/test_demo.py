"""`drift demo --once --json`: the promise of the README, checked against the data itself."""

import csv
import io
import json
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from drift.core.clock import ManualClock
from drift.core.commit import Claim, Partition
from drift.demo import flights
from drift.demo.stream import BROKEN, EmbeddedSource
from drift.store import Store, open_store

COMMAND = (sys.executable, "-c", "from drift.cli import main; main()", "demo", "--once", "--json", "--directory")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def summary(directory: Path) -> dict[str, Any]:
    done = subprocess.run([*COMMAND, directory], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture
def store(summary: dict[str, Any], directory: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{directory / 'drift.db'}", ManualClock(), role="reader")
    yield store
    store.close()


@pytest.fixture(scope="module")
def flown() -> list[dict[str, str]]:
    """The stream's flights, as the file has them."""
    with zipfile.ZipFile(flights._folder() / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        rows = list(csv.DictReader(io.TextIOWrapper(file)))
    return [row for row in rows if int(row["month"]) > 3]


pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_every_row_read_is_counted_or_a_dead_letter(summary: dict[str, Any], flown: list[dict[str, str]]) -> None:
    assert summary["rows_read"] == summary["rows_counted"] + summary["dead_letters"]
    assert summary["rows_counted"] == len(flown) > 200_000
    assert summary["dead_letters"] == len(BROKEN)
    assert summary["windows"] > 200
    assert summary["results"] == summary["windows"]


def test_months_hold_the_flights_of_the_file(summary: dict[str, Any], flown: list[dict[str, str]]) -> None:
    expected = Counter(f"2013-{int(row['month']):02}" for row in flown)
    assert {month["month"]: month["rows"] for month in summary["months"]} == expected


def test_stored_sums_hold_each_row_once_in_every_column(store: Store, flown: list[dict[str, str]]) -> None:
    reference = store.references(1)[0]
    profile = store.profile(reference, 0, 1 << 60).profile
    assert profile is not None
    slots = profile.grid.layout.slots
    assert (np.add.reduceat(profile.counts(), slots[:-1]) == profile.rows()).all()
    for name in ("carrier", "origin"):
        at = profile.grid.index[name]
        counted = dict(zip(profile.grid.columns[at].keys, profile.bin_counts(at).tolist(), strict=False))
        assert counted.items() <= Counter(row[name] for row in flown).items()
        assert len(counted) >= 3


def test_broken_events_are_dead_letters_with_their_reasons(store: Store) -> None:
    reasons = dict.fromkeys(("malformed", "missing_time", "bad_time", "unknown_model", "future_time"), 1)
    assert store.dead_letters_by_reason() == reasons
    assert {row.letter.payload for row in store.dead_letters()} == set(BROKEN)


def test_alarms_are_what_happened_that_year(summary: dict[str, Any]) -> None:
    months = {month["month"]: month for month in summary["months"]}
    # the model expects what came: few late flights in September (13 % were), many in December (31 %)
    assert months["2013-09"]["predicted_late"] < 0.12
    assert months["2013-12"]["predicted_late"] > 0.25
    alarms = summary["alarms"]
    assert sum(month["pages"] + month["warnings"] for month in months.values()) == len(alarms)
    assert len(alarms) < 30  # one a day and column would be thousands
    # the first quarter knows no summer
    temp = [one for one in alarms if one["column"] == "temp" and one["since"] < "2013-05"]
    assert len(temp) == 1
    assert temp[0]["until"] is None or temp[0]["until"] > "2013-11"
    assert "temp" in temp[0]["sentence"]
    # the weather of the last day was never recorded, nor most of the evening before
    lost = [one for one in alarms if one["told"] >= "2013-12-30" and "missing" in one["sentence"]]
    assert {"humid", "visib", "wind_speed"} <= {one["column"] for one in lost}
    assert "page" in {one["severity"] for one in lost}
    assert {one["until"] for one in lost} == {None}


def test_a_second_start_goes_on_and_counts_nothing_twice(summary: dict[str, Any], directory: Path) -> None:
    done = subprocess.run([*COMMAND, directory], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout.splitlines()[-1])
    assert {**again, "seconds": 0} == {**summary, "seconds": 0}


def test_a_foreign_drift_yaml_is_left_alone(tmp_path: Path) -> None:
    config = tmp_path / "drift.yaml"
    config.write_text("models: {}\n")
    done = subprocess.run([*COMMAND, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "is not the demo's" in done.stderr
    assert config.read_text() == "models: {}\n"


def test_recent_delay_looks_only_back() -> None:
    rng = np.random.default_rng(1)
    n = 300
    frame = pd.DataFrame(
        {
            "origin": rng.choice(["JFK", "LGA"], n),
            "time": pd.to_datetime("2013-02-01", utc=True) + pd.to_timedelta(rng.integers(0, 1000, n), unit="min"),
            "dep_delay": np.where(rng.random(n) < 0.1, np.nan, rng.integers(-10, 90, n)),
        }
    )
    minute = (frame["time"] - frame["time"].min()).dt.total_seconds() / 60
    left = minute + frame["dep_delay"]
    expected = []
    for at, airport in zip(minute, frame["origin"], strict=True):
        gone = frame["dep_delay"][(frame["origin"] == airport) & (left < at) & (left >= at - 120)]
        expected.append(round(gone.mean(), 1) if len(gone) >= flights.FEWEST_RECENT else np.nan)
    np.testing.assert_allclose(flights._recent_delay(frame), expected, atol=0.051)


def test_embedded_source_begins_where_the_store_says_and_ends() -> None:
    source = EmbeddedSource([b"a", b"b", b"c", b"d"], "letters")
    partition = Partition("embedded", "letters")
    assert source.poll(0, 2).assigned == (partition,)
    assert source.poll(0, 2).chunks == ()
    source.start([Claim(partition, 1, 1)])
    (chunk,) = source.poll(0, 2).chunks
    assert (list(chunk.offsets), list(chunk.values), chunk.next, chunk.finished) == ([1, 2], [b"b", b"c"], 3, False)
    source.pause()
    assert source.poll(0, 2).chunks == ()
    source.resume()
    (chunk,) = source.poll(0, 2).chunks
    assert (list(chunk.values), chunk.next, chunk.finished) == ([b"d"], 4, True)
    source.start([Claim(partition, 1, None)])
    assert source.poll(0, 9).chunks[0].values == [b"a", b"b", b"c", b"d"]
