"""One request of a trigger: filled, authorized, sent, and its answer read; what goes wrong ends the attempt."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from alerts.http import judged, retry_after, unreached
from alerts.retrain import template
from alerts.retrain.authorize import Authorizer
from alerts.retrain.trigger import Auth, Request
from alerts.routes.contract import Egress, Fate, Outcome
from drift.core.clock import Clock

TOTAL_SECONDS: Final = 20.0
MOST_BYTES: Final = 1 << 20
"""Read of an answer: lists of runs are large."""


class Stop(Exception):  # noqa: N818  not an error of ours
    """The attempt is over."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    data: Any
    """Its JSON; None: it has none."""


class Asking:
    """Sends the requests of one trigger. Used by one thread."""

    def __init__(self, auth: Auth, egress: Egress, clock: Clock) -> None:
        self._clock = clock
        self._client = egress.client(timeout=TOTAL_SECONDS, most=MOST_BYTES)
        self._authorizer = Authorizer(auth, self._client, clock)

    def close(self) -> None:
        """Give connections back."""
        self._client.close()

    def send(self, key: str, request: Request, filled: Mapping[str, Any]) -> Answer:
        """The answer; once more with new credentials if these are refused and can be renewed.

        Raises:
            Stop: there is no answer.
            ConfigError: a secret is not there.
        """
        answer = self._once(key, request, filled)
        if answer.status == 401 and self._authorizer.refused():
            answer = self._once(key, request, filled)
        return answer

    def judged(self, answer: Answer, what: str) -> Outcome:
        """What an answer means that is not the expected one."""
        outcome = judged(answer.status, answer.headers, self._clock)
        said = f"{what}: {outcome.detail}"
        if outcome.fate is Fate.SENT:
            return Outcome(Fate.REFUSED, f"{said}, which is not what this target answers; check the URL")
        if answer.status == 403 and (wait := retry_after(answer.headers.get("retry-after", ""), self._clock)):
            return Outcome(Fate.AGAIN, said, wait)  # GitHub says 403 where others say 429
        return Outcome(outcome.fate, said, outcome.retry_after)

    def _once(self, key: str, request: Request, filled: Mapping[str, Any]) -> Answer:
        import httpx2

        try:
            body, kind = _body(request, filled)
            headers = {"accept": "application/json", **kind}
            headers |= {name.lower(): template.header(value, filled) for name, value in request.headers.items()}
            headers |= self._authorizer.headers(key, body)
            answer = self._client.request(request.method, _url(request, filled), content=body, headers=headers)
        except httpx2.TransportError as error:
            raise Stop(unreached(error)) from None
        except (httpx2.InvalidURL, UnicodeError):
            wrong = Outcome(Fate.REFUSED, "this is no URL that can be called; check it in drift.yaml")
            raise Stop(wrong) from None
        try:
            data = answer.json() if answer.content else None
        except (ValueError, RecursionError):
            data = None
        return Answer(answer.status_code, answer.headers, data)


def _body(request: Request, filled: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    if request.form is not None:
        fields = {name: template.text(value, filled) for name, value in request.form.items()}
        return urlencode(fields).encode(), {"content-type": "application/x-www-form-urlencoded"}
    if request.body is None:
        return b"", {}
    return msgspec.json.encode(template.fill(request.body, filled)), {"content-type": "application/json"}


def _url(request: Request, filled: Mapping[str, Any]) -> str:
    url = template.url(request.url, filled)
    if not request.query:
        return url
    query = {name: template.spell(template.fill(value, filled)) for name, value in request.query.items()}
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
