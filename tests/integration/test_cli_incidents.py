"""Commands of people on call: on the store, and through a server that asks for a token."""

import base64
import getpass
import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog
import structlog.testing

from drift.api.server import serve
from drift.cli import credentials, logs, run
from drift.config import load
from drift.core.clock import SystemClock
from drift.core.errors import ConfigError
from drift.service.service import Service
from drift.store import open_store
from tests.rig.alerted import NOW, notice, put
from tests.rig.operated import filled
from tests.rig.proc import free_port
from tests.rig.receiver import Receiver

Drift = Callable[..., str]
WHY = ("--why", "the price feed is late")


@pytest.fixture
def drift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Drift]:
    """Runs commands in a folder whose store holds two models with all sorts of things."""
    monkeypatch.chdir(tmp_path)
    for name in ("DRIFT_CONFIG", "DRIFT_URL", "DRIFT_DEBUG", "DRIFT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    logs.configure(logs.QUIET)
    Path("drift.yaml").write_text(f"server: {{port: {free_port()}, require_token: true}}\nmodels: {{}}\n")
    Path("drift.db").write_bytes(filled())

    def command(*args: object, code: int = 0) -> str:
        capsys.readouterr()
        got = run([str(arg) for arg in args])
        said = capsys.readouterr()
        assert got == code, said
        assert "Traceback" not in said.err
        return said.out if code == 0 else said.err

    yield command
    structlog.reset_defaults()


def listed(drift: Drift, *args: object) -> Any:
    return json.loads(drift(*args, "--json"))


@contextmanager
def server() -> Iterator[str]:
    """A server on a thread of this process, which holds the store and asks for tokens; its URL."""
    service = Service.open(load(Path("drift.yaml")))
    listening, urls = threading.Event(), list[str]()

    def started(url: str) -> None:
        urls.append(url)
        listening.set()

    thread = threading.Thread(target=serve, args=(service, started))
    thread.start()
    try:
        assert listening.wait(20)
        yield urls[0]
    finally:
        service.stopping.set()
        thread.join(30)
        service.stop()


# Incidents


def test_incidents(drift: Drift) -> None:
    out = drift("incidents")
    assert re.search(r"2 +page +churn +churn: n0 is higher +1 .*open, quiet: silence 1 +oncall", out)
    assert [one["id"] for one in listed(drift, "incidents", "credit", "--all")] == [1]
    assert "there is no model 'nope'" in drift("incidents", "nope", code=2)


def test_an_incident_as_a_story(drift: Drift) -> None:
    drift("ack", 1, *WHY, "--who", "ada")
    out = drift("incident", 1)
    assert out.startswith("Incident 1: credit: n0 is higher (page, drift, owner risk; ada has it)")
    assert re.search(r"n0 +all +1h +firing +credit: n0 is higher", out)
    assert out.index("credit broke") < out.index("the price feed is late")
    assert re.search(r"oncall +firing +dead +1 +410 Gone", out)
    assert "run 1 by airflow asked" in out
    assert "deploy: credit 4.2" in out
    assert listed(drift, "incident", 1)["events"][0]["happening"] == "acknowledged"
    assert "there is no incident 9" in drift("incident", 9, code=2)


def test_acknowledging(drift: Drift) -> None:
    said = f"{getpass.getuser()} looks after incident 1: credit: n0 is higher\n"
    assert drift("ack", 1, *WHY) == said
    assert drift("unack", 1, *WHY).startswith("nobody looks after incident 1 now")
    assert "nobody" in drift("unack", 1, *WHY, code=2)
    assert "why" in drift("ack", 1, code=2)
    assert [(one["action"], one["who"]) for one in listed(drift, "audit")[:2]] == [
        ("incident.unacknowledge", getpass.getuser()), ("incident.acknowledge", getpass.getuser()),
    ]  # fmt: skip
    assert "incident.acknowledge" in drift("audit")


def test_the_digest(drift: Drift) -> None:
    out = drift("digest", "--days", 3)
    assert out.startswith("Drift from ")
    assert "credit: n0 is higher" in out
    assert listed(drift, "digest")["title"].endswith("open")


def test_what_others_wrote_does_not_drive_the_terminal(drift: Drift) -> None:
    drift("ack", 1, "--why", "red \x1b[31m alert")
    drift("mark", "--text", "red \x1b[31m deploy")
    for command in (("incident", 1), ("incidents",), ("audit",), ("digest",)):
        assert "\x1b" not in drift(*command)


# Silences, marks, notices, runs


def test_silences(drift: Drift) -> None:
    made = drift("silence", "add", "model=credit", "column=inc*", "--for", "2h", *WHY)
    assert re.fullmatch(
        r"silence 3: column=inc\*, model=credit until \S+Z\n|silence 3: model=credit, column=inc\*.*\n", made
    )
    assert "column=inc*" in drift("silence", "list")
    assert drift("silence", "end", 3).startswith("silence 3 is over")
    assert 3 not in [one["id"] for one in listed(drift, "silence", "list")]
    assert 3 in [one["id"] for one in listed(drift, "silence", "list", "--all")]
    assert "over already" in drift("silence", "end", 3, code=2)
    for wrong, said in (
        (("model",), "is no matcher"), (("model=",), "is no matcher"), (("model=a", "model=b"), "twice"),
        (("colour=red",), "there is no label 'colour'"),
    ):  # fmt: skip
        assert said in drift("silence", "add", *wrong, "--for", "2h", *WHY, code=2)
    assert "within a year" in drift("silence", "add", "model=credit", "--for", "9000h", *WHY, code=2)
    assert "is no duration" in drift("silence", "add", "model=credit", "--for", "soon", *WHY, code=2)


def test_marks(drift: Drift) -> None:
    assert drift("mark", "credit", "--text", "4.3 is out").startswith("mark 3: deploy on credit at ")
    assert drift("mark", "--kind", "incident", "--text", "x", "--at", "2026-11-01T00:00:00Z") == (
        "mark 4: incident on all models at 2026-11-01T00:00:00Z\n"
    )
    assert "timezone" in drift("mark", "--text", "x", "--at", "2026-11-01", code=2)


def test_notices_are_sent_again(drift: Drift) -> None:
    assert "410 Gone" in drift("notices", "--dead")
    assert drift("resend", 1) == "1 notice to be sent again\n"
    assert drift("resend", "--all-dead", "--receiver", "nobody") == "no notice is dead\n"
    assert drift("resend", "--all-dead") == "1 notice to be sent again\n"
    assert [one["state"] for one in listed(drift, "notices")] == ["waiting", "waiting"]
    assert "say which" in drift("resend", code=2)
    assert "say which" in drift("resend", 1, "--all-dead", code=2)


def test_one_that_cannot_be_sent_again_holds_up_no_other(drift: Drift) -> None:
    store = open_store("sqlite:///drift.db", SystemClock())
    try:
        body = store.notices(limit=1)[0].body
        put(store, notices=[notice(f"x{n}", "incident:77", body=body) for n in range(2)])
        second, first = store.notices(limit=2)
        store.given_up(first.id, "no", NOW)
        store.sent(second.id, NOW)
    finally:
        store.close()
    assert drift("resend", "--all-dead") == "2 notices to be sent again\n"
    assert "has a later one of the same incident" in drift("resend", first.id, code=2)


def test_runs(drift: Drift) -> None:
    assert drift("approve", 1, *WHY) == "run 1 of credit by airflow: requested\n"
    assert drift("deny", 2, *WHY) == "run 2 of churn by airflow: denied\n"
    assert "only one that is asked for" in drift("approve", 1, *WHY, code=2)
    assert [one["id"] for one in listed(drift, "runs", "churn")] == [2]
    assert re.search(r"1 +credit +airflow +requested", drift("runs"))
    assert "has no trigger 'airflow'" in drift("retrain", "churn", "--trigger", "airflow", *WHY, code=2)


def test_a_retraining_asked_for_without_a_server(drift: Drift) -> None:
    with Path("drift.yaml").open("a") as file:
        file.write("triggers:\n  - webhook: {url: 'https://ci.example/hook', secret: 'env:HOOK'}\n    name: hook\n")
    assert "in flight" in drift("retrain", "credit", "--trigger", "hook", *WHY, code=2)
    drift("deny", 2, *WHY)
    assert re.fullmatch(r"run \d+ of churn by hook: requested\n", drift("retrain", "churn", "--trigger", "hook", *WHY))


def test_routes_are_tested(drift: Drift, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert "has no routes" in drift("routes", "test", code=2)
    monkeypatch.setenv("SIGN", "whsec_" + base64.b64encode(b"s" * 32).decode())
    with Receiver() as good:
        closed = f"http://localhost:{free_port()}/hook"
        routes = [
            {"webhook": {"url": url, "secret": "env:SIGN"}, "name": name}
            for name, url in (("good", good.url), ("down", closed))
        ]
        with Path("drift.yaml").open("a") as file:
            file.write(f"routes: {json.dumps(routes)}\negress: {{allow: [localhost]}}\n")
        assert drift("routes", "test", "good").startswith("good: sent")
        assert good.requests
        assert "there are: good, down" in drift("routes", "test", "nope", code=2)
        drift("routes", "test", code=1)
        assert run(["routes", "test", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [(one["route"], one["sent"]) for one in found] == [("good", True), ("down", False)]
    assert found[1]["detail"]


# Tokens


def test_tokens(drift: Drift, capsys: pytest.CaptureFixture[str]) -> None:
    secret = drift("token", "create", "ci", "--scope", "ingest", "--scope", "read", "--model", "credit").strip()
    assert re.fullmatch(r"drift_[\w-]{43}", secret)
    out = drift("token", "list")
    assert re.search(r"1 +ci +ingest, read +credit .* yes", out)
    assert secret not in out
    assert listed(drift, "token", "list")[0]["created_by"] == getpass.getuser()
    assert drift("token", "revoke", 1) == "token 1, ci, allows nothing any more\n"
    assert "no" in drift("token", "list").splitlines()[-2]
    assert secret not in drift("audit")
    assert "scope" in drift("token", "create", "ci", code=2)
    assert "scopes" in drift("token", "create", "ci", "--scope", "all", code=2)
    assert "is no duration" in drift("token", "create", "ci", "--scope", "read", "--expires", "soon", code=2)


def test_through_a_server_that_asks_for_a_token(drift: Drift, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = drift("token", "create", "root", "--scope", "admin").strip()
    reader = drift("token", "create", "reader", "--scope", "read", "--model", "churn").strip()
    sender = drift("token", "create", "sender", "--scope", "ingest", "--model", "churn").strip()
    with server() as url:
        for model, code in (("credit", 403), ("churn", 200)):
            one = {"model": model, "time": "2026-11-23T01:00:00Z", "features": {"n0": 1.0}}
            headers = {"Authorization": f"Bearer {sender}"}
            assert httpx2.post(f"{url}/v1/events", json=one, headers=headers).status_code == code
        assert httpx2.get(f"{url}/healthz").status_code == 200
        assert httpx2.get(f"{url}/metrics").status_code == 401
        assert "an access token is needed" in drift("incidents", "--url", url, code=2)
        monkeypatch.setenv("DRIFT_TOKEN", reader)
        assert {one["model"] for one in listed(drift, "incidents", "--all", "--url", url)} == {"churn"}
        assert "needs a token with scope `operate`" in drift("ack", 2, *WHY, "--url", url, code=2)
        assert "is for churn only" in drift("incident", 1, "--url", url, code=2)
        monkeypatch.setenv("DRIFT_TOKEN", "drift_wrong")
        said = drift("incidents", "--url", url, code=2)
        assert "not known here" in said
        assert "drift_wrong" not in said
        monkeypatch.delenv("DRIFT_TOKEN")
        file = credentials.file()
        file.parent.mkdir(parents=True)
        file.write_text(admin + "\n")
        file.chmod(0o600)
        # the server holds the store: the command goes to it by itself, and the token says who it is
        drift("ack", 1, *WHY, "--who", "eve")
        assert listed(drift, "incident", 1)["acknowledged_by"] == "root"
        made = drift("token", "create", "new", "--scope", "read").strip()
        monkeypatch.setenv("DRIFT_TOKEN", made)
        assert "credit" in drift("incidents", "--all")
        for path in ("/openapi.json", "/metrics", "/v1/tokens", "/v1/audit", "/v1/status"):
            text = httpx2.get(f"{url}{path}", headers={"Authorization": f"Bearer {admin}"}).text
            assert not [secret for secret in (admin, reader, made) if secret in text], path


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("require_token: true", ["nobody has an access token"]),
        ("host: 0.0.0.0", ["nobody has an access token", "put TLS in front"]),
        ("host: 0.0.0.0, admin_token: 'env:ADMIN'", ["put TLS in front"]),
        ("host: 127.0.0.1", []),
    ],
)
def test_a_server_says_what_is_missing(
    drift: Drift, monkeypatch: pytest.MonkeyPatch, settings: str, said: list[str]
) -> None:
    monkeypatch.setenv("ADMIN", "x" * 32)
    Path("drift.yaml").write_text(f"server: {{port: {free_port()}, {settings}}}\n")
    logs.configure(logs.TALKATIVE)
    with structlog.testing.capture_logs() as found, server():
        pass
    mine = [one["event"] for one in found if one["log_level"] == "warning" and "token" in one["event"]]
    assert len(mine) == len(said)
    assert all(words in event for words, event in zip(said, mine, strict=True))


def test_an_admin_token_that_is_too_short_starts_nothing(drift: Drift, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN", "canary")
    Path("drift.yaml").write_text(f"server: {{port: {free_port()}, admin_token: 'env:ADMIN'}}\n")
    said = drift("serve", code=2)
    assert "server.admin_token is shorter than 32 characters" in said
    assert "canary" not in said
    monkeypatch.delenv("ADMIN")
    assert "the environment variable ADMIN is not set" in drift("serve", code=2)


def test_a_token_that_others_can_read_is_not_used(drift: Drift) -> None:
    file = credentials.file()
    file.parent.mkdir(parents=True)
    file.write_text("drift_x")
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="can be read by others; make it yours alone with `chmod 600"):
        credentials.token()
    file.chmod(0o600)
    assert credentials.token() == "drift_x"
    file.write_text("two words")
    with pytest.raises(ConfigError, match="holds is no access token") as error:
        credentials.token()
    assert "two words" not in str(error.value)


# Canaries


def test_no_secret_leaves_by_logs_errors_or_answers(
    drift: Drift, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], subtests: pytest.Subtests
) -> None:
    """Every GET, with the log at its most talkative, while secrets stand all over drift.yaml."""
    canaries = {name: f"canary-{name.lower()}-{'x' * 32}" for name in ("ADMIN", "HOOK", "PD", "SIGN")}
    for name, value in canaries.items():
        monkeypatch.setenv(name, value)
    with Path("drift.yaml").open("w") as file:
        json.dump(
            {
                "server": {"port": free_port(), "require_token": True, "admin_token": "env:ADMIN"},
                "models": {},
                "routes": [{"pagerduty": {"routing_key": "env:PD"}, "name": "oncall"}],
                "triggers": [{"webhook": {"url": "https://ci.example/hook", "secret": "env:SIGN"}, "name": "hook"}],
            },
            file,
        )
    logs.configure(0)
    said = [drift("validate"), drift("validate", "--schema")]
    with server() as url:
        headers = {"Authorization": f"Bearer {canaries['ADMIN']}"}
        document = httpx2.get(f"{url}/openapi.json", headers=headers).json()
        for path, methods in document["paths"].items():
            with subtests.test(path):
                place = re.sub(r"{\w+}", "1", path)
                answers = [httpx2.request(method.upper(), url + place, headers=headers, params={"model": "credit"})
                           for method in methods]  # fmt: skip
                said += [answer.text + str(answer.headers) for answer in answers]
                assert not [answer for answer in answers if answer.status_code in (401, 403, 500)]
    captured = capsys.readouterr()
    everything = "\n".join([*said, json.dumps(document), captured.out, captured.err])
    assert len(said) > 45
    assert [name for name, value in canaries.items() if value in everything] == []
    assert os.environ["ADMIN"] == canaries["ADMIN"]
