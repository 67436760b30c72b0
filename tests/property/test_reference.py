"""What holds of the reference of any table at all."""

import sys
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from drift.core.errors import InputError
from drift.core.grid import Grid
from drift.core.profile import Profile, Sums
from drift.core.schema import Kind
from drift.reference import ReferenceOptions, build_reference, profile_frame

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.lists(st.integers(), max_size=2),
    st.binary(max_size=3),
)
FAMILIES = st.sampled_from(
    [
        st.floats(), st.floats(-3, 3).map(lambda x: round(x, 1)), st.integers(-5, 5), st.integers(), st.booleans(),
        st.sampled_from(["a", "b", "", "ü", "1", "NaN"]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
        SCALARS,
    ]
)  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    n = draw(st.integers(1, 120))
    columns = {}
    for i in range(draw(st.integers(1, 4))):
        values = draw(FAMILIES)
        if draw(st.booleans()):
            values = st.one_of(st.none(), values)
        drawn = draw(st.lists(values, min_size=n, max_size=n))
        columns[f"c{i}"] = pd.Series(drawn, dtype=object) if draw(st.booleans()) else _typed(drawn)
    columns["anchor"] = pd.Series(np.arange(n) % 3)
    if draw(st.booleans()):
        micros = draw(st.lists(st.integers(0, 10**14), min_size=n, max_size=n))
        columns["when"] = pd.Series(np.array(micros).view("datetime64[us]"))
    frame = pd.DataFrame(columns)
    note(f"{frame.dtypes.to_dict()} {frame.to_dict('list')}")
    return frame


def _typed(values: list[Any]) -> pd.Series:
    try:
        return pd.Series(values)
    except (OverflowError, ValueError, TypeError):
        return pd.Series(values, dtype=object)


def _options(frame: pd.DataFrame) -> ReferenceOptions:
    return ReferenceOptions(roles={"when": "time"} if "when" in frame else {}, segments={"anchor": (), "c0": ()})  # type: ignore[dict-item]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(frame=tables())
def test_every_row_is_counted_once_in_every_column_and_segment(frame: pd.DataFrame) -> None:
    reference = build_reference(frame, _options(frame))
    grid, profile, n = reference.grid, reference.profile, len(frame)
    assert reference.rows == profile.rows() == n
    segments = [profile.rows(segment.index) for segment in grid.segments]
    for segment in grid.segments:
        for column in range(len(grid.columns)):
            counts = profile.column_counts(column, segment.index)
            assert counts.min() >= 0
            assert counts.sum() == segments[segment.index]
    for of in grid.segment_grids:
        assert sum(rows for rows, segment in zip(segments, grid.segments, strict=True) if segment.name == of.name) == n
    for column, of_column in enumerate(grid.columns):
        bins = profile.bin_counts(column)
        # nothing lies above the largest double, so that bin holds it
        if of_column.edges[-1:] != (sys.float_info.max,) and not of_column.rare:
            assert bins[-1] == 0, "nothing in the reference is unseen, or above its maximum"
        if of_column.column.kind is Kind.NUMERIC:
            assert bins[0] == 0, "or below its minimum"


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(frame=tables(), seed=st.integers(0, 10))
def test_chunks_batches_and_order_make_no_difference(frame: pd.DataFrame, seed: int) -> None:
    options = _options(frame)
    reference = build_reference(frame, options)
    assert Grid.load(reference.grid.dump()) == reference.grid
    if "when" in frame:
        _same(Sums.total(sums for _, _, sums in reference.chunks), reference.profile)
    shuffled = build_reference(frame.sample(frac=1, random_state=seed), options)
    assert shuffled.grid.id == reference.grid.id
    _same(shuffled.profile.sums, reference.profile)
    cut = len(frame) // 3
    time = "when" if "when" in frame else None
    parts = [profile_frame(part, reference.grid, time=time).sums for part in (frame.iloc[:cut], frame.iloc[cut:])]
    whole = parts[0] + parts[1]
    for column, grid in enumerate(reference.grid.columns):
        if grid.rare:
            _lone_ones_are_known(Profile(reference.grid, whole), reference.profile, column)
    _same(whole, reference.profile)


def _lone_ones_are_known(counted: Profile, reference: Profile, column: int) -> None:
    """Move the rows of a reference whose key no other row has from `unseen`, where they are expected, to `other`."""
    first, other = int(reference.grid.layout.slots[column]), reference.grid.columns[column].other
    assert other is not None
    at = 1 + first + other
    lone = counted.sums.ints[:, at] - reference.sums.ints[:, at]
    assert (lone >= 0).all()
    counted.sums.ints[:, at] -= lone
    counted.sums.ints[:, at + 1] += lone


def _same(sums: Sums, profile: Profile) -> None:
    assert np.array_equal(sums.ints, profile.sums.ints)
    assert np.array_equal(sums.low, profile.sums.low)
    assert np.array_equal(sums.high, profile.sums.high)


@settings(max_examples=50, deadline=None)
@given(
    frame=tables(),
    kinds=st.dictionaries(st.sampled_from(["c0", "anchor"]), st.sampled_from(list(Kind)), min_size=1),
)
def test_any_kind_asked_for_is_taken_or_refused_in_a_sentence(frame: pd.DataFrame, kinds: dict[str, Kind]) -> None:
    try:
        reference = build_reference(frame, ReferenceOptions(kinds=kinds))
    except InputError as refused:
        assert "\n" not in str(refused)  # noqa: PT017  # either outcome is right
        return
    for column in range(len(reference.grid.columns)):
        assert reference.profile.column_counts(column).sum() == len(frame)
