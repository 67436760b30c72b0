"""Which models the events of a request are about: for tokens that are for some models only."""

from collections.abc import Collection
from threading import Lock
from typing import Final

from drift.api.posting import split
from drift.api.services import ARROW, CSV, JSON, NDJSON
from drift.config import SourceSettings
from drift.core.schema import Schema
from drift.pipeline.ports import Decoder
from drift.service.service import Service
from drift.service.sources import decoders_for

_FORMATS: Final = {JSON: "json", NDJSON: "json", ARROW: "arrow", CSV: "csv"}


class Naming:
    """Decodes a body as the worker will, so that no two ways of reading it can differ."""

    def __init__(self, service: Service, settings: SourceSettings) -> None:
        """`settings`: how the HTTP source is read."""
        self._service = service
        self._makers = {
            media_type: decoders_for(settings.model_copy(update={"format": form}))
            for media_type, form in _FORMATS.items()
        }
        self._lock = Lock()  # a decoder is one thread's at a time
        self._version = -1
        self._decoders: dict[str, Decoder] = {}

    def __call__(self, body: bytes, media_type: str) -> Collection[str]:
        """The models of the events that can be counted; what is refused is counted for none."""
        values = split(body, media_type).values
        with self._lock:
            decoded = self._decoder(media_type).decode(values, [self._service.clock.now()] * len(values))
        return {*decoded.rows, *decoded.labels}

    def _decoder(self, media_type: str) -> Decoder:
        """Built once per catalogue version: that takes milliseconds where models have hundreds of columns."""
        if media_type not in self._decoders or self._service.store.catalogue_version() != self._version:
            catalogue = self._service.store.catalogue()
            names = {model.id: name for name, model in catalogue.models.items()}
            schemas: dict[str, list[Schema]] = {}
            for reference in catalogue.references:
                schemas.setdefault(names[reference.model_id], []).append(reference.schema)
            if catalogue.version != self._version:
                self._decoders.clear()
            self._decoders[media_type] = self._makers[media_type](schemas)
            self._version = catalogue.version
        return self._decoders[media_type]
