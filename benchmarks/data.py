"""The data that everything is measured on. Needs NumPy and pandas only: peers run it in environments of their own."""

import numpy as np
import pandas as pd

NUMBERS = 16
CATEGORIES = 4


def frame(rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """16 numbers (normal, lognormal, counts, uniform; one with 2 % missing) and 4 categories of 3 to 200 values."""
    rng = np.random.default_rng(seed)
    columns: dict[str, object] = {}
    for i in range(8):
        columns[f"n{i}"] = (rng.normal(shift, 1.0, rows) * (i + 1) + i).round(4)
    for i in range(4):
        columns[f"l{i}"] = np.exp(rng.normal(shift, 0.5 + 0.25 * i, rows)).round(4)
    for i in range(2):
        columns[f"p{i}"] = rng.poisson(20 * (i + 1), rows).astype(float)
    columns["u0"] = np.where(rng.random(rows) < 0.02, np.nan, rng.random(rows).round(5))
    columns["u1"] = rng.random(rows).round(5)
    for i, size in enumerate((3, 12, 50, 200)):
        weights = 1 / np.arange(1, size + 1)
        names = np.array([f"value-{j}" for j in range(size)])
        columns[f"c{i}"] = names[rng.choice(size, rows, p=weights / weights.sum())]
    return pd.DataFrame(columns)


def wide(rows: int, columns: int, seed: int) -> pd.DataFrame:
    """Four numbers to every category; every tenth column of another seed than 0 is shifted."""
    rng = np.random.default_rng(seed)
    shifts = [0.5 if seed and i % 10 == 0 else 0.0 for i in range(columns)]
    made: dict[str, object] = {}
    for i, shift in enumerate(shifts):
        values = rng.normal(shift, 1.0, rows)
        names = np.char.add("k", np.clip(values * 5 + 10, 0, 20).astype(int).astype(str)) if i % 5 == 4 else None
        made[f"x{i:04}"] = values if names is None else names
    return pd.DataFrame(made)
