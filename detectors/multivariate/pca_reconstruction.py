"""PCA reconstruction error: what a window's rows have outside the reference's principal components.

E = tr((I−P)·S)/n, S = Σ(z−μ)(z−μ)ᵀ of the normal scores in the reference's standard deviations, μ the reference's
mean, P the projection on the principal components of the reference's correlation matrix: as few as explain 80 % of the
variance. Ratio to the reference's own E (Jackson, Mudholkar 1979, 10.1080/00401706.1979.10489779; as a drift measure:
NannyML). A mean that moves across the components raises it as well as a correlation that breaks.
"""

from typing import Final

import numpy as np

from detectors.contract import Floats, Pair, Statistic, View
from detectors.joint import Joint, JointPair
from detectors.nulls import two_sided

EXPLAINED: Final = 0.8
NOTHING: Final = 1e-9


def residual(reference: Joint) -> tuple[Floats, Floats]:
    """(q,) eigenvalues and (k, q) axes of the components left out; at least the last one. O(d³), once per reference."""
    values, vectors = reference.axes
    kept = int(np.searchsorted(np.cumsum(values), EXPLAINED * values.sum() - 1e-9)) + 1
    kept = min(kept, max(len(values) - 1, 0))
    return values[kept:], vectors[:, kept:]


def error(of: Joint, reference: Joint) -> float:
    """Mean squared length of what lies outside the reference's components, in square standard deviations."""
    at = np.flatnonzero(reference.varies)
    cross, about = of.cross, reference.cross
    sd = np.sqrt(np.diag(about.covariance)[at])
    mean, centre = cross.mean[at], about.mean[at]
    second = cross.second[np.ix_(at, at)] - np.outer(mean, centre) - np.outer(centre, mean) + np.outer(centre, centre)
    axes = residual(reference)[1] / sd[:, None]
    return float(((second @ axes) * axes).sum())


def grown(joint: JointPair) -> int:
    """Which of the d columns has grown most outside the components, in the reference's standard deviations."""
    at = np.flatnonzero(joint.reference.varies)
    _, axes = residual(joint.reference)
    scale = 1 / np.sqrt(np.diag(joint.reference.cross.covariance)[at])
    change = (joint.window.cross.second - joint.reference.cross.second)[np.ix_(at, at)] * np.outer(scale, scale)
    outside = axes @ (axes.T @ change @ axes) @ axes.T
    return int(at[np.diag(outside).argmax()])


def ratio(joint: JointPair) -> float:
    """The window's error over the reference's; NaN where fewer than two columns vary or nothing is left out."""
    if not applies(joint):
        return float("nan")
    return error(joint.window, joint.reference) / float(residual(joint.reference)[0].sum())


def applies(joint: JointPair) -> bool:
    """Whether there is a window, and something that the reference's components leave out."""
    enough = joint.window.rows > 0 and joint.reference.varies.sum() > 1
    return bool(enough) and float(residual(joint.reference)[0].sum()) > NOTHING


def null_sd(reference: Joint) -> float:
    """Standard deviation of the ratio of one row of a normal law: √2 for one component left out, less for more."""
    left = residual(reference)[0]
    return float(np.sqrt(2 * (left**2).sum()) / max(float(left.sum()), NOTHING))


def value(pair: Pair) -> Floats:
    """(C,) the same for every column, from sums of products; ratio, 0 upwards, 1 as in the reference. O(d²·q)."""
    if pair.joint is None:
        return np.zeros(0)
    return np.full(len(pair.c), ratio(pair.joint))


def p_value(pair: Pair, value: Floats) -> Floats:
    """(C,) two-sided normal tail of (value−1)/√(2Σλ²/(Σλ)²·v), λ the variances left out.

    Good for independent rows of a normal copula from some hundred rows on; other copulas have more or less variance,
    and rows in clusters more: calibrate by the baseline where they are (`detectors.multivariate.streams`).
    """
    if pair.joint is None:
        return np.zeros(0)
    sd = np.sqrt(pair.v) * null_sd(pair.joint.reference)
    some = sd > 0 if applies(pair.joint) else np.zeros(len(sd), np.bool_)
    return np.where(some, two_sided((value - 1.0) / np.where(some, sd, 1.0)), 1.0)


def direction(pair: Pair) -> Floats:
    """(C,) positive where the error grew."""
    return np.nan_to_num(value(pair) - 1.0)


STATISTIC = Statistic(
    name="pca_reconstruction",
    title="PCA reconstruction error against the reference's",
    unit="ratio",
    range=(0.0, np.inf),
    view=View.CROSS,
    value=value,
    p_value=p_value,
    direction=direction,
    per_model=True,
)
