"""What a real Alertmanager makes of what is posted to it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from alerts.delivery import Delivery, Duty
from alerts.egress import Gate
from alerts.message import Change, Message
from alerts.routes.alertmanager import ROUTE
from drift.config import parse
from drift.core.alert import Urgency
from drift.core.clock import ManualClock, SystemClock
from drift.service.service import Service
from tests.rig.alertmanager import Alertmanager
from tests.rig.delivering import MemoryOutbox, Tally, message, queued
from tests.rig.paging import Office
from tests.rig.proc import wait_until
from tests.rig.receiver import Receiver

pytestmark = pytest.mark.slow
Start = Callable[[str], Alertmanager]


@pytest.fixture
def told() -> Iterator[Receiver]:
    """Whom Alertmanager tells."""
    with Receiver() as one:
        yield one


def now(change: Change = Change.FIRING, nth: int = 1, incident: int = 7, **changes: Any) -> Message:
    at = SystemClock().now()
    return message(change, nth, incident, **{"at": at, "opened_on": at, **changes})


class Delivered:
    """An outbox whose one receiver is an Alertmanager."""

    def __init__(self, server: Alertmanager, repost: str = "60s") -> None:
        self.clock = SystemClock()
        self.outbox, self.tally, self.firing = MemoryOutbox(ManualClock()), Tally(), list[Message]()
        options = ROUTE.options.model_validate({"url": server.url, "repost": repost, "labels": {"cluster": "test"}})
        route: Any = ROUTE.make(options, Gate(["localhost"]), self.clock)
        self.delivery = Delivery(
            self.outbox, "r", route, Duty(self.outbox, "me"), self.clock, self.tally, Random(0), standing=route,
            firing=lambda: list(self.firing),
        )  # fmt: skip

    def put(self, *messages: Message) -> None:
        self.outbox.put(*(queued(one) for one in messages))
        while self.delivery.step():
            pass
        assert all(row.state == "sent" for row in self.outbox.rows.values()), self.outbox.rows


def statuses(told: Receiver) -> list[tuple[str, list[tuple[str, str]]]]:
    """Of each notification its status, and its alerts as (incident, status)."""
    return [
        (body["status"], sorted((one["labels"]["incident"], one["status"]) for one in body["alerts"]))
        for body in (request.json for request in told.requests)
    ]


def test_it_receives_groups_and_sees_resolved(alertmanager: Start, told: Receiver) -> None:
    server = alertmanager(told.url)
    delivered = Delivered(server)
    delivered.put(now(incident=7), now(incident=8, title="credit: age drifts"))
    alerts = server.wait_for(2)
    seven = next(one for one in alerts if one["labels"]["incident"] == "7")
    assert seven["labels"] == {
        "alertname": "ModelDrift", "model": "credit", "owner": "risk", "severity": "page", "family": "drift",
        "incident": "7", "cluster": "test",
    }  # fmt: skip
    assert seven["annotations"]["summary"] == "credit: 2 columns drift"
    assert seven["generatorURL"] == "https://drift.example/incidents/7"
    wait_until(lambda: bool(told.requests), 10, what="a notification")
    assert statuses(told) == [("firing", [("7", "firing"), ("8", "firing")])]  # one for the model, not two

    delivered.put(now(Change.RESOLVED, 2), now(Change.RESOLVED, 2, 8))
    server.wait_for(0)
    wait_until(lambda: len(told.requests) == 2, 10, what="the resolution")
    assert statuses(told)[1] == ("resolved", [("7", "resolved"), ("8", "resolved")])


def test_an_escalation_leaves_one_alert(alertmanager: Start, told: Receiver) -> None:
    server = alertmanager(told.url)
    delivered = Delivered(server)
    delivered.put(now(urgency=Urgency.WARNING))
    server.wait_for(1)
    delivered.put(now(Change.ESCALATED, 2))
    wait_until(lambda: [one["labels"]["severity"] for one in server.alerts()] == ["page"], 10, what="the page alone")
    delivered.put(now(Change.RESOLVED, 3))
    server.wait_for(0)


def test_reopened_after_it_was_resolved(alertmanager: Start, told: Receiver) -> None:
    server = alertmanager(told.url)
    delivered = Delivered(server)
    delivered.put(now(), now(Change.RESOLVED, 2))
    server.wait_for(0)
    delivered.put(now(Change.REOPENED, 3))
    server.wait_for(1)


def test_it_forgets_what_is_not_said_again(alertmanager: Start, told: Receiver) -> None:
    server = alertmanager(told.url)
    delivered = Delivered(server, repost="1s")
    delivered.put(now())
    server.wait_for(1)
    server.wait_for(0, timeout=10)  # the end was 4 s ahead


def test_it_does_not_forget_what_is(alertmanager: Start, told: Receiver) -> None:
    server = alertmanager(told.url)
    delivered = Delivered(server, repost="1s")
    delivered.put(now())
    delivered.firing.append(now())
    clock = SystemClock()
    end = clock.monotonic() + 7.0  # the first end was 4 s ahead
    while clock.monotonic() < end:
        delivered.delivery.step()
        assert len(server.alerts()) == 1
        clock.sleep(0.2)
    assert not any(status == "resolved" for status, _ in statuses(told))
    delivered.firing.clear()
    delivered.put(now(Change.RESOLVED, 2))
    server.wait_for(0)


def test_what_the_service_fires(alertmanager: Start, told: Receiver, tmp_path: Path) -> None:
    """From results to Alertmanager's own notification: one for 300 columns, one that it is over."""
    server = alertmanager(told.url)
    config = parse(
        f"store: sqlite:///{tmp_path}/drift.db\n"
        f"routes: [{{alertmanager: {{url: '{server.url}', repost: 1s}}}}]\n"
        "egress: {allow: [localhost]}\n"
    )
    service = Service.open(config)
    try:
        team = Office(service.store, columns=300, receivers=[one.receiver for one in config.routes])
        assert service.deliveries is not None
        service.deliveries.start()
        names = [column.name for column in team.reference.grid.columns]
        team.judge(0, *(team.raised(name, 0) for name in names))
        (alert,) = server.wait_for(1)
        assert alert["labels"] | {"incident": ""} == {
            "alertname": "ModelDrift", "model": "credit", "owner": "risk", "severity": "page", "family": "drift",
            "incident": "",
        }  # fmt: skip
        assert alert["annotations"]["summary"].startswith("credit: 300 columns drifted")
        SystemClock().sleep(6)  # longer than the first end: it is said again from state
        assert len(server.alerts()) == 1
        team.judge(1, *(team.ended(name, 0, 1) for name in names))
        server.wait_for(0)
        wait_until(lambda: len(told.requests) == 2, 10, what="the resolution")
        assert [status for status, _ in statuses(told)] == ["firing", "resolved"]
    finally:
        service.stop()
