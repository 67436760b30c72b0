"""Labels meet their predictions in the store: late, early, twice, corrected, never.

In any order and any cut of the log, the sums are those of a batch computation.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import pytest

from drift.core.catalogue import Reference
from drift.core.clock import DAY, HOUR, MINUTE, SECOND, isoformat
from drift.core.outcome.counting import OutcomeCounter
from drift.core.outcome.sums import Outcomes
from drift.core.records import LABEL_ONLY
from drift.core.rows import Rows
from drift.reference import ReferenceOptions, build_reference
from drift.store import Store
from tests.rig.timeline import T0, Log, drain

N = 400
LOGS: WeakKeyDictionary[Store, Log] = WeakKeyDictionary()
"""Store → what was produced so far."""


@dataclass(frozen=True)
class Stream:
    """Predictions, and what is known of them in the end."""

    events: list[dict[str, Any]]
    labels: list[dict[str, Any]]
    final: dict[str, str]
    conflicts: int


def frame(n: int = 3_000, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    amount = rng.normal(100, 20, n)
    p = 1 / (1 + np.exp(-(amount - 110) / 10))
    return pd.DataFrame({
        "amount": amount, "region": rng.choice(["n", "s"], n), "score": np.clip(p + rng.normal(0, 0.05, n), 0, 1),
        "prediction": (p > 0.5).astype(int), "label": (rng.random(n) < p).astype(int),
    })  # fmt: skip


def registered(store: Store, versions: Sequence[str] = ("1",)) -> list[Reference]:
    model = store.put_model("m", pane=5 * MINUTE)
    found = []
    for version in versions:
        options = ReferenceOptions(version=version, segments={"region": ("n", "s")})
        built = build_reference(frame(seed=int(version)), options)
        found.append(store.add_reference(
            model.id, version=version, schema=built.schema, grid=built.grid, profile=built.profile,
            content_hash=built.content_hash, rows=built.rows, active_from=0, outcomes=built.outcomes,
        ))  # fmt: skip
    return found


def stream(seed: int = 5, n: int = N) -> Stream:
    """Labels hours or 30 days later, a fifth never, some twice, some corrected, some before their prediction."""
    rng, rows = random.Random(seed), frame(n, seed + 100)
    events, labels, final, conflicts = [], [], {}, 0
    for number, row in enumerate(rows.to_dict("records")):
        time = T0 + number * 9 * SECOND
        truth, id_ = row.pop("label"), f"e{number}"
        score, prediction = row.pop("score"), row.pop("prediction")
        events.append({
            "model": "m", "version": "1", "id": id_, "time": isoformat(time), "features": row, "score": score,
            "prediction": prediction, "segments": {"region": row["region"]},
        })  # fmt: skip
        if rng.random() < 0.2:
            continue
        later = time + rng.choice([-MINUTE, HOUR, 30 * DAY])
        given = [(later, truth)]
        if rng.random() < 0.2:
            given.append((later, truth))
        if rng.random() < 0.2:
            given.append((later + HOUR, 1 - truth))
            conflicts += 1
        labels += [{"model": "m", "id": id_, "label": value, "time": isoformat(at)} for at, value in given]
        final[id_] = str(given[-1][1])
    return Stream(events, labels, final, conflicts)


def expected(reference: Reference, of: Stream) -> Outcomes:
    """The same by a batch computation: one pass over finished pairs."""
    counter, n = OutcomeCounter(reference.grid), len(of.events)
    numbers = [c.name for c in (g.column for g in reference.grid.columns) if c.storage == "number" and c.name != "x"]
    values = {
        "amount": [e["features"]["amount"] for e in of.events], "score": [e["score"] for e in of.events],
        "prediction": [e["prediction"] for e in of.events],
    }  # fmt: skip
    matrix = np.array([values[name] for name in numbers], float)
    keys = {"region": [e["features"]["region"] for e in of.events]}
    rows = Rows(np.zeros(n, np.int64), matrix, keys)  # type: ignore[arg-type]  # plain lists of texts
    seen = counter.predictions.of(rows, np.zeros(n, np.int64))
    zero, ones = np.zeros(n, np.int64), np.ones(n, np.int64)
    (predicted,) = counter.predicted(seen, np.ones(n, np.bool_), zero, 1)
    truth = np.array([float(of.final.get(e["id"], "nan")) for e in of.events])
    (joined,) = counter.joined(seen, truth, ones, zero, zero, 1)
    return Outcomes(reference.grid, predicted + joined)


def found(store: Store, reference: Reference) -> Outcomes:
    whole = store.profile(reference, T0 - DAY, T0 + DAY).outcomes
    assert whole is not None
    return whole


def same(one: Outcomes, other: Outcomes) -> None:
    assert np.array_equal(one.sums.ints, other.sums.ints)
    for block in ("cause_rows", "cause_expected", "cause_seen", "cause_loss"):
        assert np.array_equal(one.whole(block), other.whole(block)), block


def consume(store: Store, records: Sequence[dict[str, Any]], cut: int = 2_000, partitions: int = 2) -> None:
    """Produce these to the store's log, and count what is new in it."""
    log = LOGS.setdefault(store, Log(partitions))
    for number, record in enumerate(records):
        log.append(number % partitions, json.dumps(record).encode())
    drain(store, log, poll_records=cut)


@pytest.mark.parametrize(("seed", "cut"), [(1, 2_000), (2, 97), (3, 10), (4, 97)])
def test_labels_in_any_order_give_what_a_batch_gives(store: Store, seed: int, cut: int) -> None:
    (reference,), of = registered(store), stream(seed)
    records = [*of.events, *of.labels]
    if seed > 1:
        random.Random(seed).shuffle(records)
    consume(store, records, cut)
    whole = found(store, reference)
    same(whole, expected(reference, of))
    assert whole.joined() == len(of.final)
    assert whole.predicted() == N
    assert int(whole.whole("delays").sum()) == len(of.final)
    assert store.unmet(reference.model_id) == (N - len(of.final), 0)


def test_conflicting_labels_are_counted_and_the_last_one_wins(store: Store) -> None:
    (reference,), of = registered(store), stream(7)
    consume(store, [*of.events, *of.labels], 100, partitions=1)
    assert of.conflicts > 20
    assert int(found(store, reference).whole("conflicts")[0]) == of.conflicts


def test_predictions_sent_twice_are_labelled_once(store: Store) -> None:
    (reference,), of = registered(store), stream(8)
    consume(store, [*of.events, *of.labels, *of.events])
    consume(store, of.events)
    whole = found(store, reference)
    assert whole.joined() == len(of.final)
    assert whole.predicted() == 3 * N
    assert np.array_equal(whole.block("joined"), expected(reference, of).block("joined"))


def test_two_versions_of_one_event_meet_one_label(store: Store) -> None:
    (first, second), of = registered(store, ("1", "2")), stream(9)
    shadow = [event | {"version": "2"} for event in of.events]
    consume(store, [*of.events, *of.labels[:200], *shadow, *of.labels[200:]], 50)
    for reference in (first, second):
        assert found(store, reference).joined() == len(of.final)


def test_labels_beside_their_predictions(store: Store) -> None:
    (reference,), of = registered(store), stream(10)
    known = [event | {"label": int(of.final[event["id"]])} for event in of.events if event["id"] in of.final]
    nameless = [{name: value for name, value in event.items() if name != "id"} for event in known[:100]]
    consume(store, [*nameless, *known[100:], *(event for event in of.events if event["id"] not in of.final)], 64)
    whole = found(store, reference)
    same(whole, expected(reference, of))
    assert int(whole.block("alone").sum()) == 0
    consume(store, [{name: value for name, value in of.events[0].items() if name != "id"}])
    assert int(found(store, reference).block("alone").sum()) == 1


@pytest.mark.parametrize("cut", [2_000, 7])
def test_labels_beside_predictions_are_corrected_doubled_and_come_second(store: Store, cut: int) -> None:
    """Half of the predictions bring a label that others contradict, before or after, and all are sent twice."""
    (reference,), of = registered(store), stream(14)
    first = {event["id"]: number % 2 for number, event in enumerate(of.events) if number % 2}
    events = [event | ({"label": first[event["id"]]} if event["id"] in first else {}) for event in of.events]
    records = [*events, *of.labels, *events]
    random.Random(5).shuffle(records)
    consume(store, records, cut)
    final = {**{id_: str(label) for id_, label in first.items()}, **of.final}
    early = {event["id"]: event["time"] for event in of.events}
    for label in of.labels:
        # a label of before its prediction is older than the one beside it
        if label["id"] in first and of.final[label["id"]] == str(label["label"]) and label["time"] < early[label["id"]]:
            later = [one for one in of.labels if one["id"] == label["id"] and one["time"] > early[label["id"]]]
            final[label["id"]] = str(later[-1]["label"] if later else first[label["id"]])
    whole = found(store, reference)
    wanted = expected(reference, Stream(of.events, of.labels, final, 0))
    assert np.array_equal(whole.block("joined"), wanted.block("joined"))
    assert whole.predicted() == 2 * N
    assert int(whole.whole("cause_seen").sum()) == int(wanted.whole("cause_seen").sum())
    assert int(whole.whole("delays").sum()) == len(final)


def test_labels_touch_the_window_of_the_prediction(store: Store) -> None:
    registered(store)
    of = stream(11)
    consume(store, of.events)
    before = {mark.id for mark in store.dirty(10_000)}
    consume(store, of.labels)
    marked = [mark for mark in store.dirty(10_000) if mark.id not in before]
    labelled = {T0 + int(id_[1:]) * 9 * SECOND for id_ in of.final}
    assert {mark.start for mark in marked} == {time - time % (5 * MINUTE) for time in labelled}
    assert all(mark.rows > 0 for mark in marked)


def test_what_is_old_is_forgotten(store: Store) -> None:
    (reference,), of = registered(store), stream(12)
    consume(store, of.events)
    lease = store.lease("maintenance", "tester", 60)
    assert lease is not None
    assert store.retain(lease, outcomes_before=T0 + 100 * 9 * SECOND).outcomes == 100
    consume(store, of.labels)
    left = sum(int(id_[1:]) >= 100 for id_ in of.final)
    assert found(store, reference).joined() == left


def test_folding_and_compaction_keep_them(store: Store) -> None:
    (reference,), of = registered(store), stream(13)
    records = [*of.events, *of.labels]
    random.Random(3).shuffle(records)
    consume(store, records[:500], 20)
    lease = store.lease("folding", "tester", 60)
    assert lease is not None
    store.fold(lease, reference, before=T0 + DAY, limit=1_000)
    store.compact(lease, reference, hours_before=T0 + 2 * HOUR, days_before=T0, limit=100)
    consume(store, records[500:], 20)
    store.fold(lease, reference, before=T0 + DAY, limit=1_000)
    store.compact(lease, reference, hours_before=T0 + 2 * HOUR, days_before=T0, limit=100)
    same(found(store, reference), expected(reference, of))


@pytest.mark.parametrize("label", [{"id": None}, {"id": True}, {"label": [1]}, {"label": {}}, {"id": "x" * 2_000}])
def test_what_is_no_label_is_a_dead_letter(store: Store, label: dict[str, Any]) -> None:
    registered(store)
    consume(store, [{"model": "m", "id": "a", "label": 1, "time": isoformat(T0)} | label])
    letters = store.dead_letters(limit=10)
    assert [one.letter.reason for one in letters] in ([LABEL_ONLY], ["wrong_type"])


def test_hostile_labels_and_ids(store: Store) -> None:
    (reference,) = registered(store)
    event = stream(1).events[0]
    ids = ["\0", "a\ud800b", "'; DROP TABLE outcomes; --", "x" * 1_000, 2**70, 1.5]
    events = [event | {"id": one} for one in ids]
    labels = [{"model": "m", "id": one, "label": label, "time": isoformat(T0)} for one, label in zip(
        ids, ["\0", "1", "x" * 500, 1, True, 0.0], strict=True
    )]  # fmt: skip
    consume(store, [*events, *labels])
    # an overlong label is refused; one of another class is counted as such
    assert found(store, reference).joined() == len(ids) - 1
    assert int(found(store, reference).block("joined")[:, :, 2].sum()) == 1
