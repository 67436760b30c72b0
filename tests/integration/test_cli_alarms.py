"""Commands about alarms: on the store, and through the server that holds it."""

import getpass
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import structlog

from detectors.known import pack
from drift.api.server import serve
from drift.cli import logs, run
from drift.config import load
from drift.core.clock import DAY, ManualClock, SystemClock, isoformat
from drift.core.commit import AlarmChange, Detection
from drift.service.service import Service
from drift.store import open_store
from tests.rig import storing
from tests.rig.alarming import about, alarm, commit, hour, result
from tests.rig.proc import free_port

Drift = Callable[..., str]


@pytest.fixture
def drift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Drift]:
    """Runs commands in a folder whose store holds seven hours, an alarm that stands and one that ended."""
    monkeypatch.chdir(tmp_path)
    for name in ("DRIFT_CONFIG", "DRIFT_URL", "DRIFT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    logs.configure(logs.QUIET)
    Path("drift.yaml").write_text(f"server: {{port: {free_port()}}}\nmodels: {{}}\n")
    store = open_store(load(Path("drift.yaml")).store_url, ManualClock(hour(7).end))
    fed = storing.feed(store)
    for n in range(7):
        fed.commit(storing.delta(fed.reference, n, start=hour(n).start, rows=100))
    raised = tuple(AlarmChange("raised", alarm(column=name)) for name in ("n0", "n1"))
    detection = Detection(b"s", snapshot=True, changes=raised, abouts={(0, "default"): pack({"n0": about()})})
    commit(
        fed, *(result(fed, n) for n in range(3)), result(fed, 3, detection=detection),
        result(fed, 6, AlarmChange("ended", alarm(column="n1"), "back again", hour(6).end)),
    )  # fmt: skip
    store.close()

    def command(*args: object, code: int = 0) -> str:
        capsys.readouterr()
        got = run([str(arg) for arg in args])
        said = capsys.readouterr()
        assert got == code, said
        assert "Traceback" not in said.err
        return said.out if code == 0 else said.err

    yield command
    structlog.reset_defaults()


@contextmanager
def server() -> Iterator[None]:
    """A server on a thread of this process, which holds the store."""
    service = Service.open(load(Path("drift.yaml")))
    listening = threading.Event()
    thread = threading.Thread(target=serve, args=(service, lambda _: listening.set()))
    thread.start()
    try:
        assert listening.wait(20)
        yield
    finally:
        service.stopping.set()
        thread.join(30)
        service.stop()


def listed(drift: Drift, *args: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(drift(*args, "--json"))
    return found


def test_alarms(drift: Drift) -> None:
    out = drift("alarms", "credit")
    assert re.search(r"page +n0 +all +1h +location +0\.41 +0\.12 +4,321 .*stands", out)
    assert "n1" not in out
    assert [one["column"] for one in listed(drift, "alarms", "credit", "--all")] == ["n1", "n0"]
    assert "ended 2026-11-23T07:00:00Z" in drift("alarms", "credit", "--all")
    assert "there is no model 'nope'" in drift("alarms", "nope", code=2)


def test_explaining(drift: Drift) -> None:
    out = drift("explain", "credit", "n0")
    assert out.startswith("PAGE: n0 has drifted (model credit, windows of 1h, all traffic).\n\n")
    assert max(map(len, out.splitlines())) <= 100
    assert "Replayed over 672 windows of baseline" in out
    assert out.rstrip().endswith("`drift snooze credit n0 --for 3d --why REASON`")
    assert drift("explain", "credit").startswith("1 page and 0 warnings on model credit, of 3 columns watched")
    assert json.loads(drift("explain", "credit", "n0", "--json"))["cases"][0]["severity"] == "page"
    assert "there is no column 'nope'" in drift("explain", "credit", "nope", code=2)


def test_accepting_is_kept_with_who_and_why(drift: Drift) -> None:
    out = drift("accept", "credit", "n0", "--why", "new price list")
    assert out == (
        "answer 1: accept n0, 2026-11-23T02:00:00Z to 2026-11-23T07:00:00Z\n"
        "windows that end after 2026-11-23T07:00:00Z are judged with it\n"
        "kept: 5 windows of 1h; with fewer than 30 it can warn, but not page\n"
    )
    (answer,) = listed(drift, "answers", "credit")
    assert (answer["who"], answer["why"], answer["window"]) == (getpass.getuser(), "new price list", "1h")
    assert "answered (1)" in drift("alarms", "credit")
    assert "accepted it as baseline: “new price list”" in " ".join(drift("explain", "credit", "n0").split())
    drift("accept", "credit", "k", "--why", "x", "--from", isoformat(hour(0).start), "--until", isoformat(hour(4).end))
    assert listed(drift, "answers", "credit")[0]["until"] == isoformat(hour(4).end)
    assert "why" in drift("accept", "credit", "n0", code=2)
    assert "accept: say why" in drift("accept", "credit", "n0", "--why", " ", code=2)
    assert "timezone" in drift("accept", "credit", "n0", "--why", "x", "--from", "2026-11-23", code=2)


def test_dismissing_snoozing_and_taking_back(drift: Drift) -> None:
    (row,) = listed(drift, "alarms", "credit")
    assert drift("dismiss", "credit", "--alarm", row["id"], "--why", "fair", "--who", "ada").startswith(
        "answer 1: dismiss n0, "
    )
    before = SystemClock().now()
    made = json.loads(drift("snooze", "credit", "n0", "--for", "3d", "--why", "on it", "--json"))
    assert isoformat(before + 3 * DAY) <= made["until"] <= isoformat(SystemClock().now() + 3 * DAY)
    assert "is no duration" in drift("snooze", "credit", "--for", "soon", "--why", "x", code=2)
    assert drift("answers", "credit", "--withdraw", 2, "--who", "bob").startswith("answer 2 is taken back; windows")
    assert "taken back before, by bob" in drift("answers", "credit", "--withdraw", 2, code=2)
    assert re.search(r"snooze +n0 +all .* on it +2.*by bob", drift("answers", "credit"))


def test_a_reference_with_a_reason(drift: Drift) -> None:
    frame = pd.DataFrame({"n0": np.random.default_rng(0).normal(size=300)})
    frame.to_parquet("ref.parquet")
    drift("reference", "add", "ref.parquet", "-m", "credit", "-v", "2", "--why", "retrained", "--who", "eve")
    (answer,) = listed(drift, "answers", "credit")
    assert (answer["action"], answer["version"], answer["who"], answer["why"]) == (
        "rereference", "2", "eve", "retrained",
    )  # fmt: skip


def test_through_the_server_that_holds_the_store(drift: Drift) -> None:
    with server():
        assert "n0" in drift("alarms", "credit")
        drift("accept", "credit", "n0", "--why", "new price list", "--who", "ada")
        assert drift("explain", "credit", "n0").startswith("PAGE")
        pd.DataFrame({"n0": np.arange(300.0)}).to_csv("ref.csv", index=False)
        drift("reference", "add", "ref.csv", "-m", "credit", "-v", "2", "--why", "retrained")
    assert [one["action"] for one in listed(drift, "answers", "credit")] == ["rereference", "accept"]


def test_what_others_wrote_does_not_drive_the_terminal(drift: Drift) -> None:
    drift("snooze", "credit", "n0", "--for", "3d", "--why", "red \x1b[31m alert")
    assert "\x1b" not in drift("explain", "credit", "n0") + drift("answers", "credit")
