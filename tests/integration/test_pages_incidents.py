"""The screens of incidents, silences and runs: what stands on them, how they are paged, and what their forms do."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drift.core.alert import Event, Happening, NoticeState, Run, RunState, Silence, Urgency
from drift.core.clock import DAY, HOUR, MINUTE
from drift.core.errors import InputError
from drift.service.access import ANYBODY
from drift.service.pages.incidents import Names, matchers
from drift.service.pages.life import steps
from drift.service.pages.silences import silence_list, state_of
from tests.rig.alerted import evaluator, incident, notice, put
from tests.rig.operated import NOW, Operated, operated


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Operated]:
    """No token is needed."""
    found = operated(tmp_path, "port: 1")
    yield found
    found.store.close()


def page(rig: Operated, path: str, code: int = 200) -> str:
    """The text of a page, without its markup."""
    response = rig.client.get(path, headers={"Accept": "text/html"})
    assert response.status_code == code, response.text
    return plain(response.text)


def plain(html: str) -> str:
    main = html[html.index("<main") : html.index("</main>")]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def send(rig: Operated, path: str, code: int = 303, **fields: str) -> Any:
    response = rig.client.post(
        path, data={"who": "ada", "why": "because"} | fields, headers={"Accept": "text/html"}, follow_redirects=False
    )
    assert response.status_code == code, response.text
    return response


def many(rig: Operated, count: int, *, open_: int = 0) -> None:
    """Resolved incidents with ids from 3 on, the last `open_` of them open; all of churn."""
    made = [
        incident(
            n, model_id=2, reference_id=2, title=f"churn: number {n}", told=(),
            urgency=Urgency.WARNING if n % 2 else Urgency.PAGE, resolved_at=None if n >= 3 + count - open_ else NOW,
            resolved_on=None if n >= 3 + count - open_ else NOW,
        )
        for n in range(3, 3 + count)
    ]  # fmt: skip
    put(rig.store, incidents=made)
    rig.store.release_lease(evaluator(rig.store))


def links(html: str) -> list[int]:
    return [int(one) for one in re.findall(r'<th scope="row" class="wrap"><a href="/incidents/(\d+)"', html)]


# The list


def test_open_ones_come_first_and_every_one_once(rig: Operated) -> None:
    many(rig, 120, open_=3)
    path, seen = "/incidents", []
    for _ in range(4):
        html = rig.client.get(path).text
        seen += links(html)
        following = re.search(r'rel="next" href="([^"]+)"', html)
        if following is None:
            break
        path = following.group(1).replace("&amp;", "&")
    # 1 and 2 are open as well
    assert seen[:5] == [122, 121, 120, 2, 1]
    assert seen[5:] == list(range(119, 2, -1))


def test_filters_stand_in_the_address(rig: Operated) -> None:
    many(rig, 10, open_=4)
    for query, wanted in (
        ("state=open", [12, 11, 10, 9, 2, 1]), ("state=resolved", [8, 7, 6, 5, 4, 3]), ("model=credit", [1]),
        ("state=open&severity=page&model=churn", [12, 10, 2]), ("severity=info", []),
    ):  # fmt: skip
        html = rig.client.get(f"/incidents?{query}").text
        assert links(html) == wanted, query
    assert "No incident is like that" in page(rig, "/incidents?severity=info")
    assert 'value="churn"' in rig.client.get("/incidents?model=churn").text
    for wrong in ("severity=loud", "state=shut", "cursor=x1", "cursor=o"):
        assert "is like that" not in page(rig, f"/incidents?{wrong}", 422)
    page(rig, "/incidents?model=nope", 404)


def test_pages_of_open_ones_go_over_into_the_others(rig: Operated) -> None:
    many(rig, 160, open_=100)
    first = rig.client.get("/incidents").text
    assert len(links(first)) == 50
    assert "cursor=o" in first
    assert "cursor=r" in rig.client.get("/incidents?cursor=o65").text
    assert links(rig.client.get("/incidents?cursor=r5").text) == [4, 3]


# One


def test_what_stands_on_an_incident(rig: Operated) -> None:
    text = page(rig, "/incidents/1")
    for said in (
        "credit: n0 is higher", "looked after by risk", "version 1", "onset 2026-11-23 02:00 UTC", "notified",
        "given up", "acknowledged not yet nobody has it yet", "run 1: waits for an approval", "1 alert still firing",
        "Runbook", "oncall", "410 Gone", "credit broke", "Value against threshold 0.41 against 0.2", "Rows measured",
        "Report (HTML)",
    ):  # fmt: skip
        assert said in text, said
    assert "churn" not in text
    html = rig.client.get("/incidents/1").text
    assert 'href="/models/credit/column?name=n0"' in html
    assert rig.client.get("/incidents/1/report?format=markdown").headers["content-type"].startswith("text/markdown")
    assert "DriftPage" in html
    assert "wakes somebody" in page(rig, "/runbooks/DriftPage")
    for name in ("Nothing", "..%2F..%2Fsecrets", "DriftPage.md", "x" * 200):
        assert rig.client.get(f"/runbooks/{name}").status_code == 404


def test_acknowledge_and_take_it_back(rig: Operated) -> None:
    assert send(rig, "/incidents/1/acknowledge", why=" on it ").headers["location"] == "/incidents/1"
    assert "Acknowledged by ada on it. It is not repeated" in page(rig, "/incidents/1")
    assert [one.action for one in rig.store.audit_entries(1)] == ["incident.acknowledge"]
    send(rig, "/incidents/1/unacknowledge")
    assert rig.store.incident(1).acknowledged_by == ""
    assert "say it in words" in plain(send(rig, "/incidents/1/acknowledge", 422, why="").text).lower()


def test_silences_match_what_was_chosen(rig: Operated) -> None:
    for about, wanted in (
        ("family", {"model": "credit", "family": "drift"}), ("model", {"model": "credit"}),
        ("column:n0", {"model": "credit", "column": "n0"}),
    ):  # fmt: skip
        send(rig, "/incidents/1/silence", about=about, hours="72")
        made = rig.store.silences()[0]
        assert (made.matchers, made.ends_at, made.who) == (wanted, NOW + 72 * HOUR, "ada")
    for about in ("column:other", ""):
        send(rig, "/incidents/1/silence", 422, about=about, hours="4")
    for hours in ("0", "99999", "-1", "x", "", "1e3", "9" * 30):
        send(rig, "/incidents/1/silence", 422, about="model", hours=hours)
    assert len(rig.store.silences()) == 5


def test_answers_go_to_the_alarm_or_to_all(rig: Operated) -> None:
    send(rig, "/incidents/1/answer", action="snooze", alarm="1", hours="24")
    made = rig.store.answers(1)[0]
    assert (made.action, made.column, made.until, made.who) == ("snooze", "n0", NOW + DAY, "ada")
    assert "dismiss" in page(rig, "/incidents/1")
    for wrong in ({"action": "forget", "alarm": "1"}, {"action": "snooze", "alarm": "one", "hours": "4"}):
        send(rig, "/incidents/1/answer", 422, **wrong)
    # of another model's alarm it is not
    send(rig, "/incidents/1/answer", 404, action="dismiss", alarm="2")


def test_the_six_steps() -> None:
    of = incident(
        told=(), acknowledged_by="ada", acknowledged_on=NOW, resolved_at=NOW, resolution="retrained as version 4"
    )
    run = Run("airflow", 7, 1, "k", RunState.SUCCEEDED, NOW, NOW, id=3, ended_at=NOW + 1)
    sent = notice("k", state=NoticeState.SENT, done_at=NOW + 5)
    found = {one.name: one for one in steps(of, [sent], [run], [Event(1, Happening.CLOSED, "x", NOW + 9)])}
    assert list(found) == ["onset", "detected", "notified", "acknowledged", "retrained", "resolved"]
    assert [one.at for one in found.values()] == [of.since, of.opened_on, NOW + 5, NOW, NOW + 1, NOW + 9]
    assert found["resolved"].says == "retrained as version 4"
    denied = replace(run, state=RunState.DENIED)
    early = {one.name: one for one in steps(incident(told=(), reopened=2), [], [denied], [])}
    assert early["notified"].says == "nobody is told: no route takes it"
    assert early["retrained"].says == "run 3: denied"
    assert early["detected"].says == "reopened 2 times"
    waiting = {one.name: one for one in steps(incident(told=()), [replace(sent, state=NoticeState.WAITING)], [], [])}
    assert (waiting["notified"].at, waiting["notified"].says) == (None, "on its way")


def test_what_a_silence_is_about_has_to_be_offered() -> None:
    with pytest.raises(InputError):
        matchers(incident(resolved_at=NOW), "credit", "model")
    assert matchers(incident(family="service", model_id=0), "", "family") == {"family": "service"}


# Silences


def test_silences_are_active_pending_or_expired(rig: Operated) -> None:
    rig.store.put_silence(Silence({"model": "a"}, NOW + HOUR, NOW + DAY, "eve", "later", NOW))
    rig.store.put_silence(Silence({"model": "b"}, NOW - DAY, NOW - HOUR, "eve", "over", NOW))
    assert [state_of(one, NOW) for one in rig.store.silences()] == ["expired", "pending", "active", "active"]
    for state, said in (("active", "quiet"), ("pending", "later"), ("expired", "over")):
        text = page(rig, f"/silences?state={state}")
        assert said in text
        assert [other for other in ("quiet", "later", "over") if f": {other}" in text] == [said]
    assert page(rig, "/silences?state=all", 422)
    for n in range(120):
        rig.store.put_silence(Silence({"model": f"m{n}"}, NOW, NOW + DAY, "eve", "x", NOW))
    first = silence_list(rig.store, ANYBODY, NOW)
    assert len(first.lines) == 50
    assert first.pages.after == f"/silences?cursor={first.lines[-1].id}"
    assert not first.pages.before


def test_a_silence_is_made_and_expired(rig: Operated) -> None:
    send(rig, "/silences", model="cr*", severity="page", hours="4")
    made = rig.store.silences()[0]
    assert (made.matchers, made.why) == ({"model": "cr*", "severity": "page"}, "because")
    rig.clock.advance(60)
    done = send(rig, f"/silences/{made.id}/end", back="/silences?state=active")
    assert done.headers["location"] == "/silences?state=active"
    assert rig.store.silence(made.id).ends_at == NOW + MINUTE
    send(rig, f"/silences/{made.id}/end", 409)
    for wrong in ({"hours": "4"}, {"hours": "4", "severity": "loud"}, {"model": "x"}):
        send(rig, "/silences", 422, **wrong)


# Runs


def test_runs_are_approved_or_denied_once(rig: Operated) -> None:
    assert page(rig, "/runs").count("waits for approval") >= 2
    back = send(rig, "/runs/1/approve", back="/runs?state=asked")
    assert back.headers["location"] == "/runs?state=asked"
    run = rig.store.run(1)
    assert (run.state, run.who, run.why) == (RunState.REQUESTED, "ada", "because")
    send(rig, "/runs/1/approve", 409)
    send(rig, "/runs/2/deny", back="https://evil.example/")
    assert rig.store.run(2).state is RunState.DENIED
    assert "Approve" not in page(rig, "/runs?model=churn")
    assert "No run is like that" in page(rig, "/runs?state=succeeded")
    for wrong, code in (("state=odd", 422), ("model=nope", 404), ("cursor=0", 422)):
        page(rig, f"/runs?{wrong}", code)


def test_a_retraining_is_asked_for(rig: Operated) -> None:
    for run in (1, 2):
        send(rig, f"/runs/{run}/deny")
    send(rig, "/runs", about="credit\nairflow")
    send(rig, "/incidents/2/retrain", trigger="airflow")
    assert rig.asked == [("credit", "airflow", "ada", "because"), ("churn", "airflow", "ada", "because")]
    send(rig, "/runs", 422, about="airflow")


def test_a_link_of_a_pipeline_is_a_link_only_if_it_is_one(rig: Operated) -> None:
    run = replace(rig.store.run(1), url="javascript:alert(1)", state=RunState.RUNNING)
    assert rig.store.advance_run(run, RunState.ASKED)
    html = rig.client.get("/runs").text
    assert "javascript:" not in html
    assert Names(rig.store.catalogue()).model(99) == ""
