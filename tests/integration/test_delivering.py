"""From drift.yaml and a real store to receivers that behave badly: threads, marks, metrics, `send_test`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from alerts.message import Change, Message
from alerts.routes.contract import Fate
from drift.config import Config, parse
from drift.core.alert import AlertCommit, NoticeState
from drift.core.clock import SystemClock
from drift.core.errors import ConfigError, NotFound
from drift.metrics import Metrics
from drift.service.delivering import Deliveries, send_test
from drift.store import Store, open_store
from tests.rig.delivering import message, queued
from tests.rig.proc import wait_until
from tests.rig.receiver import Receiver

CANARY = "canary-5521"


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path / 'drift.db'}", SystemClock())
    yield store
    store.close()


@pytest.fixture
def receivers() -> Iterator[tuple[Receiver, Receiver]]:
    with Receiver() as one, Receiver() as two:
        yield one, two


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, receivers: tuple[Receiver, Receiver]) -> None:
    monkeypatch.setenv("HOOK", f"{receivers[0].url}/{CANARY}")
    monkeypatch.setenv("PD", CANARY)


def config(receivers: tuple[Receiver, Receiver], allow: str = "localhost") -> Config:
    return parse(f"""
routes:
  - slack: {{url: "env:HOOK"}}
  - pagerduty: {{routing_key: "env:PD", url: "{receivers[1].url}/v2/enqueue"}}
    name: oncall
egress: {{allow: ["{allow}"]}}
""")


def put(store: Store, *messages: tuple[str, Message]) -> None:
    lease = store.lease("evaluation", "test", 60)
    assert lease is not None
    store.commit_alerting(lease, AlertCommit(notices=tuple(queued(text, name) for name, text in messages)))


@pytest.fixture
def start(opened: Store, receivers: tuple[Receiver, Receiver]) -> Iterator[Callable[[], tuple[Deliveries, Metrics]]]:
    made = list[Deliveries]()

    def begin() -> tuple[Deliveries, Metrics]:
        metrics = Metrics(CollectorRegistry(), SystemClock())
        given = config(receivers)
        made.append(Deliveries(given, opened, SystemClock(), metrics, "me", lambda name: [], Random(0)))
        made[-1].start()
        return made[-1], metrics

    yield begin
    for one in made:
        one.stop(10)


def states(store: Store, receiver: str) -> list[NoticeState]:
    found = store.notices(receiver=receiver, state=None, incident_id=None, limit=100, before=None)
    return [notice.state for notice in reversed(found)]


def test_delivered_in_order_and_marked(
    opened: Store, receivers: tuple[Receiver, Receiver], start: Callable[[], tuple[Deliveries, Metrics]]
) -> None:
    put(opened, *(("oncall", message(change, nth)) for nth, change in enumerate((Change.FIRING, Change.RESOLVED), 1)))
    put(opened, ("slack", message(nth=9)))
    deliveries, metrics = start()
    wait_until(lambda: states(opened, "oncall") == ["sent"] * 2 and states(opened, "slack") == ["sent"], 10)
    assert [one.json["event_action"] for one in receivers[1].requests] == ["trigger", "resolve"]
    metrics.outbox(opened.outbox())
    text = generate_latest(metrics.registry).decode()
    assert 'drift_deliveries_total{outcome="sent",receiver="oncall"} 2.0' in text
    assert 'drift_delivery_duration_seconds_count{receiver="slack"} 1.0' in text
    assert CANARY not in text
    assert deliveries.stopped == []


def test_a_receiver_that_hangs_holds_up_no_other_and_a_stop_ends_it(
    opened: Store, receivers: tuple[Receiver, Receiver], start: Callable[[], tuple[Deliveries, Metrics]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("alerts.http.post.__defaults__", (2.0,))
    receivers[0].mode = "hang"
    put(opened, *(("slack", message(incident=n, nth=1)) for n in range(1, 11)))
    put(opened, *(("oncall", message(incident=n, nth=2)) for n in range(1, 11)))
    deliveries, _ = start()
    wait_until(lambda: states(opened, "oncall") == ["sent"] * 10, 5, what="the other receiver's notices")
    assert set(states(opened, "slack")) == {"waiting"}
    deliveries.stop(10)
    assert opened.lease("delivery", "another", 30) is not None


def test_what_was_cut_off_is_sent_again_with_the_same_key(
    opened: Store, receivers: tuple[Receiver, Receiver], start: Callable[[], tuple[Deliveries, Metrics]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("alerts.backoff.Backoff.wait", lambda *args: 0.05)
    receivers[1].mode = "drop"
    put(opened, ("oncall", message()))
    start()
    wait_until(lambda: len(receivers[1].requests) >= 2, 10)
    receivers[1].mode = "ok"
    wait_until(lambda: states(opened, "oncall") == ["sent"], 10)
    assert {one.json["dedup_key"] for one in receivers[1].requests} == {"driftsum:driftsum-7"}


def test_what_was_refused_is_dead_and_says_why_without_secrets(
    opened: Store, receivers: tuple[Receiver, Receiver], start: Callable[[], tuple[Deliveries, Metrics]],
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    receivers[0].mode = "404"
    put(opened, ("slack", message()))
    _, metrics = start()
    wait_until(lambda: states(opened, "slack") == ["dead"], 10)
    [dead] = opened.notices(receiver="slack", state=None, incident_id=None, limit=1, before=None)
    assert dead.error == "404 Not Found"
    metrics.outbox(opened.outbox())
    assert 'drift_outbox_dead{receiver="slack"} 1.0' in generate_latest(metrics.registry).decode()
    said = capfd.readouterr()
    assert "404 Not Found" in said.out + said.err
    assert CANARY not in said.out + said.err


def test_outbox_gauges_follow_and_go(opened: Store, receivers: tuple[Receiver, Receiver]) -> None:
    metrics = Metrics(CollectorRegistry(), SystemClock())
    put(opened, ("slack", message(nth=1)), ("slack", message(nth=2)))
    metrics.outbox(opened.outbox())
    text = generate_latest(metrics.registry).decode()
    assert 'drift_outbox_waiting{receiver="slack"} 2.0' in text
    assert 'drift_outbox_oldest_waiting_timestamp_seconds{receiver="slack"} 1.795e+09' in text
    for notice in opened.notices(receiver="slack", state=None, incident_id=None, limit=9, before=None):
        opened.sent(notice.id, 1)
    metrics.outbox(opened.outbox())
    text = generate_latest(metrics.registry).decode()
    assert "drift_outbox_oldest_waiting_timestamp_seconds{" not in text
    metrics.outbox([])
    assert "drift_outbox_waiting{" not in generate_latest(metrics.registry).decode()


def test_a_secret_that_is_missing_is_said_at_the_start(
    opened: Store, receivers: tuple[Receiver, Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PD")
    with pytest.raises(
        ConfigError, match=r"routes: oncall: pagerduty\.routing_key: the environment variable PD is not"
    ):
        Deliveries(
            config(receivers),
            opened,
            SystemClock(),
            Metrics(CollectorRegistry(), SystemClock()),
            "me",
            lambda name: [],
            Random(),
        )


def test_a_mistake_ends_no_thread(
    opened: Store, receivers: tuple[Receiver, Receiver], start: Callable[[], tuple[Deliveries, Metrics]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    real, left = opened.waiting, [2]

    def waiting(*args: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise ZeroDivisionError
        return real(*args)

    monkeypatch.setattr(opened, "waiting", waiting)
    monkeypatch.setattr("drift.service.delivering.FAILED_SECONDS", 0.05)
    put(opened, ("slack", message()))
    start()
    wait_until(lambda: states(opened, "slack") == ["sent"], 10)


class TestSendTest:
    def test_all_routes(self, receivers: tuple[Receiver, Receiver]) -> None:
        found = dict(send_test(config(receivers)))
        assert {name: outcome.fate for name, outcome in found.items()} == {"slack": Fate.SENT, "oncall": Fate.SENT}
        assert receivers[0].requests[0].json["text"] == "[TEST] Driftsum: a test"
        opened, closed = (one.json for one in receivers[1].requests)
        assert (opened["event_action"], closed["event_action"]) == ("trigger", "resolve")
        assert opened["dedup_key"] == closed["dedup_key"]

    def test_one(self, receivers: tuple[Receiver, Receiver]) -> None:
        receivers[0].mode = "403"
        [(name, outcome)] = send_test(config(receivers), "slack")
        assert (name, outcome.fate, outcome.detail) == ("slack", Fate.REFUSED, "403 Forbidden")
        assert not receivers[1].requests

    def test_what_is_not_allowed(self, receivers: tuple[Receiver, Receiver]) -> None:
        for _, outcome in send_test(config(receivers, "elsewhere.example")):
            assert "add localhost to egress.allow" in outcome.detail

    def test_a_secret_that_is_missing(
        self, receivers: tuple[Receiver, Receiver], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("HOOK")
        found = dict(send_test(config(receivers)))
        assert "the environment variable HOOK is not set" in found["slack"].detail
        assert found["oncall"].fate is Fate.SENT

    def test_an_unknown_one(self, receivers: tuple[Receiver, Receiver]) -> None:
        with pytest.raises(NotFound, match="no route 'pager'; there are: slack, oncall"):
            list(send_test(config(receivers), "pager"))
