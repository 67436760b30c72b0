"""Where bins are cut, and the sample they are cut from."""

import numpy as np
import pytest

from drift.reference.edges import numeric_edges, score_edges
from drift.reference.sample import Sample

RNG = np.random.default_rng(11)


def counted(edges: tuple[float, ...], values: np.ndarray) -> np.ndarray:
    return np.bincount(np.searchsorted(edges, values, "right"), minlength=len(edges) + 1)


def test_equal_shares_finer_tails_and_the_range() -> None:
    values = RNG.lognormal(size=100_000)
    edges = numeric_edges(values, values.min(), values.max())
    counts = counted(edges, values)
    assert len(edges) == 63 + 4 + 2
    assert edges[0] == values.min()
    assert edges[-1] == np.nextafter(values.max(), np.inf)
    assert counts[0] == counts[-1] == 0
    # 0.1 %, 0.5 % and the rest of the first 1/64; then 62 equal shares
    assert counts[1:4].tolist() == [100, 400, 1062]
    assert set(counts[4:-4].tolist()) <= {1562, 1563}
    assert counts[-4:-1].tolist() == [1063, 400, 100]


def test_an_atom_is_a_bin_of_its_own() -> None:
    values = np.concatenate((np.zeros(500), np.full(20, 3.25), RNG.normal(size=480)))
    edges = numeric_edges(values, values.min(), values.max())
    for atom in (0.0, 3.25):
        assert atom in edges
        assert np.nextafter(atom, np.inf) in edges
        at = np.searchsorted(edges, atom, "right")
        assert counted(edges, values)[at] == (values == atom).sum()


def test_atoms_at_both_ends_of_the_range() -> None:
    values = np.concatenate((np.zeros(300), np.ones(300), RNG.random(400)))
    counts = counted(numeric_edges(values, 0.0, 1.0), values)
    assert (counts[0], counts[1], counts[-2], counts[-1]) == (0, 300, 300, 0)


def test_the_order_of_values_makes_no_difference() -> None:
    values = RNG.normal(size=1_000)
    assert numeric_edges(values, -5, 5) == numeric_edges(RNG.permutation(values), -5, 5)


@pytest.mark.parametrize("value", [0.0, -0.0, 1.5, 1.7976931348623157e308, -1.7976931348623157e308, 5e-324])
def test_a_single_value(value: float) -> None:
    edges = numeric_edges(np.full(10, value), value, value)
    assert np.isfinite(edges).all()
    assert list(edges) == sorted(set(edges))
    assert np.searchsorted(edges, value, "right") == 1


def test_without_a_sample_the_range_remains() -> None:
    assert numeric_edges(np.zeros(0), 1.0, 2.0) == (1.0, np.nextafter(2.0, np.inf))


def test_scores_are_cut_by_class() -> None:
    labels = (RNG.random(200_000) < 0.005).astype(float)
    scores = np.where(labels == 1, RNG.beta(4, 8, labels.size), RNG.beta(1, 60, labels.size))
    edges = score_edges(scores, labels, scores.min(), scores.max(), (0.5, 0.31))
    assert 128 <= len(edges) + 1 <= 256
    assert {0.0, 0.31, 0.5, np.nextafter(1.0, np.inf)} <= set(edges)
    # a thousand positives in 200,000 rows still have bins of their own: no bin holds more than 3 % of them
    assert counted(edges, scores[labels == 1]).max() <= 0.03 * labels.sum()
    assert counted(edges, scores[labels == 0]).max() <= 0.03 * (labels == 0).sum()


def test_a_score_of_few_values_has_a_cell_for_each() -> None:
    rng = np.random.default_rng(7)
    scores = rng.integers(0, 101, 5_000) / 100
    labels = (rng.random(5_000) < scores).astype(np.float64)
    edges = score_edges(scores, labels, 0.0, 1.0, [0.5])
    held = counted(edges, np.unique(scores))
    assert held.max() == 1
    assert held.sum() == 101
    assert len(edges) < 256


def test_the_top_is_cut_ever_finer() -> None:
    rng = np.random.default_rng(8)
    scores = rng.random(100_000) * 0.99
    edges = np.array(score_edges(scores, (rng.random(100_000) < 0.3).astype(np.float64), 0.0, 0.99, [0.5]))
    for share in (0.002, 0.0005, 0.0001):
        assert (edges < 0.99).sum() > (edges < 0.99 * (1 - share)).sum() + 1
    assert 128 < edges.size < 256


@pytest.mark.parametrize("labels", [None, np.full(5_000, np.nan), np.zeros(5_000), np.arange(5_000.0)])
def test_scores_without_a_binary_label(labels: np.ndarray | None) -> None:
    scores = RNG.random(5_000)
    edges = score_edges(scores, labels, scores.min(), scores.max(), (0.5,))
    assert 128 <= len(edges) <= 140
    assert 0.5 in edges


def test_missing_labels_are_no_class() -> None:
    labels = np.where(np.arange(3_000) % 3 == 0, np.nan, (np.arange(3_000) % 2).astype(float))
    scores = RNG.random(3_000)
    edges = score_edges(scores, labels, 0, 1, (0.5,))
    assert len(edges) > 180


def test_scores_beyond_one_take_only_thresholds_within_their_range() -> None:
    scores = RNG.normal(300, 100, 5_000)
    edges = score_edges(scores, None, scores.min(), scores.max(), (0.5, 350.0, 1e9, -1e9))
    assert 350.0 in edges
    assert edges[0] == scores.min()
    assert edges[-1] == np.nextafter(scores.max(), np.inf)


def sampled(batches: list[int], size: int) -> tuple[list[float], list[object]]:
    sample, seen = Sample(size), 0
    for n in batches:
        at = sample.choose(n)
        sample.put("x", (seen + at).astype(float))
        sample.put("t", np.array([str(seen + i) for i in at], object))
        sample.close()
        seen += n
    return sample.column("x").tolist(), sample.column("t").tolist()


def test_the_sample_depends_on_the_rows_alone() -> None:
    whole = sampled([10_000], 100)
    assert sampled([1] * 50 + [9_000, 0, 950], 100) == whole
    assert len(whole[0]) == 100
    assert [float(str(text)) for text in whole[1]] == whole[0]


def test_the_sample_is_even() -> None:
    rows, _ = sampled([1_000] * 100, 5_000)
    shares = np.histogram(rows, 20, (0, 100_000))[0] / 250
    assert shares.min() > 0.75
    assert shares.max() < 1.25


def test_a_column_of_fewer_batches_is_missing_in_the_others() -> None:
    sample = Sample(10)
    for name in ("x", "y", "x"):
        at = sample.choose(2)
        sample.put(name, at.astype(float))
        sample.close()
    np.testing.assert_array_equal(sample.column("x"), [0, 1, np.nan, np.nan, 0, 1])
    np.testing.assert_array_equal(sample.column("y"), [np.nan, np.nan, 0, 1, np.nan, np.nan])


def test_parts_of_one_batch_fill_each_other_in() -> None:
    sample = Sample(10)
    sample.choose(2)
    sample.put("x", np.array([1.0, np.nan]))
    sample.put("x", np.array([np.nan, 2.0]))
    sample.put("t", np.array(["a", None], object))
    sample.put("t", np.array([None, "b"], object))
    sample.close()
    assert sample.column("x").tolist() == [1.0, 2.0]
    assert sample.column("t").tolist() == ["a", "b"]
