"""Fréchet distance of an embedding: between two normal laws with the projections' means and covariances.

d² = |μ−μ₀|² + tr(S + S₀ − 2(S·S₀)^½) (Dowson, Landau 1982, 10.1016/0047-259X(82)90077-X), debiased by what rows of one
law give on average. It is computed on the normal scores of the 16 projections, so it is free of scale and of heavy
tails, and its unit is a square standard deviation of one projection; it is not the FID of the raw vectors.
"""

import numpy as np

from detectors.contract import Floats, Pair, Statistic, View
from detectors.joint import JointPair
from detectors.multivariate.quadratic import quadratic_tail


def distance(joint: JointPair) -> float:
    """d², 0 upwards. O(d³)."""
    one, other = joint.window.cross, joint.reference.cross
    shift = one.mean - other.mean
    values, vectors = np.linalg.eigh(other.covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ one.covariance @ root)
    traces = np.trace(one.covariance) + np.trace(other.covariance)
    return max(float(shift @ shift + traces - 2 * np.sqrt(np.maximum(inner, 0.0)).sum()), 0.0)


def weights(joint: JointPair) -> Floats:
    """Without drift d²/v is about Σ w·χ²₁: λᵢ (means), λᵢ/2 (variances), λᵢλⱼ/(λᵢ+λⱼ), i < j (covariances).

    λ are the pooled covariance's eigenvalues; the second-order expansion of the Bures metric for normal rows.
    """
    n, m = joint.window.rows, joint.reference.rows
    pooled = (n * joint.window.cross.covariance + m * joint.reference.cross.covariance) / max(n + m, 1)
    values = np.maximum(np.linalg.eigvalsh(pooled), 1e-9)
    i, j = np.triu_indices(len(values), 1)
    return np.concatenate((values, values / 2, values[i] * values[j] / (values[i] + values[j])))


def value(pair: Pair) -> Floats:
    """(C,) one for each embedding, from sums of products; square standard deviations; about 0 without drift, where
    chance may take it below. O(d³). Never raises."""
    v = pair.v.tolist()
    return np.array([distance(block) - v[i] * float(weights(block).sum()) for i, block in enumerate(pair.blocks)])


def p_value(pair: Pair, value: Floats) -> Floats:
    """(C,) tail of v·Σ w·χ²₁ (see `weights`), by three moments; for independent rows, some hundred on both sides."""
    found = np.ones(len(pair.blocks))
    for i, block in enumerate(pair.blocks):
        w = weights(block)
        found[i] = quadratic_tail(float(value[i] / pair.v[i]) + float(w.sum()), w)
    return found


def direction(pair: Pair) -> Floats:
    """(C,) positive: a distance has no side."""
    return np.ones(len(pair.blocks))


STATISTIC = Statistic(
    name="frechet",
    title="Fréchet distance of an embedding's projections, squared and debiased",
    unit="square standard deviations",
    range=(-np.inf, np.inf),
    view=View.BLOCKS,
    value=value,
    p_value=p_value,
    direction=direction,
    symmetric=True,
)
