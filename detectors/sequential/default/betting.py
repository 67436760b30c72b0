"""Bets against 'nothing has changed': e-values of one window, and how they add up to evidence.

A score's bet: e = Π over rows (1 + θ(±(s − μ) − δ))^w, whose expectation is at most 1 whenever the mean of ±(s − μ) is
at most δ, whatever the distribution (Waudby-Smith and Ramdas 2024, JRSS-B 86(1)); every factor is kept ≥ 0.1.

A share's bet: e = (p₁/p̄)^k ((1−p₁)/(1−p̄))^(n−k) against p ≤ p̄, mirrored against decreases.

w = n_eff/n ≤ 1 makes dependent rows count for fewer, and keeps the expectation below 1.

Evidence: R ← (1 + R)·e, the Shiryaev–Roberts e-detector (Shin, Ramdas and Rinaldo 2024, NEJSDS 2(2)): its expectation
after t windows is at most t, so a level of A is first passed after A windows on average, or later.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.contract import Bools, Floats

Singles = npt.NDArray[np.float32]

THETAS: Final = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.8])
RAISES: Final = np.array([1.5, 3.0, 10.0])
FLOOR: Final = 0.1
POINTS: Final = 0.005
"""Half a percentage point: a share's smallest tolerance."""
STRICT: Final = 0.0001


def factors(scores: Floats, used: Bools, means: Floats, delta: Floats) -> Singles:
    """(C, J, 2, T, B) log(1 + θ(±(s − μ) − δ)); 0 in bins that are not the score's. O(C·J·T·B) logarithms.

    Args:
        scores: (C, J, B).
        used: (B,) bins of values.
        means: (C, J) μ.
        delta: (C, J) δ.
    """
    centred = (scores - means[:, :, None])[:, :, None, :] * np.array([1.0, -1.0])[:, None] - delta[:, :, None, None]
    worst = np.where(used, centred, 0.0).min(axis=3)
    most = (1 - FLOOR) / np.maximum(-worst, 1e-9)
    theta = np.minimum(THETAS, most[..., None])
    logs: Singles = np.log1p(theta[..., None] * np.where(used, centred, 0.0)[:, :, :, None, :]).astype(np.float32)
    logs[..., ~used] = 0.0
    return logs


def bounds(share: Floats, tolerance: Floats, strict: Bools) -> tuple[Floats, Floats]:
    """(C, I) the largest and the smallest share that is borne: g ± max(δ√(g(1−g)), half a point)."""
    sd = np.sqrt(np.clip(share * (1 - share), 0.0, None))
    reach = np.maximum(tolerance * sd, np.where(strict, STRICT, POINTS)[:, None])
    return share + reach, share - reach


def share_bets(k: Floats, n: Floats, upper: Floats, lower: Floats) -> Floats:
    """(C, I, 2, 3) log e of k rows among n, both weighted, against shares ≤ upper (0) and ≥ lower (1).

    A bound outside 0–1 cannot be passed: its bets are 1.
    """
    hits, misses = np.minimum(k, n)[..., None], np.maximum(n - k, 0.0)[..., None]
    up, down = (np.clip(p, 1e-12, 1 - 1e-12)[..., None] for p in (upper, lower))
    # whichever of the share and its complement changes by the factor sooner
    more, less = np.minimum(up * RAISES, 1 - (1 - up) / RAISES), np.maximum(down / RAISES, 1 - (1 - down) * RAISES)
    bets = [hits * np.log(one / p) + misses * np.log((1 - one) / (1 - p)) for one, p in ((more, up), (less, down))]
    possible = [(upper < 1)[..., None], (lower > 0)[..., None]]
    return np.stack([np.where(ok, bet, 0.0) for ok, bet in zip(possible, bets, strict=True)], axis=-2)


def advance(level: Singles, log_e: Floats, stepped: Bools) -> Singles:
    """One step of log R, −inf at the start; components of columns that are not stepped, (C,), stay."""
    grown = np.logaddexp(0.0, level.astype(np.float64)) + log_e
    return np.where(_like(stepped, level), grown, level).astype(np.float32)


def _like(of_columns: Bools, other: Singles) -> Bools:
    """(C,) as (C, 1, …), to go with an array of more axes."""
    return of_columns.reshape(-1, *([1] * (other.ndim - 1)))


def total(level: Floats) -> Floats:
    """(C,) log Σ exp over all but the first axis; −inf where all are."""
    flat = level.reshape(level.shape[0], -1)
    top = flat.max(axis=1, initial=-np.inf)
    base = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore", under="ignore"):
        found: Floats = base + np.log(np.exp(flat - base[:, None]).sum(axis=1))
    return np.where(np.isfinite(top), found, -np.inf)
