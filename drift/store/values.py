"""Values on their way into columns: texts that every database takes, and whole values as msgpack."""

from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Column, ColumnElement, Text, literal


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


def among(column: Column[str], *words: str) -> ColumnElement[bool]:
    """Whether a column holds one of these words, which are spelt out in the statement instead of bound: a planner sees
    by that which partial index applies. SQLite does so only for `=` where there is one word."""
    spelt = [literal(str(word), Text, literal_execute=True) for word in words]
    return column == spelt[0] if len(spelt) == 1 else column.in_(spelt)
