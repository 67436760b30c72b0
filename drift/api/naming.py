"""Which models the events of a request are about: for tokens that are for some models only."""

from collections.abc import Collection
from typing import Final

from drift.api.posting import split
from drift.api.services import ARROW, CSV, JSON, NDJSON
from drift.config import SourceSettings
from drift.service.service import Service
from drift.service.sources import decoders_for

_FORMATS: Final = {JSON: "json", NDJSON: "json", ARROW: "arrow", CSV: "csv"}


class Naming:
    """Decodes a body as the worker will, so that no two ways of reading it can differ."""

    def __init__(self, service: Service, settings: SourceSettings) -> None:
        """`settings`: how the HTTP source is read."""
        self._service = service
        self._decoders = {
            media_type: decoders_for(settings.model_copy(update={"format": form}))
            for media_type, form in _FORMATS.items()
        }

    def __call__(self, body: bytes, media_type: str) -> Collection[str]:
        """The models of the events that can be counted; what is refused is counted for none."""
        catalogue = self._service.store.catalogue()
        schemas = {
            name: [one.schema for one in catalogue.references if one.model_id == model.id]
            for name, model in catalogue.models.items()
        }
        values = split(body, media_type).values
        decoded = self._decoders[media_type]({name: found for name, found in schemas.items() if found})
        return set(decoded.decode(values, [self._service.clock.now()] * len(values)).rows)
