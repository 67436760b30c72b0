"""`drift serve`, `worker`, `replay` and `demo`: what runs until it is done or told to stop."""

from pathlib import Path

from drift.config import load


def serve(config: Path) -> None:
    """Everything in one process."""
    from drift.api.server import run_server

    run_server(load(config))


def worker(config: Path, metrics_port: int | None) -> None:
    """Ingest alone."""
    from drift.service.worker import run_worker

    run_worker(load(config), metrics_port=metrics_port)


def demo(directory: Path | None, port: int, *, once: bool, as_json: bool) -> None:
    """The flights."""
    from drift.api.server import serve
    from drift.demo import run_demo

    run_demo(directory, once=once, as_json=as_json, port=port, serve=serve)
