"""Reports as answers: files to keep, which may do nothing in the browser that shows them."""

from typing import Any, Final

from fastapi import Response

_STYLED: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""No script, nothing loaded."""
_SCRIPTED: Final = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; worker-src blob:; base-uri 'none'; "
    "form-action 'none'"
)
"""Evidently's page is its scripts: without an origin they can neither ask this service nor tell another host."""
HTML: Final = "text/html; charset=utf-8"
MARKDOWN: Final = "text/markdown; charset=utf-8"


def documented(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of an answer that is a file."""
    content = {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in kinds}
    return {200: {"description": "The report.", "content": content}}


def file(text: str, name: str, media_type: str, *, scripts: bool = False) -> Response:
    """A report under a file's name."""
    headers = {
        "Content-Disposition": f'inline; filename="{name}"',
        "Content-Security-Policy": _SCRIPTED if scripts else _STYLED,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return Response(text, media_type=media_type, headers=headers)
