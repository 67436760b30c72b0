"""A service whose models, columns, categories, segments, fields and dead letters are named to break out of a page."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from drift.config import load
from drift.core.alert import Scope, Silence
from drift.core.clock import HOUR, MINUTE, SystemClock
from drift.service.access import make
from drift.service.replay import replay
from drift.store import open_store

SHOUT: Final = "alert(1);window.pwned=1"
CORPUS: Final = (
    f"<script>{SHOUT}</script>",
    f"</script><script>{SHOUT}</script>",
    f"<img src=x onerror={SHOUT}>",
    f'"><svg onload={SHOUT}>',
    f"' autofocus onfocus={SHOUT} x='",
    f"javascript:{SHOUT}",
    "{{7*7}}{% for x in () %}${7*7}",
    "line\nbreak\r\nand\ttab",
    "\u202eevil\u2028\u2029\ufeff\u0000".replace("\0", ""),
    "</textarea></title></style><!--",
    "=cmd|' /C calc'!A0",
    "&lt;b&gt; &amp; %3Cb%3E \\u003cb\\u003e",
    "../../etc/passwd?#&;=+",
    f"{{a|b:c}}\\{{{SHOUT}}}",
    "x" * 512,
)
"""Names; each has a place in which, unescaped, it would run or break something."""
LONG: Final = "<b>" + "y" * 9_994 + "</b"
"""10,000 characters, as a category."""
MODEL: Final = f"</script><img src=x onerror={SHOUT}>\"'\n{{{{7*7}}}}/..?#&"
OTHER: Final = "z" * 200
SEGMENT: Final = f"<i onmouseover={SHOUT}>"
ROWS: Final = 3_000


def settings(port: int) -> str:
    """drift.yaml."""
    model = {
        "reference": "ref.parquet", "version": "1", "windows": ["1h"], "lateness": "1s", "segments": [SEGMENT],
        "rules": ["default", "psi > 0.1"], "alerts": [{"when": "psi > 0.1", "severity": "page"}],
    }  # fmt: skip
    return json.dumps({
        "server": {"port": port, "require_token": True, "trusted_hosts": ["localhost", "127.0.0.1"]},
        "models": {MODEL: model, OTHER: model | {"segments": []}},
    })  # fmt: skip


def frame(rng: np.random.Generator, rows: int, shift: float) -> pd.DataFrame:
    """Rows with a number under each name, a category with all of them, and a segment of two."""
    numbers = {name: rng.normal(shift if i % 2 else 0.0, 1.0, rows) for i, name in enumerate(CORPUS)}
    kinds = np.array([*CORPUS[:10], LONG], dtype=object)
    return pd.DataFrame(numbers | {
        "kind": kinds[rng.integers(0, len(kinds) if shift == 0 else 3, rows)],
        SEGMENT: np.array(CORPUS[:2], dtype=object)[np.arange(rows) % 2],
    })  # fmt: skip


def events(rng: np.random.Generator, start: datetime, hours: int) -> Iterator[str]:
    """Lines: rows of both models that shift, some with unknown fields, and lines that cannot be counted."""
    for model in (MODEL, OTHER):
        for i, row in enumerate(frame(rng, 300 * hours, 3.0).to_dict("records")):
            extra = {CORPUS[i % 5]: 1, f"new {CORPUS[2]}": "x"} if i % 3 else {}
            time = (start + timedelta(seconds=12 * i)).isoformat()
            yield json.dumps({"model": model, "version": "1", "time": time, "features": row | extra})
    for name in (*CORPUS, LONG):
        yield json.dumps({"model": name, "time": start.isoformat(), "features": {}})
        yield name.replace("\n", " ").replace("\r", " ")


def prepare(folder: Path, port: int) -> str:
    """Make the store of it, with a silence; returns the secret of a token that may operate."""
    rng = np.random.default_rng(5)
    (folder / "drift.yaml").write_text(settings(port))
    frame(rng, ROWS, 0.0).to_parquet(folder / "ref.parquet")
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=4)
    (folder / "events.jsonl").write_text("\n".join(events(rng, start, 3)), "utf-8")
    config, clock = load(folder / "drift.yaml"), SystemClock()
    replay(config, folder / "events.jsonl")
    store, now = open_store(config.store_url, clock), clock.now()
    secret, token = make("ada", (Scope.OPERATE,), (), by="test", now=now, expires_at=now + HOUR)
    store.put_token(token)
    for name in CORPUS[:4]:
        store.put_silence(Silence({"model": MODEL, "column": name}, now, now + 10 * MINUTE, name, name, now))
    store.close()
    return secret
