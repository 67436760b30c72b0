"""Prediction logs as they are: mostly right, sometimes late, wrong in every way. The same seed, the same bytes."""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

from drift.core.clock import HOUR, MINUTE, SECOND, isoformat
from tests.fault.world import CHANNELS, RARE, REGIONS, T0

Event = dict[str, Any]


def records(seed: int, n: int, *, start: int = T0, step: int = 2 * SECOND) -> Iterator[bytes | None]:
    """`n` records of one partition; event time moves on by `step` (microseconds) a record, give or take."""
    random = Random(seed)
    for number in range(n):
        yield _record(random, start + number * step)


def _record(random: Random, now: int) -> bytes | None:
    if random.random() < 0.85:
        return _write(_event(random, now))
    return random.choice(ODD)(random, now)


def _write(event: object) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()


def _event(random: Random, now: int) -> Event:
    return _churn(random, now) if random.random() < 0.25 else _credit(random, now)


def _credit(random: Random, now: int) -> Event:
    version = random.choice(("1", "1", "2", 1))
    features: dict[str, Any] = {
        "income": round(random.lognormvariate(8, 1), 2), "age": random.randint(18, 90),
        "debt": round(random.gammavariate(2, 500), 2), "dependents": random.choice((0, 1, 1.0, 2, 3, 9)),
        "region": random.choice((*REGIONS, *RARE, "nowhere", 7, 7.0)), "employed": random.random() < 0.6,
    }  # fmt: skip
    for name in [name for name in features if random.random() < 0.03]:
        features[name] = None
    if random.random() < 0.05:
        features.pop(random.choice(list(features)))
    return {
        "model": "credit", "version": version, "id": f"{random.getrandbits(40):x}", "time": _time(random, now),
        "features": features, "prediction": random.choice((0, 1, 1.0, True)), "score": round(random.random(), 4),
        "segments": {"channel": random.choice((*CHANNELS, "phone"))}, "label": None,
    }  # fmt: skip


def _churn(random: Random, now: int) -> Event:
    joined = now - random.randint(0, 900 * 24) * HOUR
    return {
        "model": "churn", "version": "a", "time": _time(random, now),
        "features": {
            "usage": round(random.gauss(0, 1), 4), "plan": random.choice(("basic", "pro", "gold")),
            "joined": random.choice((isoformat(joined), joined // SECOND, None)),
            "note": random.choice(("", "hello", "na\u00efve \u2713 " * random.randint(1, 4), None)),
        },
    }  # fmt: skip


def _time(random: Random, now: int) -> object:
    """In order on the whole: some seconds early or late, now and then minutes or hours late; written in many ways."""
    jitter = random.randint(-20 * SECOND, 20 * SECOND)
    if random.random() < 0.03:
        jitter = -random.randint(0, 30 * MINUTE)
    if random.random() < 0.01:
        jitter = -random.randint(0, 9 * HOUR)
    moment = max(0, now + jitter)
    match random.randrange(8):
        case 0:
            return moment // SECOND
        case 1:
            return moment // 1000
        case 2:
            return moment / SECOND
        case 3:
            return isoformat(moment).replace("Z", "+00:00")
        case _:
            return isoformat(moment)


# ---- what goes wrong


def _changed(**changes: object) -> Callable[[Random, int], bytes]:
    def odd(random: Random, now: int) -> bytes:
        return _write({**_event(random, now), **changes})

    return odd


def _feature(value: object) -> Callable[[Random, int], bytes]:
    def odd(random: Random, now: int) -> bytes:
        event = _event(random, now)
        event["features"][random.choice(list(event["features"]))] = value
        return _write(event)

    return odd


def _without(name: str) -> Callable[[Random, int], bytes]:
    def odd(random: Random, now: int) -> bytes:
        event = _event(random, now)
        event.pop(name, None)
        return _write(event)

    return odd


def _array(random: Random, now: int) -> bytes:
    events: list[object] = [_event(random, now) for _ in range(random.randint(1, 4))]
    events.insert(random.randrange(len(events) + 1), random.choice((17, None, {"model": "credit"}, [])))
    return _write(events[: random.randint(1, 5)])


def _good_array(random: Random, now: int) -> bytes:
    return _write([_event(random, now + i * MINUTE) for i in range(random.randint(1, 3))])


def _nan_array(random: Random, now: int) -> bytes:
    event = _credit(random, now)
    event["features"]["income"] = float("nan")
    return _write([event, _churn(random, now)])


def _cut(random: Random, now: int) -> bytes:
    whole = _write(_event(random, now))
    return whole[: random.randrange(len(whole))]


def _not_utf8(random: Random, now: int) -> bytes:
    # in a value that is read; what nobody reads is not looked at
    return _write(_credit(random, now)).replace(b'"score":', b'"segments":{"channel":"\xff"},"score":')


def _twice(random: Random, now: int) -> bytes:
    """Keys that stand twice: the last one counts."""
    return _write(_credit(random, now)).replace(b'"score"', b'"score":"first","score"')


def large(seed: int, now: int = T0) -> bytes:
    """A good event of more than a megabyte."""
    return _write({**_event(Random(seed), now), "note": "x" * (1 << 20)})


def _deep(random: Random, now: int) -> bytes:
    return b"[" * 5000 + b"]" * 5000


def _literal(value: bytes) -> Callable[[Random, int], bytes | None]:
    return lambda random, now: value


ODD: Final[tuple[Callable[[Random, int], bytes | None], ...]] = (
    _array, _good_array, _nan_array, _cut, _not_utf8, _twice, _deep,
    _literal(b""), _literal(b"   "), _literal(b"{}"), _literal(b"[]"), _literal(b"null"), _literal(b"12"),
    _literal(b'"text"'), _literal(b"not json"), lambda random, now: None,
    _without("model"), _without("time"), _without("version"), _without("features"), _without("prediction"),
    _changed(model=None), _changed(model=3), _changed(model="unknown"), _changed(model="cr\u00e9dit \ud83d\ude00"),
    _changed(version="9"), _changed(version=None), _changed(version=2), _changed(version=2.0), _changed(version=[1]),
    _changed(version=True), _changed(version={"v": 1}),
    _changed(time=None), _changed(time="yesterday"), _changed(time="2025-03-03T10:00:00"), _changed(time=True),
    _changed(time=-5), _changed(time={}), _changed(time=10**40), _changed(time=float("nan")),
    _changed(time="2100-01-01T00:00:00Z"), _changed(time="9999-12-31T23:59:59Z"), _changed(time="1969-12-31T00:00:00Z"),
    _changed(time=4102444800), _changed(time="2025-03-03T01:02:03.123456+01:00"),
    _changed(features=None), _changed(features=[1, 2]), _changed(features="none"), _changed(segments=None),
    _changed(segments="web"), _changed(segments={"channel": None}), _changed(segments={"channel": ["web"]}),
    _changed(score="high"), _changed(score=None), _changed(score=float("inf")), _changed(prediction=[0]),
    _changed(prediction=float("nan")), _changed(label=1), _changed(label={"late": True}),
    lambda random, now: _write({"model": "credit", "id": "a1", "label": 1, "time": isoformat(now)}),
    _feature(float("nan")), _feature(float("inf")), _feature(float("-inf")), _feature(2**70), _feature(-(10**400)),
    _feature(1e308), _feature("17"), _feature(""), _feature(True), _feature([1, [2]]), _feature({"a": {"b": 1}}),
    _feature("\ud800"), _feature("\u0000"), _feature("\u0130stanbul"), _feature(0.1 + 0.2), _feature(-0.0),
    _feature("2025-02-30T00:00:00Z"), _feature("2025-03-01"), _feature(2**53 + 1), _feature("north "),
)  # fmt: skip
