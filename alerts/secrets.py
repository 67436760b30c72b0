"""Secrets of drift.yaml: written as a reference, read when used, never shown.

`env:NAME` names an environment variable, `file:/path` a file (read again at each use, so that a mounted secret may be
changed while the service runs), `${NAME}` is filled in when drift.yaml is read. A secret in plain text is refused.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from drift.core.errors import ConfigError
from drift.core.filled import Filled

MASK: Final = "**********"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST: Final = 64 << 10


class Secret:
    """One secret; `get` reads it, everything else shows where it stands."""

    _hint: ClassVar[str] = (
        "a secret does not stand in drift.yaml; write where it is, as in env:NAME or file:/run/secrets/name"
    )

    def __init__(self, text: str) -> None:
        """From `env:NAME`, `file:/path`, or text that was filled in.

        Raises:
            ValueError: a secret in plain text.
        """
        self._variable: str | None = None
        self._path: Path | None = None
        self._text = ""
        self._shown = False
        if isinstance(text, Filled):
            self._path, self._text = text.path, str(text)
        elif text.startswith("env:") and _NAME.fullmatch(text[4:]):
            self._variable = text[4:]
        elif text.startswith("file:"):
            self._path = Path(text[5:])
        else:
            self._text, self._shown = self._literal(text), True

    def _literal(self, text: str) -> str:
        """The text, where it may stand in drift.yaml."""
        raise ValueError(self._hint)

    def get(self, environ: Mapping[str, str] = os.environ) -> str:
        """The secret itself.

        Raises:
            ConfigError: it is not there, empty, or more than one line.
        """
        value = self._read(environ).strip()
        if not value:
            raise ConfigError(f"{self} is empty; put the secret there")
        if not value.isprintable():
            raise ConfigError(
                f"{self} holds more than one line, or characters that cannot be sent; put the secret alone"
            )
        return value

    def _read(self, environ: Mapping[str, str]) -> str:
        if self._variable is not None:
            value = environ.get(self._variable)
            if value is None:
                raise ConfigError(f"the environment variable {self._variable} is not set; it should hold a secret")
            return value
        if self._path is not None:
            try:
                with self._path.open(encoding="utf-8") as file:
                    return file.read(_MOST)
            except (OSError, UnicodeDecodeError) as error:
                why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
                raise ConfigError(f"cannot read {self} ({why}); check the path and its permissions") from None
        return self._text

    def __str__(self) -> str:
        if self._variable is not None:
            return f"env:{self._variable}"
        return MASK if self._path is None else f"file:{self._path}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        return self._variable, self._path, None if self._path else self._text

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validated from text, dumped as what `str` shows."""
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """A text with an example."""
        return {"type": "string", "examples": ["env:NAME", "file:/run/secrets/name"]}

    @classmethod
    def _validate(cls, value: object) -> "Secret":
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            raise ValueError(cls._hint)
        return cls(value)


class Location(Secret):
    """A URL for http or https: in plain text, or a reference where it is a secret itself."""

    _hint = "a URL is written as in https://host/path, without user and password; or as env:NAME, file:/path"

    def _literal(self, text: str) -> str:
        if not _is_url(text):
            raise ValueError(self._hint)
        return text

    def get(self, environ: Mapping[str, str] = os.environ) -> str:
        """The URL.

        Raises:
            ConfigError: it is not there, or no URL.
        """
        url = super().get(environ)
        if not _is_url(url):
            raise ConfigError(f"{self} holds no URL as in https://host/path, without user and password")
        return url

    def __str__(self) -> str:
        if not self._shown:
            return super().__str__()
        parts = urlsplit(self._text)
        return f"{parts.scheme}://{parts.netloc}/…" if parts.path.strip("/") or parts.query else self._text


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    return fine and "@" not in parts.netloc and not parts.fragment and text.isprintable() and " " not in text
