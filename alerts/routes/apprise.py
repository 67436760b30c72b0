"""E-mail and everything else that apprise knows: one of its URLs per route. https://appriseit.com/services/

Its plugins speak by requests, smtplib and sockets, all of which the egress guard sees. requests is told, inside the
guard only, what apprise has no setting for: no proxies, no ~/.netrc, no redirects, little of the answer.
"""

import logging
from collections.abc import Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any, Final

from alerts.egress import Guard, current
from alerts.http import judged
from alerts.message import Message, Status
from alerts.options import Options
from alerts.routes.contract import Egress, Fate, Outcome, Route, RouteKind
from alerts.routes.texts import body, headline
from alerts.secrets import Secret
from drift.core.alert import Urgency
from drift.core.clock import Clock
from drift.core.errors import ConfigError

TOTAL_SECONDS: Final = 40.0
"""Mail takes several turns, and apprise paces itself."""
_MOST_BYTES: Final = 64 << 10
_TYPES: Final = {Urgency.PAGE: "failure", Urgency.WARNING: "warning", Urgency.INFO: "info"}
_TITLE: Final = 200


class AppriseOptions(Options):
    """E-mail, Teams, Telegram and a hundred others, by a URL of apprise."""

    url: Secret
    """A URL of apprise, such as `mailtos://user:password@example.com`, written as `env:NAME` or `file:/path`."""


class Apprise:
    """One URL."""

    def __init__(self, options: AppriseOptions, egress: Egress, clock: Clock) -> None:
        self._options, self._egress, self._clock = options, egress, clock

    def send(self, message: Message) -> Outcome:
        """Hand the message to apprise. Some services cannot tell a repetition, so one may arrive twice."""
        plugin = self._plugin()
        answers: list[Outcome] = []
        with self._egress.guarded(TOTAL_SECONDS) as guard:
            guard.answered = lambda status, headers: answers.append(judged(status, headers, self._clock))
            done = plugin.notify(title=headline(message, _TITLE), body=body(message), notify_type=_type(message))
        # an answer that the deadline cut short looks complete to requests
        return Outcome(Fate.SENT) if done and not guard.expired else _failure(guard, answers)

    def close(self) -> None:
        """Nothing is kept open."""

    def _plugin(self) -> Any:
        _prepare()
        import apprise

        asset = apprise.AppriseAsset(app_id="Driftsum", app_desc="Driftsum", app_url="", http_redirects=False)
        plugin = apprise.Apprise.instantiate(self._options.url.get(), asset=asset)
        if plugin is None:
            raise ConfigError(
                f"{self._options.url} holds no URL that apprise can read; see https://appriseit.com/services/"
            )
        plugin.redirects = False  # whatever its URL says
        return plugin


def _type(message: Message) -> str:
    if message.status is Status.RESOLVED:
        return "success"
    return "info" if message.status is not Status.FIRING else _TYPES[message.urgency]


def _failure(guard: Guard, answers: list[Outcome]) -> Outcome:
    """apprise says yes or no; what its connections met says why."""
    if guard.expired:
        return Outcome(Fate.AGAIN, f"not done within {guard.seconds:g} s")
    if guard.refusal:
        return Outcome(Fate.REFUSED, guard.refusal)
    bad = [one for one in answers if one.fate is not Fate.SENT]
    return bad[-1] if bad else Outcome(Fate.AGAIN, "apprise could not deliver it: no connection, or it was declined")


@cache
def _prepare() -> None:
    """Once: no log lines of apprise, which quote URLs and answers, and guarded sessions for requests."""
    import requests.api
    import requests.sessions

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 10)
    logging.getLogger("urllib3").setLevel(logging.WARNING)

    class Session(requests.Session):
        """A session of a guarded thread."""

        def __init__(self) -> None:
            super().__init__()
            self.trust_env = False
            self.headers["Accept-Encoding"] = "identity"

        def send(self, request: Any, **options: Any) -> Any:
            guard = current()
            response = super().send(request, **{**options, "allow_redirects": False, "stream": True})
            response._content = _read(response)  # noqa: SLF001  what `.content` would have read without a limit
            response.close()
            if guard is not None:
                guard.answered(response.status_code, response.headers)
            return response

    def session() -> requests.Session:
        return requests.sessions.Session() if current() is None else Session()

    requests.api.sessions = SimpleNamespace(Session=session)  # type: ignore[assignment,attr-defined]  # what its functions open


def _read(response: Any) -> bytes:
    encoding: Mapping[str, str] = response.headers
    if encoding.get("Content-Encoding", "identity") != "identity":
        return b""  # a small packed body can become a large one
    read: bytes = response.raw.read(_MOST_BYTES, decode_content=False)
    return read


def _make(options: AppriseOptions, egress: Egress, clock: Clock) -> Route:
    return Apprise(options, egress, clock)


ROUTE = RouteKind("apprise", AppriseOptions, _make)
