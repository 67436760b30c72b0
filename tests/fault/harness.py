"""One topic, one store, some processes that die, and the oracle that knows what must come out."""

import json
import os
import signal
import socket
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final, Self

from confluent_kafka import Consumer, Producer, TopicPartition

from drift.core.catalogue import Reference
from drift.core.clock import SystemClock
from drift.core.commit import Partition
from drift.store import Store, open_store
from tests.fault import events, world
from tests.fault.oracle import Oracle
from tests.fault.runner import FAILPOINT, Fault, Order, faults_in
from tests.fault.stored import Stored, differences, expected, settled, stored
from tests.rig.kafka import Kafka
from tests.rig.proc import free_port, python, wait_until

DAY: Final = 86_400_000_000
STEP: Final = 40_000_000
"""Event time from record to record: windows of an hour are to close every now and then."""
CODECS: Final = ("none", "gzip", "lz4", "zstd", "snappy")


@dataclass
class Child:
    """A process made by the zygote."""

    zygote: "Zygote"
    pid: int
    log: Path

    @property
    def code(self) -> int | None:
        """How it ended: −9 by SIGKILL, 137 at a failpoint; None while it runs."""
        return self.zygote.code(self.pid)

    def send(self, number: int) -> None:
        """Send a signal; nothing happens once it has ended."""
        if self.code is None:
            os.kill(self.pid, number)

    def kill(self) -> int:
        """SIGKILL; the exit code, which is another if it died by itself just before."""
        self.send(signal.SIGKILL)
        return self.wait()

    def stop(self) -> int:
        """SIGTERM, as an operator would."""
        self.send(signal.SIGTERM)
        return self.wait(40)

    def wait(self, timeout: float = 10.0) -> int:
        """The exit code."""
        wait_until(lambda: self.code is not None, timeout, interval=0.005, what=f"end of process {self.pid}")
        code = self.code
        assert code is not None
        return code

    def stopped(self) -> bool:
        """Whether it stands still (SIGSTOP)."""
        with suppress(FileNotFoundError):
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        return False

    @property
    def output(self) -> str:
        """What it wrote."""
        return self.log.read_text(errors="replace")


class Zygote:
    """The process that makes processes; see `tests.fault.zygote`."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="drift-zygote-")
        self._codes: dict[int, int] = {}
        self._rest = b""

    def __enter__(self) -> Self:
        path = Path(self._folder.name, "socket")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
            listening.listen()
            listening.settimeout(60)
            self._process = python("-m", "tests.fault.zygote", str(path), log=path.with_name("log"),
                                   env={"OPENBLAS_NUM_THREADS": "1"})  # fmt: skip
            self._link = listening.accept()[0]
        return self

    def __exit__(self, *exc: object) -> None:
        self._link.close()
        self._process.kill()
        self._folder.cleanup()

    def spawn(self, order: Order) -> Child:
        """A process that follows an order."""
        self._link.sendall(json.dumps(order).encode() + b"\n")
        while True:
            for told in self._told(blocking=True):
                if "code" not in told:
                    return Child(self, told["pid"], Path(order["log"]))

    def code(self, pid: int) -> int | None:
        """How a process ended."""
        if pid not in self._codes:
            list(self._told(blocking=False))
        return self._codes.get(pid)

    def _told(self, blocking: bool) -> Iterator[dict[str, int]]:
        self._link.setblocking(blocking)
        try:
            data = self._link.recv(1 << 16)
        except BlockingIOError:
            return
        finally:
            self._link.setblocking(True)
        *lines, self._rest = (self._rest + data).split(b"\n")
        told = [json.loads(line) for line in lines]
        self._codes |= {one["pid"]: one["code"] for one in told if "code" in one}
        yield from told


@dataclass
class Deaths:
    """What happened to the processes of a run."""

    kills: int = 0
    """SIGKILL from outside, at random."""
    points: Counter[str] = field(default_factory=Counter)
    """Failpoints reached."""
    other: list[str] = field(default_factory=list)
    """Ends that nobody wanted."""

    @property
    def total(self) -> int:
        return self.kills + sum(self.points.values())

    def note(self, child: Child, fault: str, code: int) -> None:
        """Book one end."""
        if code == -signal.SIGKILL:
            self.kills += 1
        elif code == FAILPOINT:
            self.points[Fault.parse(fault).point] += 1
        else:
            self.other.append(f"exit {code}: {child.output[-1500:]}")


class Run:
    """A topic with seeded events, a store, and processes on both.

    Args:
        kafka: the broker.
        zygote: makes the processes.
        folder: for configuration and logs.
        url: of the store.
        client: `kafka-python` or `confluent`.
        seed: of the events and of all that happens at random.
        partitions: of the topic.
        compact: whether panes become hours and days meanwhile.
    """

    def __init__(
        self, kafka: Kafka, zygote: Zygote, folder: Path, url: str, client: str, seed: int, *, partitions: int = 2,
        compact: bool = False, topic: str = "",
    ) -> None:  # fmt: skip
        self.kafka, self.zygote, self.url, self.client = kafka, zygote, url, client
        self.random, self.partitions = Random(seed), partitions
        self.folder = folder / f"run-{uuid.uuid4().hex[:8]}"
        self.folder.mkdir()
        self.topic = topic or kafka.create_topic(partitions=partitions, configs={"max.message.bytes": str(4 << 20)})
        self.group = f"drift.test.{uuid.uuid4().hex[:8]}"
        self.bucket = DAY if compact else None
        self.deaths = Deaths()
        self._streams = [events.records(seed * 1000 + p, 1 << 60, step=STEP) for p in range(partitions)]
        self.produced: dict[int, list[bytes | None]] = {p: [] for p in range(partitions)}
        """All that was ever sent, also what the broker has forgotten since."""
        self._numbers = iter(range(1 << 60))
        self.references = self._install()
        self.config = self._configure("drift.yaml", sources=True)

    def _install(self) -> dict[str, list[Reference]]:
        store = open_store(self.url, SystemClock())
        world.install(store)
        references = _references(store)
        store.close()
        return references

    def _configure(self, name: str, *, sources: bool) -> Path:
        age = (8, 61) if self.bucket else (18_250, 36_500)
        options = {"session_timeout_ms": 1200, "heartbeat_interval_ms": 200, "fetch_max_wait_ms": 20}
        kafka = {
            "bootstrap": self.kafka.bootstrap, "topics": [self.topic], "start": "earliest", "group": self.group,
            "client": self.client, "options": options,
        }  # fmt: skip
        models = "\n  ".join(model.yaml for model in world.models())
        path = self.folder / name
        path.write_text(
            f"store: {json.dumps(self.url)}\n"
            f"server: {{port: {free_port()}}}\n"
            f"sources: {json.dumps([{'kafka': kafka}] if sources else [])}\n"
            f"models:\n  {models}\n"
            "retention: {panes: 36500d, results: 36500d, dead_letters: 36500d}\n"
            f"compaction: {{hours_after: {age[0]}d, days_after: {age[1]}d}}\n"
        )
        return path

    # ---- the log

    def produce(self, n: int, *extra: bytes, times: int = 1) -> None:
        """The next `n` records of every partition, so many times over; `extra` go to the first.

        They are compressed in one of the ways there are.
        """
        producer = Producer({
            "bootstrap.servers": self.kafka.bootstrap, "compression.type": self.random.choice(CODECS),
            "message.max.bytes": 4 << 20, "linger.ms": 5, "batch.num.messages": self.random.choice((1, 50, 1000)),
            "enable.idempotence": True,
        })  # fmt: skip
        for number, stream in enumerate(self._streams):
            fresh = list(islice(stream, n))
            for value in [*fresh * times, *(extra if number == 0 else ())]:
                producer.produce(self.topic, value, partition=number)
                self.produced[number].append(value)
        assert producer.flush(30) == 0

    def log(self) -> dict[int, list[bytes | None]]:
        """What the broker holds, partition by partition."""
        with self._consumer() as consumer:
            return {p: _read(consumer, TopicPartition(self.topic, p, 0)) for p in range(self.partitions)}

    def ends(self) -> Mapping[Partition, int]:
        """Where the log ends."""
        with self._consumer() as consumer:
            return {
                Partition("kafka", self.topic, p): _end(consumer, TopicPartition(self.topic, p))
                for p in range(self.partitions)
            }

    @contextmanager
    def _consumer(self) -> Iterator[Consumer]:
        consumer = Consumer({"bootstrap.servers": self.kafka.bootstrap, "group.id": "log", "enable.auto.commit": False})
        try:
            yield consumer
        finally:
            consumer.close()

    # ---- processes

    def start(self, command: str = "serve", *, fault: str = "", tooth: str = "", flush: float = 0.1,
              sources: bool = True, poll_records: int = 100) -> Child:  # fmt: skip
        """A process on this topic and store."""
        number = next(self._numbers)
        log = self.folder / f"{number}.log"
        log.touch()
        config = self.config if sources else self._configure(f"server-{number}.yaml", sources=False)
        return self.zygote.spawn({
            "command": [command, "-c", str(config)], "log": str(log), "fault": fault,
            "tooth": tooth, "flush": flush, "poll_records": poll_records,
        })  # fmt: skip

    def kill_one(self, child: Child, fault: str = "", within: float = 0.8) -> None:
        """Kill a process at a random moment, unless its fault was faster."""
        with suppress(TimeoutError):
            wait_until(lambda: child.code is not None, self.random.random() * within, interval=0.005)
        self.deaths.note(child, fault, child.kill())

    # ---- what came out

    def open(self) -> Store:
        """The store, for reading."""
        return open_store(self.url, SystemClock(), role="reader")

    def settle(self, timeout: float = 60.0) -> None:
        """Wait until everything in the log is committed."""
        ends, store = self.ends(), self.open()
        try:
            wait_until(lambda: settled(store, ends), timeout, interval=0.1, what="the log is committed")
        finally:
            store.close()

    def expected(self) -> Stored:
        """What the store has to hold, computed from the log."""
        oracle = self.oracle()
        for partition, values in self.log().items():
            oracle.read(partition, values)
        return expected(oracle, self.bucket)

    def oracle(self) -> Oracle:
        """An oracle that has read nothing yet."""
        return Oracle(world.models(), self.references)

    def stored(self) -> Stored:
        """What it holds."""
        store = self.open()
        try:
            return stored(store, self.bucket)
        finally:
            store.close()

    def differences(self) -> list[str]:
        """How it differs."""
        return differences(self.stored(), self.expected())

    def outputs(self) -> str:
        """What all processes wrote."""
        return "".join(log.read_text(errors="replace") for log in sorted(self.folder.glob("*.log")))

    def faults(self) -> Counter[str]:
        """The faults that happened, as the processes' logs say."""
        return Counter(fault for log in self.folder.glob("*.log") for fault in faults_in(log))


def _references(store: Store) -> dict[str, list[Reference]]:
    catalogue = store.catalogue()
    return {
        name: [r for r in catalogue.references if r.model_id == model.id] for name, model in catalogue.models.items()
    }


def _end(consumer: Consumer, partition: TopicPartition) -> int:
    """Where a partition ends; a broker that is busy may say nothing, or that it does not know."""
    found: list[int] = []

    def asked() -> bool:
        found[:] = [consumer.get_watermark_offsets(partition, timeout=10)[1]]
        return found[0] >= 0

    wait_until(asked, 30, what=f"the end of {partition}")
    return found[0]


def _read(consumer: Consumer, start: TopicPartition) -> list[bytes | None]:
    first, end = consumer.get_watermark_offsets(start, timeout=20)
    values: list[bytes | None] = []
    consumer.assign([start])
    while len(values) < end - first:
        messages = consumer.consume(min(10_000, end - first - len(values)), timeout=10)
        assert messages, f"the log of {start} ends early"
        values += [message.value() for message in messages if message.error() is None]
    return values
