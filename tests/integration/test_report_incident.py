"""An incident report from a store: over REST and by command, of any size, and where sums are gone."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import structlog

from dashboards.reports import html, markdown
from dashboards.reports.incident import Bar
from drift.cli import logs, run
from drift.core.alert import Event, Happening, NoticeState, RunState, Urgency
from drift.core.clock import HOUR, ManualClock
from drift.core.errors import NotFound
from drift.reference import build_reference, profile_frame
from drift.service.reports import columns
from drift.service.reports.columns import LONGEST, longest
from drift.service.reports.incident import COLUMNS, LINES, LISTED, incident_report
from drift.service.reports.steps import steps
from tests.rig.alarming import hour
from tests.rig.alerted import alert, incident, notice, put, resolved
from tests.rig.alerted import run as retraining
from tests.rig.operated import NOW, Operated, filled, operated
from tests.unit.test_reports import Seen


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Operated]:
    found = operated(tmp_path, "port: 1")
    yield found
    found.store.close()


def test_a_report_over_rest(rig: Operated) -> None:
    rig.post("/v1/incidents/1/acknowledge", {"who": "ada", "why": "the price feed is late"})
    answer = rig.ask("GET", "/v1/incidents/1/report")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "sandbox; default-src 'none'" in answer.headers["content-security-policy"]
    assert 'filename="incident-1.html"' in answer.headers["content-disposition"]
    seen = Seen(answer.text)
    for said in (
        "credit: n0 is higher", "risk", "ada has it: the price feed is late", "410 Gone", "run 1 of airflow: asked",
        "credit broke", "credit 4.2", "nobody: 1 message given up", "100 rows",
    ):  # fmt: skip
        assert said in " ".join(seen.text.split()), said
    assert seen.tags.count("svg") >= 2


def test_a_report_as_markdown(rig: Operated) -> None:
    answer = rig.ask("GET", "/v1/incidents/1/report?format=markdown")
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert answer.text.startswith("# Incident 1: credit: n0 is higher\n")
    assert "| n0 |" in answer.text
    assert rig.ask("GET", "/v1/incidents/1/report?format=pdf").status_code == 422
    assert "there is no incident 99" in rig.ask("GET", "/v1/incidents/99/report").json()["error"]["message"]


def test_the_distributions_are_the_sums(rig: Operated) -> None:
    store = rig.store
    (row,) = store.incident_alerts(1)
    key = row.alert.key
    report = incident_report(store, ManualClock(NOW), 1)
    (column,) = report.columns
    reference = store.reference(key.reference_id)
    total = store.profile(reference, column.since, column.until)
    assert total.profile is not None
    assert column.rows == (store.reference_profile(reference.id).rows(), total.profile.rows())
    for side in (sum(bar.before for bar in column.bars), sum(bar.after for bar in column.bars)):
        assert side == pytest.approx(1.0)
    assert report.traffic
    assert report.traffic[-1].value == 10


def test_what_is_too_much_is_counted_and_left_out(rig: Operated) -> None:
    store, number = rig.store, 50
    (row,) = store.incident_alerts(1)
    names = store.reference(row.alert.key.reference_id).grid.names
    many = [
        replace(
            row.alert, key=replace(row.alert.key, column=names[n % len(names)], detail=f"d{n}", segment=0, spec=spec),
            incident_id=number,
        )
        for n in range(200) for spec in ("1h", "3h", "1d")
    ]  # fmt: skip
    big = incident(
        number, model_id=row.alert.key.model_id, reference_id=row.alert.key.reference_id, title="x" * 160,
        columns=tuple(names) * 100, opened_on=NOW,
    )  # fmt: skip
    events = [Event(number, Happening.NOTE, "y" * 2_000, NOW + n, who="z" * 200) for n in range(900)]
    put(store, alerts=many, incidents=[big], events=events)
    report = incident_report(store, ManualClock(NOW), number)
    assert len(report.columns) <= COLUMNS
    assert len(report.findings) == LISTED
    assert len(report.history) == LINES
    assert "700 lines of history in between" in report.left_out
    assert "500 more alerts" in report.left_out
    assert len(html.incident(report)) < 1_000_000
    assert len(markdown.incident(report)) < 500_000


def test_where_the_sums_are_gone_it_says_so(rig: Operated) -> None:
    store = rig.store
    (row,) = store.incident_alerts(1)
    long_ago = replace(
        row.alert, since=hour(-900).start, seen_at=hour(-890).start, incident_id=1,
        key=replace(row.alert.key, detail="other"),
    )  # fmt: skip
    put(store, alerts=[long_ago, replace(row.alert, incident_id=0)])
    report = incident_report(store, ManualClock(NOW), 1)
    (column,) = report.columns
    assert column.bars == ()
    assert "not kept any more" in html.incident(report)


def test_an_incident_of_the_service_itself(rig: Operated) -> None:
    put(
        rig.store,
        incidents=[incident(9, model_id=0, reference_id=0, family="service", columns=(), title="oncall refuses")],
    )
    report = incident_report(rig.store, ManualClock(NOW), 9, "https://drift.example/")
    assert (report.columns, report.traffic, report.marks) == ((), (), ())
    assert report.link == "https://drift.example/incidents/9"
    assert "oncall refuses" in html.incident(report)
    assert "the service itself" in markdown.incident(report)
    with pytest.raises(NotFound, match="no incident 99"):
        incident_report(rig.store, ManualClock(NOW), 99)


def test_a_life_in_six_steps() -> None:
    over = resolved(1, acknowledged_by="ada", acknowledged_on=NOW, acknowledged_why="feed")
    sent = [replace(notice("a"), state=NoticeState.SENT, done_at=NOW + 5), replace(notice("b"), done_at=None)]
    ended = retraining(state=RunState.SUCCEEDED, id=4, ended_at=NOW + HOUR, who="bob")
    made = steps(over, sent, [ended])
    assert [one.name for one in made] == ["Onset", "Detected", "Notified", "Acknowledged", "Retrained", "Resolved"]
    assert all(one.done for one in made)
    assert [made[2].text, made[3].text] == ["oncall", "by ada: feed"]
    assert made[4].text == "run 4 of airflow: succeeded, by bob"
    assert (made[5].text, made[5].event) == ("recovered", over.resolved_at)
    fresh = steps(incident(told=()), [], [])
    assert [one.done for one in fresh] == [True, True, False, False, False, False]
    assert steps(incident(silent=True, told=()), [], [])[2].text == "nobody: a backfill"


def test_the_loudest_columns_come_first(rig: Operated) -> None:
    (row,) = rig.store.incident_alerts(1)
    quiet = replace(row.alert, urgency=Urgency.INFO, key=replace(row.alert.key, column="k"), incident_id=1)
    fired = Event(1, Happening.FIRED, "told of by its alert already", NOW, hour(3).end, key=row.alert.key)
    put(rig.store, alerts=[quiet, replace(alert(), key=row.alert.key, incident_id=1)], events=[fired])
    report = incident_report(rig.store, ManualClock(NOW), 1)
    assert [one.name for one in report.columns] == ["n0", "k"]
    assert [one.column for one in report.findings] == ["n0", "k"]


def test_bars_are_the_shares_of_each_side() -> None:
    many = [f"k{n}" for n in range(40)]
    before = pd.DataFrame({"c": ["a"] * 60 + ["b"] * 40, "m": many * 2 + many[:20]})
    after = pd.DataFrame({"c": ["a"] * 10 + ["new"] * 30 + [None] * 10, "m": ["k0"] * 50})
    built = build_reference(before)
    now = profile_frame(after, built.grid)
    assert columns.bars_of(built.profile, now, 0, 0) == (
        Bar("a", 0.6, 0.2), Bar("b", 0.4, 0.0), Bar("unseen", 0.0, 0.6), Bar("missing", 0.0, 0.2),
    )  # fmt: skip
    wide = columns.bars_of(built.profile, now, built.grid.index["m"], 0)
    assert len(wide) == columns.BARS
    assert wide[0] == Bar("k0", 0.03, 1.0)
    assert wide[-1].label == "23 smaller ones"
    assert sum(one.before for one in wide) == pytest.approx(1.0)


def test_what_fired_again_later_is_still_told_of_the_first_time(rig: Operated) -> None:
    """An alert keeps its id and belongs to the incident that it was in last; the earlier one knows it from history."""
    (row,) = rig.store.incident_alerts(1)
    key = row.alert.key
    put(
        rig.store, alerts=[replace(row.alert, incident_id=7, raised=hour(9), fired_at=hour(9).end)],
        incidents=[replace(rig.store.incident(1), resolved_at=hour(5).end, resolved_on=NOW, resolution="recovered")],
        events=[
            Event(1, Happening.FIRED, "n0 was higher", NOW, hour(3).end, key=key),
            Event(1, Happening.RESOLVED, "n0 is back", NOW, hour(5).end, key=key),
        ],
    )  # fmt: skip
    assert rig.store.incident_alerts(1) == []
    report = incident_report(rig.store, ManualClock(NOW), 1)
    assert report.because == "n0 was higher"
    (found,), (column,) = report.findings, report.columns
    assert (found.column, found.state, found.severity) == ("n0", "resolved", "page")
    assert (column.since, column.until) == (hour(2).start, hour(3).end)  # as its alarm had it
    assert "worst is n0: location is off by 0.41 standard deviations, 3.42 times" in report.how_bad


# By command


@pytest.mark.parametrize(
    ("args", "begins"),
    [
        (["-o", "i.html"], "<!DOCTYPE html>"), (["-o", "i.md"], "# Incident 1"),
        (["--format", "markdown", "-o", "i.txt"], "# Incident 1"),
    ],
)  # fmt: skip
def test_a_report_by_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], args: list[str], begins: str
) -> None:
    monkeypatch.chdir(tmp_path)
    logs.configure(logs.QUIET)
    try:
        Path("drift.yaml").write_text("models: {}\n")
        Path("drift.db").write_bytes(filled())
        assert run(["report", "incident", "1", *args]) == 0
        assert Path(args[-1]).read_text().startswith(begins)
        assert f"wrote {args[-1]}" in capsys.readouterr().err
        assert run(["report", "incident", "1", "-o", "none/x.html"]) == 2
        assert "cannot be written" in capsys.readouterr().err
        assert run(["report", "incident", "1"]) == 0
        assert capsys.readouterr().out.startswith("<!DOCTYPE html>")
    finally:
        structlog.reset_defaults()


def test_what_is_read_is_bounded_however_many_columns(rig: Operated, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = rig.store.catalogue()
    model, reference = catalogue.models["credit"], catalogue.references[0]
    counters = len(reference.grid.segments) * reference.grid.layout.width
    assert longest(model, reference, "1h") == LONGEST
    monkeypatch.setattr(columns, "COUNTERS", 30 * counters)
    assert longest(model, reference, "1h") == 30 * model.pane
    monkeypatch.setattr(columns, "COUNTERS", counters)
    assert longest(model, reference, "1h") == HOUR
