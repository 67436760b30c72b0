"""The running service, as its REST API sees it."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from drift.api.naming import Naming
from drift.api.posting import Posted
from drift.api.replaying import Replay
from drift.api.services import ARROW, CSV, JSON, NDJSON, Services
from drift.config import SourceSettings
from drift.core.alert import Run
from drift.core.catalogue import Reference
from drift.service.models import add_reference, configured
from drift.service.service import Service, release
from ingest.sources.http import HttpSource

_FORMATS: Final = {JSON: "json", NDJSON: "json", ARROW: "arrow", CSV: "csv"}
_SUFFIXES: Final = {"json": "", "arrow": ":arrow", "csv": ":csv"}
"""A queue has one decoder, so each format has a queue and with it a partition of its own."""
_DEFAULT: Final = SourceSettings.model_validate({"http": {}})


def compose(service: Service) -> Services:
    """The API's services over an opened service that was not started yet: its HTTP queues become sources of it."""
    # the same after a restart, so that the partition goes on instead of another beginning
    instance = f"{socket.gethostname()}:{service.config.server.port}"
    by_format = {form: _queue(service, instance + suffix, form) for form, suffix in _SUFFIXES.items()}
    queues = {media_type: by_format[form] for media_type, form in _FORMATS.items()}

    def register(path: Path, model: str, version: str, active_from: int | None = None) -> Reference:
        known = service.store.catalogue().models[model]
        return add_reference(
            service.store, known, configured(service.config, known), path, service.clock, version=version,
            active_from=active_from,
        )  # fmt: skip

    return Services(
        service.store, service.config, service.registry, service.clock, Posted(queues, service.store, service.clock),
        register, Replay(service, by_format, instance), service.ready, release(), service.holding,
        Naming(service, _settings(service)), *_asking(service),
    )  # fmt: skip


def _asking(service: Service) -> tuple[Callable[..., Run], Callable[[], object]]:
    """How people ask for a retraining, and how what waits is looked at at once."""
    if service.retraining is None:
        raise AssertionError("an ingest worker answers nobody")
    return service.retraining.ask, service.wake


def _queue(service: Service, instance: str, form: str) -> HttpSource:
    queue = HttpSource(instance, service.config.http.queue)
    service.add_worker(f"http-{form}", queue, _settings(service).model_copy(update={"format": form}))
    return queue


def _settings(service: Service) -> SourceSettings:
    return next((source for source in service.config.sources if source.http is not None), _DEFAULT)
