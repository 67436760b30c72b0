"""Alarms, explanations and answers over REST, on a real store: what is kept and refused, and since when it applies."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from detectors.known import pack
from drift.api import Receipt, Replayed, Services, create_app
from drift.config import parse
from drift.core.alarm import Severity
from drift.core.baseline import only
from drift.core.catalogue import Reference
from drift.core.clock import DAY, HOUR, MINUTE, ManualClock, isoformat
from drift.core.commit import AlarmChange, Detection
from drift.core.result import Judgement, Outcome
from drift.core.window import Window, WindowSpec
from drift.service.answering import disjoint
from drift.store import Store, open_store
from tests.rig import storing
from tests.rig.alarming import about, alarm, commit, hour, result
from tests.rig.storing import T0, Feed

NOW = T0 + 7 * HOUR + 20 * MINUTE


class NoEvents:
    async def submit(self, body: bytes, media_type: str, key: str | None) -> Receipt:
        return Receipt(0)


@dataclass
class Rig:
    client: TestClient
    store: Store
    fed: Feed

    def get(self, path: str, **params: object) -> Any:
        response = self.client.get(path, params={"model": "credit"} | {k: str(v) for k, v in params.items()})
        assert response.status_code == 200, response.text
        return response.json()

    def post(self, code: int = 201, *, model: str = "credit", user: str = "", **body: object) -> Any:
        headers = {"X-Forwarded-User": user} if user else {}
        body = {"who": "ada", "why": "new price list"} | body
        response = self.client.post("/v1/answers", params={"model": model}, json=body, headers=headers)
        assert response.status_code == code, response.text
        return response.json() if code == 201 else response.json()["error"]["message"]


def judged() -> Judgement:
    values = np.array([[0.1, 0.02], [np.nan, 0.0], [np.nan, 0.5]])
    thresholds = np.full((3, 2), np.nan)
    return Judgement(
        1_234, Outcome.NO_DRIFT, ("n0", "n1", "k"), ("mean_shift", "missing_ratio"), values, np.zeros(3, np.int8),
        thresholds,
    )  # fmt: skip


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """Seven hours of rows, an hourly final window for each; an alarm on n0 that stands since hour 2, one that ended."""
    clock = ManualClock(NOW)
    store = open_store(f"sqlite:///{tmp_path / 'drift.db'}", clock)
    fed = storing.feed(store)
    for n in range(7):
        fed.commit(storing.delta(fed.reference, n, start=hour(n).start, rows=100 + n))
    abouts = {
        (0, "default"): pack(
            {"n0": about(), "n1": about(judged="inflated", season="none"), "k": {"judged": "not judged"}}
        )
    }
    raised = (AlarmChange("raised", alarm()), AlarmChange("raised", alarm(column="n1", severity=Severity.WARNING)))
    commit(
        fed, *(result(fed, n) for n in range(3)),
        result(fed, 3, detection=Detection(b"s", snapshot=True, changes=raised, abouts=abouts)),
        result(fed, 5, AlarmChange("ended", alarm(column="n1"), "back again", hour(5).end)),
        result(fed, 6, judgements={0: judged()}),
    )  # fmt: skip
    config = parse("server: {trusted_hosts: [testserver]}")

    def register(path: Path, model: str, version: str, active_from: int | None = None) -> Reference:
        return storing.reference(store, store.catalogue().models[model], version=version)

    services = Services(store, config, CollectorRegistry(), clock, NoEvents(), register, lambda ids: Replayed(0, 0))
    yield Rig(TestClient(create_app(services), raise_server_exceptions=False), store, fed)
    store.close()


# Alarms


def test_alarms_are_listed_newest_first(rig: Rig) -> None:
    newest, oldest = rig.get("/v1/alarms")["items"]
    assert (oldest["column"], oldest["severity"], oldest["standing"], oldest["ended_at"]) == ("n0", "page", True, None)
    assert (newest["column"], newest["standing"], newest["ended_at"]) == ("n1", False, isoformat(hour(5).end))
    assert newest["ended_why"] == "back again"
    assert (oldest["model"], oldest["version"], oldest["window"], oldest["segment"]) == ("credit", "1", "1h", "all")
    assert oldest["statistics"] == {"psi": 0.31, "ks": 0.18, "mean_shift": 0.41}
    assert oldest["moved"][0] == {"label": "≥ 2", "before": 0.08, "after": 0.21}
    assert oldest["onset"] == isoformat(hour(2).start)
    assert rig.client.get(f"/v1/alarms/{oldest['id']}").json() == oldest
    assert rig.client.get("/v1/alarms/99").status_code == 404


def test_alarms_in_pages_and_parts(rig: Rig) -> None:
    first = rig.get("/v1/alarms", limit=1)
    second = rig.get("/v1/alarms", limit=1, cursor=first["next"])
    assert [one["items"][0]["column"] for one in (first, second)] == ["n1", "n0"]
    assert second["next"] is None
    assert [one["column"] for one in rig.get("/v1/alarms", standing="true")["items"]] == ["n0"]
    assert [one["column"] for one in rig.get("/v1/alarms", standing="false")["items"]] == ["n1"]
    assert rig.get("/v1/alarms", column="k")["items"] == []


# Answers


def test_accepting_keeps_the_sums_of_the_stretch(rig: Rig) -> None:
    answer = rig.post(action="accept", column="n0")
    assert (answer["who"], answer["why"], answer["action"]) == ("ada", "new price list", "accept")
    assert (answer["window"], answer["column"], answer["segment"]) == ("1h", "n0", None)
    assert (answer["start"], answer["until"]) == (isoformat(hour(2).start), isoformat(hour(6).end))
    assert (answer["at"], answer["applies_from"]) == (isoformat(NOW), isoformat(hour(6).end))
    assert answer["windows"] == {"1h": 5}
    kept = rig.store.answer_stretches(answer["id"], "1h")
    assert [one.window for one in kept] == [hour(n) for n in range(2, 7)]
    grid = rig.fed.reference.grid
    for n, one in enumerate(kept, start=2):
        expected = only(grid, storing.profile(grid, n, 100 + n).sums, [0])
        np.testing.assert_array_equal(one.sums.ints, expected.ints)
        np.testing.assert_array_equal(one.sums.low, expected.low)
    assert rig.get("/v1/alarms", column="n0")["items"][0]["answers"] == [answer["id"]]
    assert rig.get("/v1/alarms", column="n1")["items"][0]["answers"] == []


def test_accepting_an_alarm_by_its_id_and_a_stretch(rig: Rig) -> None:
    (row,) = rig.get("/v1/alarms", column="n0")["items"]
    stretch: dict[str, Any] = {"start": isoformat(hour(1).start - 5), "until": isoformat(hour(4).end + 5)}
    answer = rig.post(action="accept", alarm=row["id"], **stretch)
    assert (answer["column"], answer["segment"]) == ("n0", "all")
    assert [one.window for one in rig.store.answer_stretches(answer["id"], "1h")] == [hour(n) for n in range(1, 5)]


def test_accepting_everything_without_an_alarm_on_it(rig: Rig) -> None:
    answer = rig.post(action="accept", start=isoformat(hour(0).start), column="k", segment="k=a")
    assert (answer["segment"], answer["column"]) == ("k=a", "k")
    assert len(rig.store.answer_stretches(answer["id"], "1h")) == 7


def test_dismissing_keeps_the_windows_even_if_few(rig: Rig) -> None:
    (row,) = rig.get("/v1/alarms", column="n1")["items"]
    answer = rig.post(action="dismiss", alarm=row["id"])
    assert answer["until"] == isoformat(hour(5).end)
    late = rig.post(action="dismiss", column="n0", start=isoformat(hour(6).start))
    assert [one.window for one in rig.store.answer_stretches(late["id"], "1h")] == [hour(6)]
    assert rig.get("/v1/alarms", column="n1")["items"][0]["answers"] == [answer["id"]]


def test_snoozing(rig: Rig) -> None:
    until = isoformat(NOW + 3 * DAY)
    answer = rig.post(action="snooze", column="k", until=until, user="proxied@example.org")
    assert (answer["who"], answer["until"], answer["start"]) == ("proxied@example.org", until, isoformat(NOW))
    assert rig.post(action="snooze", column="n0", until=until)["applies_from"] == isoformat(hour(6).end)
    assert len(rig.get("/v1/alarms", column="n0")["items"][0]["answers"]) == 1


@pytest.mark.parametrize(
    ("code", "body", "said"),
    [
        (422, {"action": "accept", "column": "n0", "why": " "}, "accept: say why"),
        (422, {"action": "accept", "column": "n0", "who": ""}, "who: say who does this"),
        (422, {"action": "accept", "column": "n0", "start": isoformat(hour(5).start)}, "2 windows of 1h .* takes 3"),
        (422, {"action": "accept", "start": isoformat(hour(0).start), "window": "1d"}, "holds 0 windows of 1d"),
        (422, {"action": "accept", "column": "n0", "until": isoformat(hour(8).end)}, "final only up to 2026-11-23T07"),
        (422, {"action": "accept", "column": "n0", "until": isoformat(hour(1).end)}, "is empty"),
        (422, {"action": "accept", "column": "n0", "start": "0001-01-01T00:00:00Z"}, "no time that can be used"),
        (422, {"action": "snooze", "column": "n0"}, "say for how long"),
        (422, {"action": "snooze", "column": "n0", "until": isoformat(NOW)}, "end in the future"),
        (422, {"action": "learn", "column": "n0"}, "action"),
        (404, {"action": "accept", "column": "n1"}, "no alarm stands on column 'n1'.*--from"),
        (404, {"action": "dismiss", "column": "k"}, "nothing to dismiss"),
        (404, {"action": "snooze", "column": "nope", "until": isoformat(NOW + DAY)}, "no column 'nope'; there are 'k'"),
        (404, {"action": "accept", "column": "n0", "window": "5h"}, "no alarm stands"),
        (404, {"action": "snooze", "window": "5h", "until": isoformat(NOW + DAY)}, "no windows '5h'; there are 1d, 1h"),
        (404, {"action": "accept", "column": "n0", "segment": "k=z"}, "no segment 'k=z'; there are 'all', 'k=a'"),
        (404, {"action": "accept", "column": "n0", "version": "9"}, "no version '9'; there are '1'"),
        (404, {"action": "dismiss", "alarm": 99}, "no alarm 99"),
    ],
)  # fmt: skip
def test_what_is_refused(rig: Rig, code: int, body: dict[str, Any], said: str) -> None:
    message = rig.post(code, **body)
    assert re.search(said, message), message
    assert rig.store.answers(rig.fed.model.id) == []


def test_sums_that_can_no_longer_be_told_apart(rig: Rig) -> None:
    lease = rig.store.lease("maintenance", "tester", 60)
    assert lease is not None
    while rig.store.compact(lease, rig.fed.reference, hours_before=T0 + 2 * DAY, days_before=T0 + 2 * DAY):
        pass
    assert "can no longer be told apart; say a later --from" in rig.post(422, action="accept", column="n0")


def test_an_alarm_of_another_model_or_a_retracted_one(rig: Rig) -> None:
    storing.model(rig.store, "other")
    (row,) = rig.get("/v1/alarms", column="n0")["items"]
    assert "model 'other' has no alarm" in rig.post(404, model="other", action="dismiss", alarm=row["id"])
    commit(rig.fed, result(rig.fed, 3, AlarmChange("retracted", alarm(), "late rows"), revision=2))
    assert "was retracted: late rows" in rig.post(409, action="dismiss", alarm=row["id"])
    text = rig.get("/v1/explain", column="n0")["text"]
    assert text[0].startswith("No alarm stands on n0")
    assert not [paragraph for paragraph in text if "The last one" in paragraph], "it never was"


def test_alarms_on_two_versions_need_to_be_told_apart(rig: Rig) -> None:
    second = Feed(
        rig.store, rig.fed.model, storing.reference(rig.store, rig.fed.model, version="2"), rig.fed.claim, None
    )
    commit(second, result(second, 3, AlarmChange("raised", alarm())))
    until = isoformat(NOW + DAY)
    assert "(versions 1, 2); answer them by the alarm's id" in rig.post(422, action="snooze", column="n0", until=until)
    assert rig.post(action="snooze", column="n0", version="2", until=until)["version"] == "2"


def test_answers_are_listed_and_can_be_taken_back(rig: Rig) -> None:
    first = rig.post(action="accept", column="n0")
    second = rig.post(action="snooze", column="n0", until=isoformat(NOW + DAY))
    assert rig.get("/v1/answers")["items"] == [second, first]
    page = rig.get("/v1/answers", limit=1)
    assert rig.get("/v1/answers", cursor=page["next"])["items"] == [first]
    path = f"/v1/answers/{first['id']}/withdraw?model=credit"
    gone = rig.client.post(path, json={"who": "bob"})
    assert gone.status_code == 200
    expected = {"withdrawn_at": isoformat(NOW), "withdrawn_from": isoformat(hour(6).end), "withdrawn_by": "bob"}
    assert gone.json() == first | expected
    again = rig.client.post(path, json={"who": "bob"})
    assert again.status_code == 409
    storing.model(rig.store, "other")
    for nowhere in ("/v1/answers/99/withdraw?model=credit", f"/v1/answers/{second['id']}/withdraw?model=other"):
        assert rig.client.post(nowhere, json={"who": "bob"}).status_code == 404


def test_registering_another_reference_with_a_reason(rig: Rig) -> None:
    def send(**params: str) -> Any:
        query = {"model": "credit", "version": "2"} | params
        headers = {"Content-Type": "text/csv"}
        return rig.client.post("/v1/references", params=query, content=b"a\n1\n", headers=headers)

    assert send(why="retrained").status_code == 422
    assert send().status_code == 201
    assert rig.get("/v1/answers")["items"] == []
    made = send(version="3", why="retrained", who="eve").json()
    (answer,) = rig.get("/v1/answers")["items"]
    assert (answer["action"], answer["who"], answer["why"], answer["version"]) == (
        "rereference",
        "eve",
        "retrained",
        "3",
    )
    assert answer["applies_from"] == made["active_from"]


# Explaining


def test_explaining_a_column_that_paged(rig: Rig) -> None:
    rig.post(action="snooze", column="n0", until=isoformat(NOW + DAY), why="on it")
    found = rig.get("/v1/explain", column="n0")
    (case,) = found["cases"]
    assert (case["version"], case["window"], case["segment"], case["severity"]) == ("1", "1h", "all", "page")
    assert case["alarm"] == rig.get("/v1/alarms", column="n0")["items"][0]["id"]
    assert found["text"] == case["text"]
    assert case["text"][0] == "PAGE: n0 has drifted (model credit, windows of 1h, all traffic)."
    assert "5 hours 20 minutes ago" in case["text"][2]
    assert "Replayed over 672 windows" in " ".join(case["text"])
    assert "ada snoozed it until Tue 24 Nov 2026 07:20: “on it”." in " ".join(case["text"])


def test_explaining_why_nothing_was_paged(rig: Rig) -> None:
    text = rig.get("/v1/explain", column="n1")["text"]
    assert text[0] == "No alarm stands on n1 (model credit, windows of 1h, all traffic)."
    assert text[1].endswith("ended Mon 23 Nov 2026 06:00: back again.")
    assert "with 1,234 rows, 0 % of its values were missing" in text[2]
    assert "It can warn" in text[-1] or "it can warn" in text[-1]
    segment = rig.get("/v1/explain", column="n1", segment="k=a", window="1h")
    assert segment["text"][1] == "No sequential detector watches it yet; it starts with the next final window."


def test_explaining_a_model(rig: Rig) -> None:
    found = rig.get("/v1/explain")
    assert found["text"][0] == "1 page and 0 warnings on model credit, of 3 columns watched; worst first."
    assert found["text"][1].startswith("PAGE (model credit, windows of 1h, all traffic): The typical value of n0 rose")
    assert found["text"][2].startswith("Cannot be judged: k (1h).")
    assert found["text"][3].startswith("Can warn, but not page: n1 (1h).")
    assert found["cases"] == []


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"column": "nope"}, "no column 'nope'; there are 'k', 'n0', 'n1'"),
        ({"column": "n0", "segment": "k=z"}, "no segment 'k=z'"),
        ({"window": "9h"}, "no windows '9h'"),
        ({"model": "fresh"}, "no window is final yet"),
    ],
)
def test_what_cannot_be_explained(rig: Rig, params: dict[str, str], said: str) -> None:
    storing.model(rig.store, "fresh")
    response = rig.client.get("/v1/explain", params={"model": "credit"} | params)
    assert response.status_code == 404
    assert said in response.json()["error"]["message"]


# Windows that lie apart


@pytest.mark.parametrize(
    ("length", "hop", "zone", "start", "end", "expected"),
    [
        ("1h", None, "UTC", -5, 3 * HOUR + 5, [0, 1, 2]),
        ("1h", "15m", "UTC", 10 * MINUTE, 3 * HOUR, [0.25, 1.25]),
        ("1d", None, "Europe/Berlin", -2 * HOUR, 2 * DAY, [-1, 23]),
        ("2d", "1d", "UTC", 1, 6 * DAY, [24, 72]),
    ],
)
def test_disjoint_windows_of_a_stretch(
    length: str, hop: str | None, zone: str, start: int, end: int, expected: list[float]
) -> None:
    spec = WindowSpec.parse(length, hop, zone)
    found = list(disjoint(spec, Window(T0 + start, T0 + end)))
    assert [(one.start - T0) / HOUR for one in found] == expected
    assert all(before.end <= after.start for before, after in pairwise(found))


@pytest.mark.parametrize("first", [18, 80, 298])
def test_disjoint_calendar_windows_across_a_change_of_the_clocks(first: int) -> None:
    year = 1_767_225_600_000_000  # 2026-01-01 UTC
    spec = WindowSpec.parse("2d", "1d", "Europe/Berlin")
    stretch = Window(year + first * DAY + 5 * HOUR, year + (first + 14) * DAY)
    found = list(disjoint(spec, stretch))
    assert len(found) == 6
    assert all(before.end == after.start for before, after in pairwise(found))
