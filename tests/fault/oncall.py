"""The real `drift serve` on flapping events, killed as often as a test likes, and all that came out of it."""

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from drift.config import load
from drift.core.alert import Event, Incident, Notice, Run, RunState
from drift.core.clock import SystemClock
from drift.service.models import register_models
from drift.store import Store, open_store
from tests.fault import flapping
from tests.fault.flapping import Flaps
from tests.fault.harness import Child, Deaths, Zygote
from tests.fault.mailbox import GOOD, NASTY, Mailbox
from tests.fault.pipeline import PASSWORD, NastyAirflow
from tests.rig.proc import free_port, wait_until

RECEIVERS: Final = ("calm", "nasty")
IN_FLIGHT: Final = tuple(state for state in RunState if state.in_flight)
_MANY: Final = 1_000_000


@dataclass(frozen=True)
class Told:
    """What the store holds when all is told: the ends of incidents, their history, the notices, the runs."""

    uuid: str
    incidents: list[Incident]
    events: list[Event]
    notices: list[Notice]
    runs: list[Run]


class OnCall:
    """A store, a growing file of events, two receivers, and processes that serve them.

    Args:
        zygote: makes the processes.
        folder: for all files.
        url: of the store.
        flaps: the events.
        moods: of the second receiver; the first is always well.
        trigger: whether incidents start runs.
    """

    def __init__(
        self, zygote: Zygote, folder: Path, url: str, flaps: Flaps, moods: tuple[str, ...] = NASTY, *,
        trigger: bool = True,
    ) -> None:  # fmt: skip
        self.zygote, self.url, self.flaps, self.random = zygote, url, flaps, Random(flaps.seed)
        self.folder = folder / f"oncall-{uuid.uuid4().hex[:8]}"
        self.folder.mkdir()
        self.boxes = {"calm": Mailbox(GOOD), "nasty": Mailbox(moods, flaps.seed)}
        self.airflow = NastyAirflow(flaps.seed) if trigger else None
        self.deaths, self.under_way = Deaths(), 0
        """`under_way`: kills while a receiver had a request that it had not answered."""
        self.events, self._shown = self.folder / "events.jsonl", 0
        self.events.touch()
        self._secret = self.folder / "secret"
        self._secret.write_text(flapping.SECRET)
        (self.folder / "secret.airflow").write_text(PASSWORD)
        self._numbers = iter(range(_MANY))

    @staticmethod
    @contextmanager
    def open(*args: Any, **kwargs: Any) -> Iterator["OnCall"]:
        """With its receivers listening and its model registered."""
        one = OnCall(*args, **kwargs)
        with ExitStack() as stack:
            for server in one.servers:
                stack.enter_context(server)
            one._register()
            yield one

    @property
    def servers(self) -> list[Mailbox | NastyAirflow]:
        """All that is sent to."""
        return [*self.boxes.values(), *([] if self.airflow is None else [self.airflow])]

    def _register(self) -> None:
        flapping.write_reference(self.folder / "reference.csv")
        store = open_store(self.url, SystemClock())
        try:
            register_models(store, load(self.config()), SystemClock())
        finally:
            store.close()

    def config(self, name: str = "drift.yaml", *, sources: bool = True) -> Path:
        """A drift.yaml, with a port of its own that stays the same."""
        path = self.folder / name
        if not path.exists():
            routes = {name: box.url for name, box in self.boxes.items()}
            events = self.events if sources else None
            airflow = None if self.airflow is None else self.airflow.trigger
            settings = flapping.settings(self.url, self._secret, events, free_port(), routes, airflow)
            path.write_text(json.dumps(settings))
        return path

    # ---- what happens

    def show(self, windows: int) -> None:
        """The file grows up to so many windows; the last of all is followed by one event that ends it."""
        with self.events.open("a") as file:
            file.writelines(self.flaps.lines(self._shown, windows))
            if self._shown < len(self.flaps.windows) <= windows:
                file.write(self.flaps.last())
        self._shown = max(self._shown, windows)

    def start(self, *, fault: str = "", tooth: str = "", second: bool = False, slices: int = 2) -> Child:
        """`drift serve`, which tells so many windows at once; a `second` one, beside the first, reads no events."""
        log = self.folder / f"{next(self._numbers)}.log"
        log.touch()
        config = self.config("second.yaml", sources=False) if second else self.config()
        return self.zygote.spawn({
            "command": ["serve", "-c", str(config)], "log": str(log), "fault": fault, "tooth": tooth,
            "flush": 0.02, "slices": slices,
        })  # fmt: skip

    def kill(self, child: Child) -> None:
        """SIGKILL at a random moment: anywhere in its life, or shortly after some requests have arrived."""
        some, within = self.random.choice(((0, 0.5), (1, 0.02), (2, 0.02), (4, 0.05), (8, 0.1)))
        enough = self.arrivals + some
        with suppress(TimeoutError):
            wait_until(lambda: self.arrivals >= enough or child.code is not None, 1.5, interval=0.002)
        time.sleep(self.random.random() * within)
        self.under_way += any(server.under_way for server in self.servers)
        self.deaths.note(child, "", child.kill())

    def fall(self, fault: str, windows: int, tooth: str = "") -> None:
        """A process that dies at a failpoint; the file grows by so many windows, and by one more until it is there."""
        self.show(self._shown + windows)
        child = self.start(fault=fault, tooth=tooth)
        while child.code is None and self._shown < len(self.flaps.windows):
            with suppress(TimeoutError):
                child.wait(0.7)
            self.show(self._shown + (child.code is None))
        self.deaths.note(child, fault, child.kill())

    @property
    def arrivals(self) -> int:
        """Requests that came to any receiver."""
        return sum(len(box.arrived.all) for box in self.boxes.values())

    def finish(self, *, tooth: str = "", slices: int = 2) -> None:
        """One last process, until all windows are told and the outbox is empty; then it is stopped."""
        self.show(len(self.flaps.windows))
        self.settle([self.start(tooth=tooth, slices=slices)])

    def settle(self, children: Sequence[Child], within: float = 60.0) -> None:
        """Wait until all windows are told and the outbox is empty; then stop all processes."""
        with self.reading() as store:
            wait_until(
                lambda: any(one.code is not None for one in children) or self._done(store), within, interval=0.05,
                what="all is told",
            )  # fmt: skip
        for child in children:
            code = child.stop()
            if code != 0:
                self.deaths.other.append(f"exit {code}: {child.output[-1500:]}")

    def _done(self, store: Store) -> bool:
        (reference,) = store.catalogue().references
        final = len(store.final_windows(reference.id, "1m", -(1 << 60), 1 << 60))
        told = final == len(self.flaps.windows) and not any(one.waiting for one in store.outbox())
        return told and not store.runs(states=IN_FLIGHT)

    # ---- what came out

    @contextmanager
    def reading(self) -> Iterator[Store]:
        """The store, for reading."""
        store = open_store(self.url, SystemClock(), role="reader")
        try:
            yield store
        finally:
            store.close()

    def told(self) -> Told:
        """What the store holds."""
        with self.reading() as store:
            return Told(
                store.uuid,
                list(reversed(store.incidents(None, limit=_MANY))),
                list(reversed(store.events(limit=_MANY))),
                list(reversed(store.notices(limit=_MANY))),
                list(reversed(store.runs(limit=_MANY))),
            )  # fmt: skip

    def outputs(self) -> str:
        """What all processes wrote."""
        return "".join(log.read_text(errors="replace") for log in sorted(self.folder.glob("*.log")))
