"""Signing in to the pages: the token in a cookie, what a form has to bring, and what other sites cannot do."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter

from drift.api.access import READ
from drift.api.app import PAGES
from drift.api.pages import session
from drift.api.pages.forms import Sent, guarded
from drift.core.alert import Scope
from drift.core.clock import MINUTE
from drift.core.errors import StoreUnavailable
from drift.service.access import GUESSES
from tests.rig.operated import Operated, operated

SITE = "http://testserver"
ACK = {"why": "on it"}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Operated]:
    found = operated(tmp_path)
    yield found
    found.store.close()


@pytest.fixture
def loopback(tmp_path: Path) -> Iterator[Operated]:
    """No token is needed."""
    found = operated(tmp_path, "port: 1")
    yield found
    found.store.close()


def get(rig: Operated, path: str, token: str = "", **headers: str) -> Any:
    cookie = {"Cookie": f"{session.COOKIE}={token}"} if token else {}
    return rig.client.get(path, headers={"Accept": "text/html"} | cookie | headers, follow_redirects=False)


def post(rig: Operated, path: str, fields: dict[str, str], token: str = "", **headers: str) -> Any:
    cookie = {"Cookie": f"{session.COOKIE}={token}"} if token else {}
    sent = (
        {"Accept": "text/html", "Origin": SITE}
        | cookie
        | {name.replace("_", "-"): one for name, one in headers.items()}
    )
    return rig.client.post(path, data=fields | {"back": ""}, headers=sent, follow_redirects=False)


def csrf(token: str) -> dict[str, str]:
    return {"csrf": session.proof(token)}


# In and out


def test_sign_in_puts_the_token_where_no_script_reads_it(rig: Operated) -> None:
    token = rig.token(Scope.READ)
    response = post(rig, "/login", {"token": token, "next": "/incidents?state=open"})
    assert (response.status_code, response.headers["location"]) == (303, "/incidents?state=open")
    cookie = response.headers["set-cookie"]
    assert cookie.startswith(f"{session.COOKIE}={token};")
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert get(rig, "/incidents", token).status_code == 200


def test_over_https_the_cookie_is_secure(rig: Operated) -> None:
    token = rig.token(Scope.READ)
    proxied = post(rig, "/login", {"token": token}, Origin="https://testserver")
    assert "Secure" in proxied.headers["set-cookie"].split("; ")
    gone = post(rig, "/logout", csrf(token), token, Origin="https://testserver")
    assert "Secure" in gone.headers["set-cookie"].split("; ")


def test_the_form_says_why_a_token_is_none(rig: Operated) -> None:
    for token, said in (
        ("drift_wrong", "This access token is not known here"),
        ("", "Put your access token into the field"),
        ("x" * 5_000, "not known here"),
        (rig.token(Scope.INGEST, name="app"), "Token &#39;app&#39; may not read"),
        (rig.token(Scope.READ, name="old", lasts=-MINUTE), "Access token &#39;old&#39; expired at"),
    ):
        response = post(rig, "/login", {"token": token, "next": "/runs"})
        assert response.status_code in (401, 422)
        assert said in response.text
        assert 'name="next" value="/runs"' in response.text
        assert "set-cookie" not in response.headers
        assert not token or token not in response.text


def test_guessing_is_slow_here_too(rig: Operated) -> None:
    codes = {post(rig, "/login", {"token": f"drift_{n}"}).status_code for n in range(int(2 * GUESSES))}
    assert codes == {401}
    assert "too often" in post(rig, "/login", {"token": "drift_x"}).text


def test_sign_out(rig: Operated) -> None:
    token = rig.token(Scope.READ)
    assert 'action="/logout"' in get(rig, "/", token).text
    for wrong in ({}, {"csrf": "x"}, csrf("another")):
        assert post(rig, "/logout", wrong, token).status_code == 403
    assert post(rig, "/logout", csrf(token), token, Origin="https://evil.example").status_code == 403
    response = post(rig, "/logout", csrf(token), token)
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert f'{session.COOKIE}=""; ' in response.headers["set-cookie"]
    assert "Max-Age=0" in response.headers["set-cookie"]


def test_another_site_cannot_sign_anybody_in(rig: Operated) -> None:
    token = rig.token(Scope.READ)
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost:81"}):
        assert post(rig, "/login", {"token": token}, **headers).status_code == 403, headers


def test_while_the_store_is_away_the_login_says_so(rig: Operated, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise StoreUnavailable("the database is away")

    monkeypatch.setattr(type(rig.store), "token_by_digest", away)
    response = post(rig, "/login", {"token": "drift_any"})
    assert response.status_code == 401
    assert "The database is away." in response.text


# To the login page and back


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_without_a_token_every_page_leads_to_the_login(rig: Operated, method: str) -> None:
    for path in (
        "/",
        "/incidents?state=open&model=a%2Fb",
        "/models/a%2Fb/column?name=c",
        "/nothing",
        "//evil.example/",
    ):
        response = rig.client.request(method, SITE + path, follow_redirects=False)
        assert response.status_code == 303, path
        where = response.headers["location"]
        assert where.startswith("/login?next=%2F")
        assert "evil" not in where
    follow = rig.client.get("/incidents?state=open")
    assert follow.url.path == "/login"
    assert 'name="next" value="/incidents?state=open"' in follow.text


def test_a_form_without_a_session_leads_to_the_page_it_was_on(rig: Operated) -> None:
    response = post(rig, "/incidents/1/acknowledge", ACK, Referer="http://testserver/incidents/1?x=1")
    assert response.headers["location"] == "/login?next=%2Fincidents%2F1%3Fx%3D1"
    assert rig.store.incident(1).acknowledged_by == ""


def test_htmx_is_told_to_go_there_itself(rig: Operated) -> None:
    headers = {"HX-Request": "true", "Referer": "http://testserver/health"}
    response = rig.client.get("/health?models=2", headers=headers, follow_redirects=False)
    assert (response.status_code, response.headers["hx-redirect"]) == (401, "/login?next=%2Fhealth")


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/", "//evil.example/", "/\\evil.example", "\\/evil.example", "/\t/evil.example",
        "/ /evil.example", "javascript:alert(1)", "evil.example", "", "http:evil.example", "/\x00", "/\n/evil.example",
        "/v1/tokens", "/metrics", "/login?next=//evil.example", "/logout", "//[", "/" + "a" * 9_000, "\u2028//x",
    ],
)  # fmt: skip
def test_next_leads_nowhere_else(rig: Operated, elsewhere: str) -> None:
    token = rig.token(Scope.READ)
    assert session.local(elsewhere) == "/"
    response = post(rig, "/login", {"token": token, "next": elsewhere})
    assert (response.status_code, response.headers["location"]) == (303, "/")
    shown = rig.client.get("/login", params={"next": elsewhere[:9_999]})
    assert 'name="next" value="/"' in shown.text


def test_next_leads_to_any_page_of_ours() -> None:
    for path in ("/", "/incidents/4", "/models/a%2Fb%22/column?name=%3Cb%3E&window=4", "/v1x", "/healthy"):
        assert session.local(path) == path


def test_a_link_on_another_site_is_followed_with_the_cookie(rig: Operated) -> None:
    token = rig.token(Scope.READ)
    first = get(rig, "/incidents/1", **{"Sec-Fetch-Site": "cross-site"})
    assert first.status_code == 303
    between = get(rig, first.headers["location"], **{"Sec-Fetch-Site": "cross-site"})
    assert '<meta http-equiv="refresh" content="0; url=/incidents/1">' in between.text
    assert 'name="token"' not in between.text
    assert get(rig, "/incidents/1", token, **{"Sec-Fetch-Site": "same-origin"}).status_code == 200
    # and whoever has none gets the form, not another round
    again = get(rig, first.headers["location"], **{"Sec-Fetch-Site": "same-origin"})
    assert 'name="token"' in again.text


def test_an_expired_or_revoked_token_leads_to_the_login_with_a_sentence(rig: Operated) -> None:
    token = rig.token(Scope.READ, name="night", lasts=10 * MINUTE)
    other = rig.token(Scope.READ, name="day")
    rig.clock.advance(601)
    rig.store.revoke_token(rig.store.tokens()[-1].id, rig.clock.now(), "ada")
    for one, said in (
        (token, "&#39;night&#39; expired at 2026-11-23T07:10:00Z"),
        (other, "&#39;day&#39; was revoked at"),
    ):
        response = get(rig, "/incidents", one)
        assert response.status_code == 303
        assert said in get(rig, response.headers["location"], one).text


def test_whoever_is_signed_in_is_told_so(rig: Operated) -> None:
    response = get(rig, "/login?next=/runs", rig.token(Scope.READ, name="ada"))
    assert "You are signed in as ada" in response.text
    assert 'href="/runs"' in response.text


# The cookie opens pages and nothing else


def test_the_rest_api_takes_no_cookie(rig: Operated) -> None:
    token = rig.token(Scope.ADMIN)
    for path in ("/v1/models", "/v1/incidents/1/report", "/metrics", "/readyz", "/openapi.json", "/v1", "/v1/"):
        assert get(rig, path, token).status_code == 401, path
    response = rig.client.post(
        "/v1/incidents/1/acknowledge", json={"why": "x"},
        headers={"Cookie": f"{session.COOKIE}={token}", "X-CSRF-Token": session.proof(token)},
    )  # fmt: skip
    assert response.status_code == 401
    assert get(rig, "/incidents/1/report", token).status_code == 200


def test_two_cookies_are_none(rig: Operated) -> None:
    token = rig.token(Scope.READ)
    both = {"Cookie": f"{session.COOKIE}={token}; {session.COOKIE}={token}"}
    assert rig.client.get("/", headers=both, follow_redirects=False).status_code == 303


def test_a_header_goes_before_the_cookie(rig: Operated) -> None:
    reader = rig.token(Scope.READ)
    response = get(rig, "/", reader, Authorization="Bearer drift_wrong")
    assert response.status_code == 303
    assert rig.ask("GET", "/", reader).status_code == 200


# What a form has to bring


def test_every_form_asks_for_its_proof() -> None:
    assert len(list(guarded(PAGES))) >= 10
    bare, good = APIRouter(), APIRouter()
    bare.add_api_route("/things", lambda: None, methods=["POST"], dependencies=[READ])
    with pytest.raises(RuntimeError, match="/things has to take its form"):
        list(guarded([bare]))

    def taken(form: Sent) -> None:
        """Takes it."""

    good.add_api_route("/things", taken, methods=["POST"], dependencies=[READ])
    assert list(guarded([good])) == ["/things"]


def test_a_form_without_its_proof_is_refused(rig: Operated) -> None:
    token, other = rig.token(Scope.OPERATE), rig.token(Scope.OPERATE)
    for proof in (
        {},
        {"csrf": ""},
        {"csrf": "x"},
        csrf(other),
        {"csrf": session.proof(token)[:-1]},
        {"csrf": "\u00e4"},
    ):
        response = post(rig, "/incidents/1/acknowledge", ACK | proof, token)
        assert response.status_code == 403, proof
        assert "form is old" in response.text
    assert rig.store.incident(1).acknowledged_by == ""
    response = post(rig, "/incidents/1/acknowledge", ACK | csrf(token), token)
    assert (response.status_code, response.headers["location"]) == (303, "/incidents/1")
    assert rig.store.incident(1).acknowledged_by == rig.store.tokens()[0].name


def test_htmx_brings_it_in_a_header(rig: Operated) -> None:
    token = rig.token(Scope.OPERATE)
    response = post(rig, "/incidents/1/acknowledge", ACK, token, X_CSRF_Token=session.proof(token))
    assert response.status_code == 303


def test_a_form_of_another_site_is_refused_with_its_proof(rig: Operated) -> None:
    token = rig.token(Scope.OPERATE)
    for headers in (
        {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://testserver.evil.example"},
        {"Origin": "http://localhost:8000"},
    ):  # fmt: skip
        response = post(rig, "/incidents/1/acknowledge", ACK | csrf(token), token, **headers)
        assert response.status_code == 403, headers
    cross = {"Cookie": f"{session.COOKIE}={token}", "Sec-Fetch-Site": "same-site"}
    response = rig.client.post(
        "/incidents/1/acknowledge", data=ACK | csrf(token), headers=cross, follow_redirects=False
    )
    assert response.status_code == 403
    assert rig.store.incident(1).acknowledged_by == ""


def test_the_proof_is_in_every_form_and_the_token_in_no_page(rig: Operated) -> None:
    token = rig.token(Scope.ADMIN)
    for path in ("/", "/incidents/1", "/silences", "/runs", "/health", "/references?model=credit"):
        page = get(rig, path, token).text
        forms = re.findall(r'<form method="post".*?</form>', page, re.DOTALL)
        assert forms, path
        assert all(session.proof(token) in form for form in forms), path
        assert token not in page


def test_a_body_that_is_no_form_is_refused(rig: Operated) -> None:
    token = rig.token(Scope.OPERATE)
    cookie = {"Cookie": f"{session.COOKIE}={token}", "X-CSRF-Token": session.proof(token), "Accept": "text/html"}
    for kind, content, code in (
        ("text/plain", b"why=x", 415), ("application/json", b"{}", 415), ("multipart/form-data; boundary=x", b"", 415),
        (None, b"why=x", 415), ("application/x-www-form-urlencoded", b"why=%ff", 422),
        ("application/x-www-form-urlencoded", b"&".join(b"a=1" for _ in range(400)), 422),
        ("application/x-www-form-urlencoded", b"why=" + b"x" * (2 << 20), 413),
    ):  # fmt: skip
        headers = cookie | ({"Content-Type": kind} if kind else {})
        response = rig.client.post("/incidents/1/acknowledge", content=content, headers=headers)
        assert response.status_code == code, kind


# Where no token is needed


def test_on_loopback_nobody_signs_in_and_a_name_is_asked_for(loopback: Operated) -> None:
    page = get(loopback, "/incidents/1").text
    assert "Your name" in page
    assert "Sign out" not in page
    nobody = post(loopback, "/incidents/1/acknowledge", ACK)
    assert nobody.status_code == 422
    assert "say who does this" in nobody.text
    done = post(loopback, "/incidents/1/acknowledge", ACK | {"who": "Ada Ł"})
    assert done.status_code == 303
    assert loopback.store.incident(1).acknowledged_by == "Ada Ł"
    name = done.headers["set-cookie"].split(";")[0]
    assert 'value="Ada Ł"' in get(loopback, "/incidents/2", Cookie=name).text
    assert get(loopback, "/incidents/2", Cookie=f"{session.NAMED}=zz").status_code == 200


def test_on_loopback_a_foreign_host_or_origin_is_refused(loopback: Operated) -> None:
    mine = ACK | {"who": "eve"}
    for host in ("evil.example", "evil.example:1", "localhost.evil.example", ""):
        assert get(loopback, "/", Host=host).status_code == 400, host
        assert post(loopback, "/incidents/1/acknowledge", mine, Host=host).status_code == 400, host
    for origin in ("http://evil.example", "null", "http://localhost:3000"):
        assert post(loopback, "/incidents/1/acknowledge", mine, Origin=origin).status_code == 403, origin
    fetched = loopback.client.post("/incidents/1/acknowledge", data=mine, headers={"Sec-Fetch-Site": "cross-site"})
    assert fetched.status_code == 403
    assert loopback.store.incident(1).acknowledged_by == ""


def test_on_loopback_the_cookie_of_another_service_is_nothing(loopback: Operated) -> None:
    assert get(loopback, "/incidents", "drift_of_another_port").status_code == 200
    # while one's own holds, with what it allows
    reader = loopback.token(Scope.READ, name="reader")
    assert "Sign out" in get(loopback, "/incidents/1", reader).text
    assert post(loopback, "/incidents/1/acknowledge", ACK | csrf(reader), reader).status_code == 403
