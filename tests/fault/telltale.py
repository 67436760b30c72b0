"""What must hold of everything that was told, however often its process was killed; each breach is a sentence."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from alerts.message import Message
from alerts.routes.webhook import cloud_event
from drift.core.alert import Happening, Notice, NoticeState, Run, RunState
from tests.fault.mailbox import Arrival
from tests.fault.oncall import OnCall, Told
from tests.fault.pipeline import NastyAirflow

_CLOCK = ("at", "opened_on", "resolved_on", "on")
"""What differs from run to run."""


def wrong(run: OnCall, expected: Told) -> list[str]:
    """How a run with kills differs from one without, and what it did to its receivers; empty: nothing."""
    told = run.told()
    found = [
        *_differences("message", messages(told), messages(expected)),
        *_differences("incident", incidents(told), incidents(expected)),
        *_differences("event", dict(enumerate(history(told))), dict(enumerate(history(expected)))),
        *(f"notice {one.key} is {one.state.value}: {one.error}" for one in told.notices if not _sent(one)),
    ]
    for receiver in run.boxes:
        found += at_receiver(run, told, receiver)
    if run.airflow is not None:
        found += of_runs(told, run.airflow)
    return found


def messages(told: Told) -> dict[str, Any]:
    """Key → message, without what the clock says and whose store it is; not those about runs."""
    found = {}
    for notice in told.notices:
        message = asdict(Message.load(notice.body))
        key = notice.key.removeprefix(told.uuid[:13])
        if message["change"] != "run":
            found[key] = {**_plain(message), "key": key, "receiver": notice.receiver, "stream": notice.stream}
    return found


def incidents(told: Told) -> dict[int, Any]:
    """Id → incident, without what the clock says."""
    return {one.id: _plain(asdict(one)) | {"told": [_plain(t) for t in asdict(one)["told"]]} for one in told.incidents}


def history(told: Told) -> list[Any]:
    """What happened, in its order; not to runs, which live by the clock."""
    return [
        (one.incident_id, one.happening.value, one.why, one.at, one.who, one.key)
        for one in told.events if one.happening is not Happening.RUN
    ]  # fmt: skip


def duplicates(run: OnCall) -> int:
    """Requests beyond the first of their key."""
    return sum(len(box.arrived.all) - len({one.key for one in box.arrived.all}) for box in run.boxes.values())


def at_receiver(run: OnCall, told: Told, receiver: str) -> Iterator[str]:
    """What came to one receiver against what was queued for it."""
    arrived = run.boxes[receiver].arrived
    queued = {one.key: one for one in told.notices if one.receiver == receiver}
    by_key = defaultdict[str, list[Arrival]](list)
    for one in arrived.all:
        by_key[one.key].append(one)
    if arrived.forged:
        yield f"{receiver}: {arrived.forged} signatures do not verify"
    for key, notice in queued.items():
        yield from _of_key(receiver, key, notice, by_key[key])
    for key in by_key.keys() - queued.keys():
        yield f"{receiver}: nobody queued {key}"
    yield from _overtaken(receiver, arrived.all, queued)


def of_runs(told: Told, airflow: NastyAirflow) -> Iterator[str]:
    """What was started against what was to be started."""
    started = {one.key: one for one in airflow.runs}
    known = {run.key for run in told.runs}
    for key in started.keys() - known:
        yield f"nobody asked for the run {key}"
    for run in told.runs:
        there = started.get(run.key)
        word = {RunState.SUCCEEDED: "success", RunState.FAILED: "failed"}.get(run.state)
        if there is None or there.state != word:
            yield f"run {run.key} is {run.state.value} ({run.error}), at its target {there and there.state}"
        elif not run.conf.items() <= there.given.items():
            yield f"run {run.key} was given {there.given}, not {run.conf}"
        yield from _of_run(told, run)


def _of_run(told: Told, run: Run) -> Iterator[str]:
    """Each step of a run is written down once, whoever took it; who came too late says so."""
    steps = [
        one.why for one in told.events
        if one.incident_id == run.incident_id and one.happening is Happening.RUN and not one.why.endswith("meanwhile")
    ]  # fmt: skip
    for words in (("requested",), ("started", "was there already"), ("succeeded", "failed")):
        said = [step for step in steps if step.startswith(tuple(f"{run.trigger}: {word}" for word in words))]
        if len(said) != 1:
            yield f"run {run.key} has {said} of {words} among {steps}"


def _of_key(receiver: str, key: str, notice: Notice, arrivals: list[Arrival]) -> Iterator[str]:
    if not any(one.accepted for one in arrivals):
        yield f"{receiver}: {key} was lost: it came {len(arrivals)} times and was never accepted"
    body = cloud_event(Message.load(notice.body))[1]
    if any(one.body != body or one.event["id"] != key for one in arrivals):
        yield f"{receiver}: {key} came with another body"


def _overtaken(receiver: str, arrivals: list[Arrival], queued: Mapping[str, Notice]) -> Iterator[str]:
    """First in, first out within a stream; and once 'resolved' was accepted, nothing more of what it resolved."""
    reached: dict[str, int] = {}
    over: set[str] = set()
    for one in arrivals:
        notice = queued.get(one.key)
        if notice is None:
            continue
        before = reached.get(notice.stream, 0)
        resolved = Message.load(notice.body).change == "resolved"
        if notice.id < before and notice.stream in over:
            yield f"{receiver}: {one.key} came after {notice.stream} was resolved"
        elif notice.id > before and any(before < other.id < notice.id for other in _of_stream(queued, notice)):
            yield f"{receiver}: {one.key} overtook another of {notice.stream}"
        reached[notice.stream] = max(before, notice.id)
        if resolved and one.accepted:
            over.add(notice.stream)


def _of_stream(queued: Mapping[str, Notice], notice: Notice) -> Iterator[Notice]:
    return (one for one in queued.values() if one.stream == notice.stream)


def _sent(notice: Notice) -> bool:
    return notice.state is NoticeState.SENT


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in value.items() if name not in _CLOCK}


def _differences(what: str, found: Mapping[Any, Any], expected: Mapping[Any, Any]) -> Iterator[str]:
    for key in sorted(found.keys() | expected.keys()):
        if found.get(key) != expected.get(key):
            yield f"{what} {key} is {found.get(key)}, not {expected.get(key)}"
