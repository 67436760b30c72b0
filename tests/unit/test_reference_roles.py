"""Roles: what names say, what the user says, what drift.yaml says."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from drift.core.clock import MINUTE
from drift.core.errors import ConfigError, InputError, ReferenceRefused, SchemaError
from drift.core.schema import Kind, Role
from drift.reference import BuiltReference, ReferenceOptions, build_reference

N = 300
RNG = np.random.default_rng(3)
FRAME = pd.DataFrame(
    {
        "id": [f"e{i}" for i in range(N)],
        "event_time": pd.date_range("2026-01-01", periods=N, freq="1min", tz="UTC"),
        "x": RNG.normal(size=N),
        "channel": RNG.choice(["web", "shop", "phone"], N, p=[0.6, 0.3, 0.1]),
        "prediction": RNG.integers(0, 2, N),
        "score": RNG.random(N),
        "target": RNG.integers(0, 2, N),
    }
)


def roles(reference: BuiltReference) -> dict[str, Role]:
    return {column.name: column.role for column in reference.schema.columns if column.role is not Role.FEATURE}


def test_names_that_say_their_role() -> None:
    reference = build_reference(FRAME)
    assert roles(reference) == {
        "id": Role.ID, "event_time": Role.TIME, "prediction": Role.PREDICTION,
        "score": Role.SCORE, "target": Role.LABEL,
    }  # fmt: skip
    assert reference.grid.names == ("x", "channel", "prediction", "score")
    assert reference.grid.columns[2].values == (0.0, 1.0)
    why = {row["column"]: row["why"] for row in reference.summary["columns"]}
    assert why["score"] == "its name says score; a score"


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("score", RNG.normal(650, 50, N)),
        ("score", ["good"] * N),
        ("event_time", np.arange(N)),
        ("event_time", ["noon"] * N),
        ("event_time", [None] * N),
    ],
)
def test_names_that_lie(column: str, values: Any) -> None:
    reference = build_reference(FRAME.assign(**{column: values}))
    assert column not in roles(reference)


def test_ambiguous_names_are_left_to_the_user() -> None:
    frame = FRAME.assign(label=FRAME.target)
    reference = build_reference(frame)
    assert Role.LABEL not in roles(reference).values()
    assert any("target and label could both be the label" in note for note in reference.summary["notes"])
    assert roles(build_reference(frame, ReferenceOptions(roles={"label": Role.LABEL})))["label"] is Role.LABEL


def test_what_the_user_says_wins() -> None:
    options = ReferenceOptions(roles={"x": Role.SCORE, "score": Role.FEATURE}, ignore=("chan*",))
    reference = build_reference(FRAME, options)
    assert roles(reference)["x"] is Role.SCORE
    assert "score" not in roles(reference)
    assert roles(reference)["channel"] is Role.IGNORE
    assert "channel" not in reference.grid.names


@pytest.mark.parametrize(
    "options",
    [
        {"roles": {"scores": Role.SCORE}},
        {"kinds": {"scores": Kind.NUMERIC}},
        {"segments": {"scores": ()}},
        {"ignore": ("scores",)},
    ],
)
def test_columns_that_are_not_there_name_near_ones(options: Any) -> None:
    with pytest.raises(ReferenceRefused, match=r"no column 'scores'; there is score$"):
        build_reference(FRAME, ReferenceOptions(**options))


def test_a_pattern_may_match_nothing() -> None:
    assert build_reference(FRAME, ReferenceOptions(ignore=("debug_*",))).rows == N


def test_two_columns_of_one_role() -> None:
    with pytest.raises(SchemaError, match="only one column can be the label"):
        build_reference(FRAME, ReferenceOptions(roles={"x": Role.LABEL, "target": Role.LABEL}))


def test_a_time_without_any_time() -> None:
    with pytest.raises(ReferenceRefused, match="'x' is the event time, but none"):
        build_reference(FRAME.assign(x=["noon"] * N), ReferenceOptions(roles={"x": Role.TIME}))


@pytest.mark.parametrize("wrong", [{"roles": {"x": "feeture"}}, {"kinds": {"x": "number"}}])
def test_words_that_are_no_role_or_kind(wrong: Any) -> None:
    with pytest.raises(SchemaError, match="there are"):
        ReferenceOptions(**wrong)


def test_segments_are_the_most_frequent_values() -> None:
    reference = build_reference(FRAME, ReferenceOptions(segments={"channel": ()}, max_segment_values=2))
    assert reference.grid.segment_grids[0].values == ("web", "shop")
    assert reference.summary["segments"] == {"channel": ["web", "shop"]}
    counts = FRAME.channel.value_counts()
    rows = [reference.profile.rows(i) for i in range(4)]
    assert rows == [N, counts["web"], counts["shop"], counts["phone"]]


def test_segments_of_given_values_of_numbers_and_booleans() -> None:
    frame = FRAME.assign(tier=RNG.integers(1, 4, N), paid=RNG.random(N) < 0.3)
    reference = build_reference(frame, ReferenceOptions(segments={"tier": ("3", "9"), "paid": ()}))
    assert [segment.label for segment in reference.grid.segments] == [
        "all", "tier=3", "tier=9", "tier=other", "paid=false", "paid=true", "paid=other",
    ]  # fmt: skip
    rows = [reference.profile.rows(i) for i in range(7)]
    three, paid = int((frame.tier == 3).sum()), int(frame.paid.sum())
    assert rows == [N, three, 0, N - three, N - paid, paid, 0]


def test_a_segment_that_is_no_feature() -> None:
    options = ReferenceOptions(segments={"channel": ()}, roles={"channel": Role.SEGMENT})
    reference = build_reference(FRAME, options)
    assert "channel" not in reference.grid.names
    assert reference.profile.rows(1) == (FRAME.channel == "web").sum()


def test_options_from_drift_yaml() -> None:
    options = ReferenceOptions.from_settings(
        {
            "version": 3, "prediction": "p", "score": "s", "label": None, "time": "t", "windows": ["1h"], "pane": "1m",
            "columns": {"a": {"kind": "categorical", "role": "feature"}, "b": "numeric", "c": {"role": "ignore"}},
            "ignore": ["debug_*"], "segments": ["channel", {"name": "region", "values": ["n"]}, {"tier": [1, 2]}],
            "thresholds": [0.3, 0.7],
        },
        sample_rows=10,
    )  # fmt: skip
    assert options.version == "3"
    assert options.pane == MINUTE
    assert options.roles == {
        "p": Role.PREDICTION, "s": Role.SCORE, "t": Role.TIME, "a": Role.FEATURE, "c": Role.IGNORE,
    }  # fmt: skip
    assert options.kinds == {"a": Kind.CATEGORICAL, "b": Kind.NUMERIC}
    assert options.segments == {"channel": (), "region": ("n",), "tier": ("1", "2")}
    assert (options.thresholds, options.sample_rows) == ((0.3, 0.7), 10)
    assert ReferenceOptions.from_settings({}) == ReferenceOptions()


@pytest.mark.parametrize("settings", [{"pane": "7m"}, {"pane": "soon"}, {"columns": {"a": {"kind": "odd"}}}])
def test_settings_that_cannot_be(settings: Any) -> None:
    with pytest.raises(InputError):
        ReferenceOptions.from_settings(settings)


def test_samples_of_nothing() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        ReferenceOptions(sample_rows=0)
