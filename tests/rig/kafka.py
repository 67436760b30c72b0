"""A real Apache Kafka broker for tests: one JVM that is broker and KRaft controller at once.

`DRIFT_TEST_KAFKA=host:port` names a broker that runs already; then none is started, and `stop`, `kill` and
`start` raise `ServiceUnavailableError`.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from kafka import KafkaAdminClient, TopicPartition

from tests.rig import ServiceUnavailableError
from tests.rig.proc import CHECKOUT, Process, ProcessError, accepts, free_port

_HERE = Path(__file__).parent
_CACHE = CHECKOUT / ".cache" / "kafka"

_PROPERTIES = """
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
# a broker that was killed may register again once its session is over, by default after 9 s
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
# a killed member is noticed after a second or two where the test's consumer asks for it
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.min.heartbeat.interval.ms=200
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.cleaner.dedupe.buffer.size=4000000
"""


class Kafka:
    """A broker with a fixed address and data directory, which `stop`, `kill` and `start` take through outages.

    `bootstrap` is its address as `host:port`. As a context manager it starts the broker, and on leaving kills it and
    removes its data.
    """

    def __init__(self) -> None:
        self.external = os.environ.get("DRIFT_TEST_KAFKA")
        self._process: Process | None = None
        self._port = free_port()
        self.bootstrap = self.external or f"127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        if self.external:
            return self
        self._java = _jvm()
        self._home = Path(tempfile.mkdtemp(prefix="drift-kafka-"))
        try:
            self._format()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        if not self.external:
            self.kill()
            shutil.rmtree(self._home, ignore_errors=True)

    @property
    def process(self) -> Process:
        """The broker's process, to pause or inspect; raises `ProcessError` if it is stopped or not ours."""
        if self._process is None:
            raise ProcessError(f"no process of ours serves {self.bootstrap}")
        return self._process

    @property
    def log(self) -> str:
        """What the broker wrote at level WARN and above."""
        return (self._home / "kafka.log").read_text(errors="replace")

    def start(self) -> None:
        """Start the broker on its address and data, and wait until it answers; if it was paused, resume it."""
        self._require_ours()
        if self._process is not None and self._process.alive:
            self._process.resume()
            return
        args = [*self._java, "kafka.Kafka", self._home / "server.properties"]
        self._process = Process(args, log=self._home / "kafka.log")
        self._process.wait_ready(lambda: accepts(self._port))
        with self.admin(timeout_ms=30_000) as admin:
            admin.list_topics()

    def stop(self) -> None:
        """End the broker in order (SIGTERM); clients see closed connections until `start`."""
        self._require_ours()
        if self._process is not None:
            self._process.terminate(timeout=60)
            self._process = None

    def kill(self) -> None:
        """End the broker by SIGKILL, as a crash would."""
        self._require_ours()
        if self._process is not None:
            self._process.kill()
            self._process = None

    @contextlib.contextmanager
    def admin(self, timeout_ms: int = 10_000) -> Iterator[KafkaAdminClient]:
        """kafka-python's admin client, closed on leaving."""
        client = KafkaAdminClient(
            bootstrap_servers=self.bootstrap, bootstrap_timeout_ms=timeout_ms, reconnect_backoff_max_ms=500
        )
        try:
            yield client
        finally:
            client.close()

    def create_topic(self, name: str = "", partitions: int = 1, configs: Mapping[str, str] | None = None) -> str:
        """Create a topic, wait until every partition has a leader, and return its name (by default a fresh one)."""
        name = name or f"t-{uuid.uuid4().hex[:12]}"
        spec = {"num_partitions": partitions, "replication_factor": 1, "configs": dict(configs or {})}
        with self.admin() as admin:
            admin.create_topics({name: spec}, wait_for_metadata=True)
        return name

    def delete_topic(self, name: str) -> None:
        """Delete a topic with all its records."""
        with self.admin() as admin:
            admin.delete_topics([name])

    def delete_records(self, topic: str, before: Mapping[int, int]) -> None:
        """Drop the records below an offset, given per partition: `{0: 100}` leaves partition 0 starting at 100."""
        with self.admin() as admin:
            admin.delete_records({TopicPartition(topic, p): offset for p, offset in before.items()})

    def _format(self) -> None:
        config = self._home / "server.properties"
        config.write_text(
            _PROPERTIES.format(port=self._port, controller=free_port(), data=self._home / "data").lstrip()
        )
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        args = [*self._java, "kafka.tools.StorageTool", "format", "--standalone", "-t", cluster, "-c", config]
        with Process(args, log=self._home / "format.log") as formatting:
            if formatting.wait(timeout=60) != 0:
                raise ProcessError(f"Kafka's storage could not be formatted:\n{formatting.output()}")

    def _require_ours(self) -> None:
        if self.external:
            raise ServiceUnavailableError("the broker named by DRIFT_TEST_KAFKA is not ours to stop or start")


def _jvm() -> list[str | Path]:
    """The command that runs one of Kafka's main classes, up to the class name."""
    java = shutil.which("java")
    if java is None:
        raise ServiceUnavailableError("Kafka needs Java 17 or newer: apt-get install default-jre-headless")
    return [
        java,
        "-Xmx512m",
        # the cheap compiler and collector: a broker that lives for a minute starts in half the time
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        f"-Dlog4j2.configurationFile={_HERE / 'log4j2.xml'}",
        "-cp",
        f"{jars()}/*",
    ]


def jars() -> Path:
    """The directory of Kafka's jars for `pom.xml`, filled by Maven the first time; safe with several runs at once."""
    pom = _HERE / "pom.xml"
    target = _CACHE / hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _download(pom, target)
    return target


def _download(pom: Path, target: Path) -> None:
    mvn = shutil.which("mvn")
    if mvn is None:
        raise ServiceUnavailableError("Kafka's jars are fetched by Maven: apt-get install maven")
    # renamed only when complete, so that a broken download is not taken for a cache
    with tempfile.TemporaryDirectory(dir=target.parent) as part:
        done = subprocess.run(
            [mvn, "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={part}/jars"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ServiceUnavailableError(
                f"Maven could not fetch Kafka's jars:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
        Path(part, "jars").rename(target)
