"""Texts, vectors, keys and decimals: any grouping of rows adds up to the same, in every format."""

from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, note, settings
from hypothesis import strategies as st

from drift.core.profile import Sums
from drift.core.rows import Fields
from drift.reference import BuiltReference, ReferenceOptions, build_reference, profile_frame
from tests.rig.typed import EVENTS, counted, decoded, differences, events

TIME = pd.Timestamp("2026-03-01", tz="UTC")


@cache
def reference() -> BuiltReference:
    rng = np.random.default_rng(3)
    n = 600
    frame = pd.DataFrame({
        "time": TIME,
        "key": [f"k{i}" for i in rng.zipf(1.4, n)],
        "note": [" ".join(rng.choice(["ab", "ba", "wab", "b"], 6)) + f" x{'abc'[i % 3] * (i % 40)}" for i in range(n)],
        "vector": [rng.normal(size=9).tolist() for _ in range(n)],
        "price": [Decimal(int(x)) / 100 for x in rng.integers(0, 900, n)],
    })  # fmt: skip
    return build_reference(frame, ReferenceOptions(roles={"time": "time"}))  # type: ignore[dict-item]


numbers = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.floats(-3, 3), st.integers(-(2**60), 2**60))
vectors = st.one_of(
    st.none(), st.lists(st.floats(-3, 3), min_size=9, max_size=9),
    st.lists(st.one_of(st.none(), numbers.map(float)), min_size=8, max_size=10),
)  # fmt: skip
rows = st.fixed_dictionaries(
    {
        "key": st.one_of(st.none(), st.sampled_from(["k1", "k2", "k700"]), st.text("kxyz12", min_size=1)),
        "note": st.one_of(
            st.none(), st.text("ab wx!0ü", min_size=1, max_size=30).filter(lambda text: bool(text.strip()))
        ),
        "vector": vectors,
        "price": st.one_of(st.none(), st.decimals(0, 9, places=2)),
    }
)
tables = st.lists(rows, min_size=1, max_size=12)


def frame_of(listed: list[dict[str, Any]]) -> pd.DataFrame:
    columns = {name: pd.Series([row[name] for row in listed], dtype=object) for name in listed[0]}
    return pd.DataFrame({"time": pd.Series(TIME, range(len(listed))), **columns})


@settings(max_examples=60, deadline=None)
@given(tables)
def test_every_format_counts_the_same(listed: list[dict[str, Any]]) -> None:
    built, frame = reference(), frame_of(listed)
    note(str(listed))
    expected = profile_frame(frame, built.grid, time="time").sums
    for payload in EVENTS:
        found = counted(decoded(events(frame, payload), payload, built), built)
        assert differences(found, expected, built) == {}, payload


@settings(max_examples=60, deadline=None)
@given(tables, st.integers(0, 12))
def test_rows_add_up_however_they_are_grouped(listed: list[dict[str, Any]], cut: int) -> None:
    built, frame = reference(), frame_of(listed)
    records = events(frame, "json")
    whole = counted(decoded(records, "json", built), built)
    alone = [counted(decoded([record], "json", built), built) for record in records]
    assert differences(Sums.total(alone), whole, built) == {}
    parts = [frame.iloc[:cut], frame.iloc[cut:]]
    halves = [profile_frame(part, built.grid, time="time").sums for part in parts if len(part)]
    assert differences(Sums.total(reversed(halves)), whole, built) == {}


@settings(max_examples=30, deadline=None)
@given(tables, st.permutations(range(12)))
def test_rows_taken_apart_stay_what_they_are(listed: list[dict[str, Any]], order: list[int]) -> None:
    built = reference()
    read = decoded(events(frame_of(listed), "json"), "json", built)
    at = np.array([i for i in order if i < len(read)], np.int64)
    shuffled = read.take(at).project(Fields.of(built.schema))
    assert differences(counted(shuffled, built), counted(read, built), built) == {}
