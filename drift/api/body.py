"""Reading a request's body: as it comes, and never more of it than was allowed, compressed or not."""

import zlib
from collections.abc import AsyncIterator

from fastapi import Request

from drift.api.errors import ApiError, too_large


async def read(request: Request, limit: int) -> bytes:
    """The whole body, decompressed.

    Raises:
        ApiError: 413 it unpacks to more than `limit` bytes; 415 an unknown encoding; 400 it is damaged.
    """
    parts: list[bytes] = []
    size = 0
    async for part in _decoded(request, limit):
        size += len(part)
        if size > limit:
            raise ApiError(413, "too_large", too_large("the body", limit))
        parts.append(part)
    return b"".join(parts)


async def _decoded(request: Request, limit: int) -> AsyncIterator[bytes]:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        async for part in request.stream():
            yield part
    elif encoding == "gzip":
        async for part in _gunzip(request, limit):
            yield part
    else:
        raise ApiError(
            415, "unsupported_media_type", f"content encoding {encoding!r} is not read here; send gzip, or none"
        )


async def _gunzip(request: Request, limit: int) -> AsyncIterator[bytes]:
    unpack = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        async for part in request.stream():
            # one byte more than allowed is enough for the reader to know that it is too large
            yield unpack.decompress(part, limit + 1)
            if unpack.unused_data:
                raise ApiError(400, "bad_request", "something follows the end of the gzip stream; send one stream only")
    except zlib.error as error:
        raise ApiError(400, "bad_request", "the body is no gzip stream, though its encoding says so") from error
    if not unpack.eof:
        raise ApiError(400, "bad_request", "the gzip stream ends too early; send the whole of it")
