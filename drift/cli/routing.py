"""`drift routes test`."""

from pathlib import Path

from drift.cli import output
from drift.config import load
from drift.core.errors import NotFound


def test(name: str, config: Path, *, as_json: bool) -> int:
    """Send a test alert through each route; 1 if one did not take it."""
    from alerts.routes.contract import Fate
    from drift.service.delivering import send_test

    settings = load(config)
    if not settings.routes:
        raise NotFound(f"{config} has no routes; put one under `routes:`")
    failed, found = False, []
    for route, outcome in send_test(settings, name or None):
        sent = outcome.fate is Fate.SENT
        failed |= not sent
        found.append({"route": route, "sent": sent, "detail": outcome.detail})
        if not as_json:
            said = f": {outcome.detail}" if outcome.detail else ""
            output.line(output.printable(f"{route}: {'sent' if sent else 'NOT sent'}{said}"))
    if as_json:
        output.json(found)
    return int(failed)
