"""How good predicted numbers turned out to be, from sums of errors and labels; equal to scikit-learn on the same rows.

| metric | what | interval, 95 % |
|---|---|---|
| mae | mean \\|e\\|, e = prediction − label | Student's t |
| rmse | √mean e² | t on log mean e² (delta method), so that it stays above 0 |
| r2 | 1 − Σe²/Σ(y−ȳ)² | t on log (1 − R²), by the influence function of the ratio |
| bias | mean e; positive: predicted too high | Student's t |
| mape | mean \\|e/y\\| | Student's t |
| pinball_q | mean of max(q(y−ŷ), (1−q)(ŷ−y)) | Student's t |

All but `mape` (a share, ≥ 0) and `r2` (≤ 1) are in the label's own unit. Weighted rows: weighted means, variance
Σw²(x−x̄)²/(Σw)², n_eff = (Σw)²/Σw² degrees of freedom (Kish 1965, *Survey Sampling*). Sums are in units of 2**-40 of the
grid's `unit`: values agree with scikit-learn's to about 1e-9 relative while |e| < 2,048 units (its square is capped
there), weights to 2**-20. O(1) from the sums.
"""

from dataclasses import dataclass
from math import exp, isfinite, nan, sqrt
from typing import Final

from detectors.performance.means import Mean, half_width
from drift.core.errors import ProfileMismatch
from drift.core.outcome.fixed import CAP, value
from drift.core.outcome.grid import Task
from drift.core.outcome.layout import PLAIN_BITS, SQUARE_BITS
from drift.core.outcome.sums import Outcomes
from drift.core.performance import Measure, Measures

NAMES: Final = ("mae", "rmse", "r2", "bias", "mape")
"""Metrics of every regression, in the order in which people read them; pinball losses follow."""
NO_LABEL: Final = "no prediction has a label yet"
ZERO_LABEL: Final = "some labels are 0, or so small that no percentage of them means anything"
ALIKE: Final = "the labels are all alike: there is no variance to explain"


@dataclass(frozen=True, slots=True)
class _Joined:
    """The means of one segment's losses."""

    means: dict[str, Mean]
    crossed: tuple[float, float, float]
    """Means of e²y, e²y², y³; unweighted."""
    plain: dict[str, Mean]
    """As `means`, unweighted."""


def measures(outcomes: Outcomes, segment: int = 0) -> Measures:
    """Realised metrics of one segment's predictions that have labels.

    Args:
        outcomes: sums on a regression's grid.
        segment: its index; 0 is the whole traffic.

    Raises:
        ProfileMismatch: the grid is not that of a regression.
    """
    grid = outcomes.outcome
    if grid.task is not Task.REGRESSION:
        raise ProfileMismatch(f"the outcomes of a {grid.task.value} model have no errors; give those of a regression")
    pinballs = tuple(name for name in outcomes.names if name.startswith("pinball_"))
    if outcomes.joined(segment) <= 0:
        return dict.fromkeys((*NAMES, *pinballs), Measure(nan, why=NO_LABEL))
    joined, unit = _joined(outcomes, segment), grid.unit
    means = joined.means
    return {
        "mae": means["absolute"].measure(unit),
        "rmse": rmse(means["squared"], unit),
        "r2": _r2(joined),
        "bias": means["error"].measure(unit),
        "mape": _mape(outcomes, segment, means["percentage"]),
        **{name: means[name].measure(unit) for name in pinballs},
    }


def rmse(squared: Mean, unit: float) -> Measure:
    """The root of a mean of squares, counted in `unit`²; its interval is that of the mean's logarithm."""
    root = sqrt(max(squared.value, 0.0)) * unit
    if not isfinite(squared.error):
        return Measure(root)
    if squared.value <= 0:
        return Measure(root, root, root)
    factor = exp(half_width(squared.error / squared.value, squared.rows) / 2)
    return Measure(root, root / factor, root * factor)


def _joined(outcomes: Outcomes, segment: int) -> _Joined:
    n = outcomes.joined(segment)
    plain = {name: Mean.plain(n, one, two) for name, (one, two) in outcomes.losses(segment).items()}
    eey, eeyy, yyy = (value(outcomes.block("crossed", segment)) / n).tolist()
    if not outcomes.outcome.weight:
        return _Joined(plain, (eey, eeyy, yyy), plain)
    w = int(outcomes.block("joined_w", segment).sum()) / (1 << PLAIN_BITS)
    ww = int(outcomes.block("joined_w2", segment).sum()) / (1 << SQUARE_BITS)
    means = {name: Mean.weighted(w, ww, *sums) for name, sums in outcomes.weighted(segment).items()}
    return _Joined(means, (eey, eeyy, yyy), plain)


def _mape(outcomes: Outcomes, segment: int, percentage: Mean) -> Measure:
    one, two = outcomes.losses(segment)["percentage"]
    return Measure(nan, why=ZERO_LABEL) if min(one, two) >= CAP else percentage.measure()


def _r2(joined: _Joined) -> Measure:
    means = joined.means
    error, spread = means["squared"].value, means["label_squared"].value - means["label"].value ** 2
    if not spread > 1e-12 * max(means["label_squared"].value, 1e-12):
        return Measure(nan, why=ALIKE)
    ratio = error / spread
    if ratio <= 0:
        return Measure(1.0, 1.0, 1.0)
    rows = means["squared"].rows
    factor = exp(half_width(_log_ratio_sd(joined) / sqrt(rows), rows)) if rows > 2 else nan
    return Measure(1 - ratio, 1 - ratio * factor, 1 - ratio / factor)


def _log_ratio_sd(joined: _Joined) -> float:
    """Standard deviation of the influence of a row on log(A/B): (e²−A)/A − ((y−ȳ)²−B)/B.

    A is the mean of e² and B the variance of y. Their fourth moments are those of unweighted rows: only these are kept.
    """
    (eey, eeyy, yyy), plain = joined.crossed, joined.plain
    a, y, yy = plain["squared"].value, plain["label"].value, plain["label_squared"].value
    b = yy - y**2
    if a <= 0 or b <= 0:
        return nan
    fourth = plain["label_squared"].square - 4 * y * yyy + 6 * y**2 * yy - 3 * y**4
    both = eeyy - 2 * y * eey + y**2 * a
    return sqrt(max(plain["squared"].square / a**2 + fourth / b**2 - 2 * both / (a * b), 0.0))
