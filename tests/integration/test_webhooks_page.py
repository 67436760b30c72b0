"""docs/webhooks.md is true: its code receives what the route sends, its table and its example are complete."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from alerts.egress import Gate
from alerts.message import Change
from alerts.routes.webhook import ROUTE
from drift.core.clock import SystemClock
from tests.rig.delivering import message
from tests.rig.receiver import Receiver

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "webhooks.md").read_text("utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
    monkeypatch.setenv("DRIFT_WEBHOOK_SECRET", secret)
    scope: dict[str, Any] = {}
    exec(block("python"), scope)
    with Receiver() as receiver:
        options = ROUTE.options.model_validate({"url": receiver.url, "secret": "env:DRIFT_WEBHOOK_SECRET"})
        route = ROUTE.make(options, Gate(["localhost"]), SystemClock())
        for change in Change:
            assert route.send(message(change, nth=list(Change).index(change))).fate == "sent"
        route.send(message(nth=0))
    known: set[str] = set()
    events = [scope["received"](dict(one.headers), one.body, secret, known) for one in receiver.requests]
    assert events[-1] is None
    assert {event["type"] for event in events[:-1]} == set(re.findall(r"`(io\.driftsum[a-z.]+v1)`", PAGE))
    example = json.loads(block("json"))
    assert example.keys() == events[0]["data"].keys()
    assert example["findings"][0].keys() == events[0]["data"]["findings"][0].keys()
    with pytest.raises(WebhookVerificationError):
        scope["received"](dict(receiver.requests[0].headers), receiver.requests[1].body, secret, known)
