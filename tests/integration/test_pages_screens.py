"""The fleet, a model and a column: what they say, their addresses, their numbers, and who may see them."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drift.api.pages.headers import POLICY
from drift.core.alarm import Severity
from drift.core.alert import Scope, Urgency
from drift.core.clock import DAY, HOUR, MINUTE
from drift.core.commit import AlarmChange, Detection, EvaluationCommit, WindowResult
from drift.core.result import Judgement, Outcome, WindowState
from drift.core.window import WindowSpec
from drift.evaluation.learning import progress
from drift.store import Store
from tests.integration.test_api import judgement
from tests.rig import storing
from tests.rig.alarming import alarm, hour
from tests.rig.alerted import incident, put
from tests.rig.operated import NOW, Operated, operated
from tests.rig.storing import T0, Feed

HTML = {"Accept": "text/html"}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Operated]:
    found = operated(tmp_path, "require_token: false")
    yield found
    found.store.close()


def page(rig: Operated, path: str, token: str = "", status: int = 200, **params: Any) -> str:
    response = rig.ask("GET", path, token, headers=HTML, params=params or None)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    text: str = response.text
    return text


def words(html: str) -> str:
    """The text of a page, one space between words."""
    return re.sub(r"\s+", " ", re.sub(r"<script.*?</script>|<[^>]+>", " ", html, flags=re.DOTALL))


def data(html: str, figure: str) -> Any:
    """What a figure draws."""
    found = re.search(rf'<figure [^>]*id="{figure}".*?<script type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found is not None, f"no figure {figure}"
    return json.loads(found[1])


def judge(store: Store, name: str, hours: range, **changes: Any) -> Feed:
    """A model of its own with final windows at these hours; odd ones have drift."""
    model = store.put_model(name, pane=5 * MINUTE, lateness=MINUTE, windows=(WindowSpec.parse("1h"),))
    reference = storing.reference(store, model)
    lease = store.lease("evaluation", "test", 60)
    assert lease is not None
    results = [result(model.id, reference.id, n, **changes) for n in hours]
    store.commit_evaluation(EvaluationCommit(lease, (), tuple(results)))
    store.release_lease(lease)
    claim = store.acquire(replace(storing.PARTITION, number=model.id + 100), "w")
    return Feed(store, model, reference, claim, claim.next)


def result(
    model_id: int, reference_id: int, n: int, state: WindowState = WindowState.FINAL, one: Judgement | None = None,
    changes: tuple[AlarmChange, ...] = (),
) -> WindowResult:  # fmt: skip
    made = one or judgement(0.1 + 0.2 * (n % 2))
    found = Detection(b"s", snapshot=True, changes=changes) if changes else None
    return WindowResult(
        model_id, reference_id, "1h", hour(n), 1, state, 100 + n, T0, {0: made, 1: made}, detection=found
    )


# The fleet


def fleet(rig: Operated) -> Operated:
    """Beside two models that drift: a quiet one, one without data, one that cannot be judged, one that waits."""
    rig.clock.set(T0 + 8 * HOUR)
    judge(rig.store, "asleep", range(1))
    judge(rig.store, "blind", range(5, 7), one=replace(judgement(0.1), outcome=Outcome.INSUFFICIENT_DATA))
    learning = f"the reference is no baseline for these windows; {progress([]).partition('; ')[2]}"
    taught = replace(judgement(0.1), outcome=Outcome.INSUFFICIENT_DATA, reason=learning)
    judge(rig.store, "pupil", range(5, 7), one=taught)
    judge(rig.store, "calm", range(2, 7, 2))
    rig.store.put_model("fresh", pane=5 * MINUTE, windows=(WindowSpec.parse("1h"),))
    put(rig.store, incidents=[incident(2, model_id=2, urgency=Urgency.WARNING, title="churn: n0 is higher")])
    return rig


def rows(html: str) -> list[tuple[str, str]]:
    """(model, state) of each line of the fleet."""
    body = html.split('<table class="fleet lines">')[1].split("<tbody>")[1]
    line = re.compile(r'class="badge (\w+)".*?<th scope="row"><a [^>]*>([^<]*)<', re.DOTALL)
    found = [line.search(row) for row in body.split("<tr>")]
    return [(one[2], one[1]) for one in found if one is not None]


def test_models_that_need_somebody_come_first(rig: Operated) -> None:
    html = page(fleet(rig), "/")
    assert rows(html) == [
        ("credit", "page"), ("churn", "warning"), ("asleep", "stale"), ("blind", "blind"), ("pupil", "learning"),
        ("fresh", "waiting"), ("calm", "quiet"),
    ]  # fmt: skip
    said = words(html)
    assert (
        "1 model drifting beyond twice what is tolerated, 1 model with a warning, 1 model without data, "
        "1 model that cannot be judged." in said
    )
    assert "n0 : n0 is higher incident 1" in said
    assert "first ones are being learnt: 0 of 30 windows" in said
    assert "6h ago" in said
    assert 'href="/models/credit/column?name=n0"' in html
    assert 'aria-label="The last 3 windows: 3 quiet"' in html


def test_the_fleet_is_filtered_in_the_address(rig: Operated) -> None:
    fleet(rig)
    assert rows(page(rig, "/", state="stale")) == [("asleep", "stale")]
    assert rows(page(rig, "/", q="CH")) == [("churn", "warning")]
    assert "No model is like that." in page(rig, "/", q="nobody")
    assert [name for name, _ in rows(page(rig, "/", state="nonsense"))][:1] == ["credit"]
    html = page(rig, "/", q="a")
    assert re.findall(r'href="(/\?q=a[^"]*)"[^>]*>([^<]+)<b>(\d+)', html) == [
        ("/?q=a", "All ", "2"), ("/?q=a&amp;state=stale", "No data ", "1"), ("/?q=a&amp;state=quiet", "Quiet ", "1"),
    ]  # fmt: skip


def test_the_fleet_is_paged(rig: Operated) -> None:
    for n in range(60):
        rig.store.put_model(f"m{n:02}", pane=5 * MINUTE)
    first, second = page(rig, "/"), page(rig, "/", page="2")
    assert len(rows(first)) == 50
    assert [name for name, _ in rows(second)] == [f"m{n}" for n in range(48, 60)]
    assert "1–50 of 62" in words(first)
    assert 'rel="next" href="/?page=2"' in first
    assert 'rel="prev" href="/"' in second
    assert 'rel="next"' not in second
    assert page(rig, "/", status=422, page="0")


def test_alarms_without_an_incident_count(rig: Operated) -> None:
    changes = (AlarmChange("raised", alarm(severity=Severity.WARNING)),)
    judge(rig.store, "alone", range(5, 6), changes=changes)
    html = page(rig, "/", q="alone")
    assert rows(html) == [("alone", "warning")]
    assert "1 alarm stands, in no incident" in words(html)


def test_a_window_that_lacks_rows_is_marked(rig: Operated) -> None:
    fed = judge(rig.store, "holed", range(4, 6))
    lease = rig.store.lease("evaluation", "test", 60)
    assert lease is not None
    lacking = result(fed.model.id, fed.reference.id, 6, WindowState.INCOMPLETE)
    rig.store.commit_evaluation(EvaluationCommit(lease, (), (lacking,)))
    assert "rows missing" in words(page(rig, "/", q="holed"))


def test_nothing_to_see_yet(tmp_path: Path) -> None:
    found = operated(tmp_path, "require_token: false")
    token = found.token(Scope.READ, models=["nobody's"])
    html = page(found, "/", token)
    assert "Nothing is watched yet." in html
    assert "No model yet." in words(html)
    found.store.close()


# A model


def test_a_model_says_what_is_wrong_since_when_and_how_bad(rig: Operated) -> None:
    said = words(page(rig, "/models/credit"))
    assert "n0 is higher. Since 2026-11-23 02:00 UTC, 5h ago." in said
    assert "1 alarm (1 page) stands on 1 of 3 columns. Worst: credit: n0 is higher." in said
    assert "deploy credit 4.2" in said
    assert "airflow asked" in said
    assert "neither estimated nor measured" in said


def test_windows_and_columns_of_a_model(rig: Operated) -> None:
    judge(rig.store, "calm", range(-70, 6))
    html = page(rig, "/models/calm")
    heat = data(html, "heat")
    assert len(heat["windows"]) == 60
    assert heat["windows"][-1][:2] == [hour(5).start, hour(5).end]
    assert heat["columns"] == ["n0", "n1", "k"]
    assert heat["ratio"][0][-2:] == [0.5, 1.5]
    older = re.search(r'href="(/models/calm\?until=[^"#]*)', html)
    assert older is not None
    before = data(page(rig, older[1].replace("&amp;", "&")), "heat")
    assert len(before["windows"]) == 16
    assert before["windows"][-1][1] == heat["windows"][0][0]
    assert data(html, "volume")["series"][0]["values"][-1] == 105


def test_segments_of_a_model(rig: Operated) -> None:
    judge(rig.store, "calm", range(4, 6))
    html = page(rig, "/models/calm")
    assert re.search(r'<a href="/models/calm\?segment=k%3Da">k=a</a></th>\s*<td>drift</td>', html)
    assert data(page(rig, "/models/calm", segment="k=a"), "heat")["hrefs"][0].endswith("&segment=k%3Da")
    assert "has no segment" in page(rig, "/models/calm", segment="k=zz", status=404)
    assert "has no windows" in page(rig, "/models/calm", window="5m", status=404)


def test_columns_are_found_by_name(rig: Operated) -> None:
    judge(rig.store, "calm", range(4, 6))
    assert data(page(rig, "/models/calm", q="K"), "heat")["columns"] == ["k"]


def test_a_model_without_anything(rig: Operated) -> None:
    rig.store.put_model("fresh", pane=5 * MINUTE, windows=(WindowSpec.parse("1h"),))
    rig.store.put_model("bare", pane=5 * MINUTE)
    for name in ("fresh", "bare"):
        html = page(rig, f"/models/{name}")
        assert "No window is final yet." in html
        assert 'class="canvas"' not in html


def test_numbers_of_figures(rig: Operated) -> None:
    judge(rig.store, "calm", range(4, 6))
    heat = rig.client.get("/models/calm", params={"csv": "heat"})
    assert heat.headers["content-disposition"] == 'attachment; filename="heat.csv"'
    assert heat.text.splitlines() == [
        "column,2026-11-23T04:00:00Z,2026-11-23T05:00:00Z", "n0,0.5,1.5", "n1,0.25,0.25", "k,0.0,0.0",
    ]  # fmt: skip
    volume = rig.client.get("/models/calm", params={"csv": "volume"}).text.splitlines()
    assert volume[1] == "2026-11-23T05:00:00Z,2026-11-23T06:00:00Z,105,final"
    assert rig.client.get("/models/credit", params={"csv": "incidents"}).text.count("incident 1") == 1
    assert rig.client.get("/models/calm", params={"csv": "nothing"}).status_code == 404


# A column


@pytest.fixture
def counted(rig: Operated) -> Operated:
    fed = judge(rig.store, "calm", range(2, 6), changes=())
    for n in range(2, 6):
        fed.commit(storing.delta(fed.reference, n, start=hour(n).start, rows=100))
    lease = rig.store.lease("evaluation", "test", 60)
    assert lease is not None
    raised = (AlarmChange("raised", alarm(raised=hour(4), sentence="n0 is higher than before")),)
    late = result(fed.model.id, fed.reference.id, 6, changes=raised)
    rig.store.commit_evaluation(EvaluationCommit(lease, (), (late,)))
    rig.store.release_lease(lease)
    return rig


def test_a_column_says_what_changed(counted: Operated) -> None:
    html = page(counted, "/models/calm/column", name="n0")
    said = words(html)
    assert "n0 is higher than before. It has differed since 2026-11-23 02:00 UTC." in said
    assert "PAGE: n0 has drifted" in said
    assert "numeric feature" in said
    assert data(html, "distribution")["cells"]
    part = page(counted, "/models/calm/column", name="n0", part="quantiles")
    assert len(data(part, "quantiles")["x"]) == 5
    assert "<html" not in part
    assert 'data-later="/models/calm/column?name=n0&amp;part=quantiles"' in html
    assert data(html, "statistics")["series"][0]["name"] == "psi"
    assert data(html, "statistics")["limits"]["values"][-1] == 0.2
    assert data(html, "statistics")["shaded"][0]["text"] == "page"


def test_any_window_of_a_column(counted: Operated) -> None:
    html = page(counted, "/models/calm/column", name="k")
    stops = re.findall(r'<option value="(\d+)"( selected)?>([^<]*)', html)
    assert [text for *_, text in stops][:2] == ["2026-11-23 06:00–07:00 UTC", "2026-11-23 05:00–06:00 UTC"]
    assert stops[0][1]
    part = page(counted, "/models/calm/column", name="k", part="window", at=stops[1][0])
    assert "<html" not in part
    assert "2026-11-23 05:00–06:00 UTC" in part
    assert "100 rows, 500 rows in the reference" in words(part)
    whole = page(counted, "/models/calm/column", name="k", at=stops[1][0])
    assert data(whole, "distribution") == data(part, "distribution")
    assert re.search(rf'value="{stops[1][0]}" selected', whole)


def test_a_window_from_long_ago_is_found_by_its_id(rig: Operated) -> None:
    fed = judge(rig.store, "long", range(-100, 6))
    first = rig.store.windows(fed.model.id, limit=200)[-1]
    html = page(rig, "/models/long/column", name="n0", at=first.id)
    assert re.search(rf'value="{first.id}" selected', html)
    assert "Newest windows" in words(html)
    other = rig.store.windows(1, limit=1)[0].id
    assert "is none of model" in page(rig, "/models/long/column", name="n0", at=other, status=404)
    assert "is none of model" in page(rig, "/models/long/column", name="n0", at=other, part="window", status=404)


def test_evidence_is_made_when_it_is_asked_for(counted: Operated) -> None:
    html = page(counted, "/models/calm/column", name="n0")
    assert 'data-load="/models/calm/column?name=n0&amp;part=evidence"' in html
    part = page(counted, "/models/calm/column", name="n0", part="evidence")
    assert "first windows are still being learnt" in words(part)
    assert page(counted, "/models/calm/column", name="n0", part="nothing", status=404)


def test_what_there_is_not(rig: Operated) -> None:
    assert "has no column" in page(rig, "/models/credit/column", name="n7", status=404)
    assert "There is no model" in page(rig, "/models/nobody/column", name="n0", status=404)
    assert "There is no model" in page(rig, "/models/nobody", status=404)
    judge(rig.store, "odd/column", range(4, 6))
    assert "<h1>odd/column</h1>" in page(rig, "/models/odd%2Fcolumn")
    assert "<h1>n0</h1>" in page(rig, "/models/odd%2Fcolumn/column", name="n0")


def test_a_chosen_statistic(counted: Operated) -> None:
    html = page(counted, "/models/calm/column", name="n0", stat="ks")
    assert data(html, "statistics")["series"][0]["name"] == "ks"
    numbers = counted.client.get("/models/calm/column", params={"name": "n0", "csv": "statistics", "stat": "ks"})
    assert numbers.text.splitlines()[0] == "Window from,To,ks,Threshold"
    assert len(numbers.text.splitlines()) == 6
    for csv in ("quantiles", "distribution", "outside"):
        assert counted.client.get("/models/calm/column", params={"name": "n0", "csv": csv}).status_code == 200


@pytest.mark.parametrize("action", ["accept", "dismiss", "snooze"])
def test_an_alarm_is_answered(counted: Operated, action: str) -> None:
    model = counted.store.catalogue().models["calm"]
    number = counted.store.alarms(model.id, standing=True)[0].id
    html = page(counted, "/models/calm/column", name="n0")
    assert f'name="alarm" value="{number}"' in html
    form = {
        "alarm": number, "action": action, "why": "new tariff", "who": "ada", "days": "7",
        "back": "/models/calm/column?name=n0",
    }  # fmt: skip
    response = counted.client.post("/models/calm/column/answer", data=form, headers=HTML, follow_redirects=False)
    assert response.status_code == 303, response.text
    assert response.headers["location"] == "/models/calm/column?name=n0"
    made = counted.store.answers(model.id)[-1]
    assert (made.action, made.who, made.why, made.column) == (action, "ada", "new tariff", "n0")
    if action == "snooze":
        assert made.until == counted.clock.now() + 7 * DAY
    assert counted.store.audit_entries(limit=1)[0].action == f"answer.{action}"


def test_answers_that_cannot_be_given(counted: Operated) -> None:
    def said(status: int, **form: object) -> str:
        response = counted.client.post("/models/calm/column/answer", data=form, headers=HTML, follow_redirects=False)
        assert response.status_code == status, response.text
        return words(response.text)

    assert "there are accept, dismiss and snooze" in said(422, action="forget", alarm=1, why="x", who="ada")
    assert "is no whole number" in said(422, action="accept", alarm="one", why="x", who="ada")
    assert "There is no alarm" in said(404, action="accept", alarm=999, why="x", who="ada")
    said(422, action="accept", alarm=1, why="", who="ada")


# Who may see what


def test_pages_want_a_token_where_the_api_does(tmp_path: Path) -> None:
    rig = operated(tmp_path)
    for path in ("/", "/models/credit", "/models/credit/column?name=n0"):
        assert rig.ask("GET", path, headers=HTML, follow_redirects=False).headers["location"].startswith("/login?next=")
        assert page(rig, path, rig.token(Scope.READ))
        assert "This is not allowed" in page(rig, path, rig.token(Scope.INGEST), status=403)
    mine = rig.token(Scope.READ, models=["churn"])
    assert rows(page(rig, "/", mine)) == [("churn", "page")]
    for path in ("/models/credit", "/models/credit/column?name=n0", "/models/credit?csv=heat"):
        refused = page(rig, path, mine, status=403)
        assert "is for churn only" in refused
    reading = page(rig, "/models/credit/column", rig.token(Scope.READ), name="n0")
    assert "<form" in reading
    assert 'method="post"' not in reading
    rig.store.close()


# What every page has


def test_headers_of_pages_and_of_others(rig: Operated) -> None:
    shown = rig.client.get("/", headers=HTML).headers
    assert shown["content-security-policy"] == POLICY
    assert shown["cache-control"] == "no-store"
    assert shown["x-content-type-options"] == "nosniff"
    assert shown["referrer-policy"] == "same-origin"
    assert "'unsafe" not in POLICY
    refused = rig.client.get("/models/nobody", headers=HTML).headers
    assert refused["content-security-policy"] == POLICY
    assert refused["cache-control"] == "no-store"
    assert rig.client.get("/v1/models").headers["x-content-type-options"] == "nosniff"


def test_refusals_are_pages_for_people_and_json_for_programs(rig: Operated) -> None:
    html = page(rig, "/models/nobody", status=404)
    assert "<h1>There is nothing here</h1>" in html
    assert "There is no model &#39;nobody&#39;" in html
    plain = rig.client.get("/models/nobody")
    assert plain.json()["error"]["code"] == "not_found"
    called = rig.client.get("/v1/models/nobody", headers=HTML)
    assert called.json()["error"]["code"] == "not_found"
    assert "<h1>" in page(rig, "/nothing-at-all", status=404)
    untrusted = rig.client.get("/", headers=HTML | {"Host": "evil.example"})
    assert untrusted.status_code == 400
    assert "is not trusted" in untrusted.text


def test_what_was_not_foreseen_is_a_page_too(rig: Operated, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(Store, "open_incidents", broken)
    response = rig.client.get("/", headers=HTML)
    assert response.status_code == 500
    assert "Something went wrong inside" in response.text
    for hidden in ("a secret", "ZeroDivisionError", "Traceback", ".py"):
        assert hidden not in response.text
    assert response.headers["content-security-policy"] == POLICY


def test_the_theme_is_in_the_page(rig: Operated) -> None:
    assert "data-theme" not in page(rig, "/")
    rig.client.cookies.set("driftsum-theme", "dark")
    assert '<html lang="en" data-theme="dark">' in page(rig, "/")
    assert 'data-theme="dark"' in page(rig, "/models/nobody", status=404)
    rig.client.cookies.set("driftsum-theme", '"><script>')
    assert "data-theme" not in page(rig, "/")


def test_assets_are_kept_by_their_content(tmp_path: Path) -> None:
    rig = operated(tmp_path)
    html = page(rig, "/models/credit", rig.token(Scope.READ))
    named = re.findall(r'(?:src|href)="(/static/[^"]+)"', html)
    assert len(named) >= 6
    for path in named:
        response = rig.client.get(path)
        assert response.status_code == 200
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert response.headers["content-encoding"] == "gzip"
    name = named[0].split("?")[0]
    assert rig.client.get(name).headers["cache-control"] == "no-cache"
    same = rig.client.get(name, headers={"If-None-Match": rig.client.get(name).headers["etag"]})
    assert same.status_code == 304
    plain = rig.client.get(name, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    for odd in ("/static/%2e%2e%2frender.py", "/static/nothing.js", "/static/vendor", "/static/"):
        assert rig.client.get(odd).status_code == 404
    rig.store.close()


def test_now_is_the_clock(rig: Operated) -> None:
    assert "this page is of" in words(page(rig, "/"))
    assert rig.clock.now() == NOW
