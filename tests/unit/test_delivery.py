"""The outbox is delivered at least once, in order, to each receiver by itself; 76 hours of outage lose nothing."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from threading import Event, Thread

import pytest
import structlog

from alerts.backoff import Backoff
from alerts.delivery import GIVEN_UP, LEASE_SECONDS, Delivery, Duty, Store
from alerts.egress import Gate
from alerts.http import judged, post, retry_after
from alerts.message import Change, Message, Status
from alerts.routes.contract import Fate, Outcome, Route
from drift.core.alert import NoticeState
from drift.core.clock import HOUR, SECOND, ManualClock, SystemClock
from drift.core.commit import Lease
from drift.core.errors import StoreUnavailable
from tests.rig.delivering import T0, MemoryOutbox, ScriptedRoute, Tally, message, queued
from tests.rig.proc import wait_until
from tests.rig.receiver import Receiver

HOURS = 3_600.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(T0)


@pytest.fixture
def outbox(clock: ManualClock) -> MemoryOutbox:
    return MemoryOutbox(clock)


def deliver(outbox: Store, clock: ManualClock, route: Route, tally: Tally | None = None, **options: object) -> Delivery:
    duty = Duty(outbox, "me")
    return Delivery(outbox, "r", route, duty, clock, tally or Tally(), Random(4), **options)  # type: ignore[arg-type]


def always(fate: Fate, detail: str = "", after: float | None = None) -> Callable[[Message], Outcome]:
    return lambda text: Outcome(fate, detail, after)


class TestOutcomes:
    def test_sent(self, outbox: MemoryOutbox, clock: ManualClock) -> None:
        route, tally = ScriptedRoute(), Tally()
        outbox.put(queued(message()))
        assert deliver(outbox, clock, route, tally).step() == 1
        assert [text.key for text in route.got] == [message().key]
        assert outbox.rows[1].state is NoticeState.SENT
        assert tally.seen == [("r", "sent")]

    def test_refused_is_dead_at_once_and_the_next_goes_on(self, outbox: MemoryOutbox, clock: ManualClock) -> None:
        route, tally = ScriptedRoute(always(Fate.REFUSED, "404 Not Found")), Tally()
        outbox.put(queued(message(nth=1)), queued(message(nth=2)))
        delivery = deliver(outbox, clock, route, tally)
        delivery.step()
        assert (outbox.rows[1].state, outbox.rows[1].error) == (NoticeState.DEAD, "404 Not Found")
        route.act = always(Fate.SENT)
        delivery.step()
        assert outbox.rows[2].state is NoticeState.SENT
        assert tally.seen == [("r", "refused"), ("r", "sent")]

    def test_again_comes_later_with_the_same_key(self, outbox: MemoryOutbox, clock: ManualClock) -> None:
        route = ScriptedRoute(always(Fate.AGAIN, "503 Service Unavailable"))
        outbox.put(queued(message()))
        delivery = deliver(outbox, clock, route)
        delivery.step()
        row = outbox.rows[1]
        assert (row.state, row.tries, row.error) == (NoticeState.WAITING, 1, "503 Service Unavailable")
        assert 2.5 <= (row.not_before - T0) / SECOND <= 5.0
        assert delivery.step() == 0
        clock.advance(5.0)
        assert delivery.step() == 1
        assert {text.key for text in route.got} == {message().key}

    def test_given_up_after_the_last_try(self, outbox: MemoryOutbox, clock: ManualClock) -> None:
        route, tally = ScriptedRoute(always(Fate.AGAIN, "500")), Tally()
        outbox.put(queued(message()))
        delivery = deliver(outbox, clock, route, tally, backoff=Backoff(tries=3))
        for _ in range(10):
            delivery.step()
            clock.advance(HOURS)
        assert len(route.got) == 3
        assert (outbox.rows[1].state, outbox.rows[1].error) == (NoticeState.DEAD, "500; given up after 3 tries")
        assert [word for _, word in tally.seen] == ["again", "again", GIVEN_UP]

    def test_what_the_receiver_asks_for_holds_all_of_it(self, outbox: MemoryOutbox, clock: ManualClock) -> None:
        route = ScriptedRoute(always(Fate.AGAIN, "429", 60.0))
        outbox.put(queued(message(incident=1)), queued(message(incident=2)))
        delivery = deliver(outbox, clock, route)
        assert delivery.step() == 1
        clock.advance(59.0)
        assert delivery.step() == 0
        clock.advance(1.0)
        route.act = always(Fate.SENT)
        assert delivery.step() == 2

    def test_a_mistake_in_a_route_stops_nothing_and_its_text_is_not_shown(
        self, outbox: MemoryOutbox, clock: ManualClock
    ) -> None:
        def broken(text: Message) -> Outcome:
            raise ValueError("https://hooks.example.com/canary-1234")

        outbox.put(queued(message()))
        with structlog.testing.capture_logs() as logs:
            deliver(outbox, clock, ScriptedRoute(broken)).step()
        assert outbox.rows[1].error == "the route failed with ValueError; the log says where"
        assert "canary" not in str(logs)
        assert any("test_delivery.py" in entry.get("at", "") for entry in logs)

    def test_done_by_somebody_else_meanwhile(self, outbox: MemoryOutbox, clock: ManualClock) -> None:
        def elsewhere(text: Message) -> Outcome:
            outbox.sent(1, clock.now())
            return Outcome(Fate.AGAIN, "no answer in time")

        outbox.put(queued(message()))
        deliver(outbox, clock, ScriptedRoute(elsewhere)).step()
        assert outbox.rows[1].state is NoticeState.SENT


class TestOrder:
    def test_first_in_first_out_within_a_stream_whatever_fails(self, outbox: MemoryOutbox, clock: ManualClock) -> None:
        chance, arrived = Random(1), list[Message]()

        def flaky(text: Message) -> Outcome:
            lost_before = chance.random() < 0.4
            if not lost_before:
                arrived.append(text)
            return Outcome(Fate.AGAIN if lost_before or chance.random() < 0.3 else Fate.SENT, "reset")

        for nth in range(1, 21):
            for incident in range(1, 6):
                change = Change.RESOLVED if nth % 2 == 0 else Change.FIRING
                outbox.put(queued(message(change, nth, incident)))
        delivery = deliver(outbox, clock, ScriptedRoute(flaky))
        for _ in range(2_000):
            delivery.step()
            clock.advance(60.0)
        assert all(row.state is NoticeState.SENT for row in outbox.rows.values())
        for incident in range(1, 6):
            nths = [int(text.key.rsplit("-")[-1]) for text in arrived if text.incident == incident]
            assert nths == sorted(nths)
            assert set(nths) == set(range(1, 21))
            assert [text for text in arrived if text.incident == incident][-1].status is Status.RESOLVED

    def test_resent_while_a_later_one_is_under_way(self, outbox: MemoryOutbox, clock: ManualClock) -> None:
        outbox.put(queued(message(nth=1)), queued(message(Change.RESOLVED, 2)))
        outbox.given_up(1, "404", T0)

        def meanwhile(text: Message) -> Outcome:
            outbox.rows[1] = replace(outbox.rows[1], state=NoticeState.WAITING)
            return Outcome(Fate.SENT)

        route = ScriptedRoute(meanwhile)
        delivery = deliver(outbox, clock, route)
        delivery.step()
        delivery.step()
        assert [text.status for text in route.got] == [Status.RESOLVED]
        assert (outbox.rows[1].state, outbox.rows[1].error[:15]) == (NoticeState.DEAD, "a later message")

    def test_a_stream_that_waits_holds_up_no_other(self, outbox: MemoryOutbox, clock: ManualClock) -> None:
        outbox.put(queued(message(incident=1)), queued(message(incident=2)), queued(message(nth=2, incident=1)))
        route = ScriptedRoute(lambda text: Outcome(Fate.AGAIN if text.incident == 1 else Fate.SENT))
        deliver(outbox, clock, route).step()
        assert [row.state for row in outbox.rows.values()] == ["waiting", "sent", "waiting"]
        assert [text.key for text in route.got] == [message(incident=1).key, message(incident=2).key]


class TestOutage:
    @pytest.mark.parametrize("seed", range(20))
    def test_76_hours_lose_nothing(self, outbox: MemoryOutbox, clock: ManualClock, seed: int) -> None:
        end = T0 + 76 * HOUR
        route = ScriptedRoute(lambda text: Outcome(Fate.AGAIN if clock.now() < end else Fate.SENT, "no answer in time"))
        for nth in (1, 2, 3):
            outbox.put(queued(message(nth=nth)), queued(message(nth=nth, incident=8)))
        delivery = Delivery(outbox, "r", route, Duty(outbox, "me"), clock, Tally(), Random(seed))
        while clock.now() < end + HOUR:
            delivery.step()
            clock.advance(20.0)
        assert [row.state for row in outbox.rows.values()] == ["sent"] * 6
        assert max(row.tries for row in outbox.rows.values()) <= Backoff().tries
        assert {
            row.done_at for row in outbox.rows.values() if row.done_at is not None and row.done_at > end + HOUR
        } == set()

    def test_one_that_never_ends_is_given_up(self, outbox: MemoryOutbox, clock: ManualClock) -> None:
        outbox.put(queued(message()))
        delivery = deliver(outbox, clock, ScriptedRoute(always(Fate.AGAIN, "no answer in time")))
        for _ in range(14 * 24 * 4):
            delivery.step()
            clock.advance(HOURS / 4)
        assert outbox.rows[1].state is NoticeState.DEAD
        assert outbox.rows[1].tries == Backoff().tries


class TestBackoff:
    def test_the_schedule(self) -> None:
        waits = [Backoff().wait(n, None, Random(n)) for n in range(1, 165)]
        assert all(wait is not None for wait in waits)
        for n, wait in enumerate(waits):
            step = min(3_600.0, 5.0 * 2.0**n)
            assert wait is not None
            assert step / 2 <= wait <= step
        assert Backoff().wait(165, None, Random(0)) is None
        assert Backoff().lasts > 76 * HOURS

    def test_drawn_anew_by_what_is_passed_in(self) -> None:
        one, two = Random(3), Random(3)
        drawn = [Backoff().wait(5, None, one) for _ in range(50)]
        assert drawn == [Backoff().wait(5, None, two) for _ in range(50)]
        assert len(set(drawn)) > 40

    @pytest.mark.parametrize(
        ("asked", "least", "most"), [(120.0, 120.0, 120.0), (1.0, 2.5, 5.0), (1e9, 21_600.0, 21_600.0)]
    )
    def test_the_receivers_wish(self, asked: float, least: float, most: float) -> None:
        wait = Backoff().wait(1, asked, Random(0))
        assert wait is not None
        assert least <= wait <= most

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("120", 120.0), (" 7 ", 7.0), ("0", 0.0), ("", None), ("soon", None), ("-5", None), ("1e3", None),
            ("٣", None),
            ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0), ("9" * 40, 999_999_999_999.0),
        ],
    )  # fmt: skip
    def test_retry_after(self, text: str, seconds: float | None) -> None:
        assert retry_after(text, ManualClock(T0)) == seconds

    def test_retry_after_as_a_date(self) -> None:
        from email.utils import format_datetime

        from drift.core.clock import to_datetime

        moment = format_datetime(to_datetime(T0 + 90 * SECOND), usegmt=True)
        assert retry_after(moment, ManualClock(T0)) == 90.0
        assert judged(503, {"retry-after": moment}, ManualClock(T0)).retry_after == 90.0


class Overtaken(MemoryOutbox):
    """`overtakes`: the next time that the lease is asked for, another server has had it and has sent all."""

    epoch, overtakes = 1, False

    def lease(self, name: str, holder: str, ttl_seconds: float) -> Lease | None:
        if self.overtakes:
            self.overtakes, self.epoch = False, self.epoch + 2
            for one in self.rows:
                self.sent(one, self.clock.now())
        found = super().lease(name, holder, ttl_seconds)
        return found and replace(found, epoch=self.epoch)


class TestLease:
    def test_one_server_at_a_time(self, outbox: MemoryOutbox, clock: ManualClock) -> None:
        outbox.put(queued(message()))
        outbox.holder = "another"
        route = ScriptedRoute()
        delivery = deliver(outbox, clock, route)
        assert delivery.step() == 0
        assert not route.got
        outbox.holder = ""
        assert delivery.step() == 1

    def test_a_lease_that_is_lost_ends_the_round(self, outbox: MemoryOutbox, clock: ManualClock) -> None:
        def stolen(text: Message) -> Outcome:
            outbox.holder = "another"
            return Outcome(Fate.SENT)

        outbox.put(queued(message(incident=1)), queued(message(incident=2)))
        route = ScriptedRoute(stolen)
        deliver(outbox, clock, route).step()
        assert len(route.got) == 1

    def test_what_another_server_sent_meanwhile_is_not_sent_late(self, clock: ManualClock) -> None:
        """It stood still after it had read what is due; another one took the lease, sent all, and gave it back."""
        outbox = Overtaken(clock)
        outbox.put(*(queued(message(nth=nth)) for nth in (1, 2, 3)))
        route = ScriptedRoute()
        delivery = deliver(outbox, clock, route)
        delivery.step()
        outbox.overtakes = True
        delivery.step()
        assert [text.key for text in route.got] == [message(nth=1).key]

    def test_nothing_connects_once_the_lease_has_ended(self, outbox: MemoryOutbox, clock: ManualClock) -> None:
        """It stood still after it had renewed the lease."""

        class Still(ScriptedRoute):
            def send(self, text: Message) -> Outcome:
                clock.advance(LEASE_SECONDS)
                return post(Gate(["localhost"]), clock, receiver.url, text.dump(), {})

        outbox.put(queued(message()))
        with Receiver() as receiver:
            deliver(outbox, clock, Still()).step()
            assert receiver.hits == 0
        assert outbox.rows[1].state is NoticeState.WAITING
        assert outbox.rows[1].error.startswith("no complete answer within")

    def test_handed_back(self, outbox: MemoryOutbox) -> None:
        duty = Duty(outbox, "me")
        assert duty.held()
        assert not Duty(outbox, "another").held()
        duty.release()
        assert Duty(outbox, "another").held()


class TestStanding:
    class Forgetful(ScriptedRoute):
        every = 30.0

        def keep(self, firing: object) -> Outcome:
            self.got.append(firing)  # type: ignore[arg-type]
            return self.act(message())

    def make(self, outbox: MemoryOutbox, clock: ManualClock, firing: list[Message]) -> tuple[Delivery, list[object]]:
        route = self.Forgetful()
        return deliver(outbox, clock, route, standing=route, firing=lambda: list(firing)), route.got  # type: ignore[return-value]

    def test_said_again_on_its_interval_and_at_once_after_a_start(
        self, outbox: MemoryOutbox, clock: ManualClock
    ) -> None:
        firing = [message()]
        delivery, got = self.make(outbox, clock, firing)
        for _ in range(91):
            delivery.step()
            clock.advance(1.0)
        assert got == [firing] * 4

    def test_from_state_as_it_is_then(self, outbox: MemoryOutbox, clock: ManualClock) -> None:
        firing = [message(findings=())]
        delivery, got = self.make(outbox, clock, firing)
        delivery.step()
        firing.clear()
        clock.advance(30.0)
        delivery.step()
        assert got == [[message(findings=())]]

    def test_not_without_the_lease(self, outbox: MemoryOutbox, clock: ManualClock) -> None:
        outbox.holder = "another"
        delivery, got = self.make(outbox, clock, [message()])
        delivery.step()
        assert not got


class TestThreads:
    @pytest.fixture
    def threads(self) -> Iterator[Callable[[Delivery], None]]:
        stop, started = Event(), list[tuple[Delivery, Thread]]()

        def start(delivery: Delivery) -> None:
            thread = Thread(target=delivery.run, args=(stop,), daemon=True)
            started.append((delivery, thread))
            thread.start()

        yield start
        stop.set()
        for delivery, thread in started:
            delivery.wake()
            thread.join(10)
            assert not thread.is_alive()

    def both(self, outbox: MemoryOutbox, name: str, route: Route) -> Delivery:
        return Delivery(outbox, name, route, Duty(outbox, "me"), SystemClock(), Tally(), Random(0))

    def test_one_that_hangs_holds_up_no_other(self, outbox: MemoryOutbox, threads: Callable[[Delivery], None]) -> None:
        over, quick = Event(), ScriptedRoute()

        def hang(text: Message) -> Outcome:
            over.wait(20)
            return Outcome(Fate.AGAIN, "no answer in time")

        for n in range(1, 20):
            outbox.put(queued(message(incident=n, nth=1), "slow"), queued(message(incident=n, nth=2), "quick"))
        threads(self.both(outbox, "slow", ScriptedRoute(hang)))
        threads(self.both(outbox, "quick", quick))
        wait_until(lambda: len(quick.got) == 19, 5, what="the other receiver to have everything")
        assert not over.is_set()
        over.set()

    def test_woken_at_once(
        self, outbox: MemoryOutbox, threads: Callable[[Delivery], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("alerts.delivery.WAKE_SECONDS", 60.0)
        route = ScriptedRoute()
        delivery = self.both(outbox, "r", route)
        threads(delivery)
        time.sleep(0.1)
        outbox.put(queued(message()))
        delivery.wake()
        wait_until(lambda: bool(route.got), 2, what="the notice")

    def test_a_store_that_is_away_is_waited_for(
        self, outbox: MemoryOutbox, threads: Callable[[Delivery], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("alerts.delivery.STORE_AWAY_SECONDS", 0.05)
        route = ScriptedRoute()
        outbox.put(queued(message()))
        outbox.fail(lambda: StoreUnavailable("the database is away"))
        threads(self.both(outbox, "r", route))
        time.sleep(0.3)
        assert not route.got
        outbox.fail(None)
        wait_until(lambda: bool(route.got), 3, what="the notice")


def test_a_mark_that_was_lost_sends_again_with_the_same_key(outbox: MemoryOutbox, clock: ManualClock) -> None:
    """The process died, or the store went away, between the receiver's 2xx and the mark."""

    def sent_and_lost(text: Message) -> Outcome:
        outbox.fail(lambda: StoreUnavailable("the database is away"))
        return Outcome(Fate.SENT)

    outbox.put(queued(message()))
    route = ScriptedRoute(sent_and_lost)
    with pytest.raises(StoreUnavailable):
        deliver(outbox, clock, route).step()
    outbox.fail(None)
    route.act = always(Fate.SENT)
    deliver(outbox, clock, route).step()
    assert [text.key for text in route.got] == [message().key] * 2
    assert replace(outbox.rows[1], done_at=None).state is NoticeState.SENT
