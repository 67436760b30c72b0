"""History, marks, silences, tokens, audit: what people did and said comes back as it was given."""

from dataclasses import replace

import pytest

from drift.core.alert import AuditEntry, Event, Happening, Mark, Scope, Silence, Token
from drift.core.errors import Conflict, NotFound
from drift.store import Store
from tests.rig.alerted import MODEL, NOW, incident, key, put

SILENCE = Silence({"model": "credit*", "severity": "warning"}, NOW, NOW + 100, "ada", "moving house", NOW - 1)
MARK = Mark(MODEL, NOW, "deploy", "credit 4.2", "ci", NOW + 1, "https://ci/4")
TOKEN = Token("ci", (Scope.INGEST, Scope.READ), ("credit*",), b"\x00" * 31 + b"\xff", NOW, "root", NOW + 9)


def audited(store: Store) -> list[tuple[str, str, str]]:
    return [(one.who, one.action, one.target) for one in store.audit_entries()]


class TestEvents:
    def test_they_come_back_as_they_were_given(self, store: Store) -> None:
        given = [
            Event(1, Happening.FIRED, "three windows", NOW, NOW - 5, key=key()),
            Event(0, Happening.PENDING, "one window", NOW + 1, key=key("k")),
            Event(1, Happening.NOTE, "hm", NOW + 2, who="ada"),
        ]
        put(store, events=given)
        found = store.events()
        assert [replace(one, id=0) for one in found] == given[::-1]
        assert store.events(1) == [found[0], found[2]]
        assert store.events(0) == [found[1]]
        assert store.events(1, limit=1, before=found[0].id) == [found[2]]

    def test_one_alone(self, store: Store) -> None:
        kept = store.add_event(Event(1, Happening.NOTE, "hm", NOW, who="ada"))
        assert kept.id > 0
        assert store.events() == [kept]

    def test_of_a_model_by_alert_or_by_incident(self, store: Store) -> None:
        put(
            store,
            incidents=[incident(1), incident(2, model_id=8)],
            events=[
                Event(0, Happening.PENDING, "a", NOW, key=key()),
                Event(1, Happening.OPENED, "b", NOW + 1),
                Event(2, Happening.OPENED, "c", NOW + 1),
                Event(0, Happening.PENDING, "d", NOW + 1, key=key(model_id=8)),
                Event(1, Happening.CLOSED, "e", NOW + 2),
            ],
        )
        store.add_event(Event(1, Happening.NOTE, "f", NOW + 1))

        def whys(model_id: int, start: int, end: int, limit: int = 9) -> str:
            return "".join(one.why for one in store.model_events(model_id, start, end, limit))

        assert whys(MODEL, NOW, NOW + 3) == "efba"
        assert whys(MODEL, NOW + 1, NOW + 2) == "fb"
        assert whys(MODEL, NOW, NOW + 3, limit=1) == "e"
        assert whys(8, 0, NOW + 9) == "dc"


class TestMarks:
    def test_those_of_a_model_and_those_that_concern_all(self, store: Store) -> None:
        mine = store.put_mark(MARK)
        assert mine == replace(MARK, id=mine.id)
        for_all = store.put_mark(replace(MARK, model_id=0, at=NOW - 5, created_at=NOW + 2))
        other = store.put_mark(replace(MARK, model_id=8, at=NOW + 5))
        assert store.marks(MODEL, 0, NOW + 9) == [mine, for_all]
        assert store.marks(None, 0, NOW + 9) == [other, mine, for_all]
        assert store.marks(None, NOW, NOW + 5) == [mine]
        assert store.marks(None, 0, NOW + 9, limit=1) == [other]
        assert audited(store)[-1] == ("ci", "mark.create", f"mark {mine.id}")


class TestSilences:
    def test_they_hold_for_their_time(self, store: Store) -> None:
        kept = store.put_silence(SILENCE)
        assert kept == replace(SILENCE, id=kept.id)
        assert store.silence(kept.id) == kept
        later = store.put_silence(replace(SILENCE, starts_at=NOW + 50))
        assert store.silences() == [later, kept]
        assert store.silences(limit=1, before=later.id) == [kept]
        holding = [[one.id for one in store.silences(active_on=NOW + n)] for n in (-1, 0, 49, 50, 99, 100)]
        assert holding == [[], [kept.id], [kept.id], [later.id, kept.id], [later.id, kept.id], []]
        assert audited(store)[-1] == ("ada", "silence.create", f"silence {kept.id}")

    def test_ended_before_their_time(self, store: Store) -> None:
        kept = store.put_silence(SILENCE)
        assert store.end_silence(kept.id, "bob", NOW + 10) == replace(kept, ends_at=NOW + 10)
        assert store.silences(active_on=NOW + 10) == []
        assert audited(store)[0] == ("bob", "silence.end", f"silence {kept.id}")
        with pytest.raises(Conflict, match=f"silence {kept.id} is over"):
            store.end_silence(kept.id, "eve", NOW + 11)
        with pytest.raises(NotFound, match="no silence 99"):
            store.end_silence(99, "eve", NOW)
        assert len(store.audit_entries()) == 2

    def test_one_that_has_not_begun_never_will(self, store: Store) -> None:
        kept = store.put_silence(replace(SILENCE, starts_at=NOW + 50))
        store.end_silence(kept.id, "bob", NOW)
        assert all(store.silences(active_on=NOW + n) == [] for n in (0, 50, 99))


class TestTokens:
    def test_found_by_the_digest_of_its_secret(self, store: Store) -> None:
        kept = store.put_token(TOKEN)
        assert kept == replace(TOKEN, id=kept.id)
        assert store.token_by_digest(TOKEN.digest) == kept
        assert store.token_by_digest(b"\x00" * 32) is None
        assert store.tokens() == [kept]
        assert audited(store) == [("root", "token.create", "token ci")]

    def test_revoked(self, store: Store) -> None:
        kept = store.put_token(TOKEN)
        revoked = store.revoke_token(kept.id, NOW + 5, "ada")
        assert revoked == replace(kept, revoked_at=NOW + 5)
        assert store.revoke_token(kept.id, NOW + 6, "bob") == revoked
        assert store.token_by_digest(TOKEN.digest) == revoked
        assert audited(store)[0] == ("ada", "token.revoke", "token ci")
        assert len(store.audit_entries()) == 2
        with pytest.raises(NotFound, match="no token 99"):
            store.revoke_token(99, NOW)

    def test_a_name_tells_one_from_all_others_that_work(self, store: Store) -> None:
        kept = store.put_token(TOKEN)
        other = replace(TOKEN, digest=b"2" * 32)
        with pytest.raises(Conflict, match="a token 'ci' already"):
            store.put_token(other)
        store.revoke_token(kept.id, NOW)
        assert [one.id for one in (kept, store.put_token(other))] == [one.id for one in store.tokens()]
        with pytest.raises(Conflict):
            store.put_token(replace(TOKEN, name="copy"))


def test_the_audit_newest_first(store: Store) -> None:
    given = [AuditEntry(NOW + n, "ada", "model.change", "model credit", f"{n}") for n in range(4)]
    for entry in given:
        store.audit(entry)
    first = store.audit_entries(limit=3)
    found = [*first, *store.audit_entries(before=first[-1].id)]
    assert [replace(one, id=0) for one in found] == given[::-1]
