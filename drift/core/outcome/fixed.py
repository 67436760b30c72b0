"""Real numbers as two integers, so that sums of them are exact, associative and commutative.

x is rounded to a whole multiple v of 2**-40 and cut into v = high · 2**32 + low, 0 ≤ low < 2**32. High and low parts
are summed apart: 2**31 rows fit. |x| is capped at 2**22.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BITS: Final = 40
"""An x is counted in units of 2**-40 (9e-13)."""
LIMB: Final = 32
CAP: Final = float(1 << 22)
"""Largest |x|."""


def split(values: Floats) -> tuple[Floats, Floats]:
    """High and low parts, whole numbers that doubles hold exactly: |high| ≤ 2**30, 0 ≤ low < 2**32. NaN counts 0."""
    whole = np.rint(np.clip(np.nan_to_num(values, nan=0.0, posinf=CAP, neginf=-CAP), -CAP, CAP) * float(1 << BITS))
    high = np.floor(whole / float(1 << LIMB))
    return high, whole - high * float(1 << LIMB)


def value(limbs: Ints) -> Floats:
    """(…,) numbers of (…, 2) summed high and low parts; exact to a double's rounding."""
    high, low = limbs[..., 0].astype(np.float64), limbs[..., 1].astype(np.float64)
    joined: Floats = (high * float(1 << LIMB) + low) / float(1 << BITS)
    return joined
