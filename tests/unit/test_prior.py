"""`label_prior`: a reference counted so that its classes have production's shares; what cannot be is refused."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.check import check
from drift.config import ModelSettings
from drift.core.catalogue import Model
from drift.core.clock import HOUR
from drift.core.errors import ReferenceRefused
from drift.core.profile import Sums
from drift.core.result import Outcome
from drift.evaluation.learning import progress, why_not
from drift.reference import BuiltReference, ReferenceOptions, build_reference, profile_frame
from drift.reference.prior import BLOCK, Prior

PRIOR = {"0": 0.98, "1": 0.02}


def frame(n: int, positive: float, seed: int = 0) -> pd.DataFrame:
    """Rows by the minute whose two classes differ in an amount, a channel and a score."""
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < positive).astype(int)
    return pd.DataFrame(
        {
            "time": pd.date_range("2026-01-01", periods=n, freq="1min", tz="UTC"),
            "amount": rng.normal(2.0 * label, 1.0),
            "channel": np.where(rng.random(n) < 0.2 + 0.6 * label, "web", "shop"),
            "score": np.clip(rng.normal(0.3 + 0.4 * label, 0.1), 0, 1),
            "label": label,
        }
    )


def built(data: pd.DataFrame, **options: Any) -> BuiltReference:
    """Of a frame, with the prior above."""
    return build_reference(data, ReferenceOptions.from_settings({"label_prior": PRIOR} | options))


def test_classes_have_the_priors_shares_and_the_sums_are_those_of_the_rows_counted() -> None:
    data = frame(10_000, 0.5)
    reference = built(data)
    prior = Prior("label", PRIOR, {str(k): v for k, v in data.label.value_counts().items()}, len(data))
    rows = data.iloc[prior.choose(data.label.to_numpy(), len(data))]
    assert rows.label.mean() == pytest.approx(0.02, abs=1 / len(rows))
    assert len(rows) == int((data.label == 0).sum() / 0.98)
    assert reference.profile.rows() == len(rows) == reference.summary["prior"]["rows"]
    direct = profile_frame(rows, reference.grid, time="time").sums
    assert np.array_equal(reference.profile.sums.ints, direct.ints)
    assert np.array_equal(reference.profile.sums.cross, direct.cross)
    assert reference.rows == len(data)


def test_the_counts_are_those_of_fractional_weights_but_for_the_draw() -> None:
    data = frame(40_000, 0.5)
    reference = built(data)
    weight = np.where(data.label == 1, PRIOR["1"], PRIOR["0"]) / np.where(data.label == 1, *_halves(data))
    for name in ("amount", "score"):
        at = reference.grid.index[name]
        found = reference.profile.bin_counts(at)
        place = np.searchsorted(np.array(reference.grid.columns[at].edges), data[name], "right")
        expected = np.bincount(place, weight, found.size) * found.sum()
        z = (found - expected) / np.sqrt(np.maximum(expected, 1.0))
        assert abs(z).max() < 5
        _, mean, _ = reference.profile.moments(at)
        assert mean == pytest.approx((weight * data[name]).sum(), abs=0.02)


def _halves(data: pd.DataFrame) -> tuple[int, int]:
    return int((data.label == 1).sum()), int((data.label == 0).sum())


def test_chunks_are_thinned_alike_and_add_up_to_the_whole() -> None:
    reference = built(frame(30_000, 0.5))
    sums = [one for _, _, one in reference.chunks]
    assert reference.chunks.length == HOUR // 4 or len(sums) > 100
    total = Sums.total(sums)
    assert np.array_equal(total.ints, reference.profile.sums.ints)
    assert np.array_equal(total.cross, reference.profile.sums.cross)
    firsts = np.array([one.ints[0, 0] for one in sums])
    half = firsts.size // 2
    assert firsts[:half].sum() == pytest.approx(firsts[half:].sum(), rel=0.03)


def test_effective_rows_are_kishs_formula_and_hardly_more_than_are_counted() -> None:
    prior = Prior("y", PRIOR, {"0": 5_000, "1": 5_000}, 10_000)
    weights = np.repeat([PRIOR["0"] / 5_000, PRIOR["1"] / 5_000], 5_000)
    assert prior.effective == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    assert (prior.counted, prior.strata["1"].counted) == (5_102, 102)
    assert prior.counted > 0.98 * prior.effective


@given(
    sizes=st.lists(st.integers(1, 4_000), min_size=1, max_size=4),
    parts=st.lists(st.integers(1, 1_000), min_size=4, max_size=4),
    cuts=st.lists(st.integers(0, 16_000), max_size=5),
    seed=st.integers(0, 100),
)
def test_the_same_rows_are_chosen_in_whatever_batches(
    sizes: list[int], parts: list[int], cuts: list[int], seed: int
) -> None:
    parts = parts[: len(sizes)]
    shares = {f"c{i}": part / sum(parts) for i, part in enumerate(parts)}
    found = {f"c{i}": size for i, size in enumerate(sizes)}
    labels = np.random.default_rng(seed).permutation(np.repeat(list(found), sizes).astype(object))
    whole, pieces = (Prior("y", shares, found, labels.size) for _ in range(2))
    at = whole.choose(labels, labels.size)
    edges = sorted({0, labels.size, *(cut for cut in cuts if cut < labels.size)})
    parts_at = [pieces.choose(labels[a:b], b - a) + a for a, b in pairwise(edges)]
    assert np.array_equal(np.concatenate(parts_at), at)
    counts = {name: int((labels[at] == name).sum()) for name in found}
    assert counts == {name: stratum.counted for name, stratum in whole.strata.items()}
    assert all(abs(counts[name] - share * whole.counted) <= 1 for name, share in shares.items())


def test_a_pattern_in_the_rows_is_not_followed() -> None:
    n = 60 * BLOCK
    prior = Prior("y", {"a": 48 / 49, "b": 1 / 49}, {"a": n, "b": n}, 2 * n)
    labels = np.tile(np.array(["a", "b"], object), n)
    at = prior.choose(labels, 2 * n)
    kept = at[labels[at] == "b"] // 2
    hours = np.bincount(kept % 24, minlength=24)  # every 48th would always be the same hour
    assert hours.sum() == prior.strata["b"].counted
    assert hours.min() > 0.6 * hours.mean()


def test_a_down_sampled_reference_is_no_drift_with_the_prior_and_is_without() -> None:
    reference, production = frame(20_000, 0.5, 1).drop(columns="time"), frame(20_000, 0.02, 2).drop(columns="time")
    with_prior = check(reference, production, ModelSettings.model_validate({"label_prior": {0: 0.98, 1: 0.02}}))
    without = check(reference, production, ModelSettings())
    assert with_prior.outcome is Outcome.NO_DRIFT
    assert without.outcome is Outcome.DRIFT
    assert {breach.column for breach in without.judgements["all"].breaches} >= {"amount", "channel", "score"}


def test_booleans_are_classes_0_and_1_as_well_and_rows_without_a_class_do_not_count() -> None:
    data = frame(4_000, 0.5)
    data["label"] = data.label.astype(bool).astype(object)
    data.loc[:99, "label"] = None
    summary = built(data).summary
    assert set(summary["prior"]["classes"]) == {"false", "true"}
    assert summary["prior"]["without"] == 100
    assert any("100 rows have no 'label'" in note for note in summary["notes"])
    assert any("rows are counted, so that the shares of 'label'" in note for note in summary["notes"])


def test_a_scarce_class_is_told() -> None:
    summary = built(frame(20_000, 0.001)).summary
    assert any("more rows of it make a better reference" in note for note in summary["notes"])


@pytest.mark.parametrize(
    ("prior", "said"),
    [
        ({"0": 0.9, "1": 0.02}, "sum to 0.92"),
        ({"0": 0.9, "1": 0.08, "2": 0.02}, "the prior has 2, which column 'label' has not"),
        ({"0": 1.0}, "column 'label' has 1, which the prior has not"),
        ({"0": 1.2, "1": -0.2}, "between 0 and 1"),
    ],
)
def test_what_cannot_be_is_refused(prior: dict[str, float], said: str) -> None:
    with pytest.raises(ReferenceRefused, match=said):
        build_reference(frame(500, 0.5), ReferenceOptions(label_prior=prior))


def test_a_prior_needs_a_label_of_classes() -> None:
    data = frame(5_000, 0.5)
    with pytest.raises(ReferenceRefused, match="no label column"):
        built(data.drop(columns="label"))
    with pytest.raises(ReferenceRefused, match="too many values to be classes"):
        built(data.rename(columns={"label": "y"}), label="amount")


def test_another_prior_is_another_reference() -> None:
    data = frame(2_000, 0.5)
    hashes = {built(data, label_prior=shares).content_hash for shares in (PRIOR, {"0": 0.9, "1": 0.1}, None)}
    assert len(hashes) == 3


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"label_prior": {0: 0.5, 1: 0.6}}, "sum to 1.1"),
        ({"label_prior": {1: 0.5, "1": 0.5}}, "stands there twice"),
        ({"held_out": False, "baseline": "reference"}, "holds training rows"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ModelSettings.model_validate(settings)


@pytest.mark.parametrize(
    ("held_out", "said"),
    [(False, "production's first 14 days"), (None, "cannot be told from them"), (True, "")],
)
def test_the_summary_says_what_training_rows_mean(held_out: bool | None, said: str) -> None:
    settings = ModelSettings(held_out=held_out).model_dump(mode="json")
    notes = build_reference(frame(500, 0.5), ReferenceOptions.from_settings(settings)).summary["notes"]
    told = [note for note in notes if "held_out" in note]
    assert [said in note for note in told] == ([True] if said else [])
    features = frame(500, 0.5).drop(columns="score")
    assert not any("cannot be told" in note for note in build_reference(features).summary["notes"])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"held_out": False}, "its rows were trained on (held_out: false)"),
        ({"baseline": "production"}, "so it is configured (baseline: production)"),
        ({}, "its rows are not in the order of time, or too few for them"),
    ],
)
def test_a_window_says_why_production_is_learnt(settings: dict[str, object], said: str) -> None:
    why = why_not(Model(1, "credit", settings=settings))
    assert why == said
    assert progress([], why).startswith(f"the reference is no baseline for these windows: {said}; production's first")
