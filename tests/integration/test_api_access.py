"""Who may do what: every route with every scope, tokens for some models, and what becomes of wrong ones."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter

from drift.api.access import READ, declared
from drift.api.app import ROUTERS
from drift.core.alert import AuditEntry, RunState, Scope, Token
from drift.core.clock import DAY, HOUR, MINUTE, isoformat
from drift.core.errors import StoreUnavailable
from drift.service.access import GUESSES, REMEMBERED, granted
from tests.rig.operated import NOW, Operated, operated

CSV = {"content": b"n0\n1\n", "headers": {"Content-Type": "text/csv"}}
EVENTS = {"content": b'{"model": "credit"}', "headers": {"Content-Type": "application/json"}}
OPEN, INGEST, READING, OPERATING, ADMIN = "open", Scope.INGEST, Scope.READ, Scope.OPERATE, Scope.ADMIN


def body(**parts: Any) -> dict[str, Any]:
    return {"json": parts}


ROUTES: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {
    ("GET", "/healthz"): (OPEN, {}),
    ("GET", "/metrics"): (READING, {}),
    ("GET", "/readyz"): (READING, {}),
    ("GET", "/v1/alarms"): (READING, {"params": {"model": "credit"}}),
    ("GET", "/v1/alarms/{alarm_id}"): (READING, {}),
    ("GET", "/v1/alerts"): (READING, {}),
    ("GET", "/v1/answers"): (READING, {"params": {"model": "credit"}}),
    ("GET", "/v1/audit"): (ADMIN, {}),
    ("GET", "/v1/breaches"): (READING, {"params": {"model": "credit"}}),
    ("GET", "/v1/dead-letters"): (OPERATING, {}),
    ("GET", "/v1/digest"): (READING, {}),
    ("GET", "/v1/explain"): (READING, {"params": {"model": "credit"}}),
    ("GET", "/v1/fields"): (READING, {"params": {"model": "credit"}}),
    ("GET", "/v1/incidents"): (READING, {}),
    ("GET", "/v1/incidents/{incident_id}"): (READING, {}),
    ("GET", "/v1/incidents/{incident_id}/report"): (READING, {}),
    ("GET", "/v1/marks"): (READING, {}),
    ("GET", "/v1/models"): (READING, {}),
    ("GET", "/v1/models/{name:path}"): (READING, {}),
    ("GET", "/v1/notices"): (READING, {}),
    ("GET", "/v1/performance"): (READING, {"params": {"model": "credit"}}),
    ("GET", "/v1/references"): (READING, {"params": {"model": "credit"}}),
    ("GET", "/v1/references/{reference_id}"): (READING, {}),
    ("GET", "/v1/rivals"): (READING, {"params": {"model": "credit", "champion": "1", "challenger": "2"}}),
    ("GET", "/v1/runs"): (READING, {}),
    ("GET", "/v1/runs/{run_id}"): (READING, {}),
    ("GET", "/v1/series"): (
        READING, {"params": {"model": "credit", "window": "1h", "column": "n0", "statistic": "psi"}},
    ),
    ("GET", "/v1/silences"): (READING, {}),
    ("GET", "/v1/status"): (READING, {}),
    ("GET", "/v1/tokens"): (ADMIN, {}),
    ("GET", "/v1/windows"): (READING, {"params": {"model": "credit"}}),
    ("GET", "/v1/windows/{window_id}"): (READING, {}),
    ("GET", "/v1/windows/{window_id}/report"): (READING, {}),
    ("GET", "/v1/windows/{window_id}/row-tests"): (READING, {"params": {"test": "classifier"}}),
    ("POST", "/v1/forget"): (ADMIN, {"params": {"model": "churn"}} | body(why="x")),
    ("POST", "/v1/answers"): (
        OPERATING,
        {"params": {"model": "credit"}} | body(action="snooze", column="n0", until=isoformat(NOW + DAY), why="x"),
    ),
    ("POST", "/v1/answers/{answer_id}/withdraw"): (OPERATING, {"params": {"model": "credit"}} | body()),
    ("POST", "/v1/dead-letters/replay"): (OPERATING, body(ids=[1])),
    ("POST", "/v1/events"): (INGEST, EVENTS),
    ("POST", "/v1/incidents/{incident_id}/acknowledge"): (OPERATING, body(why="mine")),
    ("POST", "/v1/incidents/{incident_id}/unacknowledge"): (OPERATING, body(why="not mine")),
    ("POST", "/v1/marks"): (OPERATING, body(kind="deploy", text="4.2", model="credit")),
    ("POST", "/v1/notices/{notice_id}/resend"): (OPERATING, body()),
    ("POST", "/v1/partitions/retire"): (OPERATING, body(source="kafka", topic="none")),
    ("POST", "/v1/references"): (OPERATING, {"params": {"model": "credit", "version": "2"}} | CSV),
    ("POST", "/v1/runs"): (OPERATING, body(model="credit", trigger="airflow", why="x")),
    ("POST", "/v1/runs/{run_id}/approve"): (OPERATING, body(why="yes")),
    ("POST", "/v1/runs/{run_id}/deny"): (OPERATING, body(why="no")),
    ("POST", "/v1/runs/{run_id}/ended"): (OPERATING, body(state="succeeded")),
    ("POST", "/v1/silences"): (OPERATING, body(matchers={"model": "credit"}, ends=isoformat(NOW + HOUR), why="x")),
    ("POST", "/v1/silences/{silence_id}/end"): (OPERATING, body()),
    ("POST", "/v1/tokens"): (ADMIN, body(name="new", scopes=["read"])),
    ("POST", "/v1/tokens/{token_id}/revoke"): (ADMIN, body()),
    ("PUT", "/v1/models/{name:path}"): (ADMIN, body(windows=["1h"])),
}  # fmt: skip
"""Every route, the scope that it needs, and a request about the model credit."""


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Operated]:
    found = operated(tmp_path)
    yield found
    found.store.close()


def place(path: str) -> str:
    """A path about the first of its kind: model credit."""
    parts = [("credit" if part == "{name:path}" else "1") if part[:1] == "{" else part for part in path.split("/")]
    return "/".join(parts)


# Routes × scopes


def test_every_route_stands_in_the_table() -> None:
    found = {(method, route.path) for route, _ in declared(ROUTERS) for method in route.methods or ()}
    assert found == set(ROUTES)


def test_what_is_served_is_what_is_declared(rig: Operated) -> None:
    document = rig.get("/openapi.json", rig.token(Scope.READ))
    served = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert served == {(method, path.replace(":path", "")) for method, path in ROUTES}
    for (method, path), (scope, _) in ROUTES.items():
        operation = document["paths"][path.replace(":path", "")][method.lower()]
        assert operation.get("security") == (None if scope == OPEN else [{"token": [scope]}]), path


def test_the_table_of_the_documents_is_the_codes() -> None:
    text = Path(__file__).parents[2].joinpath("docs/operating.md").read_text()
    told = re.findall(r"^\| `([A-Z]+) (\S+)` \| (\S+) \| (all)? *\|$", text, re.MULTILINE)
    coded = {
        (method, route.path_format, f"`{need.scope}`" if need.scope else "–", "all" if need.whole else "")
        for route, need in declared(ROUTERS)
        for method in route.methods or ()
    }
    assert set(told) == coded
    assert len(told) == len(coded)


@pytest.mark.parametrize("scope", list(Scope))
def test_every_route_with_every_scope(rig: Operated, scope: Scope, subtests: pytest.Subtests) -> None:
    rig.token(Scope.READ, name="first, to be revoked")
    token = rig.token(scope)
    for (method, path), (needed, options) in ROUTES.items():
        with subtests.test(f"{method} {path}"):
            response = rig.ask(method, place(path), token, **options)
            if needed == OPEN or Scope(needed) in granted([scope]):
                assert response.status_code not in (401, 403), response.text
                assert response.status_code < 500, response.text
            else:
                assert response.status_code == 403
                assert f"needs a token with scope `{needed}`" in response.json()["error"]["message"]


def test_without_a_token_nothing_but_the_pulse(rig: Operated, subtests: pytest.Subtests) -> None:
    unknown = [("GET", "/openapi.json"), ("GET", "/v1/nothing"), ("DELETE", "/v1/models")]
    for method, path in [*ROUTES, *unknown]:
        with subtests.test(f"{method} {path}"):
            # not even whether the body is right is said
            response = rig.ask(method, place(path), content=b"{", headers={"Content-Type": "application/json"})
            if path == "/healthz":
                assert response.status_code == 200
            else:
                assert response.status_code == 401
                assert response.headers["www-authenticate"] == 'Bearer realm="driftsum"'
                assert "drift token create" in response.json()["error"]["message"]


def test_a_route_has_to_say_what_it_needs() -> None:
    silent, twice = APIRouter(), APIRouter()
    silent.add_api_route("/v1/secrets", lambda: None)
    with pytest.raises(RuntimeError, match="/v1/secrets has to say"):
        list(declared([silent]))
    twice.add_api_route("/v1/secrets", lambda: None, dependencies=[READ, READ])
    with pytest.raises(RuntimeError, match="once"):
        list(declared([twice]))


# Tokens for some models


def test_a_token_for_one_model_sees_nothing_of_another(rig: Operated, subtests: pytest.Subtests) -> None:
    token = rig.token(Scope.ADMIN, Scope.INGEST, models=["churn", "chu*n-[12]"])
    before = (rig.store.audit_entries(), rig.store.runs(), rig.store.silences(), rig.store.notices())
    for (method, path), (_, options) in ROUTES.items():
        with subtests.test(f"{method} {path}"):
            response = rig.ask(method, place(path), token, **options)
            assert response.status_code in (200, 403), response.text
            assert "credit" not in response.text
            if method != "GET":
                assert response.status_code == 403, response.text
    assert (rig.store.audit_entries(), rig.store.runs(), rig.store.silences(), rig.store.notices()) == before


def test_a_token_for_one_model_sees_all_of_its_own(rig: Operated, subtests: pytest.Subtests) -> None:
    token = rig.token(Scope.OPERATE, Scope.INGEST, models=["ch?rn"])
    for path in ("alerts", "incidents", "marks", "models", "notices", "runs", "silences"):
        with subtests.test(path):
            found = rig.get(f"/v1/{path}", token)
            assert len(found["items"]) == 1
            assert "churn" in str(found["items"])
            assert found["next"] is None
            everything = rig.get(f"/v1/{path}", rig.token(Scope.READ))
            assert len(everything["items"]) == 2
    rig.post("/v1/incidents/2/acknowledge", {"why": "mine"}, token)
    rig.post("/v1/runs/2/approve", {"why": "yes"}, token)
    rig.post("/v1/notices/2/resend", {}, token)
    rig.post("/v1/silences/2/end", {}, token)
    until = isoformat(NOW + HOUR)
    rig.post("/v1/silences", {"matchers": {"model": "churn"}, "ends": until, "why": "x"}, token, 201)
    for reach in ({"model": "*"}, {"model": "c*"}, {"owner": "risk"}, {"model": "ch[u]rn"}, {"model": "credit"}):
        said = rig.post("/v1/silences", {"matchers": reach, "ends": until, "why": "x"}, token, 403)
        assert "is for ch?rn only" in said
    # a pattern that the token's would take for a name
    odd = rig.token(Scope.OPERATE, models=["cr*]t"])
    rig.post("/v1/silences", {"matchers": {"model": "cr[e]di[t]t"}, "ends": until, "why": "x"}, odd, 403)
    assert "about something else" in rig.post("/v1/marks", {"kind": "deploy", "text": "all"}, token, 403)
    status = rig.get("/v1/status", token)
    assert [list(one["watermarks"]) for one in status["partitions"]] == [[], ["churn"]]


def test_a_model_that_is_not_there_tells_of_no_others(rig: Operated) -> None:
    response = rig.ask("GET", "/v1/alarms?model=nope", rig.token(Scope.READ, models=["churn", "nope"]))
    assert response.status_code == 404
    assert response.json()["error"]["message"] == "there is no model 'nope'; there are 'churn'"


def test_short_pages_of_what_a_token_may_see_go_on(rig: Operated) -> None:
    token = rig.token(Scope.READ, models=["credit"])
    for n in range(50):
        rig.store.audit(AuditEntry(NOW, "x", "y", str(n)))
    page = rig.get("/v1/incidents", token, limit=1)
    assert [one["id"] for one in page["items"]] == [1]
    assert page["next"] is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("drift.api.paging.SCANS", 1)
        first = rig.get("/v1/incidents", rig.token(Scope.READ, models=["none"]), limit=1)
        assert first["items"] == []
        assert first["next"] == "1" or first["next"] == "2"


def test_events_of_another_model_are_refused_as_a_whole(rig: Operated) -> None:
    token = rig.token(Scope.INGEST, models=["churn"])
    one = {"headers": {"Content-Type": "application/json"}}
    assert rig.ask("POST", "/v1/events", token, content=b'{"model": "churn"}', **one).status_code == 200
    both = b'[{"model": "churn"}, {"model": "credit"}]'
    assert rig.ask("POST", "/v1/events", token, content=both, **one).status_code == 403


# What becomes of wrong tokens


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("", "sent as `Authorization: Bearer TOKEN`"),
        ("Bearer", "sent as"),
        ("Bearer ", "sent as"),
        ("Basic YWRhOnNlY3JldA==", "sent as"),
        ("Bearer drift_wrong", "not known here"),
        ("Bearer \x00\xff", "not known here"),
        ("Bearer " + "x" * 5_000, "not known here"),
    ],
)
def test_what_is_no_token(rig: Operated, header: str, said: str) -> None:
    response = rig.ask("GET", "/v1/models", headers={"Authorization": header.encode("latin-1")})
    assert response.status_code == 401
    assert said in response.json()["error"]["message"]
    assert "x" * 100 not in response.text


def test_two_tokens_are_none(rig: Operated) -> None:
    token = rig.token(Scope.READ)
    response = rig.client.get(
        "/v1/models", headers=[("Authorization", f"Bearer {token}"), ("Authorization", "Bearer x")]
    )
    assert response.status_code == 401


def test_a_token_expires(rig: Operated) -> None:
    token = rig.token(Scope.READ, name="dashboard", lasts=10 * MINUTE)
    assert rig.get("/v1/models", token)
    rig.clock.advance(600)
    response = rig.ask("GET", "/v1/models", token)
    assert response.status_code == 401
    assert "access token 'dashboard' expired at 2026-11-23T07:10:00Z" in response.json()["error"]["message"]
    assert rig.token(Scope.READ, lasts=None) != token


def test_a_token_is_revoked_at_once_here_and_soon_elsewhere(rig: Operated) -> None:
    token, admin = rig.token(Scope.READ, name="ci"), rig.token(Scope.ADMIN)
    assert rig.get("/v1/models", token)
    mine = next(one for one in rig.get("/v1/tokens", admin)["items"] if one["name"] == "ci")
    gone = rig.post(f"/v1/tokens/{mine['id']}/revoke", {}, admin)
    assert gone == mine | {"revoked_at": isoformat(NOW), "valid": False}
    assert "'ci' was revoked at" in rig.ask("GET", "/v1/models", token).json()["error"]["message"]
    other = rig.token(Scope.READ, name="other")
    assert rig.get("/v1/models", other)
    rig.store.revoke_token(rig.store.tokens()[-1].id, NOW, "another server")
    rig.clock.advance(REMEMBERED + 0.1)
    assert rig.ask("GET", "/v1/models", other).status_code == 401


def test_a_token_is_not_looked_up_with_every_request(rig: Operated, monkeypatch: pytest.MonkeyPatch) -> None:
    token, asked, find = rig.token(Scope.READ), list[bytes](), rig.store.token_by_digest

    def counted(_: object, digest: bytes) -> Token | None:
        asked.append(digest)
        return find(digest)

    monkeypatch.setattr(type(rig.store), "token_by_digest", counted)
    for _ in range(20):
        rig.get("/v1/models", token)
    assert len(asked) == 1
    rig.clock.advance(REMEMBERED + 0.1)
    rig.get("/v1/models", token)
    assert len(asked) == 2


def test_guessing_is_slow(rig: Operated) -> None:
    codes = [rig.ask("GET", "/v1/models", f"drift_{n}").status_code for n in range(int(2 * GUESSES) + 5)]
    assert codes == [401] * int(2 * GUESSES) + [429] * 5
    assert rig.ask("GET", "/v1/models", rig.secrets[-1] if rig.secrets else "x").status_code == 429
    rig.clock.advance(1)
    assert rig.get("/v1/models", rig.token(Scope.READ))


def test_while_the_store_is_away_known_tokens_are_known(rig: Operated, monkeypatch: pytest.MonkeyPatch) -> None:
    token = rig.token(Scope.READ)
    rig.get("/v1/models", token)

    def away(*_: object) -> None:
        raise StoreUnavailable("the database is away")

    monkeypatch.setattr(type(rig.store), "token_by_digest", away)
    rig.clock.advance(60)
    assert rig.ask("GET", "/metrics", token).status_code == 200
    response = rig.ask("GET", "/metrics", rig.token(Scope.READ))
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")


def test_a_token_has_a_rate(tmp_path: Path) -> None:
    rig = operated(tmp_path, "require_token: true, rate_limit: 2")
    token, other = rig.token(Scope.READ, name="busy"), rig.token(Scope.READ)
    codes = [rig.ask("GET", "/v1/models", token).status_code for _ in range(6)]
    assert codes == [200] * 4 + [429] * 2
    response = rig.ask("GET", "/v1/models", token)
    assert response.headers["retry-after"] == "1"
    assert "token 'busy' is used too often; send at most 2 requests a second" in response.json()["error"]["message"]
    assert rig.get("/v1/models", other)
    rig.clock.advance(0.6)
    assert rig.get("/v1/models", token)
    rig.store.close()


# Loopback, metrics, the configured token


def test_on_loopback_a_token_is_not_needed_but_a_wrong_one_is_wrong(tmp_path: Path) -> None:
    rig = operated(tmp_path, "port: 1")
    assert rig.get("/v1/models")
    assert rig.ask("GET", "/v1/models", "drift_wrong").status_code == 401
    assert rig.ask("GET", "/v1/tokens", rig.token(Scope.READ)).status_code == 403
    assert rig.get("/openapi.json")["paths"]["/v1/models"]["get"]["security"] == [{"token": ["read"]}, {}]
    rig.store.close()


def test_a_page_of_another_site_cannot_write_where_no_token_is_needed(tmp_path: Path) -> None:
    rig = operated(tmp_path, "port: 1")
    mark = {"kind": "deploy", "text": "4.2", "who": "ada"}
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        response = rig.ask("POST", "/v1/marks", json=mark, headers=headers)
        assert response.status_code == 403, headers
    # what a form can send without asking first is not read as JSON
    response = rig.ask("POST", "/v1/marks", content=b'{"kind": "d", "text": "t", "who": "w"}',
                       headers={"Content-Type": "text/plain"})  # fmt: skip
    assert response.status_code == 422
    for origin, host in (
        ("http://testserver", "testserver"),
        ("http://localhost:1", "localhost:1"),
        ("https://testserver", "localhost:1"),
    ):  # fmt: skip
        headers = {"Origin": origin, "Host": host}
        assert rig.ask("POST", "/v1/marks", json=mark, headers=headers).status_code == 201, headers
    for origin in ("http://localhost:3000", "http://[", "file://", "http://testserver.evil.example"):
        assert rig.ask("POST", "/v1/marks", json=mark, headers={"Origin": origin}).status_code == 403, origin
    assert rig.ask("POST", "/v1/marks", json=mark).status_code == 201
    rig.store.close()


def test_metrics_can_be_open(tmp_path: Path) -> None:
    rig = operated(tmp_path, "require_token: true, metrics_open: true")
    assert [rig.ask("GET", path).status_code for path in ("/metrics", "/readyz", "/v1/models")] == [200, 200, 401]
    assert rig.ask("GET", "/metrics", "drift_wrong").status_code == 401
    rig.store.close()


def test_the_admin_token_of_drift_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "admin"
    secret.write_text("a-canary-that-is-long-enough-to-be-one")
    rig = operated(tmp_path, f"require_token: true, admin_token: 'file:{secret}'")
    canary = secret.read_text()
    made = rig.post("/v1/tokens", {"name": "first", "scopes": ["read"]}, canary, 201)
    assert made["created_by"] == "admin (drift.yaml)"
    secret.write_text("another-canary-that-is-long-enough-to-be-one")
    rig.clock.advance(REMEMBERED + 0.1)
    assert rig.ask("GET", "/v1/tokens", canary).status_code == 401
    assert rig.get("/v1/tokens", secret.read_text())
    secret.write_text("short")
    assert rig.ask("GET", "/v1/tokens", "short").status_code == 401
    secret.unlink()
    assert rig.ask("GET", "/v1/tokens", "short").status_code == 401
    rig.store.close()


def test_who_is_the_token(rig: Operated) -> None:
    token = rig.token(Scope.OPERATE, name="ci")
    response = rig.ask("POST", "/v1/incidents/1/acknowledge", token, json={"why": "x", "who": "eve"},
                       headers={"X-Forwarded-User": "mallory"})  # fmt: skip
    assert response.json()["acknowledged_by"] == "ci"
    assert [(one.who, one.action) for one in rig.store.audit_entries(1)] == [("ci", "incident.acknowledge")]


def test_on_loopback_a_proxy_says_who(tmp_path: Path) -> None:
    rig = operated(tmp_path, "port: 1")
    path, header = "/v1/incidents/1/acknowledge", {"X-Forwarded-User": "ada"}
    assert rig.ask("POST", path, json={"why": "x", "who": "eve"}, headers=header).json()["acknowledged_by"] == "ada"
    assert rig.ask("POST", path, json={"why": "x", "who": "eve"}).json()["acknowledged_by"] == "eve"
    assert "say who does this" in rig.post(path, {"why": "x"}, code=422)
    rig.store.close()


# Making tokens


def test_a_secret_is_shown_once_and_kept_nowhere(rig: Operated, tmp_path: Path) -> None:
    admin = rig.token(Scope.ADMIN, name="root")
    made = rig.post("/v1/tokens", {"name": "ci", "scopes": ["ingest", "read"], "models": ["credit"]}, admin, 201)
    secret = made["secret"]
    assert secret.startswith("drift_")
    assert len(secret) >= len("drift_") + 43  # 256 bits
    assert (made["scopes"], made["models"], made["created_by"]) == (["ingest", "read"], ["credit"], "root")
    assert made["expires_at"] == isoformat(NOW + 90 * DAY)
    for path in ("tokens", "audit"):
        found = str(rig.get(f"/v1/{path}", admin))
        assert "ci" in found
        assert secret not in found
        assert "digest" not in found
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert secret.encode() not in stored
    assert admin.encode() not in stored


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"name": "root"}, 409),
        ({"name": "a", "scopes": []}, 422),
        ({"name": "a", "scopes": ["all"]}, 422),
        ({"name": "a\nb"}, 422),
        ({"name": " a"}, 422),
        ({"name": "a", "expires": "soon"}, 422),
        ({"name": "a", "expires": ""}, 422),
        ({"name": "a", "models": [""]}, 422),
        ({"name": "a", "secret": "mine"}, 422),
    ],
)
def test_tokens_that_cannot_be(rig: Operated, wanted: dict[str, Any], code: int) -> None:
    admin = rig.token(Scope.ADMIN, name="root")
    rig.post("/v1/tokens", {"scopes": ["read"]} | wanted, admin, code)
    assert len(rig.store.tokens()) == 1


def test_a_token_for_ever_and_the_name_of_a_revoked_one(rig: Operated) -> None:
    admin = rig.token(Scope.ADMIN)
    first = rig.post("/v1/tokens", {"name": "ci", "scopes": ["read"], "expires": "never"}, admin, 201)
    assert first["expires_at"] is None
    rig.post(f"/v1/tokens/{first['id']}/revoke", {}, admin)
    assert rig.post("/v1/tokens", {"name": "ci", "scopes": ["read"]}, admin, 201)["id"] != first["id"]
    assert "there is no token 99" in rig.post("/v1/tokens/99/revoke", {}, admin, 404)


# The audit


def test_everything_that_changes_something_is_audited(rig: Operated, subtests: pytest.Subtests) -> None:
    rig.token(Scope.READ, name="first, to be revoked")
    admin = rig.token(Scope.ADMIN, name="root")
    order = sorted(ROUTES, key=lambda one: (one[1].endswith(("unacknowledge", "deny", "ended")), one))
    skipped = {"/v1/events", "/v1/partitions/retire", "/v1/answers/{answer_id}/withdraw"}
    for method, path in order:
        if method == "GET" or path in skipped:
            continue
        with subtests.test(f"{method} {path}"):
            if path.endswith("/ended"):  # what the runner does in between
                run = rig.store.run(1)
                assert rig.store.advance_run(replace(run, state=RunState.RUNNING), run.state)
            before = rig.store.audit_entries(1)
            response = rig.ask(method, place(path), admin, **ROUTES[method, path][1])
            after = rig.store.audit_entries(1)
            if response.is_success:
                assert after != before
                assert after[0].who == "root"
            else:
                assert response.status_code == 409, response.text
                assert after == before
    actions = {one.action for one in rig.store.audit_entries(1_000)}
    assert {
        "answer.snooze", "dead-letters.replay", "mark.create", "model.put", "notice.resend", "reference.add",
        "run.approve", "run.ended", "silence.create", "silence.end", "token.create", "token.revoke",
        "incident.acknowledge", "incident.unacknowledge",
    } <= actions  # fmt: skip


def test_the_audit_is_paged(rig: Operated) -> None:
    admin = rig.token(Scope.ADMIN)
    for n in range(5):
        rig.store.audit(AuditEntry(NOW + n, "ada", "test", str(n)))
    first = rig.get("/v1/audit", admin, limit=3)
    second = rig.get("/v1/audit", admin, limit=3, cursor=first["next"])
    assert [one["target"] for one in (*first["items"], *second["items"])][:5] == ["4", "3", "2", "1", "0"]
