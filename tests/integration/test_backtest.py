"""`drift backtest` on files: the same answer from every format, byte for byte; one sentence for what cannot be."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

import drift
from drift.cli import run
from drift.core.errors import InputError

DAYS, PER_DAY = 4, 240
LONG = 9
"""Days of the reference."""


def frame(start: str = "2026-02-01", days: int = DAYS, seed: int = 1, shift: float = 0.0) -> pd.DataFrame:
    """A row every six minutes; from the middle on `income` is higher by `shift` standard deviations."""
    rng = np.random.default_rng(seed)
    n = days * PER_DAY
    income = rng.normal(3_000, 800, n)
    income[n // 2 :] += 800 * shift
    return pd.DataFrame(
        {
            "at": pd.date_range(start, periods=n, freq="6min"),
            "income": income.round(6),
            "visits": rng.poisson(3, n),
            "region": rng.choice(["north", "south", "été"], n),
            "owner": rng.random(n) < 0.3,
            "score": rng.random(n).round(6),
            "prediction": rng.integers(0, 2, n),
            "label": rng.integers(0, 2, n),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reference and events in every format."""
    folder = tmp_path_factory.mktemp("backtest")
    reference, events = frame("2026-01-01", LONG, 0), frame(shift=1.0)
    for name, table in (("ref", reference), ("log", events)):
        table.to_parquet(folder / f"{name}.parquet", index=False)
        table.to_csv(folder / f"{name}.csv", index=False)
        (folder / f"{name}.jsonl").write_text(lines(table))
    return folder


def lines(table: pd.DataFrame) -> str:
    rows = table.assign(at=table["at"].astype(str)).to_dict("records")
    return "".join(f"{json.dumps(row)}\n" for row in rows)


class Drift:
    """Runs `drift backtest` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys, self._folder = capsys, folder
        self.err = ""

    def __call__(self, *args: object, ref: object = "ref.parquet", log: object = "log.parquet", code: int = 0) -> str:
        files = ["--reference", str(self._folder / str(ref)), "--events", str(self._folder / str(log))]
        self._capsys.readouterr()
        got = run(["backtest", *files, *map(str, args)])
        out, self.err = self._capsys.readouterr()
        assert got == code, (out, self.err)
        assert "Traceback" not in self.err
        return out

    def json(self, *args: object, **files: object) -> Any:
        return json.loads(self(*args, "--json", **files))  # type: ignore[arg-type]

    def refused(self, *args: object, **files: object) -> str:
        self(*args, code=2, **files)
        assert self.err.startswith("drift: ")
        sentence = self.err.removeprefix("drift: ").rstrip("\n")
        assert "\n" not in sentence
        return sentence


@pytest.fixture
def backtest(capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Drift:
    monkeypatch.delenv("DRIFT_CONFIG", raising=False)
    return Drift(capsys, folder)


DAILY = ("--time", "at", "--window", "1d")
Place = str | int


class Span(msgspec.Struct, forbid_unknown_fields=True):
    start: Place
    end: Place


class Refused(msgspec.Struct, forbid_unknown_fields=True):
    rows: int
    example: str


class Measure(msgspec.Struct, forbid_unknown_fields=True):
    value: float | None
    low: float | None
    high: float | None


class Performance(msgspec.Struct, forbid_unknown_fields=True):
    estimated: dict[str, Measure]
    realized: dict[str, Measure]
    reference: dict[str, Measure]
    assumption: str
    predictions: int
    labels: int
    summary: str


class Cause(msgspec.Struct, forbid_unknown_fields=True):
    column: str
    composition: float | None
    within: float | None
    z: float | None


class Window(msgspec.Struct, forbid_unknown_fields=True):
    start: Place
    end: Place
    rows: int
    outcome: str
    columns: dict[str, dict[str, float | str | None]]
    segments: dict[str, str] = {}
    performance: Performance | None = None
    causes: list[Cause] = []


class Bin(msgspec.Struct, forbid_unknown_fields=True):
    bin: str
    before: float | None
    after: float | None


class Alarm(msgspec.Struct, forbid_unknown_fields=True):
    column: str
    segment: str
    severity: str
    window: Span
    paged: Span | None
    onset: Place
    delay: str
    ended: Span | None
    direction: str
    what: str
    effect: float | None
    tolerance: float | None
    rows: int
    detector: str
    statistics: dict[str, float | None]
    moved: list[Bin]
    sentence: str


class Budget(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    windows: int
    allowed: float
    raised: int
    pages: int
    warnings: int


class Shape(msgspec.Struct, forbid_unknown_fields=True):
    """What `--json` prints."""

    model: str
    rows: int
    late: int
    refused: dict[str, Refused]
    window: str
    windows: list[Window]
    aside: list[Span]
    alarms: list[Alarm]
    incidents: list[dict[str, Any]]
    budget: Budget
    baseline: str | None
    unjudged: dict[str, str]
    warnings_only: dict[str, str]
    notes: list[str]


@pytest.mark.parametrize("cut", [DAILY, ("--rows-per-window", PER_DAY)])
def test_every_format_says_the_same(backtest: Drift, cut: tuple[object, ...]) -> None:
    first = backtest(*cut, "--json")
    shape = msgspec.json.decode(first, type=Shape)
    assert shape.rows == sum(window.rows for window in shape.windows) == DAYS * PER_DAY
    assert len(shape.windows) == shape.budget.windows == DAYS
    assert set(shape.windows[0].columns) == {"income", "visits", "region", "owner", "score", "prediction"}
    assert shape.windows[-1].columns["income"]["outcome"] == "drift"
    assert shape.windows[0].columns["income"]["outcome"] == "no_drift"
    assert shape.windows[0].columns["region"]["ks"] is None
    for form in ("csv", "jsonl"):
        assert backtest(*cut, "--json", ref=f"ref.{form}", log=f"log.{form}") == first


def test_another_process_prints_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "drift", "backtest", "--reference", "ref.csv", "--events", "log.jsonl", *DAILY]
    said = set()
    for seed in ("1", "2"):
        (tmp_path / seed).mkdir()
        here = {"PYTHONHASHSEED": seed, "TMPDIR": str(tmp_path / seed), "TZ": "Asia/Tokyo" if seed == "2" else "UTC"}
        environment = os.environ | here | {"PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run([*command, "--json"], cwd=folder, env=environment, capture_output=True, check=True)
        assert done.stderr == b""  # no terminal, no bar
        assert not list((tmp_path / seed).iterdir())
        said.add(done.stdout)
    assert len(said) == 1


def test_windows_of_rows_speak_of_rows(backtest: Drift) -> None:
    found = backtest.json("--rows-per-window", "500")
    spans = [(window["start"], window["end"], window["rows"]) for window in found["windows"]]
    assert spans == [(0, 500, 500), (500, 960, 460)]
    left_out, held_out = found["notes"]
    assert left_out == "column 'at' is a time and left out: windows are cut by rows"
    assert "write held_out: false if it was" in held_out
    assert "at" not in found["windows"][0]["columns"]


def test_the_table_says_what_was_read(backtest: Drift) -> None:
    out = backtest(*DAILY, "--ignore", "label,score", "--segment", "region")
    assert "960 rows; 4 windows of 1d judged, 2026-02-01 00:00 to 2026-02-05 00:00" in out
    assert "Budget 1 per 30d: 0.13 allowed in 4 windows" in out
    found = backtest.json(*DAILY, "--ignore", "label,score", "--segment", "region")
    assert set(found["windows"][0]["columns"]) == {"income", "visits", "region", "owner", "prediction"}
    assert set(found["windows"][0]["segments"]) == {"region=north", "region=south", "region=été"}


@pytest.mark.parametrize(
    ("args", "files", "sentence"),
    [
        ((), {}, "say how windows are cut: --time COLUMN with --window 1d, or --rows-per-window 5000"),
        (("--time", "at"), {}, "say how windows are cut"),
        ((*DAILY, "--rows-per-window", "100"), {}, "not by both"),
        (("--time", "when", "--window", "1d"), {}, "there is no column 'when'; there are at, income"),
        (("--time", "when", "--window", "1d"), {"log": "log.jsonl"}, "there is no column 'when'"),
        ((*DAILY, "--score", "skore"), {}, "there is no column 'skore'"),
        ((*DAILY, "--ignore", "incme"), {}, "there is no column 'incme'"),
        ((*DAILY, "--segment", "reg"), {}, "there is no column 'reg'"),
        (("--time", "at", "--window", "30d"), {}, "do not fill one window of 30d"),
        (("--time", "at", "--window", "1x"), {}, "is no duration"),
        (("--time", "region", "--window", "1d"), {}, "region"),
        (DAILY, {"log": "nope.parquet"}, "there is no such file"),
        (DAILY, {"ref": "nope.parquet"}, "there is no such file"),
        (DAILY, {"log": "log.txt"}, "events are read from files that end in"),
        (DAILY, {"log": "bad.parquet"}, "no readable Parquet"),
        (DAILY, {"log": "none.parquet"}, "has no rows"),
        (DAILY, {"log": "none.csv"}, "has no rows below its header"),
        (DAILY, {"log": "none.jsonl"}, "has no rows"),
        (DAILY, {"log": "bad.jsonl"}, "holds no JSON object"),
        (DAILY, {"log": "soon.csv"}, "no row could be counted: 1 × bad_time"),
        ((*DAILY, "--config", "nope.yaml"), {}, "there is no such file"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    backtest: Drift, folder: Path, args: tuple[str, ...], files: dict[str, str], sentence: str
) -> None:
    (folder / "bad.parquet").write_bytes(b"PAR1 oops")
    frame().head(0).to_parquet(folder / "none.parquet")
    frame().head(0).to_csv(folder / "none.csv", index=False)
    (folder / "none.jsonl").write_text("\n\n")
    (folder / "bad.jsonl").write_text("what\nis this\n")
    (folder / "soon.csv").write_text("at,income\nsoon,1\n")
    assert sentence in backtest.refused(*args, **files)


def test_broken_rows_are_counted_and_cost_no_others(backtest: Drift, folder: Path) -> None:
    text = (folder / "log.csv").read_text().splitlines()
    text[50:50] = ["2026-02-01 05:00:00,1,2", text[50] + ",more", text[50].replace("2026-02-01", "02/01/2026")]
    (folder / "broken.csv").write_text("\n".join(text) + "\n")
    found = backtest.json(*DAILY, log="broken.csv")
    assert {reason: one["rows"] for reason, one in found["refused"].items()} == {"malformed": 2, "bad_time": 1}
    assert found["rows"] == DAYS * PER_DAY
    events = (folder / "log.jsonl").read_text().splitlines()
    events[50:50] = ['{"at": "2026-02-', "[]", json.dumps({"income": 3})]
    (folder / "broken.jsonl").write_text("\n".join(events))
    refused = backtest.json(*DAILY, log="broken.jsonl")["refused"]
    assert {reason: one["rows"] for reason, one in refused.items()} == {"malformed": 1, "missing_time": 1, "empty": 1}
    out = backtest(*DAILY, log="broken.jsonl")
    assert "960 rows, 3 refused" in out
    assert "Refused: 1 row, missing_time" in out
    numbered = backtest.json("--rows-per-window", "240", log="broken.jsonl")
    assert [window["rows"] for window in numbered["windows"]] == [240] * DAYS + [1]


def test_order_makes_no_difference_and_lateness_is_said(backtest: Drift, folder: Path) -> None:
    shuffled = frame(shift=1.0).sample(frac=1, random_state=0)
    (folder / "shuffled.jsonl").write_text(lines(shuffled))
    assert "came after later ones had closed their window" in backtest(*DAILY, log="shuffled.jsonl")
    ordered, mixed = backtest.json(*DAILY), backtest.json(*DAILY, log="shuffled.jsonl")
    assert ordered["late"] == 0
    assert mixed.pop("late") > 500
    del ordered["late"]
    assert mixed == ordered


def test_days_begin_where_the_zone_says(backtest: Drift) -> None:
    found = backtest.json(*DAILY, "--timezone", "America/New_York")
    assert {window["start"][10:] for window in found["windows"]} == {"T05:00:00Z"}
    assert [span["start"] for span in found["aside"]] == ["2026-01-31T05:00:00Z"]
    assert [window["rows"] for window in found["windows"]] == [PER_DAY] * (DAYS - 1) + [PER_DAY * 19 // 24]


def test_zones_in_the_data_are_read(backtest: Drift, folder: Path) -> None:
    moved = frame(shift=1.0)
    moved["at"] = moved["at"].dt.tz_localize("UTC").dt.tz_convert("Asia/Kolkata")
    moved.to_parquet(folder / "zoned.parquet", index=False)
    moved.to_csv(folder / "zoned.csv", index=False)
    moved.assign(at=moved["at"].astype("int64") // 1_000).to_parquet(folder / "epoch.parquet", index=False)
    naive = backtest.json("--time", "at", "--window", "1d")
    for log in ("zoned.parquet", "zoned.csv", "epoch.parquet"):
        assert backtest.json(*DAILY, log=log) == naive


def test_events_of_our_own_format_are_read(backtest: Drift, folder: Path) -> None:
    table = frame(shift=1.0)
    features = ["income", "visits", "region", "owner"]
    (folder / "events.jsonl").write_text(
        "".join(
            json.dumps(
                {
                    "model": "any", "version": "7", "at": str(row["at"]), "score": row["score"],
                    "features": {name: row[name] for name in features}, "prediction": row["prediction"],
                    "label": row["label"],
                }
            )
            + "\n"
            for row in table.to_dict("records")
        )
    )  # fmt: skip
    assert backtest.json(*DAILY, log="events.jsonl") == backtest.json(*DAILY)


def test_a_reference_without_the_time_says_so(backtest: Drift, folder: Path) -> None:
    frame("2026-01-01", LONG, 0).drop(columns="at").to_parquet(folder / "untimed.parquet")
    found = backtest.json(*DAILY, ref="untimed.parquet")
    assert len(found["windows"]) == DAYS
    assert any(note.startswith("the reference has no column 'at'") for note in found["notes"])


def test_columns_on_one_side_only_are_said(backtest: Drift, folder: Path) -> None:
    frame(shift=1.0).drop(columns="visits").assign(fresh=1).to_csv(folder / "other.csv", index=False)
    frame("2026-01-01", LONG, 0).drop(columns="label").to_parquet(folder / "unlabelled.parquet")
    found = backtest.json(*DAILY, "--label", "label", ref="unlabelled.parquet", log="other.csv")
    assert [note for note in found["notes"] if "held_out" not in note] == [
        "the events lack columns of the reference: visits; they count as missing",
        "the reference lacks columns of the events: fresh; they are not watched",
    ]
    assert "label" not in found["windows"][0]["columns"]
    assert found["windows"][0]["columns"]["visits"]["missing_ratio"] == 1.0


def test_a_configuration_gives_the_model(backtest: Drift, folder: Path) -> None:
    (folder / "drift.yaml").write_text("models: {a: {ignore: [income], time: at, windows: [1d, 1h]}, b: {}}")
    config = ("--config", folder / "drift.yaml")
    found = backtest.json(*config, "--model", "a", "--ignore", "visits")
    assert found["model"] == "a"
    assert len(found["windows"]) == DAYS
    assert set(found["windows"][0]["columns"]) == {"region", "owner", "score", "prediction"}
    assert "say which model with --model; there are a, b" in backtest.refused(*config, *DAILY)


def test_names_with_dots_and_spaces(backtest: Drift, folder: Path) -> None:
    names = {
        "at": "event.time",
        "score": "p(1) [x]",
        "prediction": "out.class",
        "income": "in come",
        "region": "geo.region",
    }
    for name, table in (("dotref", frame("2026-01-01", LONG, 0)), ("dotlog", frame(shift=1.0))):
        table.rename(columns=names).to_parquet(folder / f"{name}.parquet")
        (folder / f"{name}.jsonl").write_text(lines(table).replace("{", "{", 1))
    table = frame(shift=1.0).assign(at=lambda t: t["at"].astype(str)).rename(columns=names)
    (folder / "dotlog.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in table.to_dict("records")))
    args = ("--time", "event.time", "--window", "1d", "--score", "p(1) [x]", "--prediction", "out.class")
    found = backtest(*args, "--segment", "geo.region", "--json", ref="dotref.parquet", log="dotlog.parquet")
    columns = set(json.loads(found)["windows"][0]["columns"])
    assert columns == {"in come", "visits", "geo.region", "owner", "p(1) [x]", "out.class"}
    assert backtest(*args, "--segment", "geo.region", "--json", ref="dotref.parquet", log="dotlog.jsonl") == found


# notebooks


def test_frames_say_what_files_say(backtest: Drift) -> None:
    by_file = backtest.json(*DAILY)
    found = drift.backtest(frame("2026-01-01", LONG, 0), frame(shift=1.0), time="at", window="1d")
    assert found.as_plain() == by_file
    assert found.windows["rows"].eq(PER_DAY).all()
    assert "4 windows of 1d judged" in repr(found)
    assert "<svg" in found._repr_html_()
    rows = drift.backtest(frame("2026-01-01", LONG, 0), frame(shift=1.0), rows_per_window=PER_DAY)
    assert rows.as_plain() == backtest.json("--rows-per-window", PER_DAY)


def test_frames_of_mixed_values_are_read() -> None:
    reference, events = frame("2026-01-01", LONG, 0), frame()
    for table in (reference, events):
        table["mixed"] = [i % 3 if i % 2 else "text" for i in range(len(table))]
    events.loc[5, "at"] = pd.NaT
    found = drift.backtest(reference, events, time="at", window="1d")
    assert "mixed" in found.as_plain()["windows"][0]["columns"]
    assert [(one.reason, one.rows) for one in found.refused] == [("missing_time", 1)]


@pytest.mark.parametrize("events", [5, None, ["a.csv"]])
def test_events_that_are_none(events: Any) -> None:
    with pytest.raises(InputError, match="a path or a pandas DataFrame"):
        drift.backtest(frame(), events, time="at", window="1d")


def test_a_notebook_gets_no_log(capsys: pytest.CaptureFixture[str]) -> None:
    drift.backtest(frame("2026-01-01", LONG, 0), frame(), time="at", window="1d")
    assert capsys.readouterr() == ("", "")


def test_compare_shows_the_worst_first() -> None:
    found = drift.compare(frame("2026-01-01", LONG, 0), frame(shift=2.0), ignore=["label", "at"], segments=["region"])
    assert found.outcome.word == "drift"
    assert set(found.to_frame()["segment"]) == {"all", "region=north", "region=south", "region=été"}
    said = repr(found).splitlines()
    assert said[3].startswith("income ")
    assert "label" not in repr(found)
    html = found._repr_html_()
    assert html.index("income") < html.index("visits")
    assert "<script" not in html
    assert found.as_plain()["outcome"] == "drift"
    assert drift.compare(frame(), frame(seed=3)).outcome.word == "no_drift"
    with pytest.raises(InputError, match="colour"):
        drift.compare(frame(), frame(), colour="red")
