"""The Kubernetes manifests, without a cluster: against Kubernetes' own schemas, and against each other."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from drift.config import load
from tests.rig.proc import CHECKOUT

FOLDER = CHECKOUT / "dashboards" / "kubernetes"
OLDEST, NEWEST = "1.29", "1.37"


def built(name: str) -> list[dict[str, Any]]:
    """What `kubectl apply -k` would send."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        # Debian's is too old to know `labels:`, so it cannot be required; the files themselves are checked anyway
        pytest.skip("no kubectl on this machine")
    done = subprocess.run([kubectl, "kustomize", FOLDER / name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def written() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in the files."""
    for path in sorted(FOLDER.glob("*/*.yaml")):
        if path.name not in ("kustomization.yaml", "drift.yaml"):
            for one in yaml.safe_load_all(path.read_text()):
                yield f"{path.parent.name}-{one['kind']}-{one['metadata']['name']}", one


WRITTEN = dict(written())
PODS = {name: one["spec"]["template"]["spec"] for name, one in WRITTEN.items() if one["kind"] == "Deployment"}
CONTAINERS = {
    f"{name}-{container['name']}": container
    for name, pod in PODS.items()
    for container in (*pod.get("initContainers", ()), *pod["containers"])
}


@pytest.mark.parametrize("name", [name for name, one in WRITTEN.items() if one["kind"] != "ServiceMonitor"])
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_objects_are_what_kubernetes_understands(name: str, version: str) -> None:
    assert kubernetes_validate.validate(WRITTEN[name], version, strict=True)


def test_a_wrong_field_would_be_noticed() -> None:
    wrong = {**WRITTEN["base-Deployment-driftsum"], "spek": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, NEWEST, strict=True)


@pytest.mark.parametrize("name", PODS)
def test_pods_keep_to_the_restricted_standard(name: str) -> None:
    pod = PODS[name]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    allowed = {"configMap", "secret", "emptyDir", "persistentVolumeClaim"}
    assert all(set(volume) - {"name"} <= allowed for volume in pod["volumes"])


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_are_locked_down_and_limited(name: str) -> None:
    container = CONTAINERS[name]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert "memory" in container["resources"]["limits"]
    assert {"cpu", "memory"} == set(container["resources"]["requests"])


@pytest.mark.parametrize("name", [name for name, one in CONTAINERS.items() if one["image"] == "driftsum"])
def test_probes_ask_for_ports_that_are_there(name: str) -> None:
    container = CONTAINERS[name]
    ports = {port["name"] for port in container["ports"]}
    probes = [container[f"{kind}Probe"] for kind in ("startup", "liveness", "readiness") if f"{kind}Probe" in container]
    assert len(probes) >= 2
    assert {probe["httpGet"]["port"] for probe in probes} <= ports
    paths = {"/metrics"} if "worker" in container["args"] else {"/healthz", "/readyz"}
    assert {probe["httpGet"]["path"] for probe in probes} <= paths


@pytest.mark.parametrize("name", PODS)
def test_every_mount_has_its_volume(name: str) -> None:
    pod = PODS[name]
    volumes = {volume["name"] for volume in pod["volumes"]}
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        assert {mount["name"] for mount in container.get("volumeMounts", ())} <= volumes


@pytest.mark.parametrize("name", ["base/config/server.yaml", "base/config/worker.yaml", "sidecar/drift.yaml"])
def test_drift_reads_its_files(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_IP", "10.1.2.3")
    (tmp_path / "store").write_text("postgresql://drift:x@postgres/drift")
    (tmp_path / "admin-token").write_text("x" * 40)
    text = (FOLDER / name).read_text().replace("/run/driftsum", str(tmp_path))
    (tmp_path / "drift.yaml").write_text(text)
    config = load(tmp_path / "drift.yaml")
    assert config.server.metrics_open  # kubelet and Prometheus have no token
    if "worker" not in name:
        assert "10.1.2.3" in config.server.names


@pytest.mark.parametrize("name", ["base", "sidecar"])
def test_kustomize_builds_what_kubernetes_understands(name: str) -> None:
    objects = built(name)
    for one in objects:
        if one["kind"] != "ServiceMonitor":
            assert kubernetes_validate.validate(one, NEWEST, strict=True)
    maps = {one["metadata"]["name"] for one in objects if one["kind"] == "ConfigMap"}
    for one in objects:
        if one["kind"] == "Deployment":
            asked = [volume["configMap"]["name"] for volume in one["spec"]["template"]["spec"]["volumes"]
                     if "configMap" in volume]  # fmt: skip
            assert set(asked) <= maps
            pod = one["spec"]["template"]["spec"]
            images = {c["image"] for c in (*pod.get("initContainers", ()), *pod["containers"])}
            assert all(re.search(r":v?\d+\.\d+\.\d+$", image) for image in images), images


def test_the_service_monitor_finds_services_and_ports_that_exist() -> None:
    objects = built("base")
    monitor = next(one for one in objects if one["kind"] == "ServiceMonitor")
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    found = [one for one in objects if one["kind"] == "Service" and wanted <= one["metadata"]["labels"].items()]
    assert sorted(one["metadata"]["name"] for one in found) == ["driftsum", "driftsum-worker"]
    (endpoint,) = monitor["spec"]["endpoints"]
    assert all(endpoint["port"] in {port["name"] for port in one["spec"]["ports"]} for one in found)
    assert {one["metadata"]["labels"][monitor["spec"]["jobLabel"]] for one in found} == {"driftsum"}


def test_services_select_pods_that_exist() -> None:
    objects = built("base")
    pods = [one["spec"]["template"] for one in objects if one["kind"] == "Deployment"]
    for one in objects:
        selector = one["spec"].get("selector") if one["kind"] == "Service" else None
        if selector:
            chosen = [pod for pod in pods if selector.items() <= pod["metadata"]["labels"].items()]
            assert len(chosen) == 1
            names = {port["name"] for c in chosen[0]["spec"]["containers"] for port in c["ports"]}
            assert {port["targetPort"] for port in one["spec"]["ports"]} <= names


def test_dashboards_are_config_maps_that_grafanas_sidecar_loads() -> None:
    boards = sorted(path.name for path in (CHECKOUT / "dashboards" / "grafana").glob("*.json"))
    maps = [one for one in built("base") if one["metadata"].get("labels", {}).get("grafana_dashboard") == "1"]
    assert sorted(key for one in maps for key in one["data"]) == boards
    assert boards
    assert all(one["kind"] == "ConfigMap" for one in maps)
