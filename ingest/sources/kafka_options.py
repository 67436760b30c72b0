"""Options of Kafka clients that a user may set, in either client's spelling."""

from collections.abc import Mapping
from typing import Final

from drift.core.errors import ConfigError

Value = str | bool | int | float

# kafka-python's name, librdkafka's name; None: that client has nothing like it
_NAMES: Final[tuple[tuple[str | None, str | None], ...]] = (
    ("security_protocol", "security.protocol"),
    ("sasl_mechanism", "sasl.mechanism"),
    ("sasl_mechanism", "sasl.mechanisms"),
    ("sasl_plain_username", "sasl.username"),
    ("sasl_plain_password", "sasl.password"),
    ("sasl_kerberos_service_name", "sasl.kerberos.service.name"),
    ("ssl_cafile", "ssl.ca.location"),
    ("ssl_certfile", "ssl.certificate.location"),
    ("ssl_keyfile", "ssl.key.location"),
    ("ssl_password", "ssl.key.password"),
    ("ssl_crlfile", "ssl.crl.location"),
    ("ssl_ciphers", "ssl.cipher.suites"),
    ("ssl_check_hostname", "ssl.endpoint.identification.algorithm"),
    ("client_id", "client.id"),
    ("client_rack", "client.rack"),
    ("group_instance_id", "group.instance.id"),
    ("fetch_min_bytes", "fetch.min.bytes"),
    ("fetch_max_wait_ms", "fetch.wait.max.ms"),
    ("fetch_max_bytes", "fetch.max.bytes"),
    ("max_partition_fetch_bytes", "max.partition.fetch.bytes"),
    ("session_timeout_ms", "session.timeout.ms"),
    ("heartbeat_interval_ms", "heartbeat.interval.ms"),
    ("max_poll_interval_ms", "max.poll.interval.ms"),
    ("request_timeout_ms", "socket.timeout.ms"),
    ("reconnect_backoff_ms", "reconnect.backoff.ms"),
    ("reconnect_backoff_max_ms", "reconnect.backoff.max.ms"),
    ("connections_max_idle_ms", "connections.max.idle.ms"),
    ("metadata_max_age_ms", "metadata.max.age.ms"),
    ("receive_buffer_bytes", "socket.receive.buffer.bytes"),
    ("receive_message_max_bytes", "receive.message.max.bytes"),
    ("bootstrap_timeout_ms", None),
    (None, "queued.max.messages.kbytes"),
    (None, "queued.min.messages"),
)

# So much is held at once: what is fetched ahead, before decompression.
KAFKA_PYTHON_DEFAULTS: Final[dict[str, Value]] = {
    "fetch_max_bytes": 16 << 20,
    "max_partition_fetch_bytes": 1 << 20,
    "bootstrap_timeout_ms": 10_000,
    "reconnect_backoff_max_ms": 5_000,
}
CONFLUENT_DEFAULTS: Final[dict[str, Value]] = {
    "fetch.max.bytes": 16 << 20,
    "max.partition.fetch.bytes": 1 << 20,
    "queued.max.messages.kbytes": 32 << 10,
    "queued.min.messages": 50_000,
    "fetch.queue.backoff.ms": 10,
    "reconnect.backoff.max.ms": 5_000,
}


def for_kafka_python(options: Mapping[str, Value]) -> dict[str, Value]:
    """Options under kafka-python's names, with defaults that bound memory.

    Raises:
        ConfigError: an option that is not allowed, or that the client does not have.
    """
    chosen: dict[str, Value] = dict(KAFKA_PYTHON_DEFAULTS)
    for name, value in options.items():
        ours, _ = _known(name)
        if ours is None:
            raise ConfigError(f"kafka option {name!r} exists for `client: confluent` only; leave it out")
        if ours == "ssl_check_hostname" and isinstance(value, str):
            value = value.lower() not in ("none", "false", "")
        chosen[ours] = value
    return chosen


def for_confluent(options: Mapping[str, Value]) -> dict[str, Value]:
    """Options under librdkafka's names, with defaults that bound memory.

    Raises:
        ConfigError: an option that is not allowed, or that the client does not have.
    """
    chosen: dict[str, Value] = dict(CONFLUENT_DEFAULTS)
    for name, value in options.items():
        _, theirs = _known(name)
        if theirs is None:
            raise ConfigError(f"kafka option {name!r} exists for `client: kafka-python` only; leave it out")
        if theirs == "ssl.endpoint.identification.algorithm" and isinstance(value, bool):
            value = "https" if value else "none"
        chosen[theirs] = value
    # librdkafka refuses to start otherwise
    fetch = int(chosen["fetch.max.bytes"])
    chosen["receive.message.max.bytes"] = max(int(chosen.get("receive.message.max.bytes", 100_000_000)), fetch + 512)
    return chosen


def _known(name: str) -> tuple[str | None, str | None]:
    for pair in _NAMES:
        if name in pair:
            return pair
    allowed = ", ".join(python or theirs or "" for python, theirs in dict(_NAMES).items())
    raise ConfigError(
        f"kafka option {name!r} is not allowed: it is misspelt, or Driftsum sets it itself; allowed are {allowed}"
    )
