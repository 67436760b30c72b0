"""Incidents, silences, marks, runs and notices over REST: what is shown, what is refused, what it does to the store."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drift.core.alert import RunState
from drift.core.clock import DAY, HOUR, isoformat
from tests.rig.alarming import hour
from tests.rig.alerted import evaluator, incident, put, run
from tests.rig.operated import NOW, Operated, operated

ADA = {"who": "ada", "why": "the price feed is late"}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Operated]:
    found = operated(tmp_path, "port: 1")
    yield found
    found.store.close()


def ids(found: Any) -> list[int]:
    return [one["id"] for one in found["items"]]


# Incidents and alerts


def test_incidents_are_listed_newest_first(rig: Operated) -> None:
    found = rig.get("/v1/incidents")
    assert ids(found) == [2, 1]
    credit = found["items"][1]
    assert credit == {
        "id": 1, "model": "credit", "owner": "risk", "family": "drift", "severity": "page",
        "title": "credit: n0 is higher", "columns": ["n0", "k"], "alerts": 1, "open": True,
        "since": isoformat(hour(2).start), "opened_at": isoformat(hour(3).end), "opened_on": isoformat(NOW),
        "resolved_at": None, "resolved_on": None, "resolution": "", "reopened": 0, "silent": False,
        "acknowledged_by": "", "acknowledged_on": None, "acknowledged_why": "", "told": ["oncall"],
        "quiet": "silence 1",
    }  # fmt: skip
    assert ids(rig.get("/v1/incidents", model="churn")) == [2]
    assert rig.ask("GET", "/v1/incidents?model=nope").status_code == 404


def test_incidents_open_and_over_in_pages(rig: Operated) -> None:
    over = [
        incident(n, model_id=0, reference_id=0, resolved_at=hour(9).end, resolved_on=NOW, resolution="recovered")
        for n in (3, 4)
    ]
    put(rig.store, incidents=over)
    assert ids(rig.get("/v1/incidents", open="true")) == [2, 1]
    assert ids(rig.get("/v1/incidents", open="false")) == [4, 3]
    first = rig.get("/v1/incidents", limit=3)
    assert ids(first) == [4, 3, 2]
    assert first["items"][0]["model"] == ""
    assert ids(rig.get("/v1/incidents", limit=3, cursor=first["next"])) == [1]
    assert rig.ask("GET", "/v1/incidents?cursor=1.2").status_code == 422


def test_an_incident_with_all_that_belongs_to_it(rig: Operated) -> None:
    found = rig.get("/v1/incidents/1")
    assert [(one["column"], one["state"], one["sentence"]) for one in found["findings"]] == [
        ("n0", "firing", "credit: n0 is higher")
    ]
    (event,) = found["events"]
    assert (event["happening"], event["why"], event["column"]) == ("opened", "credit broke", "n0")
    assert [(one["receiver"], one["change"], one["state"], one["error"]) for one in found["notices"]] == [
        ("oncall", "firing", "dead", "410 Gone")
    ]
    assert [(one["trigger"], one["state"]) for one in found["runs"]] == [("airflow", "asked")]
    assert [(one["kind"], one["text"]) for one in found["marks"]] == [("deploy", "credit 4.2")]
    assert "there is no incident 99" in rig.ask("GET", "/v1/incidents/99").json()["error"]["message"]


def test_acknowledging_and_taking_it_back(rig: Operated) -> None:
    done = rig.post("/v1/incidents/1/acknowledge", ADA)
    assert (done["acknowledged_by"], done["acknowledged_why"]) == ("ada", "the price feed is late")
    assert done["acknowledged_on"] == isoformat(NOW)
    assert rig.post("/v1/incidents/1/acknowledge", ADA | {"who": "bob"})["acknowledged_by"] == "bob"
    assert rig.post("/v1/incidents/1/unacknowledge", ADA)["acknowledged_by"] == ""
    assert "nobody" in rig.post("/v1/incidents/1/unacknowledge", ADA, code=409)
    events = rig.get("/v1/incidents/1")["events"]
    assert [(one["happening"], one["who"]) for one in events[:3]] == [
        ("note", "ada"), ("acknowledged", "bob"), ("acknowledged", "ada"),
    ]  # fmt: skip
    for body in ({"who": "ada"}, {"who": "ada", "why": "  "}, {"why": "x"}, ADA | {"until": "x"}):
        rig.post("/v1/incidents/1/acknowledge", body, code=422)
    rig.post("/v1/incidents/99/acknowledge", ADA, code=404)
    put(rig.store, incidents=[incident(3, model_id=0, resolved_at=1, resolved_on=NOW)])
    rig.post("/v1/incidents/3/acknowledge", ADA, code=409)


def test_alerts(rig: Operated) -> None:
    found = rig.get("/v1/alerts", state="firing")["items"]
    assert [(one["model"], one["incident"]) for one in found] == [("churn", 2), ("credit", 1)]
    one = found[1]
    assert (one["rule"], one["window"], one["segment"], one["version"]) == ("drift", "1h", "all", "1")
    assert (one["value"], one["threshold"], one["severity"]) == (0.41, 0.2, "page")
    assert rig.get("/v1/alerts", state="pending")["items"] == []
    assert len(rig.get("/v1/alerts", model="credit")["items"]) == 1
    assert rig.ask("GET", "/v1/alerts?state=loud").status_code == 422


# Silences and marks


def silence(**changes: Any) -> dict[str, Any]:
    return {"matchers": {"model": "credit", "column": "inc*"}, "ends": isoformat(NOW + HOUR), **ADA} | changes


def test_a_silence_begins_and_ends(rig: Operated) -> None:
    made = rig.post("/v1/silences", silence(), code=201)
    assert made["active"]
    assert (made["starts_at"], made["ends_at"]) == (isoformat(NOW), isoformat(NOW + HOUR))
    assert ids(rig.get("/v1/silences", active="true")) == [3, 2, 1]
    later = rig.post("/v1/silences", silence(starts=isoformat(NOW + HOUR), ends=isoformat(NOW + DAY)), code=201)
    assert not later["active"]
    rig.clock.advance(1800)
    gone = rig.post("/v1/silences/3/end", {"who": "bob"})
    assert (gone["active"], gone["ends_at"]) == (False, isoformat(NOW + HOUR // 2))
    assert "over already" in rig.post("/v1/silences/3/end", {"who": "bob"}, code=409)
    rig.post("/v1/silences/99/end", {"who": "bob"}, code=404)
    assert rig.store.silences(active_on=rig.clock.now())[-1].who == "ada"
    first = rig.get("/v1/silences", limit=3)
    assert ids(first) + ids(rig.get("/v1/silences", limit=3, cursor=first["next"])) == [4, 3, 2, 1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"matchers": {}}, "matchers"),
        ({"matchers": {"severity": "critical"}}, "no incident has the severity 'critical'; there are info"),
        ({"matchers": {"columns": "x"}}, "there is no label 'columns'; there are model, owner"),
        ({"matchers": {"model": ""}}, "matchers"),
        ({"matchers": {"model": 3}}, "matchers"),
        ({"ends": isoformat(NOW)}, "ends after it starts"),
        ({"ends": isoformat(NOW - HOUR)}, "ends after it starts"),
        ({"starts": isoformat(NOW - DAY), "ends": isoformat(NOW - 1)}, "in the future"),
        ({"starts": isoformat(NOW + DAY), "ends": isoformat(NOW + HOUR)}, "ends after it starts"),
        ({"ends": isoformat(NOW + 367 * DAY)}, "within a year"),
        ({"ends": "2026-11-24T00:00:00"}, "timezone"),
        ({"ends": "0001-01-01T00:00:00Z"}, "no time that can be used"),
        ({"why": ""}, "why"),
        ({"who": ""}, "say who does this"),
    ],
)
def test_silences_that_cannot_be(rig: Operated, changes: dict[str, Any], said: str) -> None:
    assert said in rig.post("/v1/silences", silence(**changes), code=422)
    assert len(rig.store.silences()) == 2


def test_marks_are_seen_by_model_and_time(rig: Operated) -> None:
    everywhere = rig.post("/v1/marks", {"kind": "incident", "text": "network", "who": "ops"}, code=201)
    assert (everywhere["model"], everywhere["at"]) == (None, isoformat(NOW))
    at = isoformat(NOW - 2 * DAY)
    old = {"kind": "deploy", "text": "4.1", "who": "ci", "model": "credit", "at": at, "url": "https://ci.example/4.1"}
    made = rig.post("/v1/marks", old, code=201)
    assert (made["at"], made["url"], made["model"]) == (at, old["url"], "credit")
    assert ids(rig.get("/v1/marks", model="credit")) == [3, 1, 4]
    assert ids(rig.get("/v1/marks", start=isoformat(NOW - DAY), end=isoformat(NOW))) == [2, 1]
    pages, cursor = [], None
    while True:
        page = rig.get("/v1/marks", limit=1, **({"cursor": cursor} if cursor else {}))
        pages += ids(page)
        cursor = page["next"]
        if cursor is None:
            break
    assert pages == [3, 2, 1, 4]


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": ""}, {"kind": "a b"}, {"text": " "}, {"url": "javascript:alert(1)"}, {"url": "ftp://x"},
        {"model": ""}, {"at": isoformat(NOW + 2 * DAY)}, {"severity": "x"},
    ],
)  # fmt: skip
def test_marks_that_cannot_be(rig: Operated, changes: dict[str, Any]) -> None:
    rig.post("/v1/marks", {"kind": "deploy", "text": "4.2", "who": "ci"} | changes, code=422)
    assert rig.ask("POST", "/v1/marks", json={"kind": "d", "text": "t", "who": "w", "model": "no"}).status_code == 404


# Runs


def test_a_run_that_cannot_be_started_is_given_up(rig: Operated) -> None:
    rig.post("/v1/runs/1/approve", ADA)
    tried = replace(rig.store.run(1), tries=2)
    assert rig.store.advance_run(tried, RunState.REQUESTED)
    gone = rig.post("/v1/runs/1/deny", ADA)
    assert (gone["state"], gone["why"]) == (
        "denied", f"{ADA['why']}; it was tried 2 times, and the target may have it",
    )  # fmt: skip
    assert "run 1 is denied; only one" in rig.post("/v1/runs/1/deny", ADA, code=409)


def test_a_run_is_approved_once(rig: Operated) -> None:
    assert rig.get("/v1/runs/1")["conf"] == {"model": "credit"}
    done = rig.post("/v1/runs/1/approve", ADA)
    assert (done["state"], done["who"], done["why"]) == ("requested", "ada", ADA["why"])
    assert "run 1 is requested; only one that is asked for" in rig.post("/v1/runs/1/approve", ADA, code=409)
    assert rig.store.run(1).state is RunState.REQUESTED
    event = rig.get("/v1/incidents/1")["events"][0]
    assert (event["happening"], event["who"], event["why"]) == ("run", "ada", f"airflow: approved: {ADA['why']}")
    rig.post("/v1/runs/99/approve", ADA, code=404)
    rig.post("/v1/runs/2/approve", {"who": "ada"}, code=422)


def test_a_run_is_denied(rig: Operated) -> None:
    done = rig.post("/v1/runs/1/deny", ADA)
    assert (done["state"], done["ended_at"]) == ("denied", isoformat(NOW))
    assert [one["id"] for one in rig.get("/v1/runs", state="denied")["items"]] == [1]
    rig.post("/v1/runs/1/approve", ADA, code=409)


def test_of_two_who_decide_one_does(rig: Operated, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = rig.store.run(1)
    rig.post("/v1/runs/1/approve", ADA)
    monkeypatch.setattr(type(rig.store), "run", lambda *_: stale)
    assert "by now" in rig.post("/v1/runs/1/deny", ADA, code=409)
    monkeypatch.undo()
    assert rig.store.run(1).state is RunState.REQUESTED


def test_a_pipeline_says_that_its_run_is_over(rig: Operated) -> None:
    model = rig.store.run(1).model_id
    rig.post("/v1/runs/1/ended", {"state": "succeeded"}, code=409)
    rig.post("/v1/runs/1/deny", ADA)
    put(rig.store, runs=[run("r9", model, RunState.RUNNING)])
    number = rig.store.runs(limit=1)[0].id
    body = {"state": "failed", "url": "https://ci.example/1", "error": "no rows"}
    done = rig.post(f"/v1/runs/{number}/ended", body)
    assert (done["state"], done["url"], done["error"]) == ("failed", "https://ci.example/1", "no rows")
    assert rig.post(f"/v1/runs/{number}/ended", body)["state"] == "failed"
    rig.post(f"/v1/runs/{number}/ended", {"state": "succeeded"}, code=409)
    for wrong in ({"state": "running"}, {"state": "failed", "url": "javascript:1"}, {}):
        rig.post(f"/v1/runs/{number}/ended", wrong, code=422)


def test_a_run_asked_for_by_hand(rig: Operated) -> None:
    wanted = {"model": "credit", "trigger": "airflow", **ADA}
    assert "in flight" in rig.post("/v1/runs", wanted, code=409)
    rig.post("/v1/runs/1/deny", ADA)
    assert rig.post("/v1/runs", wanted, code=201)["state"] == "requested"
    assert rig.asked[-1] == ("credit", "airflow", "ada", ADA["why"])
    rig.post("/v1/runs", wanted | {"model": "nope"}, code=404)
    rig.post("/v1/runs", {"model": "credit", "trigger": "airflow", "who": "ada"}, code=422)


def test_runs_by_model_and_trigger(rig: Operated) -> None:
    assert ids(rig.get("/v1/runs")) == [2, 1]
    assert ids(rig.get("/v1/runs", model="credit", trigger="airflow")) == [1]
    assert ids(rig.get("/v1/runs", trigger="jenkins")) == []
    first = rig.get("/v1/runs", limit=1)
    assert ids(rig.get("/v1/runs", limit=1, cursor=first["next"])) == [1]


# Notices and the digest


def test_dead_notices_are_sent_again(rig: Operated) -> None:
    assert ids(rig.get("/v1/notices", state="dead")) == [2, 1]
    assert ids(rig.get("/v1/notices", incident=1)) == [1]
    assert ids(rig.get("/v1/notices", receiver="nobody")) == []
    again = rig.post("/v1/notices/1/resend", {"who": "ada"})
    assert (again["state"], again["tries"], again["key"]) == ("waiting", 0, "key-credit")
    assert [one.id for one in rig.store.waiting("oncall", NOW)] == [1]
    rig.post("/v1/notices/1/resend", {"who": "ada"}, code=409)
    rig.post("/v1/notices/99/resend", {"who": "ada"}, code=404)
    rig.post("/v1/notices/2/resend", {}, code=422)


def test_the_digest_of_a_store(rig: Operated) -> None:
    put(rig.store, incidents=[incident(3, model_id=0, opened_on=NOW - 30 * DAY, told=(), title="the store was away")])
    rig.store.release_lease(evaluator(rig.store))
    rig.clock.advance(60)
    found = rig.get("/v1/digest")
    assert found["title"] == "Drift from Mon 16 Nov 07:01 to Mon 23 Nov 07:01: 2 pages, 3 open"
    assert "- #1 credit: n0 is higher (page, since Mon 23 Nov 02:00, open; silence 1)" in found["text"]
    assert "- run 1 of credit by airflow asked" in found["text"]
    assert "- credit: 1 page and 0 warnings raised; 1 per 30d allows 0.23 false ones in these days" in found["text"]
    assert rig.ask("GET", "/v1/digest?days=0").status_code == 422
