"""Threads that run workers; a worker that fails unexpectedly ends the service, for a restart loses nothing."""

from collections.abc import Callable
from threading import Event, Thread

import structlog

from drift.core.errors import DriftError
from drift.pipeline import Worker

log = structlog.get_logger(__name__)


class WorkerThread:
    """One worker on a thread of its own."""

    def __init__(self, name: str, worker: Worker, stop: Event, failed: Callable[[str], None]) -> None:
        self.name, self.worker = name, worker
        self._stop, self._failed = stop, failed
        self._thread = Thread(target=self._run, name=f"worker-{name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end; whether it came."""
        if self._thread.ident is None:
            return True  # never started: what went wrong before must not be hidden by an error about that
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """Whether it is running."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self.worker.run(self._stop)
        except DriftError as error:
            log.error("worker stopped", source=self.name, error=str(error))
            self._failed(f"source {self.name}: {error}")
        except Exception as error:
            log.exception("worker failed; this is a bug, please report it", source=self.name)
            self._failed(f"source {self.name} failed unexpectedly: {error!r}")
