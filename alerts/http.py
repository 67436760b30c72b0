"""One HTTP request, and what became of it in words that hold no secret."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

from alerts.egress import TOTAL_SECONDS
from alerts.routes.contract import Egress, Fate, Outcome
from drift.core.clock import SECOND, Clock, from_datetime

_LATER: Final = (408, 425, 429)


def post(
    egress: Egress, clock: Clock, url: str, body: bytes, headers: Mapping[str, str], timeout: float = TOTAL_SECONDS
) -> Outcome:
    """Post a body and say what became of it; raises nothing that a network or a receiver does."""
    import httpx2

    try:
        with egress.client(timeout=timeout) as client:
            answer = client.post(url, content=body, headers=dict(headers))
    except httpx2.TransportError as error:
        return unreached(error)
    except (httpx2.InvalidURL, UnicodeError):
        return Outcome(Fate.REFUSED, "this is no URL that can be called; check it in drift.yaml")
    return judged(answer.status_code, answer.headers, clock)


def unreached(error: Exception) -> Outcome:
    """What a request that got no answer means."""
    import httpx2

    from alerts.client import Refused

    if isinstance(error, Refused):
        return Outcome(Fate.REFUSED, str(error))
    if isinstance(error, httpx2.LocalProtocolError | httpx2.UnsupportedProtocol):
        # its text quotes the header, which may be a secret
        return Outcome(Fate.REFUSED, "this cannot be sent by HTTP: a URL or a header is malformed; check drift.yaml")
    if isinstance(error, httpx2.TimeoutException):
        return Outcome(Fate.AGAIN, str(error) if str(error).startswith("no complete") else "no answer in time")
    if isinstance(error, httpx2.ConnectError):
        return Outcome(Fate.AGAIN, f"cannot connect: {str(error)[:200]}")
    return Outcome(Fate.AGAIN, "the connection broke before the answer was complete")


def judged(status: int, headers: Mapping[str, str], clock: Clock) -> Outcome:
    """What an answer means: 2xx it is there; 408, 425, 429, 5xx later again; everything else never."""
    said = f"{status} {_phrase(status)}".strip()
    if 200 <= status < 300:
        return Outcome(Fate.SENT, said)
    if 300 <= status < 400:
        return Outcome(Fate.REFUSED, f"{said}: redirects are not followed; write the URL that it leads to")
    if status in _LATER or status >= 500:
        return Outcome(Fate.AGAIN, said, retry_after(headers.get("retry-after", ""), clock))
    return Outcome(Fate.REFUSED, said)


def retry_after(text: str, clock: Clock) -> float | None:
    """Seconds to wait, of a `Retry-After` in seconds or as a date; None where it is neither."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return max(0.0, (from_datetime(moment) - clock.now()) / SECOND)


def _phrase(status: int) -> str:
    """The standard's words, not the receiver's, which may say anything."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def json_bytes(value: Any) -> bytes:
    """Strict JSON: a NaN becomes null."""
    import msgspec

    return msgspec.json.encode(value, enc_hook=str)
