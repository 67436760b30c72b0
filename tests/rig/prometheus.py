"""A real Prometheus server for tests: scrapes one target every second, evaluates rule files, answers queries."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx2

from tests.rig import ServiceUnavailableError
from tests.rig.proc import Process, free_port, wait_until


@dataclass(frozen=True)
class Sample:
    """One series of an instant query's answer."""

    labels: dict[str, str]  # with the metric's name as __name__, where the expression keeps it
    value: float


class Prometheus:
    """A server that scrapes `target` (`host:port`) at `path`, once a second, and evaluates `rules` as often.

    As a context manager it starts the server, and on leaving kills it and removes its data. The first scrape comes
    about 5 s after the start, a fixed beat of its service discovery.
    """

    def __init__(self, target: str, *, path: str = "/metrics", rules: Sequence[Path] = ()) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "scrape_configs": [
                {"job_name": "drift", "metrics_path": path, "static_configs": [{"targets": [target]}]},
            ],
            "rule_files": [str(rule.resolve()) for rule in rules],
        }

    def __enter__(self) -> Self:
        program = _program("prometheus")
        self._home = Path(tempfile.mkdtemp(prefix="drift-prometheus-"))
        try:
            config = self._home / "prometheus.yml"
            config.write_text(json.dumps(self._config))  # JSON is YAML
            self.process = Process(
                [
                    program,
                    f"--config.file={config}",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                    f"--storage.tsdb.path={self._home / 'data'}",
                ],
                log=self._home / "prometheus.log",
                cwd=self._home,
            )
            self.process.wait_ready(self.ready)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        if hasattr(self, "process"):
            self.process.kill()
        shutil.rmtree(self._home, ignore_errors=True)

    def ready(self) -> bool:
        """Whether it answers queries."""
        try:
            return httpx2.get(f"{self.url}/-/ready", timeout=2, trust_env=False).status_code == 200
        except httpx2.TransportError:
            return False

    def get(self, path: str, **params: str) -> Any:
        """The `data` of an answer of the HTTP API, for example `get("rules")` for /api/v1/rules."""
        answer = httpx2.get(f"{self.url}/api/v1/{path}", params=params, timeout=10, trust_env=False)
        answer.raise_for_status()
        return answer.json()["data"]

    def query(self, expression: str) -> list[Sample]:
        """Evaluate an expression now; one sample per series."""
        data = self.get("query", query=expression)
        if data["resultType"] != "vector":
            raise ValueError(f"{expression!r} gives a {data['resultType']}, not an instant vector")
        return [Sample(one["metric"], float(one["value"][1])) for one in data["result"]]

    def wait_for(self, expression: str, timeout: float = 15.0) -> list[Sample]:
        """The samples of an expression as soon as it gives any; raises `TimeoutError`."""
        return wait_until(lambda: self.query(expression), timeout, interval=0.2, what=expression)


def promtool() -> str:
    """The path of promtool, which checks and unit-tests rule files."""
    return _program("promtool")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ServiceUnavailableError(f"no {name} on this machine: apt-get install prometheus")
    return found
