"""The commands: exit codes, one sentence for every error, the same answers with and without a server."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import structlog

from drift.cli import run
from drift.core.clock import SystemClock
from drift.core.commit import DeadLetter
from drift.store import open_store
from tests.rig import storing

ROWS = 2_000


def frame(shift: float = 0.0, rows: int = ROWS, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "time": pd.date_range("2026-01-01", periods=rows, freq="5min", tz="UTC"),
            "income": rng.normal(3000 + shift, 800, rows),
            "region": rng.choice(["north", "south"], rows),
            "prediction": rng.integers(0, 2, rows).astype(bool),
        }
    )


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Every test in a folder of its own, with a reference."""
    monkeypatch.chdir(tmp_path)
    for name in ("DRIFT_CONFIG", "DRIFT_URL", "DRIFT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    frame().to_parquet("ref.parquet")
    yield tmp_path
    structlog.reset_defaults()


class Command:
    """Runs commands in this process and keeps what they said."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *args: object, code: int = 0) -> str:
        self._capsys.readouterr()
        got = run([str(arg) for arg in args])
        self.out, self.err = self._capsys.readouterr()
        assert got == code, (self.out, self.err)
        assert "Traceback" not in self.err
        return self.out

    def json(self, *args: object, code: int = 0) -> Any:
        return json.loads(self(*args, "--json", code=code))

    def refused(self, *args: object) -> str:
        """The one sentence of a command that fails."""
        self(*args, code=2)
        assert self.err.startswith("drift: ")
        return self.err.removeprefix("drift: ").rstrip("\n")


@pytest.fixture
def drift(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


# check


def test_check_says_by_its_exit_code(drift: Command) -> None:
    frame(seed=1).to_parquet("same.parquet")
    frame(800).to_csv("moved.csv", index=False)
    frame(rows=20).to_parquet("few.parquet")
    assert "no_drift: none of 3 columns drifted" in drift(
        "check", "--reference", "ref.parquet", "--current", "same.parquet"
    )
    out = drift("check", "--reference", "ref.parquet", "--current", "moved.csv", code=1)
    assert re.search(r"income +drift .*psi > 0\.1", out)
    assert "drift: 1 of 3 columns drifted" in out
    out = drift("check", "--reference", "ref.parquet", "--current", "few.parquet", code=2)
    assert "insufficient_data: 20 rows are fewer than the 100" in out


def test_check_names_columns_that_nobody_watches(drift: Command) -> None:
    pd.read_parquet("ref.parquet").assign(**{f"more{n}": 1.0 for n in range(10)}).to_parquet("wide.parquet")
    drift("check", "--reference", "ref.parquet", "--current", "wide.parquet")
    assert "lacks columns of the current data: 'more0', " in drift.err
    assert "'more7' and 2 more; they are not watched" in drift.err


def test_check_as_json(drift: Command) -> None:
    frame(800).to_parquet("moved.parquet")
    found = drift.json("check", "--reference", "ref.parquet", "--current", "moved.parquet", code=1)
    assert found["outcome"] == "drift"
    assert (found["reference_rows"], found["current_rows"]) == (ROWS, ROWS)
    judged = found["segments"]["all"]
    assert judged["columns"]["income"]["outcome"] == "drift"
    assert judged["columns"]["region"]["statistics"]["ks"] is None
    assert judged["breaches"][0]["column"] == "income"


def test_check_takes_rules_and_a_configuration(drift: Command, folder: Path) -> None:
    frame(800).to_parquet("moved.parquet")
    files = ("check", "--reference", "ref.parquet", "--current", "moved.parquet")
    drift(*files, "--rule", "psi > 50")
    drift(*files, "--rule", "psi > 50", "--rule", "ks > 0.3", code=1)
    assert "did you mean psi?" in drift.refused(*files, "--rule", "psy > 50")
    Path("drift.yaml").write_text("models: {a: {ignore: [income], segments: [region]}, b: {}}")
    found = drift.json(*files, "--config", "drift.yaml", "--model", "a")
    assert set(found["segments"]) == {"all", "region=north", "region=south"}
    assert "say which model with --model; there are a, b" in drift.refused(*files, "--config", "drift.yaml")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("nope.parquet", None, "there is no such file"),
        ("bad.parquet", b"PAR1 oops", "bad.parquet"),
        ("empty.csv", b"", "empty.csv"),
        ("bad.txt", b"x", "Parquet or CSV"),
    ],
)
def test_check_with_bad_input(drift: Command, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        Path(name).write_bytes(content)
    sentence = drift.refused("check", "--reference", "ref.parquet", "--current", name)
    assert said in sentence
    assert "\n" not in sentence
    assert said in drift.refused("check", "--reference", name, "--current", "ref.parquet")


# init, validate


def test_init_writes_what_validate_accepts(drift: Command, folder: Path) -> None:
    out = drift("init", "ref.parquet", "--model", "credit")
    assert re.search(r"income +numeric +feature", out)
    assert "drift.yaml is right: 1 model, sources: http alone" in drift("validate")
    assert "reference: ref.parquet" in Path("drift.yaml").read_text()
    assert "--force" in drift.refused("init", "ref.parquet")
    drift("init", "ref.parquet", "--force", "--output", "drift.yaml")
    assert "there is no such file" in drift.refused("init", "nope.csv", "--output", "other.yaml")
    assert not Path("other.yaml").exists()


def test_validate_tells_everything_that_is_wrong(drift: Command) -> None:
    Path("drift.yaml").write_text("modles: {}\nserver: {port: x}\n")
    said = drift.refused("validate").splitlines()
    assert said[0].startswith("drift.yaml:1: modles: there is no such setting; did you mean `models`?")
    assert said[1].startswith("drift.yaml:2: server.port: ")
    assert "drift init REFERENCE" in drift.refused("validate", "nope.yaml")


def test_validate_prints_the_schema(drift: Command) -> None:
    assert json.loads(drift("validate", "--schema"))["title"] == "Config"


# reference, status, dead letters: without a server, on the store itself


def test_references_without_a_server(drift: Command) -> None:
    drift("init", "ref.parquet", "--model", "credit")
    made = drift.json("reference", "add", "ref.parquet", "--model", "credit", "--version", "7")
    assert (made["model"], made["version"], made["rows"]) == ("credit", "7", ROWS)
    assert drift.json("reference", "add", "ref.parquet", "--model", "credit", "--version", "7")["id"] == made["id"]
    assert [one["version"] for one in drift.json("reference", "list")] == ["7"]
    assert drift.json("reference", "list", "--model", "credit")[0]["id"] == made["id"]
    assert drift.json("reference", "show", made["id"]) == made
    assert re.search(r"income +numeric +feature", drift("reference", "show", made["id"]))
    assert re.search(r"1 +credit +7 +2000", drift("reference", "list"))
    assert "there is no reference 99" in drift.refused("reference", "show", 99)
    assert "no model 'x'" in drift.refused("reference", "list", "--model", "x")
    assert "no model 'x'" in drift.refused("reference", "add", "ref.parquet", "--model", "x")
    assert "no such file" in drift.refused("reference", "add", "nope.parquet", "--model", "credit")


def test_reading_makes_no_store(drift: Command, folder: Path) -> None:
    Path("drift.yaml").write_text("models: {}")
    assert "there is no store at" in drift.refused("status")
    assert not Path("drift.db").exists()


def test_status_and_dead_letters(drift: Command) -> None:
    Path("drift.yaml").write_text("models: {}")
    store = open_store("sqlite:///drift.db", SystemClock())
    feed = storing.feed(store)
    letters = tuple(
        DeadLetter(storing.PARTITION, i, 0, "malformed", "no JSON", b"\x1b[31m{oops", storing.T0) for i in range(3)
    )
    feed.commit(storing.delta(feed.reference, 1), dead_letters=letters)
    store.close()
    assert drift.json("status")["totals"]["dead_letters"] == 3
    out = drift("status")
    assert "10 records read, 10 events counted, 0 late, 3 dead letters" in out
    assert re.search(r"kafka +events +0 +10 +0 +w1 +credit 2026-11-23T00:00:00Z", out)
    out = drift("dead-letters", "list", "--limit", 2)
    assert out.count("malformed") == 2
    assert "\x1b" not in out
    assert len(drift.json("dead-letters", "list", "--reason", "too_large")) == 0
    assert "start it with `drift serve`" in drift.refused("dead-letters", "replay", 1)


# Errors


def test_commands_that_cannot_be(drift: Command) -> None:
    drift("bogus", code=2)
    assert "No such command" in drift.err
    drift("check", code=2)
    assert "--reference" in drift.err


def test_an_address_where_nothing_answers(drift: Command) -> None:
    sentence = drift.refused("status", "--url", "http://127.0.0.1:9")
    assert sentence.startswith("nothing answers at http://127.0.0.1:9")


def test_a_bug_is_one_sentence_and_debug_shows_where(
    drift: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops\nsecond line")

    monkeypatch.setattr("drift.cli.project.validate", broken)
    assert (
        drift.refused("validate") == "this is a bug (ZeroDivisionError: oops); run it again with --debug to see where"
    )
    assert run(["validate", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err
    monkeypatch.setenv("DRIFT_DEBUG", "1")
    assert run(["validate"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_is_quiet(drift: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("drift.cli.project.validate", interrupted)
    drift("validate", code=130)
    assert drift.err == ""


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from drift.cli import run; run(['--help']); print(sorted(m for m in HEAVY if m in sys.modules))"
    heavy = "HEAVY = ['numpy', 'pandas', 'fastapi', 'sqlalchemy', 'pyarrow', 'scipy', 'pydantic', 'kafka']; "
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", heavy + code], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(root)},
    )  # fmt: skip
    assert "Usage: drift" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_password_is_in_no_error_and_no_trace(
    drift: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PW", "canary")
    Path("drift.yaml").write_text("store: postgresql://me:${PW}@127.0.0.1:9/x?connect_timeout=1\nmodels: {a: {}}\n")
    for command in (("status",), ("serve",), ("reference", "list"), ("worker",)):
        drift(*command, code=2)
        assert "canary" not in drift.err + drift.out
        assert run([*command, "--debug"]) == 2
        said = capsys.readouterr()
        assert "canary" not in said.out + said.err
        assert "Traceback" in said.err
