"""An Airflow that misbehaves at random, but starts one run per key, as the real one does."""

import time
from collections import Counter
from http.server import BaseHTTPRequestHandler
from random import Random
from threading import Lock
from typing import Any, Final

from tests.fault.mailbox import SLOW
from tests.rig.pipelines import Airflow, Asked, RefusedError, Reply

PASSWORD: Final = "s3cret"
_FAILS: Final = 5
"""Every so many runs, one fails."""


class NastyAirflow(Airflow):
    """Busy, slow, or gone before it answers; a run that was asked about twice is over."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.under_way = 0
        self._random, self._looks, self._guard = Random(seed), Counter[str](), Lock()
        self._server.handle_error = lambda *where: None  # type: ignore[method-assign]  # clients die, that is the test

    @property
    def trigger(self) -> dict[str, Any]:
        """Its entry in drift.yaml, but for the password."""
        return {"url": self.url, "dag": self.dag, "username": "drift"}

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Now and then the answer to a start is lost."""
        with self._guard:
            self.under_way += 1
            self.lose = max(self.lose, self._random.random() < 0.15)
        try:
            super().answer(handler)
        finally:
            with self._guard:
                self.under_way -= 1

    def handle(self, asked: Asked) -> Reply:
        """One at a time."""
        with self._guard:
            mood = self._random.choice(("well", "well", "well", "well", "slow", "busy"))
            reply: Reply | RefusedError
            try:
                reply = (503, None, {}) if mood == "busy" else super().handle(asked)
            except RefusedError as refused:
                reply = refused
        time.sleep(SLOW if mood == "slow" else 0.0)
        if isinstance(reply, RefusedError):
            raise reply
        return reply

    def one(self, run_id: str) -> Any:
        """The run of an id; looking at it takes it further."""
        run = super().one(run_id)
        self._looks[run_id] += 1
        if self._looks[run_id] > 2:
            run.state = "failed" if self.runs.index(run) % _FAILS == 3 else "success"
        return run
