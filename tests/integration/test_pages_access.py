"""Who may see which page and send which form: every page with every scope, and tokens for some models."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drift.api.access import declared
from drift.api.app import PAGES
from drift.api.pages import session
from drift.core.alert import Scope
from drift.service.access import granted
from tests.rig.operated import Operated, operated

WHY = {"why": "x"}
FORMS: dict[str, dict[str, str]] = {
    "/incidents/{incident_id}/acknowledge": WHY,
    "/incidents/{incident_id}/unacknowledge": WHY,
    "/incidents/{incident_id}/silence": WHY | {"about": "model", "hours": "4"},
    "/incidents/{incident_id}/answer": WHY | {"action": "snooze", "hours": "4", "alarm": "1"},
    "/incidents/{incident_id}/retrain": WHY | {"trigger": "airflow"},
    "/models/{name:anything}/column/answer": WHY | {"action": "snooze", "days": "1", "alarm": "1"},
    "/silences": WHY | {"model": "credit", "hours": "4"},
    "/silences/{silence_id}/end": {"back": "/silences"},
    "/runs": WHY | {"about": "credit\nairflow"},
    "/runs/{run_id}/approve": WHY,
    "/runs/{run_id}/deny": WHY,
    "/health/replay": {"id": "1"},
    "/health/notices/{notice_id}/resend": {"back": "/health"},
}
"""Every form, and a right one about the model credit."""
OPEN = {"/login", "/logout", "/static/{name:path}"}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Operated]:
    found = operated(tmp_path)
    yield found
    found.store.close()


def pages() -> list[tuple[str, str, Scope]]:
    """(method, path, scope) of every page and form that is not open."""
    return [
        (method, route.path, need.scope)
        for route, need in declared(PAGES)
        for method in sorted(route.methods or ())
        if need.scope is not None
    ]


def place(path: str) -> str:
    parts = path.split("/")
    names = {"{name}": "DriftPage" if "runbooks" in path else "credit"}
    filled = "/".join(
        names.get(part, "credit" if part[:6] == "{name:" else "1" if part[:1] == "{" else part) for part in parts
    )
    query = {"/models/credit/column": "?name=n0", "/references": "?model=credit"}
    return filled + query.get(filled, "")


def ask(rig: Operated, method: str, path: str, token: str) -> Any:
    headers = {"Cookie": f"{session.COOKIE}={token}", "Accept": "text/html", "Origin": "http://testserver"}
    fields = FORMS.get(path, {}) | {"csrf": session.proof(token)}
    data = fields if method == "POST" else None
    return rig.client.request(method, place(path), data=data, headers=headers, follow_redirects=False)


def test_every_form_stands_in_the_table() -> None:
    assert {path for method, path, _ in pages() if method == "POST"} == set(FORMS)
    assert {route.path for route, need in declared(PAGES) if need.scope is None} == OPEN


def test_looking_needs_read_and_forms_need_operate() -> None:
    for method, path, scope in pages():
        assert scope is (Scope.OPERATE if method == "POST" else Scope.READ), path


@pytest.mark.parametrize("scope", list(Scope))
def test_every_page_with_every_scope(rig: Operated, scope: Scope, subtests: pytest.Subtests) -> None:
    token = rig.token(scope)
    for method, path, needed in pages():
        with subtests.test(f"{method} {path}"):
            response = ask(rig, method, path, token)
            if needed in granted([scope]):
                assert response.status_code < 500, response.text
                assert response.status_code not in (401, 403), response.text
            else:
                assert response.status_code == 403
                assert f"needs a token with scope `{needed}`" in response.text


def test_whoever_may_only_read_gets_no_button(rig: Operated) -> None:
    token = rig.token(Scope.READ)
    for path in ("/incidents/1", "/silences", "/runs", "/health"):
        page = ask(rig, "GET", path, token).text
        assert page.count('method="post"') == page.count('action="/logout"') == 1, path
    assert "Payloads are shown to tokens with scope" in ask(rig, "GET", "/health", token).text or (
        "every event could be counted" in ask(rig, "GET", "/health", token).text
    )


def test_a_token_for_one_model_sees_nothing_of_another(rig: Operated, subtests: pytest.Subtests) -> None:
    token = rig.token(Scope.ADMIN, models=["churn"])
    before = (rig.store.audit_entries(), rig.store.runs(), rig.store.silences(), rig.store.notices())
    for method, path, _ in pages():
        with subtests.test(f"{method} {path}"):
            response = ask(rig, method, path, token)
            assert "credit" not in response.text.replace(place(path), "")
            if method == "POST":
                assert response.status_code == 403, response.text
            else:
                assert response.status_code in (200, 403, 404), response.text
    assert (rig.store.audit_entries(), rig.store.runs(), rig.store.silences(), rig.store.notices()) == before


def test_a_token_for_one_model_sees_all_of_its_own(rig: Operated) -> None:
    token = rig.token(Scope.OPERATE, models=["ch?rn"])
    for path in ("/", "/incidents", "/incidents/2", "/runs", "/silences", "/health", "/references?model=churn"):
        headers = {"Cookie": f"{session.COOKIE}={token}"}
        response = rig.client.get(path, headers=headers)
        assert response.status_code == 200, path
        assert "churn" in response.text, path
