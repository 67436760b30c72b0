"""From `sources:` in drift.yaml to sources and decoders."""

from collections.abc import Mapping, Sequence

from drift.config import KafkaSettings, SourceSettings
from drift.core.clock import Clock
from drift.core.errors import ConfigError
from drift.core.schema import Schema
from drift.pipeline.ports import Decoder, DecoderFactory, Source


def decoders_for(settings: SourceSettings) -> DecoderFactory:
    """How the decoder of a source is made whenever the catalogue changes."""
    from ingest import formats
    from ingest.decoding.fields import union

    def make(models: Mapping[str, Sequence[Schema]]) -> Decoder:
        return formats.decoder(
            settings.format, settings.format_options, {name: union(schemas) for name, schemas in models.items()}
        )

    return make


def source_for(settings: SourceSettings, store: str, clock: Clock) -> Source:
    """The source behind one entry of `sources:` that is read by a client of its own (Kafka, a file).

    Raises:
        ConfigError: an option that the client does not have, or a client that is not installed.
    """
    if settings.kafka is not None:
        return _kafka(settings.name, settings.kafka, store, clock)
    if settings.file is not None:
        from ingest.sources.files import FileSource

        return FileSource(settings.name, settings.file.path, clock, follow=settings.file.follow)
    raise ConfigError(f"source {settings.name!r} cannot be opened here")


def _kafka(name: str, settings: KafkaSettings, store: str, clock: Clock) -> Source:
    from ingest.sources.kafka import Client, KafkaSource

    where = (name, settings.bootstrap, settings.topics, settings.group, settings.plain_options())
    client: Client
    if settings.client == "confluent":
        try:
            from ingest.sources import confluent
        except ImportError as error:
            raise ConfigError("client: confluent needs another package; install driftsum[confluent]") from error
        client = confluent.Client(*where)
    else:
        from ingest.sources import kafka_python

        client = kafka_python.Client(*where, clock)
    return KafkaSource(name, client, settings.start, store, clock)
