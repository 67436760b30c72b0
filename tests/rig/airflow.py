"""A real Airflow 3 for tests, in an environment of its own: API server, scheduler and DAG processor on loopback.

`make test-pipelines` installs it into .cache/airflow out of tests/pipelines/airflow.lock.
"""

import json
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx2

from tests.rig import ServiceUnavailableError
from tests.rig.proc import CHECKOUT, Process, free_port, wait_until

PROGRAM = CHECKOUT / ".cache" / "airflow" / "bin" / "airflow"
DAGS = CHECKOUT / "tests" / "pipelines" / "dags"
PASSWORD = "s3cret"


class Airflow:
    """A server with the DAGs of tests/pipelines/dags. As a context manager it starts, and on leaving ends it."""

    def __init__(self) -> None:
        self._port = free_port()
        self.url = f"http://localhost:{self._port}"
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if not PROGRAM.exists():
            raise ServiceUnavailableError("no Airflow in .cache/airflow: make test-pipelines installs it")
        self._home = Path(tempfile.mkdtemp(prefix="drift-airflow-"))
        self._stack.callback(shutil.rmtree, self._home, ignore_errors=True)
        try:
            (self._home / "passwords.json").write_text(json.dumps({"drift": PASSWORD}))
            self._run("db", "migrate")
            for name, *more in (("api-server",), ("scheduler", "--skip-serve-logs"), ("dag-processor",)):
                process = Process([PROGRAM, name, *more], log=self._home / f"{name}.log", env=self._env, cwd=self._home)
                self._stack.callback(process.kill)
                self._stack.callback(process.terminate, timeout=20.0)
            wait_until(self._ready, 180, interval=0.5, what="both DAGs at the API server")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def ask(self, method: str, path: str, body: Any = None, *, anonymous: bool = False) -> httpx2.Response:
        """A request as the user `drift`."""
        headers = {} if anonymous else {"authorization": f"Bearer {self._token()}"}
        return httpx2.request(method, self.url + path, json=body, headers=headers, timeout=30, trust_env=False)

    def runs(self, dag: str) -> list[dict[str, Any]]:
        """Its DAG runs."""
        found: list[dict[str, Any]] = self.ask("GET", f"/api/v2/dags/{dag}/dagRuns").json()["dag_runs"]
        return found

    def _token(self) -> str:
        given = {"username": "drift", "password": PASSWORD}
        answer = httpx2.post(f"{self.url}/auth/token", json=given, timeout=30, trust_env=False)
        return str(answer.json()["access_token"])

    def _ready(self) -> bool:
        try:
            return all(self.ask("GET", f"/api/v2/dags/{dag}").status_code == 200 for dag in ("retrain", "sleeping"))
        except (httpx2.TransportError, ValueError, KeyError):
            return False

    def _run(self, *args: str) -> None:
        program = [str(PROGRAM), *args]
        done = subprocess.run(program, env=self._env, cwd=self._home, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServiceUnavailableError(f"airflow {' '.join(args)} failed: {done.stdout[-500:]} {done.stderr[-500:]}")

    @property
    def _env(self) -> dict[str, str]:
        settings = {
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__DAGS_FOLDER": str(DAGS),
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": "2",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": "drift:op",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self._home / "passwords.json"),
            "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{self._port}/execution/",
            "API__HOST": "127.0.0.1",
            "API__PORT": str(self._port),
            "API__BASE_URL": self.url,
            "API__WORKERS": "1",
            "API__SECRET_KEY": "of-this-test-only-of-this-test-only",
            "API_AUTH__JWT_SECRET": "of-this-test-only-" * 4,
            "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        # its PATH first: the scheduler starts `airflow` and `python` by name
        path = f"{PROGRAM.parent}:/usr/local/bin:/usr/bin:/bin"
        return {"AIRFLOW_HOME": str(self._home), "PATH": path, "PYTHONPATH": ""} | {
            f"AIRFLOW__{name}": value for name, value in settings.items()
        }
