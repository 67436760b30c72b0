"""`sources:` where events come from."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from drift.config.scalars import BesidePath, MisfitError, Settings, Size, Start, Word
from drift.core.errors import ConfigError

KINDS: Final = ("kafka", "http", "file")
_SECRET_WORDS: Final = ("password", "secret", "token", "credential", "jaas", "key.pem", "private")

Option = str | bool | int | float | SecretStr
"""A client option; secret ones never show their value."""


def _hide(options: dict[str, Option]) -> dict[str, Option]:
    return {
        name: SecretStr(str(value)) if any(word in name.lower() for word in _SECRET_WORDS) else value
        for name, value in options.items()
    }


class KafkaSettings(Settings):
    """Topics of one Kafka cluster, read in one consumer group."""

    bootstrap: Word
    """Brokers to begin with: `host:port`, several with commas."""
    topics: Annotated[tuple[Word, ...], Field(min_length=1)]
    """Topics with the prediction log."""
    start: Start
    """Where to begin where nothing was ever committed: `latest`, `earliest`, or a time such as 2026-11-23T10:00:00Z."""
    group: Word = "drift.prod.main"
    """Consumer group, `drift.<environment>.<pipeline>`; no other store may share it."""
    client: Literal["kafka-python", "confluent"] = "kafka-python"
    """`confluent` (librdkafka) is faster and needs the extra `driftsum[confluent]`."""
    options: Annotated[dict[str, Option], AfterValidator(_hide)] = Field(default_factory=dict)
    """SASL, TLS and fetch options, handed to the client under its own names."""

    @model_validator(mode="after")
    def _allowed(self) -> Self:
        from ingest.sources import kafka_options

        check = kafka_options.for_confluent if self.client == "confluent" else kafka_options.for_kafka_python
        for name, value in self.plain_options().items():
            try:
                check({name: value})
            except ConfigError as error:
                raise MisfitError({("options", name): str(error)}) from error
        return self

    def plain_options(self) -> dict[str, str | bool | int | float]:
        """The options with their secrets in the clear, for the client alone."""
        return {k: v.get_secret_value() if isinstance(v, SecretStr) else v for k, v in self.options.items()}


class HttpSettings(Settings):
    """`POST /v1/events`. On by default."""

    queue: Size = 64 << 20
    """Bytes that may wait for a commit; beyond it clients get 429 and Retry-After."""


class FileSettings(Settings):
    """A JSON Lines, CSV or Parquet file."""

    path: BesidePath
    """The file; relative to drift.yaml."""
    follow: bool = True
    """Keep reading what is appended (JSON Lines only); `false` reads it once."""


def _format_of(data: dict[str, Any]) -> dict[str, str]:
    """A file's records are written as its suffix says."""
    from ingest.sources.files import FORMATS

    file = data.get("file")
    path = file.get("path") if isinstance(file, dict) else None
    found = FORMATS.get(Path(path).suffix.lower()) if isinstance(path, str) else None
    return {} if found is None else {"format": found}


def _check_file(file: FileSettings, form: str) -> None:
    from ingest.sources.files import format_of

    try:
        format_of(file.path)
    except ConfigError as error:
        raise MisfitError({("file", "path"): str(error)}) from error
    if file.follow and form != "json":
        raise MisfitError({("file",): "only JSON Lines can be followed; write `follow: false` to read it once"})


class SourceSettings(Settings):
    """One stream of events: exactly one of `kafka`, `http`, `file`."""

    kafka: KafkaSettings | None = None
    """Topics of a Kafka cluster."""
    http: HttpSettings | None = None
    """Events posted to this service."""
    file: FileSettings | None = None
    """A file on this machine."""
    name: Word = ""
    """What the source is called in metrics and positions; needed where there are two of one kind."""
    format: Word = "json"
    """How a record is written: `json`, or `arrow` for Arrow IPC batches; a file's suffix says it."""
    map: dict[str, Any] | None = None
    """JSON paths into a prediction log that has another shape than Driftsum's events."""

    @model_validator(mode="before")
    @classmethod
    def _one_kind(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        kinds = [kind for kind in KINDS if kind in data]
        if len(kinds) != 1:
            found = f"this one has {' and '.join(kinds)}" if kinds else "this one has none"
            raise ValueError(f"a source has exactly one of kafka, http and file; {found}")
        # `http:` alone means its defaults
        filled: dict[str, Any] = {kinds[0]: {}} if data[kinds[0]] is None else {}
        return {"name": kinds[0], **_format_of(data), **data, **filled}

    @model_validator(mode="after")
    def _readable(self) -> Self:
        from ingest import formats

        if self.file is not None:
            _check_file(self.file, self.format)
        try:
            formats.decoder(self.format, self.format_options, {})
        except ConfigError as error:
            at = "format" if self.format not in formats.names() or self.map is None else "map"
            raise MisfitError({(at,): str(error)}) from error
        return self

    @property
    def format_options(self) -> dict[str, Any]:
        """What the format reads beside its name."""
        return {} if self.map is None else {"map": self.map}

    @property
    def kind(self) -> str:
        """`kafka`, `http` or `file`."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)
