"""An API over a store with two models, on each of which all sorts of things happened; for tests of who may do what."""

import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from alerts.message import Change, Message, Status
from drift.api import Receipt, Replayed, Services, create_app
from drift.config import parse
from drift.core.alert import (
    AlertKey,
    Event,
    Happening,
    Mark,
    Notice,
    Run,
    RunState,
    Scope,
    Silence,
    Told,
    Urgency,
)  # fmt: skip
from drift.core.catalogue import Model, Reference
from drift.core.clock import DAY, HOUR, ManualClock
from drift.core.commit import AlarmChange, Detection
from drift.service.access import make
from drift.store import Store, open_store
from tests.rig import storing
from tests.rig.alarming import alarm, commit, hour, result
from tests.rig.alerted import alert, evaluator, incident, put
from tests.rig.storing import T0, Feed

NOW = T0 + 7 * HOUR
MODELS = ("credit", "churn")
"""Their things have the ids 1 and 2."""

INFERRED: dict[str, Any] = {
    "rows": 500, "version": "1", "watched": 3, "segments": {"k": ["a", "b"]}, "notes": ["bins were cut from a sample"],
    "time": {
        "column": "time", "start": "2026-11-01T00:00:00Z", "end": "2026-11-02T00:00:00Z", "chunk": "1h", "chunks": 24,
        "rows_without": 0,
    },
    "columns": [
        {
            "column": name, "kind": kind, "role": "feature", "distinct": 2, "missing": 0.25, "bins": 4,
            "why": "numbers", "notes": ["few of them"],
        }
        for name, kind in (("n0", "numeric"), ("n1", "numeric"), ("k", "categorical"))
    ],
    "prior": None,
}  # fmt: skip
"""As `drift.reference.summary.summarise` makes it."""


class Queue:
    """Stands for the HTTP source: counts everything."""

    async def submit(self, body: bytes, media_type: str, key: str | None) -> Receipt:
        """Count one event."""
        return Receipt(1)


@dataclass
class Operated:
    """The app, and ways to ask it."""

    client: TestClient
    store: Store
    clock: ManualClock
    secrets: list[str] = field(default_factory=list)
    asked: list[tuple[str, str, str, str]] = field(default_factory=list)

    def token(self, *scopes: Scope, models: Collection[str] = (), name: str = "", lasts: int | None = DAY) -> str:
        """The secret of a new token."""
        now = self.clock.now()
        expires = None if lasts is None else now + lasts
        name = name or f"{'-'.join(scopes)}.{len(self.secrets)}"
        secret, token = make(name, scopes, models, by="ada", now=now, expires_at=expires)
        self.store.put_token(token)
        self.secrets.append(secret)
        return secret

    def ask(self, method: str, path: str, token: str = "", **options: Any) -> Any:
        """The response."""
        headers = options.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        return self.client.request(method, path, headers=headers, **options)

    def get(self, path: str, token: str = "", **params: Any) -> Any:
        """The answer to a GET that has to be one."""
        response = self.ask("GET", path, token, params=params)
        assert response.status_code == 200, response.text
        return response.json()

    def post(self, path: str, body: Any, token: str = "", code: int = 200) -> Any:
        """The answer to a POST, or the sentence of its refusal."""
        response = self.ask("POST", path, token, json=body)
        assert response.status_code == code, response.text
        return response.json() if code < 300 else response.json()["error"]["message"]


def operated(folder: Path, server: str = "require_token: true") -> Operated:
    """A new one; `server` is a part of drift.yaml."""
    clock = ManualClock(NOW)
    (folder / "drift.db").write_bytes(filled())
    store = open_store(f"sqlite:///{folder / 'drift.db'}", clock)
    rig = Operated(TestClient(None), store, clock)  # type: ignore[arg-type]
    config = parse(f"server: {{trusted_hosts: [testserver, localhost], {server}}}")

    def register(path: Path, model: str, version: str, active_from: int | None = None) -> Reference:
        return storing.reference(store, store.catalogue().models[model], version=version)

    def named(body: bytes, media_type: str) -> Collection[str]:
        return {name for name in MODELS if name.encode() in body}

    def retrain(model: Model, trigger: str, who: str, why: str) -> Run:
        rig.asked.append((model.name, trigger, who, why))
        return store.put_run(Run(trigger, model.id, 0, f"hand-{len(rig.asked)}", RunState.REQUESTED, NOW, NOW, who=who))

    services = Services(
        store, config, CollectorRegistry(), clock, Queue(), register, lambda ids: Replayed(len(ids), 0),
        release="1.0", named=named, retrain=retrain,
    )  # fmt: skip
    rig.client = TestClient(create_app(services), raise_server_exceptions=False)
    return rig


@cache
def filled() -> bytes:
    """The store's file, made once: its tables take a second."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "drift.db")
        store = open_store(f"sqlite:///{file}", ManualClock(NOW))
        for number, name in enumerate(MODELS, 1):
            happen(store, number, name)
        store.close()
        return file.read_bytes()


def happen(store: Store, number: int, name: str) -> None:
    """All sorts of things on one model."""
    model = storing.model(store, name)
    reference = storing.reference(store, model, summary=INFERRED)
    claim = store.acquire(replace(storing.PARTITION, number=number), "w")
    fed = Feed(store, model, reference, claim, claim.next)
    fed.commit(storing.delta(reference, number, start=hour(3).start, rows=100))
    raised = (AlarmChange("raised", alarm(sentence=f"{name}: n0 is higher")),)
    commit(fed, result(fed, 3, detection=Detection(b"s", snapshot=True, changes=raised)))
    key = AlertKey(model.id, "drift", reference.id, "1h", 0, "n0", "default")
    message = Message(
        f"key-{name}", Change.FIRING, Status.FIRING, Urgency.PAGE, f"{name}: n0 is higher", incident=number, model=name
    )
    told = (Told("oncall", "firing", Urgency.PAGE, NOW, 1, 1), Told("*", "silence 1", Urgency.PAGE, NOW, 0))
    put(
        store,
        alerts=[replace(alert(), key=key, incident_id=number, sentence=f"{name}: n0 is higher")],
        incidents=[
            incident(
                number, model_id=model.id, reference_id=reference.id, title=f"{name}: n0 is higher", opened_on=NOW,
                alerts=1, told=told,
            )
        ],
        events=[Event(number, Happening.OPENED, f"{name} broke", NOW, hour(3).end, key=key)],
        notices=[Notice("oncall", f"incident:{number}", f"key-{name}", message.dump(), NOW)],
        runs=[Run("airflow", model.id, number, f"run-{name}", RunState.ASKED, NOW, NOW, {"model": name})],
    )  # fmt: skip
    store.release_lease(evaluator(store))
    assert store.given_up(number, "410 Gone", NOW)
    store.put_silence(Silence({"model": name}, NOW, NOW + DAY, "ada", "quiet", NOW))
    store.put_mark(Mark(model.id, NOW - HOUR, "deploy", f"{name} 4.2", "ci", NOW))
