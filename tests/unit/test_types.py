"""Types that break other tools, from a reference file to counts: Parquet, CSV and JSON Lines; JSON, Arrow and CSV."""

import json
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest

from detectors.judge import judge
from detectors.plan import Plan
from drift.core.grid import INF, MISSING, NAN, SPECIALS, WRONG, Grid
from drift.core.profile import Profile, Sums
from drift.core.result import Outcome
from drift.core.schema import Kind, Role, Storage
from drift.reference import BuiltReference, ReferenceOptions, build_reference, profile_frame
from tests.rig.typed import EVENTS, FILES, counted, decoded, differences, events, write

ROWS = 1_200
ODD = 'ünï "q".$[0]\\'
OPTIONS = ReferenceOptions(roles={"time": Role.TIME}, kinds={"seconds": Kind.DATETIME, "ms": Kind.DATETIME})


def table(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    time = pd.Timestamp("2026-03-01", tz="UTC") + pd.to_timedelta(np.sort(rng.integers(0, 10**6, rows)), unit="s")
    ago = time - pd.to_timedelta(rng.integers(0, 10**6, rows), unit="s")
    halves = rng.integers(0, 8, rows) / 2
    words = [f"w{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(400)]
    return pd.DataFrame({
        "time": time,
        "many": [f"user-{i}" for i in rng.zipf(1.3, rows) % 2_000],
        "note": [" ".join(rng.choice(words, rng.integers(3, 12))) if i % 9 else None for i in range(rows)],
        "zoned": ago,
        "naive": ago.tz_localize(None),
        "seconds": ago.as_unit("s").asi8,
        "ms": ago.as_unit("ms").asi8,
        "texted": ago.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "flag": rng.random(rows) < 0.3,
        "bit": rng.integers(0, 2, rows),
        "code": rng.integers(1, 6, rows) * 10,
        "zip": rng.integers(10_000, 10_300, rows),
        "mixed": pd.Series([int(x) if x == int(x) else float(x) for x in halves], dtype=object),
        "price": pd.Series([Decimal(int(x)) / 100 for x in rng.integers(0, 10**6, rows)], dtype=object),
        "nothing": pd.Series([None] * rows, dtype=object),
        "constant": np.full(rows, 7.5),
        "one": ["x"] * rows,
        "few": [rng.normal(size=3).tolist() for _ in range(rows)],
        "vector": [rng.normal(size=12).round(6).tolist() if i % 50 else None for i in range(rows)],
        ODD: rng.normal(size=rows),
    })  # fmt: skip


KINDS = {
    "many": Kind.CATEGORICAL, "note": Kind.TEXT,
    "zoned": Kind.DATETIME, "naive": Kind.DATETIME, "texted": Kind.DATETIME,
    "seconds": Kind.DATETIME, "ms": Kind.DATETIME, "flag": Kind.BOOLEAN, "bit": Kind.ORDINAL, "code": Kind.ORDINAL,
    "zip": Kind.NUMERIC, "mixed": Kind.ORDINAL, "price": Kind.NUMERIC, "nothing": Kind.CATEGORICAL,
    "constant": Kind.ORDINAL, "one": Kind.CATEGORICAL, "vector": Kind.EMBEDDING, ODD: Kind.NUMERIC,
}  # fmt: skip


@cache
def reference(suffix: str) -> BuiltReference:
    with TemporaryDirectory() as folder:
        return build_reference(write(table(ROWS, 0), Path(folder) / f"r.{suffix}"), OPTIONS)


def profile(built: BuiltReference, sums: Sums) -> Profile:
    return Profile(built.grid, sums)


def why(built: BuiltReference, name: str) -> str:
    return next(str(row["why"]) for row in built.summary["columns"] if row["column"] == name)


@pytest.mark.parametrize("suffix", FILES)
def test_every_kind_is_found_in_every_file(suffix: str) -> None:
    built = reference(suffix)
    assert {name: built.schema[name].kind for name in KINDS} == KINDS
    assert built.schema["few"].role is Role.IGNORE
    assert "lists of 3 numbers are not watched" in why(built, "few")
    assert built.schema["vector"].storage is Storage.LIST
    names = set(built.grid.names)
    assert {"many", "many.bucket", "many.distinct", "note.length", "note.oov", "note.empty", ODD} <= names
    assert {"vector.projection12", "vector.norm", "vector.distance", "zoned.age", "ms.hour", "texted.weekday"} <= names
    assert not {"note", "vector", "zoned", "vector.projection13", "code.bucket", "one.bucket"} & names


@pytest.mark.parametrize("suffix", FILES[1:])
def test_the_file_format_makes_no_difference(suffix: str) -> None:
    one, other = reference("parquet"), reference(suffix)
    for mine, its in zip(one.grid.columns, other.grid.columns, strict=True):
        assert (mine.edges, mine.values, mine.keys) == (its.edges, its.values, its.keys), mine.name
        assert mine.column.learned == its.column.learned, mine.name
    assert np.array_equal(one.profile.sums.ints, other.profile.sums.ints)


@pytest.mark.parametrize("suffix", FILES)
@pytest.mark.parametrize("payload", EVENTS)
def test_the_event_format_makes_no_difference(suffix: str, payload: str) -> None:
    built, frame = reference(suffix), table(500, 1)
    found = counted(decoded(events(frame, payload), payload, built), built)
    assert differences(found, profile_frame(frame, built.grid, time="time").sums, built) == {}
    window = profile(built, found)
    for at, name in enumerate(built.grid.names):
        there = window.column_counts(at)
        assert there.sum() == 500, name
        assert there[-SPECIALS + WRONG] == there[-SPECIALS + INF] == there[-SPECIALS + NAN] == 0, name
        share = there[-SPECIALS + MISSING] / 500
        assert share == pytest.approx(
            {"note": 1 / 9, "nothing": 1, "vector": 0.02}.get(name.partition(".")[0], 0), abs=0.01
        )


def vectors(values: list[Any], payload: str) -> Profile:
    """Specials of an embedding that arrives as these values."""
    built = reference("parquet")
    times = pd.Series(pd.Timestamp("2026-03-01", tz="UTC"), range(len(values)))
    if payload == "json":
        records = [
            json.dumps({"model": "m", "time": "2026-03-01T00:00:00Z", "features": {"vector": value}}).encode()
            for value in values
        ]
    else:
        records = events(pd.DataFrame({"time": times, "vector": pd.Series(values, dtype=object)}), payload)
    return profile(built, counted(decoded(records, payload, built), built))


GOOD = [0.5] * 12
VECTORS: dict[str, tuple[list[Any], int]] = {
    "missing": ([None], MISSING), "too short": ([GOOD[:11], GOOD], WRONG), "too long": ([[*GOOD, 1.0], GOOD], WRONG),
    "empty": ([[], GOOD], WRONG), "a hole": ([[*GOOD[:11], None], GOOD], NAN),
    "not a number": ([[*GOOD[:11], float("nan")], GOOD], NAN),
    "infinite": ([[*GOOD[:11], float("inf")], GOOD], INF), "minus infinite": ([[*GOOD[:11], float("-inf")], GOOD], INF),
}  # fmt: skip


@pytest.mark.parametrize("payload", EVENTS)
@pytest.mark.parametrize("name", VECTORS)
def test_vectors_that_are_none(name: str, payload: str) -> None:
    values, slot = VECTORS[name]
    window = vectors(values, payload)
    for at, column in enumerate(window.grid.columns):
        if column.column.field == "vector":
            counts = window.column_counts(at)
            assert counts[-SPECIALS + slot] == 1, column.name
            assert counts.sum() == len(values)
            assert counts[:-SPECIALS].sum() == len(values) - 1


@pytest.mark.parametrize(
    "value", [7, True, "abc", {"a": 1}, [True] * 12, ["x"] * 12, [[1.0]] * 12, "[1, 2]", [1, "2"] * 6]
)
def test_what_is_no_vector_is_a_wrong_type_whatever_stands_beside_it(value: Any) -> None:
    alone, beside = vectors([value], "json"), vectors([GOOD, value, GOOD], "json")
    at = alone.grid.index["vector.norm"]
    assert alone.column_counts(at)[-SPECIALS + WRONG] == beside.column_counts(at)[-SPECIALS + WRONG] == 1


def test_extreme_vectors_are_counted_somewhere() -> None:
    values = [[0.0] * 12, [1e-320] * 12, [1e308] * 12, [1e308, -1e-308, *[0.0] * 10], [2**70] * 12]
    window = vectors(values, "json")
    for at, column in enumerate(window.grid.columns):
        if column.column.field == "vector":
            assert window.column_counts(at).sum() == len(values)
            assert window.missing()[at] == 0


def test_an_empty_text_is_seen() -> None:
    built = reference("parquet")
    texts = ["", "  \n", "?!", "waa wba", None, 5]
    records = [
        json.dumps({"model": "m", "time": "2026-03-01T00:00:00Z", "features": {"note": text}}).encode()
        for text in texts
    ]
    window = profile(built, counted(decoded(records, "json", built), built))
    at = built.grid.index
    assert window.column_counts(at["note.empty"]).tolist() == [1, 3, 0, 1, 0, 0, 1]
    assert window.bin_counts(at["note.length"]).sum() == 4
    assert window.column_counts(at["note.oov"])[-SPECIALS:].tolist() == [4, 0, 0, 1], "no word, no share of words"


def test_the_reference_is_not_judged_by_its_own_words() -> None:
    """Rows of which the vocabulary was made would show fewer unknown words than the same kind of row tomorrow."""
    rng = np.random.default_rng(0)

    def texts(n: int) -> list[str]:
        drawn = np.minimum(rng.zipf(1.15, (n, 8)), 10**12).tolist()
        return [" ".join(f"w{_letters(number)}" for number in row) for row in drawn]

    built = build_reference(pd.DataFrame({"x": texts(3_000)}))
    at = built.grid.index["x.oov"]
    _, expected, variance = built.profile.moments(at)
    _, found, _ = profile_frame(pd.DataFrame({"x": texts(3_000)}), built.grid).moments(at)
    assert 0.2 < expected < 0.5
    # 0.9 standard errors; 5.1 without the second vocabulary
    assert abs(found - expected) < 3 * np.sqrt(variance * 2 / 3_000)


def _letters(number: int) -> str:
    return "".join(chr(97 + int(digit)) for digit in str(number))


def test_new_words_are_seen() -> None:
    built = reference("parquet")
    frame = table(300, 5).assign(note=["strange tongues everywhere"] * 300)
    at = built.grid.index["note.oov"]
    assert built.profile.moments(at)[1] < 0.05
    assert profile_frame(frame, built.grid, time="time").moments(at)[1] == 1.0


def test_two_references_keep_what_they_learnt() -> None:
    """Each version is counted by its own words, centroid and number of dimensions, though records are read once."""
    frame, other = table(400, 7), table(400, 8)
    other["note"] = other["note"].str.replace("w", "v")
    longer = [None if value is None else [*(x + 3 for x in value), 1.0] for value in other["vector"]]
    other["vector"] = pd.Series(longer, dtype=object)
    one, two = (build_reference(data, OPTIONS) for data in (frame, other))
    for payload in ("json", "arrow"):
        for data, built in ((frame, one), (other, two)):
            alone = counted(decoded(events(data, payload), payload, built), built)
            together = counted(decoded(events(data, payload), payload, one, two), built)
            assert differences(alone, together, built) == {}
    moved = profile(one, counted(decoded(events(other, "json"), "json", one, two), one))
    norm = one.grid.index["vector.norm"]
    assert moved.column_counts(norm)[-SPECIALS + WRONG] == 392
    assert moved.moments(one.grid.index["note.oov"])[1] > 0.9


def test_grids_without_such_columns_keep_the_id_that_they_had_before() -> None:
    plain = build_reference(pd.DataFrame({"n": np.arange(200.0), "k": list("ab") * 100}), ReferenceOptions())
    assert b"learned" not in plain.grid.dump()
    assert b'"size"' not in plain.grid.dump()
    for built in (plain, reference("parquet")):
        assert Grid.load(built.grid.dump()) == built.grid
    older = Grid(
        (replace(plain.grid.columns[0], column=replace(plain.grid.columns[0].column, name=',"size":0,"learned":""')),)
    )
    assert Grid.load(older.dump()) == older, "a name that looks like what is left out"


def test_nothing_of_the_words_or_vectors_can_be_read_from_a_grid() -> None:
    built = reference("parquet")
    assert b"wab" not in built.grid.dump()
    assert len(built.schema["vector.distance"].learned) == 4 * 12
    assert len(built.schema["note.oov"].learned) <= 4 * 10_000


@pytest.mark.parametrize(("keys", "power"), [(200, 1.0), (5_000, 1.0), (100_000, 1.0), (100_000, 0.5)])
def test_many_keys_of_one_law_are_no_drift(keys: int, power: float) -> None:
    """Rows whose key no other row has are counted as unseen in the reference too: as many will be unseen tomorrow."""
    rng = np.random.default_rng(keys)
    weight = 1 / np.arange(1, keys + 1) ** power

    def drawn(n: int) -> pd.DataFrame:
        return pd.DataFrame({"k": [f"u{i}" for i in rng.choice(keys, n, p=weight / weight.sum())]})

    built = build_reference(drawn(20_000))
    at = built.grid.index["k"]
    expected = built.profile.bin_counts(at)[-1] / 20_000
    for _ in range(3):
        window = profile_frame(drawn(2_000), built.grid)
        share = window.bin_counts(at)[-1] / 2_000
        assert abs(share - expected) <= 4 * np.sqrt(expected * (1 - expected) * (1 / 2_000 + 1 / 20_000))
        assert judge(window, built.profile, Plan()).outcome is Outcome.NO_DRIFT
    fresh = drawn(2_000)
    fresh.loc[::3, "k"] = [f"new{i}" for i in range(len(fresh[::3]))]
    assert expected > 0.5 or judge(profile_frame(fresh, built.grid), built.profile, Plan()).outcome is Outcome.DRIFT
