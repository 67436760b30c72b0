"""Headers that say who is asking. Secrets are read when they are used and stand in no value, log or error."""

import base64
from collections.abc import Mapping
from typing import Any, Final

from alerts.retrain.paths import first
from alerts.retrain.trigger import Auth, Basic, Bearer, Exchange, Signed
from alerts.secrets import Secret
from drift.core.clock import Clock
from drift.core.errors import ConfigError

EARLIER: Final = 60.0
"""Seconds before its end that a token is exchanged anew."""
LONGEST: Final = 1_800.0
"""Seconds that a token is kept where nothing says how long it holds."""


class Authorizer:
    """Makes the headers of one trigger's requests. Not thread-safe."""

    def __init__(self, auth: Auth, client: Any, clock: Clock) -> None:
        """`client`: an `httpx2.Client`, for tokens that have to be fetched."""
        self._auth, self._client, self._clock = auth, client, clock
        self._token, self._until = "", float("-inf")

    def headers(self, key: str, body: bytes) -> Mapping[str, str]:
        """Headers for a request.

        Raises:
            ConfigError: a secret is not there, or is refused.
            httpx2.TransportError: the place where tokens are made cannot be reached.
        """
        match self._auth:
            case Bearer(token):
                return {"authorization": f"Bearer {token.get()}"}
            case Basic(username, password):
                return {"authorization": f"Basic {_pair(username, password.get())}"}
            case Exchange() as exchange:
                return {"authorization": f"Bearer {self._exchanged(exchange)}"}
            case Signed(secret, old_secret):
                return _signed([one for one in (secret, old_secret) if one is not None], key, body, self._clock)
            case None:
                return {}

    def refused(self) -> bool:
        """The last headers were refused; whether new ones are worth a try."""
        had, self._token = bool(self._token), ""
        return had

    def _exchanged(self, exchange: Exchange) -> str:
        now = self._clock.monotonic()
        if not self._token or now >= self._until:
            self._token, seconds = self._fetch(exchange)
            self._until = now + seconds - EARLIER
        return self._token

    def _fetch(self, exchange: Exchange) -> tuple[str, float]:
        fields = {name: one.get() if isinstance(one, Secret) else one for name, one in exchange.fields.items()}
        sent = {"data": fields} if exchange.form else {"json": fields}
        answer = self._client.post(exchange.url, headers={"accept": "application/json"}, **sent)
        if answer.status_code in (408, 425, 429) or answer.status_code >= 500:
            raise _away(answer.status_code)
        token = first(_json(answer), exchange.token) if 200 <= answer.status_code < 300 else None
        if not isinstance(token, str) or not token or not token.isprintable():
            raise ConfigError(f"no access token for these credentials ({answer.status_code}); check user and secret")
        seconds = first(_json(answer), exchange.expires)
        return token, float(seconds) if isinstance(seconds, int | float) and seconds > 0 else LONGEST


def _signed(secrets: list[Secret], key: str, body: bytes, clock: Clock) -> Mapping[str, str]:
    from alerts.routes.webhook import signed

    return signed(secrets, key, body, clock)


def _pair(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def _away(status: int) -> Exception:
    import httpx2

    return httpx2.ConnectError(f"no access token now: {status}")


def _json(answer: Any) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
