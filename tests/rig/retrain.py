"""Triggers for tests: every preset against the stub of its system, and runs to be started."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from alerts.egress import Gate
from alerts.retrain.names import presets
from alerts.retrain.target import Target
from drift.core.alert import Run, RunState
from drift.core.clock import Clock, SystemClock
from tests.rig.pipelines import Airflow, Kubeflow, Stub
from tests.rig.pipelines_more import WHSEC, Argo, Azure, Github, Jenkins, Webhook

SECRETS = {
    "T_PASSWORD": "s3cret", "T_KFP": "kfp-token", "T_JENKINS": "tok", "T_GITHUB": "ghp_token", "T_ARGO": "argo-token",
    "T_ENTRA": "entra-secret", "T_WHSEC": WHSEC,
}  # fmt: skip
NOW = 1_795_000_000_000_000
KEY = "driftsum-0a1b2c3d-4e5f-retrain-7"
CONF: dict[str, Any] = {
    "model": "credit", "version": "3", "owner": "risk", "severity": "page", "incident": 7, "reopened": 0,
    "title": "credit: income is higher", "link": "https://drift.example/incidents/7", "url": "https://drift.example",
    "onset": "2026-11-20T10:00:00Z", "stretch": {"start": "2026-11-20T10:00:00Z", "end": "2026-11-23T11:00:00Z"},
    "window": {"spec": "1h", "start": "2026-11-23T10:00:00Z", "end": "2026-11-23T11:00:00Z"},
    "columns": [
        {"column": "income", "rule": "drift", "statistic": "psi", "value": 0.41, "threshold": 0.2,
         "sentence": "income is higher"},
        {"column": "age", "rule": "drift", "statistic": "psi", "value": 0.3, "threshold": 0.2, "sentence": "age moved"},
    ],
    "data": {"evidence": "https://drift.example/v1/incidents/7", "windows": "https://drift.example/v1/windows?model=credit",
             "kafka": []},
    "trigger": "retrain", "key": KEY, "requested_at": "2026-11-23T11:00:30Z",
}  # fmt: skip


def run(**changes: Any) -> Run:
    """One that is to be started."""
    conf = {**CONF, **changes.pop("conf", {})}
    return replace(Run("retrain", 1, 7, KEY, RunState.REQUESTED, NOW, NOW, conf, id=5), **changes)


@dataclass(frozen=True)
class Wired:
    """A target, its stub, and what the stub's runs go through."""

    preset: str
    target: Target
    stub: Stub

    def turn(self, word: str) -> None:
        """The stub's last run is in this state from now on."""
        self.stub.runs[-1].state = word


def options(preset: str, url: str) -> dict[str, Any]:
    """As drift.yaml would have them."""
    found: dict[str, dict[str, Any]] = {
        "airflow": {"url": url, "dag": "retrain", "username": "drift", "password": "env:T_PASSWORD"},
        "kubeflow": {"url": f"{url}/pipeline/", "pipeline": "p-1", "experiment": "e-1", "token": "env:T_KFP"},
        "jenkins": {"url": f"{url}/jenkins", "job": "ml/retrain", "username": "bot", "token": "env:T_JENKINS"},
        "github": {"repository": "acme/models", "workflow": "retrain.yml", "token": "env:T_GITHUB", "url": url},
        "argo": {"url": url, "namespace": "ml", "token": "env:T_ARGO"},
        "azureml": {
            "url": f"{url}/jobs", "deployment": "blue",
            "entra": {"tenant": "tenant-1", "client_id": "app-1", "client_secret": "env:T_ENTRA", "authority": url},
        },
        "webhook": {"url": f"{url}/retrain", "secret": "env:T_WHSEC"},
    }  # fmt: skip
    return found[preset]


STUBS: dict[str, Any] = {
    "airflow": Airflow, "kubeflow": Kubeflow, "jenkins": Jenkins, "github": Github, "argo": Argo, "azureml": Azure,
    "webhook": Webhook,
}  # fmt: skip


@contextmanager
def wired(
    preset: str, stub: Stub | None = None, clock: Clock | None = None, more: Mapping[str, Any] | None = None
) -> Iterator[Wired]:
    """A preset's target against its stub, with the secrets in the environment."""
    with stub or STUBS[preset]() as server, patch.dict(os.environ, SECRETS):
        kind = presets()[preset]
        trigger = kind.make(kind.options.model_validate({**options(preset, server.url), **(more or {})}))
        target = Target(trigger, Gate(["localhost"]), clock or SystemClock())
        yield Wired(preset, target, server)
        target.close()
