"""JSON that every parser reads: NaN and the infinities leave as null, times as RFC 3339."""

from typing import Annotated, Any

import msgspec
from pydantic import PlainSerializer, WithJsonSchema
from starlette.responses import JSONResponse

from drift.core.clock import isoformat


class StrictJson(JSONResponse):
    """A JSON response."""

    def render(self, content: Any) -> bytes:
        """Encode; msgspec writes null for what JSON has no number for."""
        return msgspec.json.encode(content)


Time = Annotated[
    int, PlainSerializer(isoformat, return_type=str), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""Microseconds since the epoch inside, RFC 3339 in UTC outside."""

Number = Annotated[float | None, WithJsonSchema({"type": ["number", "null"]})]
"""A number, or null where there is none."""
