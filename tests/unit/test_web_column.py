"""What a column's page computes: shares, contributions, densities, quantiles; by hand on small counts."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drift.core.clock import HOUR
from drift.core.grid import ColumnGrid, Grid
from drift.core.profile import Profile
from drift.core.result import Judgement, Outcome, WindowState
from drift.core.schema import Column, Kind, Role, Storage
from drift.core.window import Window
from drift.service.pages.distribution import Pair, distribution, specials
from drift.service.pages.over_time import quantiles, quantiles_of, statistic, statistics_of
from drift.store.rows import WindowRow

NUMBERS = ColumnGrid(Column("n", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER), edges=(0.0, 10.0, 20.0))
KEYS = ColumnGrid(Column("k", Kind.CATEGORICAL, Role.FEATURE, Storage.STRING), keys=("a", "b"))
STARS = ColumnGrid(Column("s", Kind.ORDINAL, Role.FEATURE, Storage.NUMBER), values=(1.0, 2.0, 5.0))


def profile(*counts: list[int], low: float = -5.0, high: float = 30.0) -> Profile:
    """Columns n, k and s with these counts of slots."""
    grid = Grid((NUMBERS, KEYS, STARS))
    empty = Profile.empty(grid)
    ints = empty.sums.ints.copy()
    flat = [one for column in counts for one in column]
    ints[0, 0] = max(sum(column) for column in counts)
    ints[0, 1 : 1 + len(flat)] = flat
    bounds = empty.sums.low.shape
    return Profile(grid, replace(empty.sums, ints=ints, low=np.full(bounds, low), high=np.full(bounds, high)))


NONE = [0, 0, 0, 0]
BEFORE = profile([0, 50, 50, 0, *NONE], [60, 30, 10, 0, *NONE], [10, 80, 10, 0, *NONE])
NOW = profile([10, 10, 70, 0, 10, 0, 0, 0], [30, 30, 10, 30, *NONE], [0, 50, 40, 10, *NONE])


def window(n: int, state: WindowState = WindowState.FINAL) -> WindowRow:
    at = Window(n * HOUR, (n + 1) * HOUR)
    return WindowRow(n, 1, 1, "1h", at, 1, state, 100, 1, 0, False, None, None, None, "", 1)


def test_shares_are_of_values_and_specials_of_rows() -> None:
    pair = Pair.of(BEFORE, NOW, 0, 0)
    p, q = pair.shares
    assert p.tolist() == [0, 0.5, 0.5, 0]
    assert q.tolist() == pytest.approx([1 / 9, 1 / 9, 7 / 9, 0])
    outside = {row[0]: row[1:] for row in specials(pair).table.rows}
    assert outside["missing"] == (0, 10, 0.0, 0.1)
    assert outside["below the reference"] == (0, 10, 0.0, 0.1)
    assert "missing went from 0 % to 10 %" in specials(pair).says


def test_contributions_add_up_to_psi_and_have_the_sign_of_the_change() -> None:
    gives = Pair.of(BEFORE, NOW, 0, 0).contributions
    p, q = np.array([0.5, 50.5, 50.5, 0.5]) / 102, np.array([10.5, 10.5, 70.5, 0.5]) / 92
    assert np.abs(gives).sum() == pytest.approx(((q - p) * np.log(q / p)).sum())
    assert np.sign(gives).tolist() == [1, -1, 1, 1]
    assert not Pair.of(BEFORE, None, 0, 0).contributions.any()


def test_density_is_share_by_width() -> None:
    figure = distribution(Pair.of(BEFORE, NOW, 0, 0), "noon")
    assert figure.kind == "density"
    cells = figure.data["cells"]
    assert [cell[:2] for cell in cells] == [[0.0, 10.0], [10.0, 20.0]]
    assert sum((high - low) * before for low, high, before, *_ in cells) == pytest.approx(1)
    assert cells[1][3] == pytest.approx(7 / 90)
    assert figure.data["range"] == [0.0, 20.0]
    assert "Most: " in figure.says
    assert len(figure.table.rows) == 4


def test_values_that_hold_much_are_drawn_alone_and_narrow_neighbours_together() -> None:
    edges = (0.0, math.nextafter(0.0, 1), *(float(edge) for edge in np.linspace(0.001, 100, 400)))
    grid = Grid((ColumnGrid(Column("x", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER), edges=edges),))
    ints = Profile.empty(grid).sums.ints.copy()
    ints[0, 2] = 500
    ints[0, 3 : 3 + 400] = 1
    sums = replace(Profile.empty(grid).sums, ints=ints)
    figure = distribution(Pair.of(Profile(grid, sums), Profile(grid, sums), 0, 0), "noon")
    assert [atom[:3] for atom in figure.data["atoms"]] == [[0.0, pytest.approx(5 / 9), pytest.approx(5 / 9)]]
    assert 40 <= len(figure.data["cells"]) <= 61
    mass = sum((high - low) * before for low, high, before, *_ in figure.data["cells"])
    assert mass == pytest.approx(4 / 9, abs=1e-6)


def test_what_is_left_at_the_end_is_no_needle() -> None:
    edges = (0.0, 50.0, 100.0, math.nextafter(100.0, 101))
    grid = Grid((ColumnGrid(Column("x", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER), edges=edges),))
    ints = Profile.empty(grid).sums.ints.copy()
    ints[0, 2:5] = [60, 35, 5]
    both = Profile(grid, replace(Profile.empty(grid).sums, ints=ints))
    cells = distribution(Pair.of(both, both, 0, 0), "noon").data["cells"]
    assert [cell[:2] for cell in cells] == [[0.0, 50.0], [50.0, pytest.approx(100.0)]]
    assert [cell[2] for cell in cells] == [pytest.approx(0.012), pytest.approx(0.008)]


def test_categories_keep_what_is_rare_and_new() -> None:
    figure = distribution(Pair.of(BEFORE, NOW, 1, 0), "noon")
    assert figure.kind == "shares"
    assert dict(zip(figure.data["labels"], figure.data["now"], strict=True)) == {
        "a": 0.3, "b": 0.3, "unseen": 0.3, "other": 0.1,
    }  # fmt: skip
    assert figure.table.rows[0][0] == "unseen"
    outside = {row[0]: row[3:] for row in specials(Pair.of(BEFORE, NOW, 1, 0)).table.rows}
    assert outside["unseen"] == (0.0, 0.3)
    assert outside["other"] == (0.1, 0.1)


def test_a_window_without_values_says_so() -> None:
    figure = distribution(Pair.of(BEFORE, None, 0, 0), "noon")
    assert figure.says == "noon holds no value of this column."


def test_quantiles_by_bins() -> None:
    found = quantiles_of(BEFORE, 0, 0)
    assert found is not None
    assert found.tolist() == pytest.approx([1.0, 5.0, 10.0, 15.0, 19.0])
    stars = quantiles_of(BEFORE, 2, 0)
    assert stars is not None
    assert stars.tolist() == [1.0, 2.0, 2.0, 2.0, 5.0]
    assert quantiles_of(profile([0, 0, 0, 0, 5, 0, 0, 0], [0] * 8, [0] * 8), 0, 0) is None
    open_ends = quantiles_of(profile([100, 0, 0, 0, *NONE], [0] * 8, [0] * 8, low=-8.0, high=0.0), 0, 0)
    assert open_ends is not None
    assert open_ends.tolist() == pytest.approx([-7.6, -6.0, -4.0, -2.0, -0.4])


def test_quantiles_of_real_values_are_within_a_bin() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(10, 4, 20_000)
    edges = np.quantile(values, np.linspace(0.01, 0.99, 49))
    grid = Grid((ColumnGrid(Column("x", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER), edges=tuple(edges.tolist())),))
    empty = Profile.empty(grid).sums
    ints = empty.ints.copy()
    ints[0, 1 : 1 + 50] = np.bincount(np.searchsorted(edges, values, side="right"), minlength=50)
    sums = replace(empty, ints=ints, low=np.full((1, 1), values.min()), high=np.full((1, 1), values.max()))
    found = quantiles_of(Profile(grid, sums), 0, 0)
    assert found is not None
    for q, value in zip((0.05, 0.25, 0.5, 0.75, 0.95), found, strict=True):
        assert abs((values < value).mean() - q) < 0.005


def test_over_time_has_gaps_where_nothing_came() -> None:
    windows = [window(1), window(2, WindowState.INCOMPLETE)]
    figure = quantiles(BEFORE, [NOW, None], windows, 0, 0, "/csv")
    assert figure is not None
    assert [one["name"] for one in figure.data["series"]] == ["5 %", "25 %", "50 %", "75 %", "95 %"]
    assert figure.data["series"][2]["values"][1] is None
    assert figure.table.rows[0][2:] == (None,) * 5
    shares = quantiles(BEFORE, [NOW, None], windows, 1, 0, "")
    assert shares is not None
    assert {one["name"]: one["values"] for one in shares.data["series"]} == {
        "a": [0.3, None], "b": [0.3, None], "other": [0.1, None], "unseen": [0.3, None],
    }  # fmt: skip


def judgement(**changes: Any) -> Judgement:
    names = ("ks", "psi", "missing_ratio", "chi2_q")
    values = np.array([[0.1, 0.4, math.nan, 0.01], [0.2, math.nan, 0.3, 0.5]])
    limits = np.array([[0.2, math.nan, math.nan, 0.05], [math.nan] * 4])
    made = Judgement(100, Outcome.DRIFT, ("n", "k"), names, values, np.array([1, 0], np.int8), limits)
    return replace(made, **changes)


def test_statistics_over_time() -> None:
    judged = {1: judgement(), 2: judgement(columns=("other", "k"))}
    assert statistics_of(judged, "n") == ["psi", "ks"]
    assert statistics_of(judged, "k") == ["ks", "missing_ratio"]
    windows = [window(1), window(2), window(3)]
    figure = statistic(judged, windows, "n", "ks", "/csv", [{"start": 0, "end": HOUR, "text": "page"}])
    assert figure is not None
    assert figure.data["series"][0]["values"] == [0.1, None, None]
    assert figure.data["limits"]["values"] == [0.2, None, None]
    assert "its threshold" in figure.says
    assert "an alarm stood" in figure.says
    free = statistic(judged, windows, "n", "psi", "")
    assert free is not None
    assert "no rule has a threshold" in free.says
    assert statistic(judged, windows, "n", "", "") is None
