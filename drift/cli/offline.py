"""The services behind the REST API while no server runs: the store, and nothing that streams."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

from prometheus_client import CollectorRegistry

from drift.api import Receipt, Replayed, Services
from drift.config import Config
from drift.core.alert import Run
from drift.core.catalogue import Model, Reference
from drift.core.clock import SystemClock
from drift.core.errors import Conflict
from drift.service.models import add_reference, configured, put_model
from drift.store import Store


class _NoEvents:
    """Events need a pipeline."""

    async def submit(self, body: bytes, media_type: str, key: str | None) -> Receipt:
        """Refuse them."""
        raise Conflict("events are counted by a running service; start it with `drift serve`")


def services(config: Config, store: Store) -> Services:
    """Services on a store that this process has open."""
    # whoever can open the store may do everything; the configured names and tokens are about other clients
    here = {"trusted_hosts": ("localhost",), "host": "127.0.0.1", "require_token": False, "admin_token": None}
    server = config.server.model_copy(update=here)

    def register(path: Path, model: str, version: str, active_from: int | None = None) -> Reference:
        return register_file(config, store, path, model, version, active_from)

    def retrain(model: Model, trigger: str, who: str, why: str) -> Run:
        return _ask(config, store, model, trigger, who, why)

    return Services(
        store, config.model_copy(update={"server": server}), CollectorRegistry(), SystemClock(), _NoEvents(), register,
        _no_replay, retrain=retrain,
    )  # fmt: skip


def register_file(
    config: Config, store: Store, path: Path, model: str, version: str, active_from: int | None = None
) -> Reference:
    """Build a reference from a file; a model of drift.yaml is registered on the way.

    Raises:
        NotFound: the model is neither in drift.yaml nor in the store.
    """
    known = store.catalogue().models.get(model)
    if model in config.models:
        known = put_model(store, model, config.models[model])
    if known is None:
        raise Conflict(f"there is no model {model!r}; put it under `models:` in drift.yaml")
    return add_reference(
        store, known, configured(config, known), path, SystemClock(), version=version, active_from=active_from
    )


def _no_replay(_: Sequence[int]) -> Replayed:
    raise Conflict("dead letters are fed to a running service; start it with `drift serve`")


def _ask(config: Config, store: Store, model: Model, trigger: str, who: str, why: str) -> Run:
    """Keep the run; the next server starts it."""
    from drift.metrics import Metrics
    from drift.service.retraining import Retraining

    clock = SystemClock()
    nobody = Metrics(CollectorRegistry(), clock)
    asking = Retraining(config, store, clock, nobody, "command line", Random())  # noqa: S311  nothing is tried here
    try:
        return asking.ask(model, trigger, who, why)
    finally:
        asking.stop()
