"""The queue between requests and a worker: whole requests, answered when committed, each key once."""

from concurrent.futures import Future

import pytest

from drift.core.commit import Claim, DeadLetter
from drift.core.errors import BackPressure, Conflict, StoreUnavailable
from ingest.sources.http import Answer, HttpSource, Refusal

BODY = b"body"


def started(capacity: int = 1_000, position: int | None = None) -> HttpSource:
    source = HttpSource("here", capacity)
    assert source.poll(0, 10).assigned == (source.partition,)
    source.start([Claim(source.partition, 1, position)])
    return source


def post(source: HttpSource, *records: bytes, key: str | None = None, body: bytes = BODY) -> "Future[Answer]":
    return source.submit(records, len(records), 7, key, body)


def taken(source: HttpSource, most: int = 10) -> list[tuple[int, bytes]]:
    return [
        (offset, value or b"")
        for chunk in source.poll(0, most).chunks
        for offset, value in zip(chunk.offsets, chunk.values, strict=True)
    ]


def commit(source: HttpSource, position: int) -> None:
    source.commit({source.partition: position}, "store")


def test_a_request_is_answered_when_it_is_committed_and_not_before() -> None:
    source = started(position=40)
    first, second = post(source, b"a", b"b"), post(source, b"c")
    assert taken(source) == [(40, b"a"), (41, b"b"), (42, b"c")]
    assert taken(source) == []
    commit(source, 42)
    assert first.result(0).accepted == 2
    assert not second.done()
    commit(source, 43)
    assert second.result(0).accepted == 1


def test_requests_are_delivered_whole() -> None:
    source = started()
    post(source, b"a", b"b", b"c")
    post(source, b"d")
    assert [offset for offset, _ in taken(source, most=2)] == [0, 1, 2]
    assert taken(source, most=2) == [(3, b"d")]


def test_refused_events_are_named_by_their_place_in_the_request() -> None:
    source = started(position=10)
    post(source, b"x")
    future = post(source, b"a", b"broken")
    taken(source)
    source.refuse([DeadLetter(source.partition, 12, 0, "malformed", "no JSON", b"broken", 0)])
    commit(source, 13)
    assert future.result(0) == Answer(1, (Refusal(1, "malformed", "no JSON"),), future.result(0).body)


def test_after_a_rollback_everything_uncommitted_comes_again() -> None:
    source = started()
    future = post(source, b"a", b"bad")
    taken(source)
    source.refuse([DeadLetter(source.partition, 1, 0, "malformed", "", b"bad", 0)])
    source.start([Claim(source.partition, 1, None)])
    assert taken(source) == [(0, b"a"), (1, b"bad")]
    source.refuse([DeadLetter(source.partition, 1, 0, "malformed", "", b"bad", 0)])
    commit(source, 2)
    assert len(future.result(0).rejected) == 1


def test_a_commit_that_nobody_confirmed_is_found_at_the_next_start() -> None:
    source = started()
    future, other = post(source, b"a"), post(source, b"b")
    taken(source)
    source.start([Claim(source.partition, 2, 1)])
    assert future.result(0).accepted == 1
    assert not other.done()
    assert taken(source) == [(1, b"b")]


def test_a_full_queue_says_when_to_come_back() -> None:
    source = started(capacity=10)
    post(source, b"123456")
    with pytest.raises(BackPressure, match="wait for their commit") as full:
        post(source, b"123456")
    assert full.value.retry_after > 0
    taken(source)
    commit(source, 1)
    post(source, b"123456")


def test_a_single_request_larger_than_the_queue_still_gets_through_alone() -> None:
    source = started(capacity=3)
    post(source, b"123456")
    assert taken(source) == [(0, b"123456")]


def test_the_same_key_in_flight_counts_once() -> None:
    source = started()
    first, again = post(source, b"a", key="k"), post(source, b"a", key="k")
    assert again is first
    assert taken(source) == [(0, b"a")]
    assert Answer.load(source.answers({source.partition: 1})["k"]).accepted == 1
    assert source.answers({source.partition: 0}) == {}
    with pytest.raises(Conflict, match="another body"):
        post(source, b"a", key="k", body=b"other")


def test_a_key_counted_by_another_server_gets_that_answer_and_is_not_counted() -> None:
    source = started()
    repeated, other = post(source, b"a", key="k"), post(source, b"b")
    taken(source)
    stored = Answer(5, (), repeated_body(source, repeated)).dump()
    source.repeated({"k": stored})
    source.start([Claim(source.partition, 1, None)])
    assert repeated.result(0).accepted == 5
    assert taken(source) == [(0, b"b")]
    assert not other.done()


def repeated_body(source: HttpSource, future: "Future[Answer]") -> str:
    return next(request.body for request in source._requests if request.future is future)


def test_pausing_keeps_requests_waiting_and_closing_tells_them() -> None:
    source = started()
    source.pause()
    future = post(source, b"a")
    assert taken(source) == []
    assert source.log_ends() == {source.partition: 1}
    source.resume()
    assert taken(source) == [(0, b"a")]
    source.close()
    with pytest.raises(StoreUnavailable, match="send the request again"):
        future.result(0)
    with pytest.raises(StoreUnavailable, match="stopping"):
        post(source, b"a")
