"""Models of drift.yaml → catalogue; their references are built where they are not there yet."""

from collections.abc import Callable
from pathlib import Path

import structlog

from drift.config import Config, ModelSettings
from drift.core.catalogue import Model, Reference
from drift.core.clock import Clock
from drift.core.errors import Conflict, InputError, NotFound
from drift.core.window import pane_start
from drift.store import Store

log = structlog.get_logger(__name__)

Progress = Callable[[int, int | None], None]
"""(done, total or None where it is not known), in rows or bytes."""


def register_models(store: Store, config: Config, clock: Clock, progress: Progress | None = None) -> list[Model]:
    """Put every configured model into the catalogue, and build the references that are missing.

    Raises:
        InputError: a reference file cannot be read or cannot become a reference.
    """
    for name in store.catalogue().models.keys() - config.models.keys():
        if store.catalogue().models[name].windows:
            log.info("watched with the settings it was registered with; `drift forget` ends that", model=name)
    models = []
    for name, settings in config.models.items():
        model = put_model(store, name, settings)
        models.append(model)
        versions = {reference.version for reference in store.references(model.id)}
        if settings.reference is not None and settings.version not in versions:
            log.info("building the reference", model=name, version=settings.version, file=str(settings.reference))
            add_reference(store, model, settings, Path(settings.reference), clock, progress=progress)
    return models


def put_model(store: Store, name: str, settings: ModelSettings) -> Model:
    """Add a model, or change it to what is configured."""
    return store.put_model(
        name,
        pane=settings.pane,
        lateness=settings.lateness,
        windows=settings.window_specs,
        zone=settings.timezone,
        settings=settings.model_dump(mode="json", exclude_defaults=True),
    )


def forget_model(store: Store, config: Config, name: str) -> Model:
    """Watch a model no more: no window of it is judged and nothing about it is told. What is stored of it stays.

    Raises:
        NotFound: there is no such model.
        Conflict: drift.yaml has it, and would bring it back.
    """
    model = store.catalogue().models.get(name)
    if model is None:
        raise NotFound(f"there is no model {name!r}")
    if name in config.models:
        raise Conflict(f"model {name!r} is set in drift.yaml; take it out there and restart the service first")
    return store.put_model(
        name, pane=model.pane, lateness=model.lateness, windows=(), zone=model.zone,
        settings={**model.settings, "alerts": []},
    )  # fmt: skip


def add_reference(
    store: Store,
    model: Model,
    settings: ModelSettings,
    source: object,
    clock: Clock,
    *,
    version: str | None = None,
    active_from: int | None = None,
    progress: Progress | None = None,
) -> Reference:
    """Build a reference from a file or DataFrame and register it.

    Args:
        store: where to.
        model: whose.
        settings: column roles, kinds, segments, pane.
        source: a path or a pandas DataFrame.
        clock: tells when a later reference takes over, unless `active_from` does.
        version: the model version it belongs to; the configured one by default.
        active_from: event time in microseconds, moved to the next pane boundary. By default a version's first reference
            judges everything of that version, and a later one what happens from now on.
        progress: called while the file is read.

    Raises:
        ReferenceRefused: the data cannot become a reference.
    """
    from drift.reference import ReferenceOptions, build_reference

    version = version or settings.version
    options = ReferenceOptions.from_settings(settings.model_dump(mode="json"), version=version)
    built = build_reference(source, options, progress=progress)
    known = [reference for reference in store.references(model.id) if reference.version == version]
    if active_from is None:
        active_from = clock.now() if known else 0
    if active_from % model.pane:
        active_from = pane_start(active_from, model.pane) + model.pane
    return store.add_reference(
        model.id, version=version, schema=built.schema, grid=built.grid, profile=built.profile, chunks=built.chunks,
        content_hash=built.content_hash, rows=built.rows, active_from=active_from, summary=built.summary,
        sample=built.sample, outcomes=built.outcomes, outcome_chunks=built.outcome_chunks, learnt=built.learnt,
    )  # fmt: skip


def configured(config: Config, model: Model) -> ModelSettings:
    """A model's settings: those of drift.yaml, else those it was registered with.

    Raises:
        InputError: neither can be read.
    """
    if model.name in config.models:
        return config.models[model.name]
    try:
        return ModelSettings.model_validate(dict(model.settings))
    except ValueError as error:
        raise InputError(f"the stored settings of model {model.name!r} do not fit this release: {error}") from error
