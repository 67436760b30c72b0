"""The demo's flights served by the real service in a process of its own, with a pipeline that retrains on approval.

python -m tests.rig.flying DIRECTORY: serve what `drift demo --once --directory DIRECTORY` left there.
"""

import sys
from pathlib import Path

from drift.api.server import serve
from drift.config import load
from drift.core.clock import MINUTE, SystemClock
from drift.demo.run import AsLive
from drift.service.service import Service

MORE = """
triggers:
  - webhook: {url: "http://127.0.0.1:9/", secret: "env:SIGN"}
    name: airflow
    approval: ask
egress: {allow: [127.0.0.1]}
"""
"""What the demo's drift.yaml gets in addition; nobody listens there."""


class Later(AsLive):
    """The demo's clock, some minutes after it was played: what it wrote down lies behind."""

    def now(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        return super().now() + 5 * MINUTE


def main(directory: Path) -> None:
    """Serve until SIGTERM; says its address on standard output."""
    service = Service.open(load(directory / "drift.yaml"), Later(SystemClock()))
    try:
        serve(service, lambda url: print(url, flush=True))  # noqa: T201
    finally:
        service.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
