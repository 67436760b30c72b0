"""A trigger that is said in drift.yaml alone; and where triggers may connect to."""

from dataclasses import replace
from typing import Any

import pytest

from alerts.egress import Gate
from alerts.retrain.names import presets
from alerts.retrain.target import Found, Progress, Target
from alerts.routes.contract import Fate, Outcome
from drift.core.alert import RunState
from drift.core.clock import SystemClock
from tests.rig.pipelines import Asked, Kubeflow, RefusedError, Reply, Run, Stub, bearer, strict
from tests.rig.receiver import Receiver
from tests.rig.retrain import KEY, SECRETS, run


class Jobs(Stub):
    """A system of somebody's own: 201 with an id, jobs by name, 409 for a name that is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.maintenance, self.blind = False, 0

    def handle(self, asked: Asked) -> Reply:
        bearer(asked, SECRETS["T_KFP"])
        if asked.path == "/api/up":
            return 200, {"maintenance": self.maintenance}, {}
        if asked.method == "POST":
            data = strict(asked, {"name": str, "model": str, "evidence": list}, {"since": str})
            if any(job.key == data["name"] for job in self.runs):
                raise RefusedError(409)
            self.runs.append(Run(f"j/{len(self.runs)}", data["name"], data, "waiting"))
            return 201, {"job": {"id": self.runs[-1].id, "page": f"{self.url}/jobs/0"}}, {}
        if asked.path == "/api/jobs":
            self.blind -= 1
            jobs = [] if self.blind >= 0 else [{"id": job.id, "name": job.key} for job in self.runs]
            return 200, {"jobs": [job for job in jobs if job["name"] == asked.query["name"]]}, {}
        job = self.one(asked.path.removeprefix("/api/jobs/"))
        return 200, {"status": job.state, "why": "no\x1bdisk"}, {}


def target(url: str, *allowed: str, **more: Any) -> Target:
    """As drift.yaml would say it."""
    kind = presets()["http"]
    said = {
        "url": f"{url}/api/jobs", "auth": {"bearer": "env:T_KFP"}, "accepted": [201], "there": [409],
        "body": {"name": "{key}", "model": "{model}", "since": "{window_start}", "evidence": "{columns}"},
        "id": {"path": "job.id"}, "page": "job.page",
        "check": {"url": f"{url}/api/up", "path": "maintenance", "refuse": ["true"], "why": "it is being repaired"},
        "lookup": {"url": f"{url}/api/jobs?name={{key}}", "items": "jobs[*]", "match": "name", "id": {"path": "id"}},
        "follow": {"url": f"{url}/api/jobs/{{id}}", "state": "status", "succeeded": ["done"], "failed": ["error"],
                   "error": "why"},
    }  # fmt: skip
    options = kind.options.model_validate({**said, **more})
    return Target(kind.make(options), Gate(allowed or ["localhost"]), SystemClock())


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def test_from_the_start_to_the_end() -> None:
    with Jobs() as jobs:
        one = target(jobs.url)
        jobs.maintenance = True
        assert one.start(run()) == Outcome(Fate.AGAIN, "it is being repaired")
        jobs.maintenance = False
        jobs.lose = 1
        assert isinstance(one.start(run()), Outcome)
        found = one.start(run())
        assert found == Found("j/0", earlier=True)
        assert jobs.started.json == {
            "name": KEY, "model": "credit", "since": "2026-11-20T10:00:00Z", "evidence": run().conf["columns"],
        }  # fmt: skip
        begun = replace(run(), external_id="j/0")
        assert one.follow(begun) == Progress(RunState.RUNNING, found=Found("j/0"), word="waiting", error="no disk")
        assert jobs.asked[-1].raw == "/api/jobs/j%2F0"
        jobs.runs[0].state = "error"
        progress = one.follow(begun)
        assert isinstance(progress, Progress)
        assert (progress.state, progress.error) == (RunState.FAILED, "no disk")


def test_there_already_though_it_was_not_seen() -> None:
    with Jobs() as jobs:
        one = target(jobs.url)
        assert one.start(run()) == Found("j/0", f"{jobs.url}/jobs/0")
        jobs.blind = 1
        assert one.start(run()) == Found("j/0", earlier=True)
        jobs.blind = 2
        outcome = one.start(run())
        assert isinstance(outcome, Outcome)
        assert outcome.detail == "409: it is said to be there already, and is not found"
        assert len(jobs.runs) == 1


def test_an_id_out_of_a_header() -> None:
    with Receiver() as receiver:
        one = target(
            receiver.url, accepted=[200], there=[], id={"header": "content-length", "pattern": r"(\d)\d*"},
            lookup=None, check=None,
        )  # fmt: skip
        found = one.start(run())
    assert isinstance(found, Found)
    assert found.external_id == "2"


def test_a_missing_secret_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("T_KFP")
    with Jobs() as jobs:
        outcome = target(jobs.url).start(run())
    assert outcome == Outcome(Fate.AGAIN, "the environment variable T_KFP is not set; it should hold a secret")


@pytest.mark.parametrize("url", ["http://169.254.169.254", "https://10.0.0.1", "http://127.0.0.1:9", "http://[::1]:9"])
def test_private_addresses_are_refused(url: str) -> None:
    outcome = target(url, "elsewhere.example").start(run())
    assert isinstance(outcome, Outcome)
    assert outcome.fate is Fate.REFUSED
    assert "metadata service" in outcome.detail or "egress.allow" in outcome.detail


def test_redirects_are_not_followed() -> None:
    with Receiver() as inside, Receiver("redirect", location=f"{inside.url}/x") as receiver:
        outcome = target(receiver.url, lookup=None, there=[], check=None).start(run())
        assert inside.hits == 0
    assert isinstance(outcome, Outcome)
    assert outcome.fate is Fate.REFUSED
    assert "redirects are not followed" in outcome.detail


@pytest.mark.parametrize("mode", ["huge", "packed"])
def test_answers_without_end(mode: str) -> None:
    with Receiver(mode) as receiver:
        found = target(receiver.url, lookup=None, there=[], check=None, accepted=[200]).start(run())
        assert receiver.sent < 16 << 20
    assert found == Found(""), "it was accepted; what stands in the answer cannot be known"


def test_a_page_that_is_no_page_is_not_shown() -> None:
    with Kubeflow() as stub:
        stub.handle = lambda asked: (201, {"job": {"id": "x", "page": "javascript:alert(1)"}}, {})  # type: ignore[method-assign]
        found = target(stub.url, lookup=None, there=[], check=None).start(run())
    assert found == Found("x", "")
