"""Files under `static/`: read once, named by their content, so that a browser may keep them for ever."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import quote

STATIC: Final = Path(__file__).with_name("static")
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    body: bytes
    packed: bytes
    """The same, gzip."""
    media_type: str
    digest: str
    """The first 16 hexadecimal digits of its SHA-256."""


@cache
def assets() -> dict[str, Asset]:
    """Every file by its name below `static/`, as in `vendor/htmx.min.js`. Read at the first call, some megabytes."""
    files = (path for path in sorted(STATIC.rglob("*")) if path.suffix in _TYPES)
    return {path.relative_to(STATIC).as_posix(): _asset(path) for path in files}


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    digest = hashlib.sha256(body).hexdigest()[:16]
    return Asset(body, gzip.compress(body, mtime=0), _TYPES[path.suffix], digest)


def asset_url(name: str) -> str:
    """Path of a file with its content's hash; raises KeyError where there is none of this name."""
    return f"/static/{quote(name)}?v={assets()[name].digest}"
