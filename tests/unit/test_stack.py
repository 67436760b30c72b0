"""docker-compose.yml and its files, without a Docker engine: schemas, and each file by the program that reads it."""

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import check_jsonschema
import jsonschema
import pytest
import yaml

from drift.config import load
from drift.core.errors import ConfigError
from tests.rig.proc import CHECKOUT
from tests.rig.stack import COMPOSE, FILES, moved, put, stack

SERVICES: dict[str, Any] = stack()["services"]
OURS = {name for name, one in SERVICES.items() if one["image"].startswith("driftsum:")}
ONCE = {"secrets", "flights"}


def mounts(service: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(source, target, mode) of its volumes."""
    parts = [(*volume.split(":"), "rw") for volume in service.get("volumes", ())]
    return [(source, target, mode) for source, target, mode, *_ in parts]


def test_it_is_a_compose_file() -> None:
    vendored = Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(vendored.read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(stack())] == []
    wrong = {**stack(), "services": {"x": {"image": "x", "depend_on": ["y"]}}}
    assert list(validator.iter_errors(wrong))  # the schema has teeth


def test_what_the_issue_asks_for_is_there() -> None:
    assert {"kafka", "postgres", "drift", "worker-1", "worker-2", "prometheus", "alertmanager", "grafana", "mailpit",
            "producer"} <= set(SERVICES)  # fmt: skip
    assert SERVICES["kafka"]["environment"]["KAFKA_PROCESS_ROLES"] == "broker,controller"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_image_is_pinned_to_a_release(name: str) -> None:
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?", SERVICES[name]["image"]), SERVICES[name]["image"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_container_is_locked_down(name: str) -> None:
    one = SERVICES[name]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "memory", "pids"} == set(one["deploy"]["resources"]["limits"])
    assert "privileged" not in one
    assert "network_mode" not in one


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_ports_are_published_on_loopback_only(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert port.startswith("127.0.0.1:"), port


def test_everything_is_started_in_order_and_watched() -> None:
    for name, one in SERVICES.items():
        check = one.get("healthcheck", {})
        assert check.get("test") or check.get("disable") or name in OURS, name  # ours have the image's
        for needed, how in one.get("depends_on", {}).items():
            assert needed in SERVICES
            wanted = "service_completed_successfully" if needed in ONCE else "service_healthy"
            assert how["condition"] == wanted, (name, needed)
            if wanted == "service_healthy":
                assert not SERVICES[needed].get("healthcheck", {}).get("disable"), (name, needed)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_mounted_file_exists_and_every_volume_is_declared(name: str) -> None:
    for source, _, mode in mounts(SERVICES[name]):
        if source.startswith("."):
            assert (CHECKOUT / source).exists(), source
            assert mode == "ro", source
        else:
            assert source in stack()["volumes"], source


def test_no_variable_is_asked_of_the_user_and_no_secret_stands_in_the_file() -> None:
    text = COMPOSE.read_text()
    assert not re.findall(r"(?<!\$)\$\{?\w", text)
    for one in SERVICES.values():
        for name, value in one.get("environment", {}).items():
            secret = re.search("PASSWORD|SECRET|TOKEN", name)
            assert not secret or name.endswith("_FILE"), (name, value)


def test_every_variable_that_drift_yaml_uses_is_set() -> None:
    for name, service in (("drift.yaml", "drift"), ("worker.yaml", "worker-1")):
        text = (FILES / name).read_text()
        used = set(re.findall(r"env:(\w+)|\$\{(\w+)\}", text))
        assert {a or b for a, b in used} <= set(SERVICES[service].get("environment", {})), name


def secrets(tmp_path: Path) -> tuple[Path, Path]:
    """The folders that secrets.sh fills."""
    ours, database = tmp_path / "driftsum", tmp_path / "database"
    for folder in (ours, database):
        folder.mkdir(exist_ok=True)
    environment = {**os.environ, "SECRETS": str(ours), "DATABASE": str(database)}
    subprocess.run(["sh", FILES / "secrets.sh"], env=environment, check=True)
    return ours, database


def test_secrets_are_made_once_and_readable_by_those_who_need_them(tmp_path: Path) -> None:
    ours, database = secrets(tmp_path)
    token, password = (ours / "driftsum" / "token").read_text(), (database / "password").read_text()
    assert re.fullmatch(r"drift_[0-9a-f]{64}", token)
    assert re.fullmatch(r"[0-9a-f]{64}", password)
    assert (ours / "store").read_text() == f"postgresql://drift:{password}@postgres:5432/drift"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (ours / "driftsum" / "token", ours / "store",
                                                                      database / "password")}  # fmt: skip
    assert modes == {"token": 0o600, "store": 0o600, "password": 0o444}
    secrets(tmp_path)
    assert (ours / "driftsum" / "token").read_text() == token
    assert (database / "password").read_text() == password


def test_drift_reads_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, _ = secrets(tmp_path)
    monkeypatch.setenv("DRIFT_MAIL", SERVICES["drift"]["environment"]["DRIFT_MAIL"])
    reference = tmp_path / "reference.parquet"
    reference.touch()
    places = {"/run/driftsum": str(ours)}
    server = load(put(FILES / "drift.yaml", tmp_path / "drift.yaml",
                      {**places, "/var/lib/driftsum/reference.parquet": str(reference)}))  # fmt: skip
    worker = load(put(FILES / "worker.yaml", tmp_path / "worker.yaml", places))
    assert server.store_url == worker.store_url
    assert [source.kind for source in server.sources] == []  # Kafka is the workers'
    assert [source.kind for source in worker.sources] == ["kafka"]
    assert worker.server.metrics_open
    assert server.server.metrics_open
    (tmp_path / "wrong.yaml").write_text(moved((tmp_path / "worker.yaml").read_text(), {"topics:": "topic:"}))
    with pytest.raises(ConfigError):
        load(tmp_path / "wrong.yaml")


def test_prometheus_reads_its_files(tmp_path: Path, promtool: str) -> None:
    places = {"/etc/prometheus/rules": str(CHECKOUT / "dashboards" / "prometheus")}
    config = put(FILES / "prometheus.yml", tmp_path / "prometheus.yml", places)
    done = subprocess.run([promtool, "check", "config", config], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rule files found" in done.stdout


def test_what_prometheus_scrapes_are_services_of_the_stack() -> None:
    config = yaml.safe_load((FILES / "prometheus.yml").read_text())
    targets = [t for job in config["scrape_configs"] for one in job["static_configs"] for t in one["targets"]]
    assert sorted(targets) == ["drift:8642", "worker-1:8643", "worker-2:8643"]
    assert {target.partition(":")[0] for target in targets} <= set(SERVICES)
    assert "8643" in SERVICES["worker-1"]["command"]


def test_alertmanager_reads_its_file() -> None:
    amtool = shutil.which("amtool")
    if amtool is None:
        pytest.skip("no amtool on this machine: apt-get install prometheus-alertmanager")
    done = subprocess.run([amtool, "check-config", FILES / "alertmanager.yml"], capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_grafana_is_provisioned() -> None:
    source = yaml.safe_load((FILES / "grafana/datasources/prometheus.yml").read_text())
    provider = yaml.safe_load((FILES / "grafana/dashboards/driftsum.yml").read_text())
    assert source["apiVersion"] == provider["apiVersion"] == 1
    (prometheus,) = source["datasources"]
    assert (prometheus["type"], prometheus["url"]) == ("prometheus", "http://prometheus:9090")
    (driftsum,) = provider["providers"]
    mounted = {target: origin for origin, target, _ in mounts(SERVICES["grafana"])}
    assert mounted[driftsum["options"]["path"]] == "./dashboards/grafana"
    assert mounted["/etc/grafana/provisioning"] == "./dashboards/compose/grafana"
    boards = [json.loads(path.read_text()) for path in (CHECKOUT / "dashboards/grafana").glob("*.json")]
    assert len({board["uid"] for board in boards}) == len(boards)


def test_the_image_is_built_from_files_that_are_let_in() -> None:
    let_in = {line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    lines = re.sub(r"\\\n", " ", (CHECKOUT / "Dockerfile").read_text()).splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY") and "--from" not in line]
    sources = {name for names in copied for name in names}
    assert sources == let_in
    assert all((CHECKOUT / name).exists() for name in sources)
    wheel = (CHECKOUT / "pyproject.toml").read_text()
    assert all(f'"{name}"' in wheel for name in sources if (CHECKOUT / name).is_dir())


def test_the_image_runs_as_nobody_in_particular_with_hashed_packages() -> None:
    lines = re.sub(r"\\\n", " ", (CHECKOUT / "Dockerfile").read_text()).splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER")]
    assert users == ["10001:10001"]
    installs = [line for line in lines if "pip install" in line]
    for install in installs:
        for part in re.split(r"&&", install):
            if "pip install" in part:
                assert "--require-hashes" in part or "--no-deps /tmp/wheel" in part, part
    assert any(line.startswith("HEALTHCHECK") for line in lines)
    assert re.search(r"^ARG PYTHON=\d+\.\d+\.\d+-slim-\w+$", "\n".join(lines), re.MULTILINE)
