"""The week's digest comes once, to those who want it."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from alerts.message import Message
from drift.config import parse
from drift.core.clock import DAY, HOUR, MINUTE, ManualClock, SystemClock, from_datetime
from drift.core.commit import Lease
from drift.service.digesting import Digesting, latest
from drift.store import Store
from tests.rig.paging import Office

YAML = """
routes:
  - {apprise: {url: "env:CHAT"}, name: chat, digest: true}
  - {apprise: {url: "env:CHAT"}, name: other}
"""


def moment(zone: str, *when: int) -> int:
    return from_datetime(datetime(*when, tzinfo=ZoneInfo(zone)))  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ((2026, 11, 23, 8, 0), (2026, 11, 23, 8, 0)),  # a Monday
        ((2026, 11, 23, 7, 59), (2026, 11, 16, 8, 0)),
        ((2026, 11, 29, 23, 59), (2026, 11, 23, 8, 0)),
        ((2026, 10, 26, 8, 30), (2026, 10, 26, 8, 0)),  # the clocks went back the day before
    ],
)
def test_the_last_monday_at_eight(now: tuple[int, ...], expected: tuple[int, ...]) -> None:
    zone = "Europe/Berlin"
    assert latest("mon 08:00", zone, moment(zone, *now)) == moment(zone, *expected)


def test_it_is_queued_once_for_each_who_wants_it(store: Store) -> None:
    team = Office(store)
    team.judge(0, team.raised("n0", 0))
    clock, lease = ManualClock(team.clock.now()), team.lease
    held: list[Lease | None] = [None]
    digesting = Digesting(store, clock, parse(YAML), lambda: held[0])
    # the store says by the machine's clock since when there is something to watch
    clock.set(latest("mon 08:00", "UTC", SystemClock().now() + 8 * DAY) - MINUTE)
    held[0] = lease
    assert digesting.tick() == 0, "it is not Monday"
    clock.advance(120)
    held[0] = None
    assert digesting.tick() == 0, "another server does it"
    held[0] = lease
    assert digesting.tick() == 1
    assert digesting.tick() == 0
    assert Digesting(store, clock, parse(YAML), lambda: lease).tick() == 1, "a restart tries again, and changes nothing"
    (queued,) = store.notices(receiver="chat")
    assert "n0 is higher" in Message.load(queued.body).text
    assert store.notices(receiver="other") == []


def test_a_new_service_has_no_last_week(store: Store) -> None:
    clock = ManualClock(latest("mon 08:00", "UTC", 1_795_392_000_000_000) + MINUTE)
    lease = store.lease("evaluation", "a", 60)
    assert Digesting(store, clock, parse(YAML), lambda: lease).tick() == 0


def test_one_that_nobody_could_send_is_left_out_after_a_day(store: Store) -> None:
    Office(store)
    clock = ManualClock(latest("mon 08:00", "UTC", 1_795_392_000_000_000) + DAY + HOUR)
    lease = store.lease("evaluation", "a", 60)
    assert Digesting(store, clock, parse(YAML), lambda: lease).tick() == 0
