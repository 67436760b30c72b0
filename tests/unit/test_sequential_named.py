"""Detectors by name, each on windows whose outcome can be worked out by hand."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import numpy as np
import pytest

from benchmarks.measuring import CHECKOUT
from benchmarks.named_rates import label, section, variants
from detectors.sequential import fed, kswin
from detectors.sequential.contract import Context, Evidence
from detectors.sequential.names import detectors
from detectors.sequential.series import series
from detectors.sequential.state import dump, load
from drift.core.baseline import Baseline, Origin
from drift.core.clock import HOUR
from drift.core.errors import ConfigError
from drift.core.profile import Profile
from drift.core.window import Window, WindowSpec
from tests.unit.grids import grid, numeric
from tests.unit.samples import MIXED, count, mixed_profile

N: Final = 400
BASE: Final = np.random.default_rng(3).permutation((np.arange(8_000) + 0.5) / 8_000)
"""Evenly spread over 0–1: the mean is ½, the standard deviation √(1/12)."""
SD: Final = float(np.sqrt(1 / 12))


@cache
def known() -> Baseline:
    on = grid(numeric("x", BASE))
    return Baseline(on, count(on, BASE), (), Origin.REFERENCE)


def moved(shift: float) -> Profile:
    """A window spread as evenly, moved by so many standard deviations."""
    return count(known().grid, (np.arange(N) + 0.5) / N + shift * SD)


def run(name: str, shifts: Sequence[float | None], **options: Any) -> list[Evidence]:
    """One window an hour; None is a window of five rows."""
    return run_with(name, shifts, options)


def run_with(name: str, shifts: Sequence[float | None], options: Mapping[str, Any]) -> list[Evidence]:
    watch = detectors()[name].watch(Context(known(), WindowSpec.parse("1h"), options=options))
    state, found = watch.start(), []
    for hour, shift in enumerate(shifts):
        profile = count(known().grid, np.full(5, 0.5)) if shift is None else moved(shift)
        state, evidence = watch.step(state, Window(hour * HOUR, (hour + 1) * HOUR), profile)
        found.append(evidence)
    return found


def story(found: Sequence[Evidence]) -> str:
    """R raised, S stands, . nothing."""
    return "".join("R" if e.raised[0] else "S" if e.standing[0] else "." for e in found)


def test_an_alarm_stands_until_three_judged_windows_in_a_row_are_clear() -> None:
    """A window that cannot be judged neither ends nor keeps it."""
    shifts = [0, 2, 2, 0, 0, 2, 0, None, 0, None, 0, 0, 2, None, 0]
    assert story(run("threshold", shifts)) == ".RSSSSSSSS..RSS"


def test_so_many_windows_in_a_row_raise_an_alarm_at_the_first_of_them() -> None:
    options = {"of": "|mean_shift|", "limit": 0.5, "for": 3}
    found = run_with("threshold", [0, 1, 1, 0, -1, -1, None, -1, -1], options)
    assert story(found) == ".......RS"
    assert found[-1].onset[0] == 4 * HOUR
    assert found[-1].direction[0] == -1
    assert found[-1].what == ("location",)
    assert found[-1].level[0] == pytest.approx(1, rel=0.01)
    assert found[-1].limit[0] == 0.5


def test_a_signed_statistic_is_beyond_on_one_side_alone() -> None:
    assert story(run("threshold", [-2, 2], of="mean_shift", limit=0.5)) == ".R"


def test_p_values_are_beyond_below_their_limit() -> None:
    found = run("threshold", [0, 0.05, 1], of="chi2_p", limit=0.01)
    assert story(found) == "..R"
    assert found[0].limit[0] == pytest.approx(-np.log(0.01))
    assert found[2].level[0] > found[2].limit[0] > found[1].level[0]


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("threshold", {"of": "pssi"}, "did you mean psi"),
        ("threshold", {"of": "row_volume"}, "one number for the whole model"),
        ("threshold", {"of": "chi2_p", "limit": 2}, "no probability"),
        ("threshold", {"limit": "high"}, "limit 'high' is no number"),
        ("threshold", {"for": 0}, "no whole number of 1 or more"),
        ("calibrated", {"of": "missing_ratio", "from": "null"}, "has no p-value"),
        ("calibrated", {"of": "chi2_p"}, "write of: chi2"),
        ("calibrated", {"from": "thin air"}, "none of null, baseline"),
        ("calibrated", {"rate": 1.0}, "no probability"),
        ("benjamini_hochberg", {"of": "missing_ratio"}, "has no p-value"),
        ("cusum", {"of": "invalid_ratio"}, "has no p-value"),
        ("cusum", {"k": 0}, "of 0.001 or more"),
        ("adwin", {"of": "nothing"}, "`mean`, `z`, `outside`"),
        ("kswin", {"stat_size": 60}, "more than half of window_size 100"),
        ("eddm", {"beta": 0.99}, "above alpha"),
        ("page_hinkley", {"mode": "sideways"}, "none of up, down, both"),
        ("hddm_a", {"two_sided_test": 1}, "neither true nor false"),
    ],
)
def test_options_that_cannot_be_are_refused_with_what_can(name: str, options: dict[str, Any], sentence: str) -> None:
    needs = detectors()[name].needs
    if needs:
        pytest.importorskip(needs)
    with pytest.raises(ConfigError, match=name) as refused:
        run_with(name, [], options)
    assert sentence in str(refused.value)


def test_a_cusum_adds_up_and_is_capped() -> None:
    """z = score·√n; a window evenly moved by 0.1 sd has a z of about 2."""
    found = run("cusum", [0, 0.1, 0.1, 0.1, 0, 5, 5, *[0] * 60], k=0.5, h=5)
    one = float(found[1].level[0])
    borne = 0.5 + 2 * np.sqrt(N / BASE.size)
    assert one + borne == pytest.approx(0.1 * np.sqrt(N), rel=0.1)
    assert found[3].level[0] == pytest.approx(3 * one, rel=1e-6)
    assert found[4].level[0] == pytest.approx(3 * one - borne, abs=0.05)
    assert found[5].level[0] == 10
    assert found[5].onset[0] == HOUR
    assert found[5].direction[0] == 1
    # from 2h down to h by `borne` a window, and three that are clear
    ends = story(found).rindex("S") + 1
    assert ends == pytest.approx(7 + np.ceil(5 / borne) + 2, abs=1)


def test_a_cusum_of_a_distance_goes_upwards_alone() -> None:
    found = run("cusum", [*[0] * 10, 1, 1], of="chi2", h=4)
    assert story(found)[-2:] == "RS"
    assert found[-1].direction[0] == 0
    assert all(e.level[0] == 0 for e in found[:10])


def context(of: Baseline) -> Context:
    return Context(of, WindowSpec.parse("1h"))


def test_series_are_what_they_say() -> None:
    values = {
        of: series(context(known()), of, 100, "here").read(moved(0.5)) for of in ("mean", "z", "outside", "error")
    }
    assert all(judged.all() for _, judged in values.values())
    found = {of: float(numbers[0]) for of, (numbers, _) in values.items()}
    assert found["mean"] == pytest.approx(0.5, rel=0.01)
    # ranks end at 1: those of the top 0.1443 cannot rise further
    rise = 0.5 * SD - (0.5 * SD) ** 2 / 2
    assert found["z"] == pytest.approx(2 * rise / (1 / np.sqrt(3)) * np.sqrt(N), rel=0.01)
    # moved by 0.144 of the range: 5 % + 14.4 % above, nothing below
    assert found["outside"] == pytest.approx(0.194, abs=0.01)
    assert found["error"] == 1
    still = {of: series(context(known()), of, 100, "here").read(moved(0))[0][0] for of in values}
    assert still["outside"] == pytest.approx(0.1, abs=0.01)
    assert still["error"] == 0
    assert abs(still["mean"]) < 0.01


def test_keys_outside_are_those_beyond_the_frequent_nine_tenths() -> None:
    whole = mixed_profile(20_000, 1)
    read = series(context(Baseline(MIXED, whole, (), Origin.REFERENCE)), "outside", 100, "here").read
    usual, judged = read(mixed_profile(5_000, 2))
    assert judged.all()
    np.testing.assert_allclose(usual[:2], 0.1, atol=0.02)
    # region: 30 keys of weight 1/rank, of which those that hold the last tenth
    assert 0.05 < usual[3] <= 0.12
    # a flag's two keys both belong to the frequent ones
    assert usual[4] == 0
    assert read(mixed_profile(5_000, 3, drift=1.0))[0][3] > usual[3] - 0.05


class Counting:
    """In place of a river detector: alarms at every tenth number, and knows how many it was fed."""

    def __init__(self) -> None:
        self.fed = 0
        self.drift_detected = False

    def update(self, x: float) -> None:
        self.fed = 1 if self.drift_detected else self.fed + 1
        self.drift_detected = self.fed == 700


def test_a_series_that_was_cut_goes_on_alike_from_memory_and_from_bytes() -> None:
    """Beyond `most` windows the oldest are gone; a detector at hand must not remember them either."""
    made = series(context(known()), "mean", 1, "here")
    size = fed.Size(most=40, cut=15)
    kept, anew = (fed.Fed(made, fed.replay(Counting), {}, size) for _ in range(2))
    one, other = kept.start(), anew.start()
    for hour in range(130):
        window = Window(hour * HOUR, (hour + 1) * HOUR)
        one, _ = kept.look(one, window, moved(hour / 100))
        other, _ = anew.look(load(dump(other)), window, moved(hour / 100))
        anew._live = None
        assert dump(one) == dump(other)
        assert one["series"].shape[1] <= 40
    assert kept._live is not None
    assert kept._live[1][0].fed == one["series"].shape[1]  # type: ignore[attr-defined]  # Counting


def test_kswin_draws_the_same_lots_again() -> None:
    pytest.importorskip("river")
    rng = np.random.default_rng(8)
    shifts = rng.normal(0, 0.1, 260).tolist()
    watch = kswin.watch(Context(known(), WindowSpec.parse("1h"), options={"alpha": 0.05}))
    runs = []
    for _ in range(2):
        state, raised = watch.start(), []
        for hour, shift in enumerate(shifts):
            state, evidence = watch.step(state, Window(hour * HOUR, (hour + 1) * HOUR), moved(shift))
            raised.append(bool(evidence.raised[0]))
        runs.append(raised)
    assert runs[0] == runs[1]
    assert any(runs[0])


def test_the_onset_is_where_the_series_parts_best() -> None:
    pytest.importorskip("river")
    found = run("adwin", [*np.tile([0.0, 0.05], 20), *[3.0] * 18])
    [at] = [hour for hour, e in enumerate(found) if e.raised[0]]
    assert found[at].onset[0] == 40 * HOUR
    assert found[at].direction[0] == 1
    # river starts anew: what comes after is normal to it
    assert story(found)[at : at + 4] == "RSS."


def test_river_is_fed_what_it_would_be_fed_directly() -> None:
    drift = pytest.importorskip("river.drift")
    shifts = np.random.default_rng(4).normal(0, 0.2, 200) + np.where(np.arange(200) > 120, 1.0, 0.0)
    options = {"threshold": 5.0}
    found = run_with("page_hinkley", shifts.tolist(), options)
    direct, expected = drift.PageHinkley(**options), []
    read = series(context(known()), "mean", 100, "here").read
    for shift in shifts.tolist():
        direct.update(float(np.float32(read(moved(shift))[0][0])))
        expected.append(direct.drift_detected)
    assert [bool(e.level[0]) for e in found] == expected
    assert any(expected)


def test_the_document_has_every_detector_as_it_is() -> None:
    text = (CHECKOUT / "docs" / "detectors.md").read_text()
    for name, detector in detectors().items():
        if name != "default":
            assert section(detector) in text, (
                f"python -m benchmarks.named_rates --options writes docs/detectors.md; {name} changed"
            )
    assert all(f"| {label(name, options)} |" in text for name, options in variants())
