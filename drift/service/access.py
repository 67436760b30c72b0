"""Access tokens: how they are made, kept, found again, and how often they may be used."""

import hashlib
import hmac
import math
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Protocol

import structlog

from drift.core.alert import Scope, Token
from drift.core.clock import Clock, isoformat
from drift.core.errors import BackPressure, ConfigError, StoreError, Unauthorized

log = structlog.get_logger(__name__)

PREFIX: Final = "drift_"
"""Tells what a found string is; scanners of repositories look for such."""
BYTES: Final = 32
SHORTEST_ADMIN: Final = 32
"""Characters of a configured admin token."""
REMEMBERED: Final = 5.0
"""Seconds that a token is not looked up again: as long may a revoked one still be used."""
GUESSES: Final = 50.0
"""Unknown tokens a second that are looked up; beyond it they have to wait."""
_MOST: Final = 10_000
_ALL: Final = frozenset(Scope)
_INCLUDED: Final = {Scope.OPERATE: frozenset({Scope.OPERATE, Scope.READ}), Scope.ADMIN: _ALL}


class Tokens(Protocol):
    """What is asked of the store."""

    def token_by_digest(self, digest: bytes) -> Token | None:
        """The token with this digest; None: there is none."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what they may."""

    name: str
    """The token's name; empty: whoever sits at this machine."""
    scopes: frozenset[Scope]
    models: tuple[str, ...] = ()
    """Names or patterns with `*` and `?`; empty: all."""

    @property
    def restricted(self) -> bool:
        """Whether some models are none of theirs."""
        return bool(self.models)

    def sees(self, model: str) -> bool:
        """Whether a model is theirs; the service itself (an empty name) belongs to those who see all."""
        return not self.models or any(_pattern(one).fullmatch(model) for one in self.models)


ANYBODY: Final = Caller("", _ALL)
"""A request without a token where none is needed."""
SCRAPER: Final = Caller("metrics", frozenset({Scope.READ}))
"""A request without a token for what is open."""


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def granted(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """The scopes with those that they include."""
    return frozenset[Scope]().union(*(_INCLUDED.get(scope, frozenset({scope})) for scope in scopes))


def digest(secret: str) -> bytes:
    """What is kept of a secret. 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def make(
    name: str, scopes: Iterable[Scope], models: Iterable[str], *, by: str, now: int, expires_at: int | None
) -> tuple[str, Token]:
    """A new secret, to be shown once, and the token to keep."""
    secret = PREFIX + secrets.token_urlsafe(BYTES)
    kept = Token(name, tuple(sorted(set(scopes))), tuple(models), digest(secret), now, by, expires_at)
    return secret, kept


def admin_secret(read: Callable[[], str]) -> str:
    """The configured admin token.

    Raises:
        ConfigError: it cannot be read, or can be guessed.
    """
    secret = read()
    if len(secret) < SHORTEST_ADMIN:
        raise ConfigError(
            f"server.admin_token is shorter than {SHORTEST_ADMIN} characters; make one with `openssl rand -base64 32`"
        )
    return secret


class Keys:
    """Tokens by their secrets, remembered for some seconds. Thread-safe: entries are replaced whole."""

    def __init__(self, store: Tokens, clock: Clock, admin: Callable[[], str] | None = None) -> None:
        """`admin`: reads the configured admin token."""
        self._store, self._clock, self._admin = store, clock, admin
        self._known: dict[bytes, tuple[Token, float]] = {}
        self._guesses = Bucket(GUESSES, clock)

    def remembered(self, secret: str) -> Caller | None:
        """Who it is, without asking the store; None: it has to be asked.

        Raises:
            Unauthorized: it is none any more.
        """
        found = self._known.get(digest(secret))
        if found is None or found[1] < self._clock.monotonic():
            return None
        return self._caller(found[0])

    def find(self, secret: str) -> Caller:
        """Who it is.

        While the store is away, what was known last counts: the metrics of an outage can be read in it.

        Raises:
            Unauthorized: there is no such token, or it is none any more.
            BackPressure: too many unknown ones were tried.
            StoreUnavailable: it was never seen, and the store is away.
        """
        key = digest(secret)
        known = self._known.get(key)
        if known is None:
            self._guesses.take("unknown tokens were tried too often")
        try:
            token = self._configured(key) or self._store.token_by_digest(key)
        except StoreError:
            if known is None:
                raise
            token = known[0]
        if token is None or not hmac.compare_digest(token.digest, key):
            self._known.pop(key, None)
            raise Unauthorized("this access token is not known here; `drift token list` shows those there are")
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key] = (token, self._clock.monotonic() + REMEMBERED)
        return self._caller(token)

    def forget(self) -> None:
        """Look everything up again: a token was made or revoked."""
        for key, (token, _) in list(self._known.items()):
            self._known[key] = (token, -math.inf)

    def _caller(self, token: Token) -> Caller:
        if token.revoked_at is not None:
            raise _over(token, f"was revoked at {isoformat(token.revoked_at)}")
        if token.expires_at is not None and token.expires_at <= self._clock.now():
            raise _over(token, f"expired at {isoformat(token.expires_at)}")
        return Caller(token.name, granted(token.scopes), token.models)

    def _configured(self, key: bytes) -> Token | None:
        """The configured admin token, if it is this one."""
        if self._admin is None:
            return None
        try:
            secret = admin_secret(self._admin)
        except ConfigError as error:
            log.warning("the admin token of drift.yaml cannot be read", error=str(error))
            return None
        if not hmac.compare_digest(digest(secret), key):
            return None
        return Token("admin (drift.yaml)", (Scope.ADMIN,), (), key, 0, "drift.yaml")


def _over(token: Token, how: str) -> Unauthorized:
    return Unauthorized(f"access token {token.name!r} {how}; ask for a new one")


@dataclass(frozen=True, slots=True)
class _Level:
    left: float
    at: float


class Bucket:
    """So many a second, and twice as many at once."""

    def __init__(self, rate: float, clock: Clock) -> None:
        self._rate, self._clock = rate, clock
        self._most = max(2.0 * rate, 1.0)
        self._level = _Level(self._most, clock.monotonic())

    def take(self, why: str) -> None:
        """Take one.

        Raises:
            BackPressure: there is none left.
        """
        now = self._clock.monotonic()
        left = min(self._most, self._level.left + (now - self._level.at) * self._rate)
        if left < 1.0:
            raise BackPressure(f"{why}; send at most {self._rate:g} requests a second", (1.0 - left) / self._rate)
        self._level = replace(self._level, left=left - 1.0, at=now)
