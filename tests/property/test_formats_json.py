"""What becomes of a message depends on that message alone: batches are cut anew after every restart."""

import json
import math
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.core.records import Decoded
from drift.core.rows import Coded, Fields
from drift.core.schema import Column, Kind, Role, Schema, Storage
from drift.core.sketch import DISTINCT
from drift.core.vectors import DISTANCE, measures
from drift.core.words import OOV, TEXTS, vocabulary
from ingest import formats

WORDS = vocabulary(["a b", "b a"])
CENTRE = np.linspace(-1, 1, 8).astype("<f4").tobytes()
SCHEMA = Schema(
    (
        Column("x", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER),
        Column("y", Kind.ORDINAL, Role.FEATURE, Storage.NUMBER),
        Column("c", Kind.CATEGORICAL, Role.FEATURE, Storage.STRING),
        Column("b", Kind.BOOLEAN, Role.FEATURE, Storage.BOOLEAN),
        Column("day", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER, "at", "age"),
        *(
            Column(
                f"note.{what}", Kind.NUMERIC, Role.FEATURE, Storage.STRING, "note", what, learned=WORDS * (what == OOV)
            )
            for what in TEXTS
        ),
        *(
            Column(f"e.{what}", Kind.NUMERIC, Role.FEATURE, Storage.LIST, "e", what, 8, CENTRE * (what == DISTANCE))
            for what in measures(8)
        ),
        Column("c.distinct", Kind.CATEGORICAL, Role.FEATURE, Storage.STRING, "c", DISTINCT),
        Column("prediction", Kind.CATEGORICAL, Role.PREDICTION, Storage.NUMBER),
    ),
    segments=("y",),
)
FLAT = {"model": "model", "time": "time", "features": "$", "label": "label"}

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.sampled_from([2**70, 10**400, "\ud800"]),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=2), st.none(), max_size=1),
)  # fmt: skip
times = st.one_of(
    st.just("2026-11-23T10:00:00.123456Z"), st.just("2026-11-23T11:00:00+01:00"), st.integers(0, 2**62),
    st.floats(0, 1e18), st.sampled_from([1795428000123456789, 1795428000.25, 1795428000]), scalars,
)  # fmt: skip
vectors = st.lists(st.one_of(st.floats(width=32), st.integers(), st.none(), st.booleans()), min_size=7, max_size=9)
rich = st.one_of(vectors, st.text("ab ", max_size=6), scalars)
features = st.builds(
    lambda plain, more: plain | more,
    st.dictionaries(st.sampled_from(["x", "y", "c", "b", "at", "z"]), scalars),
    st.dictionaries(st.sampled_from(["e", "note"]), rich),
)


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    event: dict[str, Any] = {"model": draw(st.sampled_from("mmmmmmn?"))}
    event["time"] = draw(times)
    for name, values in (("features", features), ("version", scalars), ("prediction", scalars), ("label", scalars)):
        if draw(st.booleans()):
            event[name] = draw(st.one_of(values, scalars))
    return {**event, **draw(features)}


def write(value: object) -> bytes:
    return json.dumps(value).encode()


messages = st.lists(
    st.one_of(
        events().map(write),
        st.lists(events(), max_size=3).map(write),
        st.binary(max_size=20),
        events().map(write).flatmap(lambda text: st.integers(0, len(text)).map(lambda cut: text[:cut])),
        st.none(),
    ),
    max_size=12,
)


def outcomes(decoded: Decoded, first: int = 0) -> Counter[str]:
    """Everything that became of the messages, in an order that does not matter."""
    found: Counter[str] = Counter()
    for name, rows in decoded.rows.items():
        odd = {(c, r): slot for c, r, slot in rows.odd.tolist()}
        for at in range(len(rows)):
            numbers = [odd.get((c, at), float(v).hex()) for c, v in enumerate(rows.numbers[:, at].tolist())]
            keys = []
            for column, held in rows.keys.items():
                assert not isinstance(held, Coded)
                keys.append((column, type(held[at]).__name__, held[at]))
            found[repr((name, int(rows.record[at]) + first, int(rows.time[at]), rows.version[at], numbers, keys))] += 1
    for r in decoded.rejected:
        found[repr((r.record + first, r.index, r.reason, r.detail, r.payload))] += 1
    return found


@settings(max_examples=150, deadline=None)
@given(messages, st.lists(st.integers(0, 12), max_size=3), st.booleans(), st.booleans())
def test_any_split_of_the_messages_gives_the_same(
    texts: list[bytes | None], cuts: list[int], flat: bool, two_models: bool
) -> None:
    models = {name: Fields.of(SCHEMA) for name in (["m", "n"] if two_models else ["m"])}
    decoder = formats.decoder("json", {"map": FLAT} if flat else {}, models)
    stamps = [-1] * len(texts)
    whole = outcomes(decoder.decode(texts, stamps))
    edges = [0, *sorted(min(cut, len(texts)) for cut in cuts), len(texts)]
    parts: Counter[str] = Counter()
    for start, stop in pairwise(edges):
        parts += outcomes(decoder.decode(texts[start:stop], stamps[start:stop]), start)
    assert whole == parts
    alone: Counter[str] = Counter()
    for at, text in enumerate(texts):
        alone += outcomes(decoder.decode([text], [-1]), at)
    assert whole == alone


@settings(max_examples=150, deadline=None)
@given(messages)
def test_nothing_is_lost(texts: list[bytes | None]) -> None:
    decoded = formats.decoder("json", {}, {"m": Fields.of(SCHEMA)}).decode(texts, [-1] * len(texts))
    seen = Counter(r.record for r in decoded.rejected)
    for rows in decoded.rows.values():
        seen += Counter(rows.record.tolist())
    for at, text in enumerate(texts):
        try:
            held = json.loads(text) if text is not None else None
        except ValueError:
            held = None
        assert seen[at] == (len(held) if isinstance(held, list) and held else 1)


@settings(max_examples=150, deadline=None)
@given(events())
def test_both_ways_agree_where_both_can_go(event: dict[str, Any]) -> None:
    decoder = formats.decoder("json", {}, {"m": Fields.of(SCHEMA)})
    event["event"] = None
    typed = decoder.decode([write(event)], [-1])
    event["event"] = math.nan  # a NaN literal anywhere sends the event the tolerant way
    tolerant = decoder.decode([write(event)], [-1])
    assert [r.reason for r in typed.rejected] == [r.reason for r in tolerant.rejected]
    for name, rows in typed.rows.items():
        other = tolerant.rows[name]
        np.testing.assert_array_equal(rows.numbers, other.numbers)
        assert rows.odd.tolist() == other.odd.tolist()
        assert rows.keys == other.keys
        assert (rows.time.tolist(), rows.version) == (other.time.tolist(), other.version)
