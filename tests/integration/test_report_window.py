"""Evidently's report of a window: made in a subprocess of the rows that are kept, or a sentence that says why not."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
import structlog

from drift.cli import logs, run
from drift.cli.client import connect
from drift.core.clock import MINUTE
from drift.core.errors import BackPressure, ConfigError, DriftError, NotFound
from drift.core.sample import RowSample
from drift.core.window import Window
from drift.service.reports import rows
from drift.service.reports.child import frame, report
from drift.service.reports.rows import Job, rows_report
from drift.store import Store
from tests.unit.test_reports import HOSTILE
from tests.unit.test_sampling import HOUR, watched


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[tuple[Store, int]]:
    store, number = watched(tmp_path, 0.0)
    with closing(store):
        yield store, number


def sample(names: tuple[str, ...] = ("x",), keys: tuple[str, ...] = ("c",), n: int = 40) -> RowSample:
    rng = np.random.default_rng(1)
    texts = np.array([HOSTILE[i % len(HOSTILE)] or None for i in range(n)], object)
    return RowSample(
        n, names, np.arange(n, dtype=np.uint64), np.arange(n, dtype=np.int64), rng.normal(size=(len(names), n)),
        dict.fromkeys(keys, texts),
    )  # fmt: skip


def children() -> list[str]:
    """Reports that are being made on this machine by this process."""
    listed = subprocess.run(
        ["ps", "-o", "args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=False
    ).stdout
    return [line for line in listed.splitlines() if "reports.child" in line]


@pytest.mark.slow
def test_a_report_of_the_rows_that_are_kept(kept: tuple[Store, int]) -> None:
    store, number = kept
    page = rows_report(store, store.reference(number), HOUR, title="m, <i>an hour</i>", columns=["y", "x"])
    assert page.lstrip().startswith("<!DOCTYPE html>")
    assert "m, &lt;i&gt;an hour&lt;/i&gt;" in page
    assert "of 400 sampled rows of this window and 400 of the reference, without 1 more columns" in page
    assert "Dataset Drift" in page
    assert children() == []


def test_without_rows_nothing_is_made_up(tmp_path: Path, kept: tuple[Store, int]) -> None:
    store, number = kept
    with pytest.raises(NotFound, match="holds no sampled rows"):
        rows_report(store, store.reference(number), Window(0, MINUTE))
    with pytest.raises(NotFound, match=r"no rows of a column 'z' are kept .* there are 'x', 'y', 'c'"):
        rows_report(store, store.reference(number), HOUR, columns=["z"])
    (tmp_path / "few").mkdir()
    few, third = watched(tmp_path / "few", 0.0, sampled=10)
    with closing(few), pytest.raises(NotFound, match="10 sampled rows are too few"):
        rows_report(few, few.reference(third), HOUR)
    (tmp_path / "bare").mkdir()
    bare, other = watched(tmp_path / "bare", 0.0, sampled=0)
    with closing(bare), pytest.raises(NotFound, match="none are made up for a report; say `row_sample: 1000`"):
        rows_report(bare, bare.reference(other), HOUR)


def test_without_the_extra_it_says_how_to_get_it(kept: tuple[Store, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'driftsum\[evidently\]'"):
        rows_report(kept[0], kept[0].reference(kept[1]), HOUR)


def test_a_report_that_takes_too_long_is_ended(kept: tuple[Store, int]) -> None:
    store, number = kept
    began = time.monotonic()
    with pytest.raises(DriftError, match=r"did not finish within 0\.3 s and was ended; ask for fewer columns"):
        rows_report(store, store.reference(number), HOUR, deadline=0.3)
    assert time.monotonic() - began < 10
    assert children() == []


def test_one_report_at_a_time(kept: tuple[Store, int]) -> None:
    store, number = kept
    with rows._one, pytest.raises(BackPressure, match="another report is being made"):
        rows_report(store, store.reference(number), HOUR)
    with pytest.raises(DriftError, match="was ended"):  # and the next one may again
        rows_report(store, store.reference(number), HOUR, deadline=0.1)


def test_a_child_without_memory_ends_with_a_sentence(kept: tuple[Store, int]) -> None:
    store, number = kept
    with pytest.raises(DriftError, match=r"more memory than it may have|was ended|Evidently made no report"):
        rows_report(store, store.reference(number), HOUR, memory=200 << 20, deadline=20)
    assert children() == []


@pytest.mark.parametrize(
    ("code", "said", "sentence"),
    [
        (-9, "", "for want of memory"),
        (1, "x\nMemoryError: \n\n", "needs more memory"),
        (1, "numpy: Unable to allocate 3 GiB", "needs more memory"),
        (1, "ValueError: odd " + "x" * 900, "Evidently made no report: ValueError: odd xxx"),
        (3, "", "Evidently made no report: exit code 3"),
    ],
)
def test_why_there_is_none(code: int, said: str, sentence: str) -> None:
    assert sentence in rows._why(code, said)
    assert len(rows._why(code, said)) < 400


def test_a_child_gets_no_secret(kept: tuple[Store, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFT_TOKEN", "drift_secret")
    seen: dict[str, str] = {}

    class Started(subprocess.Popen[bytes]):
        def __init__(self, *args: object, **options: object) -> None:
            seen.update(options["env"])  # type: ignore[call-overload]
            super().__init__(*args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", Started)
    with pytest.raises(DriftError, match="was ended"):
        rows_report(kept[0], kept[0].reference(kept[1]), HOUR, deadline=0.1)
    assert "DRIFT_TOKEN" not in seen
    assert seen["DO_NOT_TRACK"] == "1"


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    """Its input ends when the parent does, whatever killed that."""
    (tmp_path / "job.json").write_bytes(msgspec.json.encode(Job("t", ("x", "c"), 0, 4 << 30, 1 << 26)))
    for name in ("reference", "window"):
        (tmp_path / f"{name}.sample").write_bytes(sample().dump())
    child = subprocess.Popen(
        [sys.executable, "-m", "drift.service.reports.child", str(tmp_path)], stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(20) == 1
    assert not (tmp_path / "report.html").exists()


@pytest.mark.slow
def test_hostile_names_and_keys_end_no_script() -> None:
    names = tuple(name for name in HOSTILE if name)[:14]
    hostile = sample(names, ("</script><b>", "x" * 5_000))
    job = Job("<script>", (*names, *hostile.keys), 0, 0, 0)
    plain = sample(("x",))
    page, clean = report(job, hostile, hostile), report(Job("t", ("x",), 0, 0, 0), plain, plain)
    for tag in ("<script", "</script>", "<img", "<b>", "<i>"):
        assert page.count(tag) == clean.count(tag), tag
    shown = list(frame(hostile, {name: name for name in names}))
    assert shown == list(names)


def test_names_that_look_alike_stay_apart() -> None:
    from drift.service.reports.child import _names

    made = _names(("a<", "a‹", "x" * 200, "x" * 201))
    assert len(set(made.values())) == 4
    assert made["a‹"] == "a‹ (2)"
    assert all(len(name) < 90 for name in made.values())


# By command and over REST


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder in which four hours were counted, with a sample of each."""
    monkeypatch.chdir(tmp_path)
    logs.configure(logs.QUIET)
    log_of(1).to_parquet("ref.parquet")
    Path("drift.yaml").write_text(
        "models:\n  credit: {reference: ref.parquet, windows: [1h], pane: 15m, row_sample: 200}\n"
    )
    log_of(2).assign(model="credit", id=range(1_200)).to_parquet("log.parquet")
    assert run(["replay", "log.parquet"]) == 0
    yield
    structlog.reset_defaults()


def log_of(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    time = pd.date_range("2026-02-01", periods=1_200, freq="12s", tz="UTC")
    return pd.DataFrame({"time": time, "income": rng.normal(3_000, 400, 1_200), "age": rng.normal(40, 9, 1_200)})


@pytest.mark.slow
def test_by_command(counted: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "window", "credit", "--column", "age", "-o", "w.html"]) == 0
    page = Path("w.html").read_text()
    assert "credit, window of 1h: 2026-02-01T03:00:00Z/2026-02-01T04:00:00Z" in page
    assert "of 200 sampled rows of this window and 200 of the reference, without 1 more columns" in page
    capsys.readouterr()
    assert run(["report", "window", "credit", "--column", "none", "-o", "w.html"]) == 2
    assert "no rows of a column 'none' are kept" in capsys.readouterr().err
    assert run(["report", "window", "nobody"]) == 2
    assert "there is no model 'nobody'" in capsys.readouterr().err


@pytest.mark.slow
def test_over_rest_it_may_ask_nobody(counted: None) -> None:
    with connect(Path("drift.yaml"), None) as client:
        (first, *_) = client.pages("/v1/windows", 10, model="credit", state="final")
        answer = asyncio.run(client._response("GET", f"/v1/windows/{first['id']}/report?column=age", timeout=120))
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "allow-same-origin" not in policy
    assert "http" not in policy
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
