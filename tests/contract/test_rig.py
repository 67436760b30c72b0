"""The rig's promise: each service is a real one, restarts with its data, and leaves nothing behind."""

import subprocess
import threading
import time
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Consumer, Producer
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from prometheus_client import CollectorRegistry, Gauge, start_http_server
from sqlalchemy import create_engine, text

from tests.conftest import StartPrometheus
from tests.rig.kafka import Kafka
from tests.rig.postgres import Postgres
from tests.rig.proc import CHECKOUT, ProcessError, free_port, python, runs, wait_until

pytest_plugins = ["pytester"]

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
RECORDS = [f"record {i} ".encode() * 20 for i in range(100)]


def produce_by_kafka_python(bootstrap: str, topic: str, codec: str) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, compression_type=None if codec == "none" else codec)
    for record in RECORDS:
        producer.send(topic, record, partition=0)
    producer.flush(timeout=20)
    producer.close()


def produce_by_librdkafka(bootstrap: str, topic: str, codec: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "compression.type": codec})
    for record in RECORDS:
        producer.produce(topic, record, partition=0)
    assert producer.flush(20) == 0


def consume_by_kafka_python(bootstrap: str, topic: str) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    consumer.assign([TopicPartition(topic, 0)])
    got: list[bytes] = []

    def all_there() -> bool:
        got.extend(record.value for batch in consumer.poll(timeout_ms=200).values() for record in batch)
        return len(got) >= len(RECORDS)

    wait_until(all_there, timeout=20)
    consumer.close()
    return got


def consume_by_librdkafka(bootstrap: str, topic: str) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    got: list[bytes] = []

    def all_there() -> bool:
        for message in consumer.consume(len(RECORDS), timeout=0.2):
            assert message.error() is None
            got.append(message.value() or b"")
        return len(got) >= len(RECORDS)

    wait_until(all_there, timeout=20)
    consumer.close()
    return got


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("consume", [consume_by_kafka_python, consume_by_librdkafka])
@pytest.mark.parametrize("produce", [produce_by_kafka_python, produce_by_librdkafka])
def test_both_clients_read_what_either_wrote(kafka: Kafka, produce, consume, codec):  # type: ignore[no-untyped-def]
    topic = kafka.create_topic()
    produce(kafka.bootstrap, topic, codec)
    assert consume(kafka.bootstrap, topic) == RECORDS


def test_kafka_does_not_make_topics_by_itself(kafka: Kafka) -> None:
    with kafka.admin() as admin:
        assert "never-created" not in admin.list_topics()
    consumer = KafkaConsumer("never-created", bootstrap_servers=kafka.bootstrap)
    consumer.poll(timeout_ms=500)
    consumer.close()
    with kafka.admin() as admin:
        assert "never-created" not in admin.list_topics()


def test_kafka_deletes_records_below_an_offset(kafka: Kafka) -> None:
    topic = kafka.create_topic(partitions=2)
    produce_by_kafka_python(kafka.bootstrap, topic, "none")
    kafka.delete_records(topic, {0: 40})
    consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap)
    zero, one = TopicPartition(topic, 0), TopicPartition(topic, 1)
    assert consumer.beginning_offsets([zero, one]) == {zero: 40, one: 0}
    assert consumer.end_offsets([zero]) == {zero: 100}
    consumer.close()


@pytest.mark.parametrize("end", [Kafka.stop, Kafka.kill])
def test_kafka_comes_back_with_its_records_on_its_address(  # type: ignore[no-untyped-def]
    stoppable_kafka: Kafka, end
) -> None:
    kafka = stoppable_kafka
    topic = kafka.create_topic()
    produce_by_librdkafka(kafka.bootstrap, topic, "lz4")
    address, process = kafka.bootstrap, kafka.process
    end(kafka)
    assert not process.alive
    kafka.start()
    assert kafka.bootstrap == address
    assert consume_by_kafka_python(kafka.bootstrap, topic) == RECORDS


def test_postgres_answers_over_tcp_and_its_socket(postgres: Postgres) -> None:
    urls = [postgres.url()] if postgres.external else [postgres.url(), postgres.socket_url()]
    for url in urls:
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT current_setting('fsync')").fetchone() == ("on",)


@pytest.mark.parametrize("end", [Postgres.stop, Postgres.kill])
def test_postgres_comes_back_with_what_was_committed(  # type: ignore[no-untyped-def]
    pg_url: str, stoppable_postgres: Postgres, end
) -> None:
    postgres = stoppable_postgres
    open_one = psycopg.connect(pg_url)
    with psycopg.connect(pg_url) as connection:
        connection.execute("CREATE TABLE kept (x int)")
        connection.execute("INSERT INTO kept VALUES (1)")
    open_one.execute("INSERT INTO kept VALUES (2)")
    end(postgres)
    with pytest.raises(psycopg.OperationalError):
        open_one.commit()
    open_one.close()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(pg_url)
    postgres.start()
    with psycopg.connect(pg_url) as connection:
        assert connection.execute("SELECT x FROM kept").fetchall() == [(1,)]


def test_a_template_is_prepared_once_and_cloned(postgres: Postgres) -> None:
    prepared: list[str] = []

    def prepare(url: str) -> None:
        prepared.append(url)
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE migrated (x int)")

    clones = [postgres.create_database(postgres.template("rig_template", prepare)) for _ in range(2)]
    for clone in clones:
        with psycopg.connect(postgres.url(clone)) as connection:
            assert connection.execute("SELECT count(*) FROM migrated").fetchone() == (0,)
        postgres.drop_database(clone)
    assert len(prepared) == 1


def test_store_url_is_an_empty_database(store_url: str) -> None:
    engine = create_engine(store_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE mine (x int)"))
    engine.dispose()


def test_prometheus_scrapes_and_evaluates_rules(prometheus: StartPrometheus, promtool: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text("groups: [{name: g, rules: [{record: 'rig:value:double', expr: 'rig_value * 2'}]}]")
    subprocess.run([promtool, "check", "rules", rules], check=True, capture_output=True)
    registry = CollectorRegistry()
    Gauge("rig_value", "A value.", registry=registry).set(21)
    port = free_port()
    server, thread = start_http_server(port, addr="127.0.0.1", registry=registry)
    try:
        running = prometheus(f"127.0.0.1:{port}", rules=[rules])
        assert running.wait_for("up == 1")[0].labels["job"] == "drift"
        assert running.wait_for("rig:value:double")[0].value == 42
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_paused_process_does_nothing_until_resumed(tmp_path: Path) -> None:
    script = "import time\nwhile True: print('tick'); time.sleep(0.01)"
    with python("-c", script, log=tmp_path / "log") as process:
        wait_until(lambda: "tick" in process.output())
        process.pause()
        time.sleep(0.1)
        before = process.output()
        time.sleep(0.1)
        assert process.output() == before
        assert process.alive
        process.resume()
        wait_until(lambda: len(process.output()) > len(before))
    assert process.returncode == -9


def test_a_process_that_ends_early_tells_why(tmp_path: Path) -> None:
    process = python("-c", "raise SystemExit('no such broker')", log=tmp_path / "log")
    with pytest.raises(ProcessError, match="no such broker"):
        process.wait_ready(lambda: False)


def test_a_process_started_by_a_thread_outlives_the_thread(tmp_path: Path) -> None:
    started = []
    thread = threading.Thread(
        target=lambda: started.append(python("-c", "import time; time.sleep(60)", log=tmp_path / "log"))
    )
    thread.start()
    thread.join()
    with started[0] as process:
        time.sleep(0.1)
        assert process.alive


def test_no_process_outlives_a_killed_test_run(tmp_path: Path) -> None:
    script = f"""
import time
from pathlib import Path
from tests.rig.proc import python
print(python("-c", "import time; time.sleep(60)", log=Path({str(tmp_path / "inner.log")!r})).pid)
time.sleep(60)
"""
    with python("-c", script, log=tmp_path / "run.log", env={"PYTHONPATH": str(CHECKOUT)}) as run:
        inner = int(wait_until(run.output))
        run.kill()
    wait_until(lambda: not runs(inner), timeout=5)


@pytest.mark.parametrize(
    ("options", "chosen"), [([], "test_light"), (["-m", "not kafka"], "test_light"), (["-m", "torture"], "test_hard")]
)
def test_torture_runs_only_when_asked_for(pytester: pytest.Pytester, options: list[str], chosen: str) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.torture\ndef test_hard(): pass\n\ndef test_light(): pass\n")
    pytester.makepyprojecttoml("[tool.pytest]\nmarkers = ['torture', 'kafka']")
    result = pytester.runpytest_inprocess("-v", "-p", "tests.conftest", *options)
    result.assert_outcomes(passed=1, deselected=1)
    result.stdout.fnmatch_lines([f"*::{chosen} PASSED*"])
