"""Access tokens by themselves: scopes that include others, patterns of models, secrets, and how often."""

import re

import pytest

from drift.core.alert import Scope, Token
from drift.core.clock import ManualClock
from drift.core.errors import BackPressure, ConfigError, Unauthorized
from drift.service.access import PREFIX, SHORTEST_ADMIN, Bucket, Caller, Keys, admin_secret, digest, granted, make


class Store:
    """Knows some tokens, and counts how often it is asked."""

    def __init__(self, *tokens: Token) -> None:
        self.tokens = {token.digest: token for token in tokens}
        self.asked = 0

    def token_by_digest(self, digest: bytes) -> Token | None:
        self.asked += 1
        return self.tokens.get(digest)


def test_scopes_include_others() -> None:
    assert granted([Scope.INGEST]) == {Scope.INGEST}
    assert granted([Scope.READ]) == {Scope.READ}
    assert granted([Scope.OPERATE]) == {Scope.OPERATE, Scope.READ}
    assert granted([Scope.ADMIN]) == set(Scope)
    assert granted([Scope.INGEST, Scope.OPERATE]) == {Scope.INGEST, Scope.OPERATE, Scope.READ}
    assert granted([]) == set()


@pytest.mark.parametrize(
    ("patterns", "theirs", "others"),
    [
        ((), ["", "credit"], []),
        (("credit",), ["credit"], ["", "Credit", "credit-2", "acredit", "credit\n"]),
        (("credit*",), ["credit", "credit-2", "credit\nx"], ["", "a credit"]),
        (("c?", "b"), ["ca", "b"], ["c", "cab", "bb"]),
        (("a[b]c", "x.y"), ["a[b]c", "x.y"], ["abc", "xzy"]),
        (("*",), ["credit", ""], []),
    ],
)
def test_models_by_name_or_pattern(patterns: tuple[str, ...], theirs: list[str], others: list[str]) -> None:
    caller = Caller("x", frozenset(), patterns)
    assert [name for name in (*theirs, *others) if caller.sees(name)] == theirs


def test_a_secret_has_256_bits_and_is_not_kept() -> None:
    made = [make("a", [Scope.READ, Scope.READ, Scope.INGEST], ["m"], by="b", now=1, expires_at=None) for _ in range(50)]
    assert len({secret for secret, _ in made}) == 50
    for secret, token in made:
        assert re.fullmatch(PREFIX + r"[\w-]{43}", secret)
        assert secret not in repr(token)
        assert token.digest == digest(secret)
        assert token.scopes == (Scope.INGEST, Scope.READ)


def test_a_bucket_gives_so_many_a_second_and_twice_as_many_at_once() -> None:
    clock = ManualClock()
    bucket = Bucket(10, clock)
    for _ in range(20):
        bucket.take("busy")
    with pytest.raises(BackPressure, match="busy; send at most 10 requests a second") as error:
        bucket.take("busy")
    assert error.value.retry_after == pytest.approx(0.1)
    taken = 0
    for _ in range(100):
        clock.advance(0.05)
        try:
            bucket.take("busy")
            taken += 1
        except BackPressure:
            pass
    assert taken == pytest.approx(50, abs=1)
    clock.advance(1e9)
    for _ in range(20):
        bucket.take("busy")
    with pytest.raises(BackPressure):
        bucket.take("busy")


def test_less_than_one_a_second_still_lets_one_through() -> None:
    clock = ManualClock()
    bucket = Bucket(0.1, clock)
    bucket.take("x")
    with pytest.raises(BackPressure) as error:
        bucket.take("x")
    assert error.value.retry_after == pytest.approx(10)


def test_what_is_not_known_is_asked_for_each_time_and_never_remembered() -> None:
    store = Store()
    keys = Keys(store, ManualClock())
    for n in range(3):
        with pytest.raises(Unauthorized):
            keys.find(f"guess {n}")
    assert store.asked == 3
    secret, token = make("a", [Scope.READ], [], by="b", now=0, expires_at=None)
    with pytest.raises(Unauthorized):
        keys.find(secret)
    store.tokens[token.digest] = token
    assert keys.find(secret) == Caller("a", frozenset({Scope.READ}))


def test_a_token_that_is_gone_is_forgotten() -> None:
    secret, token = make("a", [Scope.READ], [], by="b", now=0, expires_at=None)
    store, clock = Store(token), ManualClock()
    keys = Keys(store, clock)
    assert keys.remembered(secret) is None
    keys.find(secret)
    assert keys.remembered(secret) == Caller("a", frozenset({Scope.READ}))
    store.tokens.clear()
    keys.forget()
    assert keys.remembered(secret) is None
    with pytest.raises(Unauthorized):
        keys.find(secret)
    assert keys.remembered(secret) is None


def test_an_admin_token_that_can_be_guessed_is_none() -> None:
    assert admin_secret(lambda: "x" * SHORTEST_ADMIN) == "x" * SHORTEST_ADMIN
    with pytest.raises(ConfigError, match="shorter than 32 characters"):
        admin_secret(lambda: "x" * (SHORTEST_ADMIN - 1))
    keys = Keys(Store(), ManualClock(), lambda: "x" * (SHORTEST_ADMIN - 1))
    with pytest.raises(Unauthorized):
        keys.find("x" * (SHORTEST_ADMIN - 1))
