"""A receiver of signed webhooks that misbehaves at random, and knows in which order things came and what it said."""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from random import Random
from threading import Lock
from typing import Any, Final

import msgspec
from standardwebhooks import Webhook

from tests.fault.flapping import SECRET
from tests.rig.receiver import Receiver

GOOD: Final = ("ok",)
NASTY: Final = ("ok", "ok", "ok", "ok", "ok", "slow", "slow", "500", "503", "drop", "late")
"""`slow`: 2xx after a while; `drop`: taken, and no answer; `late`: taken, and the answer comes when nobody waits."""
SLOW: Final = 0.05
LATE: Final = 0.3
"""Longer than an attempt lasts."""


@dataclass
class Arrival:
    """One request, when all of it was there."""

    key: str
    body: bytes
    accepted: bool = False
    """Whether a 2xx was sent."""

    @property
    def event(self) -> Any:
        """The CloudEvent."""
        return msgspec.json.decode(self.body)


@dataclass
class Arrivals:
    """All of them in their order."""

    all: list[Arrival] = field(default_factory=list)
    forged: int = 0
    """Requests whose signature did not verify."""


class Mailbox(Receiver):
    """Takes what is signed, in the order of `arrived`."""

    def __init__(self, moods: tuple[str, ...] = GOOD, seed: int = 0) -> None:
        super().__init__()
        self.under_way = 0  # requests that wait for an answer
        self.arrived, self._moods, self._random = Arrivals(), moods, Random(seed)
        self._guard, self._signer = Lock(), Webhook(SECRET)
        self._server.handle_error = lambda *where: None  # type: ignore[method-assign]  # clients die, that is the test

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Note it first, then do as the mood is."""
        length = int(handler.headers["Content-Length"])
        body = handler.rfile.read(length)
        if len(body) < length:  # its sender was killed in the middle of it
            handler.close_connection = True
            return
        arrival = Arrival(handler.headers["webhook-id"], body)
        with self._guard:
            mood = self._random.choice(self._moods)
            self.arrived.all.append(arrival)
            self.under_way += 1
            self.arrived.forged += not self._signed(body, handler)
        try:
            self._behave(handler, arrival, mood)
        finally:
            with self._guard:
                self.under_way -= 1

    def _behave(self, handler: BaseHTTPRequestHandler, arrival: Arrival, mood: str) -> None:
        time.sleep({"slow": SLOW, "late": LATE}.get(mood, 0.0))
        if mood == "drop":
            return self._drop(handler)
        status = int(mood) if mood.isdigit() else 200
        arrival.accepted = status == 200 and mood != "late"
        return _say(handler, status)

    def _signed(self, body: bytes, handler: BaseHTTPRequestHandler) -> bool:
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        try:
            self._signer.verify(body.decode(), {name: handler.headers[name] for name in names})
        except Exception:  # noqa: BLE001  whatever is wrong with it, it does not verify
            return False
        return True


def _say(handler: BaseHTTPRequestHandler, status: int) -> None:
    with suppress(OSError):  # nobody may wait any more
        handler.send_response(status)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
