"""A real Alertmanager for tests: alone, on loopback, its receiver a webhook of the test's."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Self

import httpx2

from tests.rig import ServiceUnavailableError
from tests.rig.proc import Process, free_port, wait_until


class Alertmanager:
    """A server that groups by model and tells `webhook`. As a context manager it is killed on leaving."""

    def __init__(self, webhook: str) -> None:
        self._port = free_port()
        self.url = f"http://localhost:{self._port}"
        self._config = {
            "global": {"resolve_timeout": "2s"},
            "route": {
                "receiver": "test", "group_by": ["model"], "group_wait": "1s", "group_interval": "1s",
                "repeat_interval": "1h",
            },
            "receivers": [{"name": "test", "webhook_configs": [{"url": webhook, "send_resolved": True}]}],
        }  # fmt: skip

    def __enter__(self) -> Self:
        program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
        if program is None:
            raise ServiceUnavailableError("no Alertmanager on this machine: apt-get install prometheus-alertmanager")
        self._home = Path(tempfile.mkdtemp(prefix="drift-alertmanager-"))
        try:
            config = self._home / "alertmanager.yml"
            config.write_text(json.dumps(self._config))  # JSON is YAML
            self.process = Process(
                [
                    program,
                    f"--config.file={config}",
                    f"--storage.path={self._home / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                    "--cluster.listen-address=",
                ],
                log=self._home / "alertmanager.log",
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
        """Whether it answers."""
        try:
            return httpx2.get(f"{self.url}/-/ready", timeout=2, trust_env=False).status_code == 200
        except httpx2.TransportError:
            return False

    def alerts(self) -> list[dict[str, Any]]:
        """What fires, as its API shows it."""
        answer = httpx2.get(f"{self.url}/api/v2/alerts", timeout=10, trust_env=False)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()
        return found

    def wait_for(self, count: int, timeout: float = 15.0) -> list[dict[str, Any]]:
        """The alerts as soon as so many fire."""
        wait_until(lambda: len(self.alerts()) == count, timeout, 0.1, what=f"{count} alerts in Alertmanager")
        return self.alerts()
