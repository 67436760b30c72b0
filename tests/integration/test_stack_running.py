"""The compose stack without containers: each of its configuration files run by the program that it is written for.

Only hosts, ports and folders are changed (`tests.rig.stack.moved` fails where one is not found). Mailpit's place is
taken by a stub that speaks SMTP; Grafana is not run here.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest

from drift.core.clock import DAY, SystemClock
from drift.demo import live
from tests.rig import ServiceUnavailableError
from tests.rig.kafka import _jvm
from tests.rig.mail import MailServer
from tests.rig.postgres import Postgres
from tests.rig.proc import CHECKOUT, Process, accepts, free_port, python, wait_until
from tests.rig.stack import FILES, moved, put, service

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.prometheus, pytest.mark.alertmanager]


def program(*names: str) -> str:
    for name in names:
        if found := shutil.which(name):
            return found
    raise ServiceUnavailableError(f"no {names[0]} on this machine")


@dataclass
class Stack:
    """Where its parts listen."""

    folder: Path
    kafka: int
    drift: int
    worker: int
    prometheus: int
    alertmanager: int
    mail: MailServer
    processes: ExitStack

    @property
    def token(self) -> str:
        return (self.folder / "secrets" / "driftsum" / "token").read_text()

    def api(self, path: str, **params: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = httpx2.get(
            f"http://127.0.0.1:{self.drift}{path}", params=params, headers=headers, timeout=10, trust_env=False
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def query(self, expression: str) -> list[float]:
        answer = httpx2.get(
            f"http://127.0.0.1:{self.prometheus}/api/v1/query", params={"query": expression}, trust_env=False
        )
        return [float(one["value"][1]) for one in answer.json()["data"]["result"]]

    def start(self, name: str, args: list[Any], env: Mapping[str, str] | None = None) -> Process:
        process = Process(args, log=self.folder / f"{name}.log", env=env, cwd=self.folder)
        self.processes.callback(process.kill)
        return process


def answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


def start_kafka(stack: Stack) -> None:
    """The image's own program turns the environment into server.properties and formats the storage."""
    given: dict[str, str] = service("kafka")["environment"]
    host, controller = free_port(), free_port()
    changes = {
        "KAFKA_LISTENERS": {"://:9092": f"://127.0.0.1:{stack.kafka}", "://:9094": f"://127.0.0.1:{host}",
                            "://:9093": f"://127.0.0.1:{controller}"},
        "KAFKA_ADVERTISED_LISTENERS": {"kafka:9092": f"127.0.0.1:{stack.kafka}",
                                       "localhost:9094": f"127.0.0.1:{host}"},
        "KAFKA_CONTROLLER_QUORUM_VOTERS": {"localhost:9093": f"127.0.0.1:{controller}"},
        "KAFKA_LOG_DIRS": {"/var/lib/kafka/data": str(stack.folder / "kafka")},
    }  # fmt: skip
    env = {name: moved(value, changes.get(name, {})) for name, value in given.items()}
    config = stack.folder / "kafka-config"
    config.mkdir()
    setup = ["kafka.docker.KafkaDockerWrapper", "setup", "--default-configs-dir", config, "--mounted-configs-dir",
             config / "none", "--final-configs-dir", config]  # fmt: skip
    assert stack.start("kafka-setup", [*_jvm(), *setup], env).wait(60) == 0, (
        stack.folder / "kafka-setup.log"
    ).read_text()
    broker = stack.start("kafka", [*_jvm(), "kafka.Kafka", config / "server.properties"])
    broker.wait_ready(lambda: accepts(stack.kafka))


def make_database(stack: Stack, postgres: Postgres) -> None:
    """What the image makes of POSTGRES_USER, POSTGRES_DB and the password's file."""
    given = service("postgres")["environment"]
    assert (given["POSTGRES_USER"], given["POSTGRES_DB"]) == ("drift", "drift")
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS drift WITH (FORCE)")
        connection.execute("DROP ROLE IF EXISTS drift")
        connection.execute("CREATE ROLE drift LOGIN")
        connection.execute("CREATE DATABASE drift OWNER drift")


def make_secrets(stack: Stack, postgres: Postgres) -> Path:
    ours, database = stack.folder / "secrets", stack.folder / "database"
    ours.mkdir()
    database.mkdir()
    env = {**os.environ, "SECRETS": str(ours), "DATABASE": str(database)}
    subprocess.run(["sh", FILES / "secrets.sh"], env=env, check=True)
    at = urlsplit(postgres.url())
    put(ours / "store", ours / "store", {"postgres:5432": f"{at.hostname}:{at.port}"})
    return ours


def start_watching(stack: Stack) -> None:
    """Alertmanager and Prometheus, with the arguments of the stack."""
    mail = {"mailpit:1025": f"127.0.0.1:{stack.mail.port}"}
    wait = {"group_wait: 30s": "group_wait: 1s"}
    config = put(FILES / "alertmanager.yml", stack.folder / "alertmanager.yml", {**mail, **wait})
    places = {"=/etc/alertmanager/alertmanager.yml": f"={config}", "=/alertmanager": f"={stack.folder}/am"}
    args = moved("\n".join(service("alertmanager")["command"]), places).split("\n")
    listen = f"--web.listen-address=127.0.0.1:{stack.alertmanager}"
    am = stack.start("alertmanager", [program("prometheus-alertmanager", "alertmanager"), *args, listen])
    config = put(
        FILES / "prometheus.yml",
        stack.folder / "prometheus.yml",
        {
            "interval: 15s": "interval: 1s",
            "/etc/prometheus/rules": str(CHECKOUT / "dashboards" / "prometheus"),
            "alertmanager:9093": f"127.0.0.1:{stack.alertmanager}",
            "drift:8642": f"127.0.0.1:{stack.drift}",
            "worker-1:8643": f"127.0.0.1:{stack.worker}",
            ', "worker-2:8643"': "",
        },
    )
    places = {"=/etc/prometheus/prometheus.yml": f"={config}", "=/prometheus": f"={stack.folder}/tsdb"}
    args = moved("\n".join(service("prometheus")["command"]), places).split("\n")
    listen = f"--web.listen-address=127.0.0.1:{stack.prometheus}"
    prometheus = stack.start("prometheus", [program("prometheus"), *args, listen])
    am.wait_ready(lambda: answers(f"http://127.0.0.1:{stack.alertmanager}/-/ready"))
    prometheus.wait_ready(lambda: answers(f"http://127.0.0.1:{stack.prometheus}/-/ready"))


def start_drift(stack: Stack, ours: Path) -> None:
    """The server and one worker."""
    loopback = "host: 127.0.0.1\n  require_token: true"
    config = put(
        FILES / "drift.yaml",
        stack.folder / "drift.yaml",
        {
            "/run/driftsum": str(ours),
            "host: 0.0.0.0": f"{loopback}\n  port: {stack.drift}",
            "/var/lib/driftsum": str(stack.folder / "flights"),
            "http://alertmanager:9093": f"http://127.0.0.1:{stack.alertmanager}",
            "allow: [alertmanager, mailpit]": "allow: [127.0.0.1]",
        },
    )
    mail = moved(service("drift")["environment"]["DRIFT_MAIL"], {"mailpit:1025": f"127.0.0.1:{stack.mail.port}"})
    server = python("-m", "drift", "serve", "-c", config, log=stack.folder / "drift.log", env={"DRIFT_MAIL": mail})
    stack.processes.callback(server.kill)
    server.wait_ready(lambda: answers(f"http://127.0.0.1:{stack.drift}/readyz"))
    config = put(
        FILES / "worker.yaml",
        stack.folder / "worker.yaml",
        {"/run/driftsum": str(ours), "host: 0.0.0.0": loopback, "kafka:9092": f"127.0.0.1:{stack.kafka}"},
    )
    args = [one.replace("8643", str(stack.worker)) for one in service("worker-1")["command"]]
    worker = python("-m", "drift", *args, "-c", config, log=stack.folder / "worker.log")
    stack.processes.callback(worker.kill)
    worker.wait_ready(lambda: accepts(stack.worker))


def live_flights(stack: Stack, command: str) -> list[str | Path]:
    """The command of the services `flights` and `producer`."""
    name = {"prepare": "flights", "produce": "producer"}[command]
    given = [*service(name)["entrypoint"], *service(name)["command"]]
    places = {"kafka:9092": f"127.0.0.1:{stack.kafka}", "/var/lib/driftsum": str(stack.folder / "flights")}
    assert given[0] == "python"
    return [places.get(one, one) for one in given[1:]]


@pytest.fixture
def stack(tmp_path: Path, postgres: Postgres) -> Iterator[Stack]:
    try:
        program("prometheus")
        program("prometheus-alertmanager", "alertmanager")
        _jvm()
    except ServiceUnavailableError as missing:
        if os.environ.get("DRIFT_TEST_REQUIRE_SERVICES") == "1":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))
    with MailServer() as mail, ExitStack() as processes:
        kafka, drift, worker, prometheus, alerts = (free_port() for _ in range(5))
        stack = Stack(tmp_path, kafka, drift, worker, prometheus, alerts, mail, processes)
        preparing = python(*live_flights(stack, "prepare"), log=tmp_path / "prepare.log")
        processes.callback(preparing.kill)
        start_kafka(stack)
        make_database(stack, postgres)
        ours = make_secrets(stack, postgres)
        start_watching(stack)
        assert preparing.wait(90) == 0, preparing.output()
        start_drift(stack, ours)
        yield stack


@pytest.mark.timeout(180)
def test_the_stack_counts_judges_and_tells(stack: Stack) -> None:
    past = shorten(stack.folder / "flights" / live.EVENTS, SystemClock().now())
    producing = python(*live_flights(stack, "produce"), log=stack.folder / "producer.log")
    stack.processes.callback(producing.kill)
    wait_until(lambda: sum(stack.query("drift_records_total")) >= past, 90, 0.5, what="all that lies behind is read")
    wait_until(lambda: sum(stack.query("drift_lag_records")) == 0, 15, 0.5, what="no lag")
    assert producing.alive  # it waits for the next flight
    assert stack.query('up{job="driftsum"}') == [1.0, 1.0]
    assert answers(f"http://127.0.0.1:{stack.drift}/readyz")
    assert httpx2.get(f"http://127.0.0.1:{stack.drift}/v1/models", trust_env=False).status_code == 401
    wait_until(lambda: stack.query('drift_window_end_timestamp_seconds{model="flights"}'), 60, 0.5, what="a verdict")
    wait_until(lambda: {"owner@example.com", "oncall@example.com"} <= written_to(stack.mail), 60, 0.5, what="mails")
    assert {one["model"] for one in stack.api("/v1/incidents")["items"]} == {"flights"}
    loaded = httpx2.get(f"http://127.0.0.1:{stack.prometheus}/api/v1/rules", trust_env=False).json()["data"]["groups"]
    rules = [rule for group in loaded for rule in group["rules"]]
    assert rules
    assert not [rule["name"] for rule in rules if rule["health"] == "err"]


def shorten(path: Path, now: int) -> int:
    """Leave out all but the last two months before now; returns how many events of these are due."""
    with path.open("rb") as lines:
        kept = [(at, line) for at, line in live.due(lines) if at > now - 60 * DAY]
    path.write_bytes(b"".join(line + b"\n" for _, line in kept))
    return sum(at <= now for at, _ in kept)


def written_to(mail: MailServer) -> set[str]:
    return {recipient for one in mail.mails for recipient in one.recipients}
