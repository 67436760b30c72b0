"""From `routes:` in drift.yaml to threads that deliver."""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from threading import Event, Thread
from typing import Final, cast

import structlog

from alerts.delivery import Delivery, Duty, Metrics, Store
from alerts.egress import Gate
from alerts.message import Change, Message, Status
from alerts.routes.contract import Fate, Outcome, Route, Standing
from alerts.routes.names import kinds
from alerts.secrets import Secret
from drift.config import Config, RouteSettings
from drift.core.alert import Urgency
from drift.core.clock import Clock, SystemClock
from drift.core.errors import ConfigError, DriftError, NotFound, StoreError

log = structlog.get_logger(__name__)

STOP_WITHIN: Final = 15.0
"""Seconds for all attempts under way; what is not marked by then is sent again with the same key."""
FAILED_SECONDS: Final = 5.0
Firing = Callable[[str], Sequence[Message]]
"""Receiver → what fires now and it was told of."""


def route_for(settings: RouteSettings, gate: Gate, clock: Clock) -> Route:
    """The route behind one entry of `routes:`; its secrets are read once, to see that they are there.

    Raises:
        ConfigError: a secret is missing.
    """
    for name in type(settings.options).model_fields:
        secret = getattr(settings.options, name)
        if isinstance(secret, Secret):
            try:
                secret.get()
            except ConfigError as error:
                raise ConfigError(f"routes: {settings.name}: {settings.kind}.{name}: {error}") from error
    return kinds()[settings.kind].make(settings.options, gate, clock)


class Deliveries:
    """A thread per configured route. They run under the lease `delivery`: one server delivers at a time."""

    def __init__(
        self, config: Config, store: Store, clock: Clock, metrics: Metrics, holder: str, firing: Firing, rng: Random
    ) -> None:
        """Open every route; `firing` says what receivers that forget are to be told again.

        Raises:
            ConfigError: a secret is missing.
        """
        self._duty, self._stopping, self._clock = Duty(store, holder), Event(), clock
        gate = Gate(config.egress.allow)
        self._routes = {one.name: route_for(one, gate, clock) for one in config.routes}
        self._deliveries = [
            Delivery(
                store, name, route, self._duty, clock, metrics, rng, standing=_standing(route),
                firing=lambda name=name: firing(name),  # type: ignore[misc]  # bound now, not when it is called
            )
            for name, route in self._routes.items()
        ]  # fmt: skip
        self._threads = [
            Thread(target=self._run, args=(one,), name=f"delivery-{one.receiver}", daemon=True)
            for one in self._deliveries
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Something was queued: look at once."""
        for one in self._deliveries:
            one.wake()

    def stop(self, within: float = STOP_WITHIN) -> None:
        """End after the attempts that are under way, and hand the lease back."""
        self._stopping.set()
        self.wake()
        end = self._clock.monotonic() + within
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, end - self._clock.monotonic()))
        late = [thread.name for thread in self._threads if thread.is_alive()]
        if late:  # the lease is kept until it runs out: what they send might else be overtaken by another server
            log.warning("stopped in the middle of an attempt; it will be made again", threads=late)
            return
        try:
            self._duty.release()
        except StoreError as error:
            log.info("lease not handed back; it ends by itself", error=str(error))
        for route in self._routes.values():
            route.close()

    @property
    def stopped(self) -> list[str]:
        """Receivers whose thread has ended though nobody asked for it."""
        return [
            one.receiver
            for one, thread in zip(self._deliveries, self._threads, strict=True)
            if thread.ident is not None and not thread.is_alive() and not self._stopping.is_set()
        ]

    def _run(self, delivery: Delivery) -> None:
        """Whatever fails, people are to be told of what comes next."""
        while not self._stopping.is_set():
            try:
                delivery.run(self._stopping)
            except Exception:
                log.exception("delivery failed; this is a bug, please report it", receiver=delivery.receiver)
                self._stopping.wait(FAILED_SECONDS)


def _standing(route: Route) -> Standing | None:
    return cast(Standing, route) if hasattr(route, "keep") else None


def send_test(config: Config, name: str | None = None, clock: Clock | None = None) -> Iterator[tuple[str, Outcome]]:
    """Send a test alert, and where it opens something that it is over, to one route or to all.

    Yields:
        The route's name and what became of it; the worse of the two.

    Raises:
        NotFound: no route is called so.
    """
    clock = clock or SystemClock()
    chosen = [one for one in config.routes if name in (None, one.name)]
    if name is not None and not chosen:
        known = ", ".join(one.name for one in config.routes) or "none"
        raise NotFound(f"drift.yaml has no route {name!r}; there are: {known}")
    gate = Gate(config.egress.allow)
    for settings in chosen:
        yield settings.name, _tested(settings, gate, clock)


def _tested(settings: RouteSettings, gate: Gate, clock: Clock) -> Outcome:
    try:
        route = route_for(settings, gate, clock)
        for message in _messages(settings, clock.now()):
            outcome = route.send(message)
            if outcome.fate is not Fate.SENT:
                break
        route.close()
    except DriftError as error:
        return Outcome(Fate.REFUSED, str(error))
    return outcome


def _messages(settings: RouteSettings, now: int) -> list[Message]:
    """One that says it is a test; to services that keep alerts, a firing one and its end."""
    text = f"This is a test of the route {settings.name!r}: if you read it, it works. Nothing has drifted."
    statuses = (Status.NOTE,) if settings.route.notes else (Status.FIRING, Status.RESOLVED)
    return [
        Message(
            f"test-{settings.name}-{now}", Change.TEST, status, Urgency.WARNING, "Driftsum: a test", text,
            family="test", model="test", opened_on=now, at=now, resolution="the test is over",
        )
        for status in statuses
    ]  # fmt: skip
