"""Values on their way into columns: texts that every database takes, and whole values as msgpack."""

from typing import Any

import msgspec
import numpy as np
from sqlalchemy import ColumnElement, literal_column


def pack(value: Any) -> bytes:
    """A dataclass as msgpack; numbers of numpy become plain ones."""
    return msgspec.msgpack.encode(value, enc_hook=plain)


def plain(value: Any) -> Any:
    """A number of numpy as one of Python, for msgspec.

    Raises:
        NotImplementedError: it is none.
    """
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"a stored value cannot hold a {type(value).__name__}")


def clean(values: dict[str, Any]) -> dict[str, Any]:
    """The same row with NUL and lone surrogates, which PostgreSQL refuses, as '�': what a receiver or an event said
    must not keep a transaction from being written."""
    return {key: _text(value) if isinstance(value, str) else value for key, value in values.items()}


def _text(text: str) -> str:
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode() if not _sound(text) else str(text)


def _sound(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)


def spelt(*words: str) -> list[ColumnElement[str]]:
    """Words spelt out in the statement instead of bound, so that a planner sees which partial index applies."""
    return [literal_column(f"'{word}'") for word in words]
