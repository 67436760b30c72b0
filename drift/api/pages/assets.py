"""Scripts, styles and pictures of the pages: open to everybody, kept for ever under their content's hash."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response

from dashboards.web.assets import assets
from drift.api.access import OPEN
from drift.core.errors import NotFound

router = APIRouter(include_in_schema=False)

FOREVER: Final = "public, max-age=31536000, immutable"


@router.get("/static/{name:path}", dependencies=[OPEN])
def static(request: Request, name: Annotated[str, Path(max_length=200)], v: str = "") -> Response:
    """One file; gzip for whoever takes it."""
    found = assets().get(name)
    if found is None:
        raise NotFound(f"there is no file {name!r}")
    headers = {
        "Cache-Control": FOREVER if v == found.digest else "no-cache",
        "ETag": f'"{found.digest}"',
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, media_type=found.media_type, headers=headers | {"Content-Encoding": "gzip"})
    return Response(found.body, media_type=found.media_type, headers=headers)
