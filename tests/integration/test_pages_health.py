"""The screens of ingest health and references: what they say of the real state, how they are paged, what they send."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dashboards.web.views.health import Health
from drift.core.alert import NoticeState, Scope
from drift.core.answer import Action, Answer
from drift.core.clock import HOUR, MINUTE, SECOND, ManualClock
from drift.core.commit import PUSHED, DeadLetter, Partition
from drift.evaluation import Patience
from drift.service.access import ANYBODY, Caller
from drift.service.pages.health import LETTERS, PER_PAGE, Wanted, health, state_of
from drift.service.pages.references import reference_list, reference_page
from drift.store import Store, open_store
from drift.store.rows import PartitionStatus
from tests.rig import storing
from tests.rig.operated import INFERRED, NOW, Operated, operated
from tests.rig.storing import T0, Feed

PATIENCE = Patience()
HERE = Partition("kafka", "events", 0)
STATUS = PartitionStatus(
    HERE, epoch=1, owner="w", next=10, log_end=10, heartbeat_at=T0, caught_up_at=T0, finished=False, records=10,
    watermarks={1: T0}, advanced_at={1: T0}, now=T0 + SECOND,
)  # fmt: skip


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Operated]:
    found = operated(tmp_path, "port: 1")
    yield found
    found.store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = open_store(f"sqlite:///{tmp_path / 'drift.db'}", ManualClock(NOW))
    yield found
    found.close()


def page(rig: Operated, path: str, code: int = 200) -> str:
    response = rig.client.get(path, headers={"Accept": "text/html"})
    assert response.status_code == code, response.text
    html = response.text
    main = html[html.index("<main") : html.index("</main>")]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def seen(store: Store, asker: Caller = ANYBODY, *, payloads: bool = True, **wanted: Any) -> Health:
    return health(store, asker, PATIENCE, {}, Wanted(**wanted), NOW, payloads=payloads)


def letters(store: Store, count: int, reason: str = "malformed", payload: bytes = b"{") -> None:
    """Dead letters, one an hour, so that each is kept."""
    claim = store.acquire(Partition("kafka", reason, 0), "w")
    feed = Feed(store, store.catalogue().models["credit"], store.references(1)[0], claim, claim.next)
    some = tuple(
        DeadLetter(claim.partition, n, 0, reason, f"no. {n}", payload, NOW - n * HOUR) for n in range(count, 0, -1)
    )
    store.commit(replace(feed.batch(records=count), dead_letters=some))


# What can be trusted


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "reading"),
        ({"finished": True, "owner": None}, "finished"),
        ({"caught_up_at": None, "log_end": 99}, "behind"),
        ({"caught_up_at": None}, "reading"),
        ({"now": T0 + 5 * MINUTE, "heartbeat_at": T0 + 5 * MINUTE}, "idle"),
        ({"now": T0 + MINUTE}, "dead"),
        ({"owner": None}, "dead"),
        ({"owner": None, "partition": Partition(PUSHED, "x", 0)}, "gone"),
    ],
)
def test_the_state_of_a_partition(changes: dict[str, Any], state: str) -> None:
    assert state_of(replace(STATUS, **changes), PATIENCE) == state


def test_the_sentence_says_whether_all_is_counted(rig: Operated, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(*statuses: PartitionStatus, holding: dict[str, str] | None = None) -> tuple[str, str]:
        monkeypatch.setattr(type(rig.store), "partitions", lambda _: list(statuses))
        found = health(rig.store, ANYBODY, PATIENCE, holding or {}, Wanted(), NOW, payloads=False)
        return found.state, found.says

    assert told(STATUS) == ("ok", "Every partition is read up to its end: what was sent is counted.")
    behind = replace(STATUS, caught_up_at=None, log_end=1_234)
    assert told(STATUS, behind) == ("warning", "1,224 records in 1 partition are not counted yet.")
    dead = replace(STATUS, owner=None, partition=Partition("kafka", "events", 1))
    state, says = told(behind, dead)
    assert (state, says.split(":")[0:2]) == ("page", ["kafka", "events[1] has no living reader"])
    assert told(dead, dead)[1].startswith("2 partitions, kafka:events[1] among them, have no living reader")
    assert told(STATUS, holding={"credit": "x"}) == ("warning", "The next window of 1 model waits for data.")
    assert told() == ("warning", "Nothing was ever sent to this service.")


def test_what_stands_on_the_page(rig: Operated) -> None:
    letters(rig.store, 3, payload=b"<script>alert(1)</script>\xff")
    text = page(rig, "/health?model=credit")
    for said in (
        "Can I trust this?", "kafka:events[1]", "credit", "churn", "malformed 3", "no. 2",
        "&lt;script&gt;alert(1)&lt;/script&gt;\\xff", "oncall", "410 Gone", "given up", "Every field of its events",
    ):  # fmt: skip
        assert said in text, said
    page(rig, "/health?model=nope", 404)


def test_lists_are_paged(rig: Operated) -> None:
    rig.store.register_partitions("kafka", "many", range(60))
    letters(rig.store, 45)
    letters(rig.store, 5, "bad_time")
    first = seen(rig.store)
    assert len(first.partitions) == PER_PAGE
    assert first.partitions_pages.says == "1–25 of 64 partitions"
    assert first.partitions_pages.after == "/health?partitions=2"
    assert len(seen(rig.store, partitions=3).partitions) == 14
    assert first.reasons == (("malformed", 45), ("bad_time", 5))
    assert first.letters is not None
    assert len(first.letters.lines) == LETTERS
    ids = [one.id for one in first.letters.lines]
    following = seen(rig.store, before=ids[-1]).letters
    assert following is not None
    assert following.lines[0].id == ids[-1] - 1
    other = seen(rig.store, reason="bad_time").letters
    assert other is not None
    assert {one.reason for one in other.lines} == {"bad_time"}


def test_payloads_are_cut_and_not_for_everybody(rig: Operated) -> None:
    letters(rig.store, 1, payload=b"x" * 50_000)
    found = seen(rig.store).letters
    assert found is not None
    assert (len(found.lines[0].payload), found.lines[0].cut) == (4_000, 46_000)
    reader = Caller("r", frozenset({Scope.READ}), ("churn",))
    mine = seen(rig.store, reader, payloads=False)
    assert mine.letters is None
    assert [one.name for one in mine.models] == ["churn"]
    assert mine.receivers == ()
    assert [one.title for one in mine.dead] == ["churn: n0 is higher"]


def test_replay_and_send_again(rig: Operated) -> None:
    letters(rig.store, 3)

    def send(path: str, code: int = 303, **fields: Any) -> None:
        response = rig.client.post(path, data={"who": "ada"} | fields, follow_redirects=False)
        assert response.status_code == code, response.text

    send("/health/replay", id=["1", "3"])
    send("/health/replay", all="malformed")
    entries = [(one.who, one.action, one.target) for one in rig.store.audit_entries(2)]
    assert entries == [
        ("ada", "dead-letters.replay", "3 dead letters"), ("ada", "dead-letters.replay", "2 dead letters"),
    ]  # fmt: skip
    for wrong in ({}, {"id": "x"}, {"all": "no_such"}):
        send("/health/replay", 422, **wrong)
    send("/health/notices/1/resend")
    assert rig.store.notice(1).state is NoticeState.WAITING
    send("/health/notices/1/resend", 409)


# References


def test_models_and_their_references(rig: Operated) -> None:
    text = page(rig, "/references")
    assert "credit" in text
    assert "churn" in text
    assert "churn" not in page(rig, "/references?q=CRED")
    assert "No model is called like that" in page(rig, "/references?q=nobody")
    text = page(rig, "/references?model=credit")
    for said in (
        "Version 1, which judges now: 500 rows, 3 columns", "In the order of &#39;time&#39;",
        "The reference&#39;s own 24 stretches of time", "k (2)", "bins were cut from a sample", "few of them", "25 %",
        "judges", "Nobody has answered an alarm",
    ):  # fmt: skip
        assert said in text, said
    page(rig, "/references?model=nope", 404)
    page(rig, "/references?model=credit&id=2", 404)
    assert "No column is called like that" in page(rig, "/references?model=credit&q=zzz")


def test_columns_and_versions_are_paged_and_found(store: Store) -> None:
    model = storing.model(store)
    columns = [INFERRED["columns"][0] | {"column": f"c{n:03}"} for n in range(120)]
    for version in range(25):
        storing.reference(store, model, version=str(version), summary=INFERRED | {"columns": columns})
    found = reference_page(store, model, NOW)
    assert found.chosen is not None
    assert (found.chosen.version, len(found.versions), len(found.columns), found.total) == ("24", 20, 50, 120)
    assert "before=6" in found.versions_pages.after
    assert [one.version for one in reference_page(store, model, NOW, before=6).versions] == ["4", "3", "2", "1", "0"]
    assert len(reference_page(store, model, NOW, page=3).columns) == 20
    assert [one.name for one in reference_page(store, model, NOW, query="C01").columns] == [
        f"c{n:03}" for n in range(10, 20)
    ]
    old = reference_page(store, model, NOW, chosen=3)
    assert old.chosen is not None
    assert (old.chosen.version, old.chosen.judges) == ("2", False)
    assert reference_list(store, ANYBODY, NOW).lines[0].versions == 25


def test_categories_and_ranges_are_the_datas(store: Store) -> None:
    model = storing.model(store)
    reference = storing.reference(store, model, summary=INFERRED)
    by_name = {one.name: one for one in reference_page(store, model, NOW).columns}
    profile = store.reference_profile(reference.id)
    at = reference.grid.index["k"]
    counts = dict(zip(reference.grid.columns[at].keys, profile.bin_counts(at).tolist(), strict=False))
    assert {one.name: round(one.share * 500) for one in by_name["k"].top} == {k: n for k, n in counts.items() if n}
    assert (by_name["n0"].low, by_name["n0"].high) == profile.bounds(reference.grid.index["n0"])
    assert by_name["n0"].top == ()


def test_what_alarms_compare_with_is_said(store: Store) -> None:
    model = storing.model(store)
    reference = storing.reference(store, model, summary=INFERRED | {"time": None})
    assert reference_page(store, model, NOW).baseline.startswith("Production's first 14 days")
    for action in (Action.LEARN, Action.ACCEPT):
        store.answer(
            Answer(0, model.id, reference.id, "", "", None, action, "ada", "new prices", NOW, T0, T0 + HOUR, 0)
        )
    found = reference_page(store, model, NOW)
    assert (
        found.baseline == "Production's own first windows. People accepted 1 stretch since; the answers below say why."
    )
    assert [(one.action, one.who, one.why) for one in found.answers] == [
        ("accept", "ada", "new prices"), ("learn", "ada", "new prices"),
    ]  # fmt: skip
