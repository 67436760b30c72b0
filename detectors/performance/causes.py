"""Which columns a change of the loss goes back to: Kitagawa–Oaxaca–Blinder, one column at a time, from sums.

    ΔL = Σ_b (p_b − q_b)·ℓ_b  +  Σ_b p_b·(ℓ'_b − ℓ_b)
         composition: other      within: the same values
         values came             do worse

p, q: shares of the window's and the reference's rows in a column's slots (values, missing, invalid); ℓ', ℓ: mean losses
there. Kitagawa (1955), JASA 50; Oaxaca (1973); Blinder (1973). The loss is that of labels that came; while there are
too few of them, the one that the reference's calibrator expects. Shares are those of all rows, also where few have
labels. Compositions are marginal: correlated columns move together and each shows the whole of it, so they add up to
nothing. What no column has is seen in `within`, of all columns alike: that is concept drift.

**Order**: proven ones first (|z| ≥ 3), of these the ones that raise the loss, by composition · importance. By distance
alone, NannyML's car loans would show `car_value` first (PSI 1.74), which lowers the error.
"""

from collections.abc import Mapping
from math import nan, sqrt
from typing import Final

import numpy as np

from detectors.contract import Floats
from drift.core.errors import ProfileMismatch
from drift.core.outcome.grid import Task
from drift.core.outcome.sums import Outcomes
from drift.core.performance import Cause
from drift.core.profile import Profile

ENOUGH: Final = 100
"""Labels from which on the window's losses are those that were realised."""
PROVEN: Final = 3.0
SHRUNK: Final = 4.0
"""A slot's mean loss in the reference counts as if so many rows of the overall mean were in it, too."""
_REALIZED: Final = ("cause_seen", "cause_loss")
_EXPECTED: Final = ("cause_rows", "cause_expected")


def causes(
    window: Profile,
    outcomes: Outcomes,
    reference: Profile,
    reference_outcomes: Outcomes,
    importances: Mapping[str, float] | None = None,
    *,
    realized: bool = True,
) -> tuple[Cause, ...]:
    """One for each column whose losses are summed, worst first; none while the reference has no loss.

    O(slots of all causes). `within` is NaN where the window has neither labels nor expected losses.

    Args:
        window: the window's bins, whole traffic.
        outcomes: its predictions and labels.
        reference: the reference's bins.
        reference_outcomes: the reference's predictions and labels.
        importances: column → 0–1, see `importances`; a column without one weighs 0. None: all weigh 1.
        realized: whether labels that came stand for those that did not; not so where a class is implied by absence.

    Raises:
        ProfileMismatch: the four were not counted on one grid.
    """
    grids = {one.grid.id for one in (window, outcomes, reference, reference_outcomes)}
    if len(grids) > 1:
        raise ProfileMismatch("causes need a window and a reference on one grid; these were counted on several")
    names = basis(outcomes, reference_outcomes, realized=realized)
    before = _Losses.of(reference_outcomes, names)
    if window.rows() <= 0 or reference.rows() <= 0 or before is None:
        return ()
    after = _Losses.of(outcomes, names)
    found = list[Cause]()
    for number, name in enumerate(outcomes.outcome.causes):
        at = window.grid.index[name]
        p = window.column_counts(at) / window.rows()
        q = reference.column_counts(at) / reference.rows()
        weight = 1.0 if importances is None else importances.get(name, 0.0)
        v = 1 / window.rows() + 1 / reference.rows()
        found.append(_cause(name, number, _Shares(p, q, v), before, after, weight))
    return tuple(sorted(found, key=_order))


def basis(outcomes: Outcomes, reference: Outcomes, *, realized: bool = True) -> tuple[str, str]:
    """The blocks whose losses are compared: realised ones where the window has labels enough, or no others exist."""
    expected = int(reference.whole("cause_rows").sum()) > 0
    return _REALIZED if (realized and outcomes.joined() >= ENOUGH) or not expected else _EXPECTED


class _Shares:
    """A column's shares of rows; `v` = 1/n + 1/m."""

    def __init__(self, p: Floats, q: Floats, v: float) -> None:
        self.p, self.q, self.v = p, q, v


class _Losses:
    """Rows and Σ loss by slot of each cause, in the loss's own unit, and the whole's mean and variance."""

    def __init__(self, rows: list[Floats], losses: list[Floats], variance: float) -> None:
        self.rows, self.losses, self._variance = rows, losses, variance
        self.mean = float(losses[0].sum() / rows[0].sum())

    @staticmethod
    def of(outcomes: Outcomes, names: tuple[str, str]) -> "_Losses | None":
        """None: there is no loss, or no column by which it is summed."""
        rows = [np.asarray(one, np.float64) for one in outcomes.by_cause(names[0])]
        if not rows or rows[0].sum() <= 0:
            return None
        unit, variance = outcomes.outcome.unit, nan
        if outcomes.outcome.task is Task.REGRESSION:
            one, two = outcomes.losses()["absolute"]
            n = max(outcomes.joined(), 1)
            variance = max(two / n - (one / n) ** 2, 0.0) * unit**2
        return _Losses(rows, [np.asarray(one, np.float64) * unit for one in outcomes.by_cause(names[1])], variance)

    def shrunk(self, number: int) -> tuple[Floats, Floats]:
        """(slots,) mean loss of each slot, drawn to the whole's, and the variance of that mean."""
        n = np.maximum(self.rows[number], 0.0) + SHRUNK
        mean = (self.losses[number] + SHRUNK * self.mean) / n
        row = np.clip(mean * (1 - mean), 0.0, 0.25) if np.isnan(self._variance) else np.full(n.size, self._variance)
        return mean, row / n


def _cause(
    name: str, number: int, shares: _Shares, before: _Losses, after: _Losses | None, weight: float
) -> Cause:  # fmt: skip
    p, q = shares.p, shares.q
    loss, noise = before.shrunk(number)
    composition = float(((p - q) * loss).sum())
    null = shares.v * max(float((q * loss**2).sum() - (q * loss).sum() ** 2), 0.0)
    error = sqrt(null + float(((p - q) ** 2 * noise).sum()))
    within = nan if after is None else _within(p, after.rows[number], after.losses[number], loss)
    return Cause(name, composition, within, composition / error if error > 0 else 0.0, weight)


def _within(p: Floats, rows: Floats, losses: Floats, before: Floats) -> float:
    """Over the slots that have labels, as if the others were like them; NaN where there are none."""
    there = (rows > 0) & (p > 0)
    covered = float(p[there].sum())
    if covered <= 0:
        return nan
    return float((p[there] * (losses[there] / rows[there] - before[there])).sum()) / covered


def _order(cause: Cause) -> tuple[bool, bool, float, float]:
    effect = cause.composition * cause.weight
    proven = abs(cause.z) >= PROVEN and effect != 0
    return not proven, proven and effect < 0, -abs(effect), -abs(cause.z)
