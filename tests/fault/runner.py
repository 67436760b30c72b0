"""The process under test: the real command `drift serve` or `drift worker`, hurried up, with a place to die at.

Nothing of this is known to the product: failpoints are wrapped around its functions here, from outside.
"""

import ctypes
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial, wraps
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NoReturn, TypedDict

from sqlalchemy import Connection, Engine, event

from tests.fault import telling

FAILPOINT: Final = 137
"""Exit code at a failpoint; SIGKILL from outside gives −9."""
_COMMITS: Final = (
    "UPDATE partitions",
    "INSERT watermarks",
    "INSERT panes",
    "INSERT dirty",
    "INSERT dead_letter_counts",
)
POINTS: Final = (
    "after poll", "after count", "before commit", *(f"commit: {said}" for said in _COMMITS), "commit: COMMIT",
    "after commit", "before tell", "after tell", "after acquire", "after heartbeat",
)  # fmt: skip
"""Where an ingesting process can die, in the order of one record's way."""
MEETING: Final = ("commit: INSERT outcomes",)
"""Where one whose models have labels can die as well."""
DUTIES: Final = (
    "fold: INSERT panes", "fold: DELETE panes", "fold: COMMIT", "after fold", "evaluate: INSERT windows",
    "evaluate: COMMIT", "after evaluate",
)  # fmt: skip
"""Where one that also folds and evaluates can die."""
TELLING: Final = (
    "evaluate: INSERT alerts", "evaluate: INSERT incidents", "evaluate: INSERT incident_events",
    "evaluate: INSERT notices", "evaluate: COMMIT notices", "after evaluate notices", "before send", "after send",
    "after sent", "after failed",
)  # fmt: skip
"""Where one that tells can die, between a result and the mark that its message was received."""
RUNNING: Final = ("evaluate: INSERT runs", "before start", "after start", "after advance")
"""Where one that starts runs can die."""


class Order(TypedDict, total=False):
    """What a process shall be."""

    command: list[str]
    """Arguments of `drift`."""
    log: str
    fault: str
    """`point`, `point:n` (the n-th time), `point:n:stop` (SIGSTOP instead), `point:n:lose` (the answer gets lost)."""
    tooth: str
    """What is broken on purpose, see `tests.fault.teeth` and `tests.fault.mute`."""
    flush: float
    """Seconds between commits."""
    poll_records: int
    slices: int
    """Windows told at once, with evaluation and delivery hurried as well; 0: they are not."""


def preload() -> None:
    """Import what every command needs."""
    for name in (
        "alembic.command", "detectors.judge", "drift.api.server", "drift.cli.running", "ingest.formats.json",
        "ingest.sources.confluent", "ingest.sources.kafka_python", "psycopg", "sqlalchemy.dialects.postgresql.psycopg",
    ):  # fmt: skip
        import_module(name)
    telling.preload()


def become(order: Order) -> NoReturn:
    """Run the command in this process; never returns."""
    # dies with the zygote, which dies with the test run
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    os.setsid()
    out = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    code = 70
    try:
        code = run(order)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def run(order: Order) -> int:
    """The command, with its faults installed."""
    from drift import cli
    from tests.fault import mute, teeth

    hurry(order.get("flush", 0.1), order.get("poll_records", 100))
    if slices := order.get("slices", 0):
        telling.hurry(slices)
    tooth = order.get("tooth", "")
    (mute if tooth in mute.TEETH else teeth).pull(tooth)
    if fault := order.get("fault", ""):
        Fault.parse(fault).install()
    return cli.run(order["command"])


def hurry(flush: float, poll_records: int) -> None:
    """What takes seconds or minutes in production, for a test takes moments."""
    from drift.evaluation import evaluator
    from drift.pipeline import Options
    from drift.service import jobs, service
    from drift.store import engine
    from ingest.sources.kafka import KafkaSource

    put(KafkaSource, flush_interval=flush)
    # a process that was killed gives no lease back
    put(jobs, LEASE_SECONDS=1.0)
    put(evaluator, LEASE_SECONDS=1.0)
    options = partial(Options, poll_records=poll_records, heartbeat_interval=0.5, backoff_least=0.05, backoff_most=1.0)
    put(service, EVALUATE_EVERY=0.3, PUBLISH_EVERY=0.3, COMPACT_EVERY=0.4, Options=options)
    put(engine, RETRY_SECONDS=1.0)
    engine._POSTGRES_CONNECT["options"] = engine._SESSION.replace("=15s", "=3s")


def put(owner: object, **values: object) -> None:
    """Change what a module or class says; it has to be there."""
    for name, value in values.items():
        assert hasattr(owner, name), f"{owner} has no {name} any more"
        setattr(owner, name, value)


class Fault:
    """One thing that goes wrong, the n-th time that a point is passed."""

    def __init__(self, point: str, times: int = 1, action: str = "die") -> None:
        self.point, self._left, self._action = point, times, action
        self._here = threading.local()

    @staticmethod
    def parse(text: str) -> "Fault":
        """Read `commit: INSERT panes:2:stop`."""
        parts, known = text.split(":"), POINTS + MEETING + DUTIES + TELLING + RUNNING
        point = [":".join(parts[:i]) for i in range(len(parts), 0, -1) if ":".join(parts[:i]) in known]
        rest = text.removeprefix(point[0]).removeprefix(":").split(":")
        return Fault(point[0], int(rest[0] or 1), rest[1] if len(rest) > 1 else "die")

    def install(self) -> None:
        """Wrap the points."""
        from drift.pipeline.intake import Intake
        from drift.store import Store
        from ingest.sources.kafka import KafkaSource

        self._wrap(KafkaSource, "poll", after="after poll", passes=lambda poll: bool(poll.chunks))
        self._wrap(Intake, "take", after="after count")
        self._wrap(Store, "commit", within="commit", before="before commit", after="after commit")
        self._wrap(KafkaSource, "commit", before="before tell", after="after tell")
        self._wrap(Store, "acquire", after="after acquire")
        self._wrap(Store, "heartbeat", after="after heartbeat")
        self._wrap(Store, "fold", within="fold", after="after fold", passes=bool)
        self._wrap(Store, "compact", within="fold", after="after fold", passes=bool)
        self._wrap(Store, "commit_evaluation", within="evaluate", after="after evaluate")
        if self.point in TELLING + RUNNING:
            self._tell()
        event.listen(Engine, "after_cursor_execute", self._executed)
        event.listen(Engine, "commit", self._committing)

    def _tell(self) -> None:
        from alerts.retrain.target import Found, Target
        from alerts.routes.contract import Fate
        from alerts.routes.webhook import Webhook
        from drift.store import Store

        self._wrap(Webhook, "send", before="before send")
        self._wrap(Webhook, "send", after="after send", passes=lambda outcome: outcome.fate is Fate.SENT)
        self._wrap(Webhook, "send", alone=True)
        self._wrap(Store, "sent", after="after sent")
        self._wrap(Store, "failed", after="after failed")
        self._wrap(Target, "start", before="before start")
        self._wrap(Target, "start", after="after start", passes=lambda outcome: isinstance(outcome, Found))
        self._wrap(Store, "advance_run", after="after advance", passes=bool)

    def _wrap(
        self, owner: type, name: str, *, within: str = "", before: str = "", after: str = "",
        passes: Callable[[Any], bool] = lambda result: True, alone: bool = False,
    ) -> None:  # fmt: skip
        """`alone`: one thread at a time."""
        method, lock = getattr(owner, name), threading.Lock() if alone else nullcontext()

        @wraps(method)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self._pass(before)
            self._here.within, self._here.told = within, ""
            try:
                with lock:
                    result = method(*args, **kwargs)
            finally:
                self._here.within = ""
            if passes(result):
                self._pass(after, self._told)
            return result

        setattr(owner, name, wrapped)

    @property
    def _within(self) -> str:
        return getattr(self._here, "within", "")

    @property
    def _told(self) -> str:
        """` notices` if this call has written any."""
        return getattr(self._here, "told", "")

    def _executed(self, connection: Connection, cursor: Any, statement: str, *rest: Any) -> None:
        words = statement.split(maxsplit=3)
        name = words[1] if words[0] == "UPDATE" else words[2] if len(words) > 2 else ""
        if name == "notices" and words[0] == "INSERT":
            self._here.told = " notices"
        self._pass(f"{self._within}: {words[0]} {name}")

    def _committing(self, connection: Connection) -> None:
        self._pass(f"{self._within}: COMMIT", self._told)

    def _pass(self, point: str, more: str = "") -> None:
        if self.point not in (point, point + more):
            return
        self._left -= 1
        if self._left != 0:
            return
        print(f"FAULT {self.point} {self._action}", flush=True)  # noqa: T201
        match self._action:
            case "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "lose":
                from drift.core.errors import StoreUnavailable

                raise StoreUnavailable("the store did not confirm a commit (its answer was lost on purpose)")
            case _:
                os._exit(FAILPOINT)


def faults_in(log: Path) -> list[str]:
    """The faults that a process's log says have happened."""
    return [
        line.removeprefix("FAULT ") for line in log.read_text(errors="replace").splitlines() if line[:6] == "FAULT "
    ]
