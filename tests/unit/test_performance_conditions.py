"""Rules on performance: what they say, and when nothing can be said."""

from dataclasses import replace
from math import isnan

import pytest

from detectors.performance.conditions import mentions, parse, read, tell
from detectors.performance.harm import affected
from drift.core.errors import ConfigError
from drift.core.performance import Gap, Measure, Performance
from tests.rig.performed import band, measured

GAP = Gap("sex", "recall", 0.12, 0.8, 0.08, 0.16, 0.05, "f", "m")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("realized.accuracy < 0.8", ["realized.accuracy"]),
        ("estimated.auroc<.7 and drop( estimated.accuracy ) >= 0.03", ["estimated.auroc", "drop(estimated.accuracy)"]),
        ("gap(age group, demographic_parity) > 0.1", ["gap(age group, demographic_parity)"]),
        ("realized.pinball_0.9 > 3" .replace("0.9", "9"), ["realized.pinball_9"]),
    ],
)  # fmt: skip
def test_what_can_be_written(text: str, names: list[str]) -> None:
    assert mentions(text)
    assert [one.name for one in parse(text)] == names


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("realized.acuracy < 0.8", "no metric 'acuracy'"),
        ("realized.accuracy < high", "'high' is no number"),
        ("realized.accuracy < nan", "'nan' is no number"),
        ("drop(accuracy) > 0.03", "no condition on performance"),
        ("realized.accuracy < 0.8 and psi > 0.2", "'psi > 0.2' is no condition on performance"),
        ("gap(sex) > 0.1", "no condition on performance"),
    ],
)
def test_what_is_wrong_is_said(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        parse(text)


def test_statistics_of_columns_are_none_of_it() -> None:
    assert not mentions("psi > 0.2 and |mean_shift| > 0.5")


def test_only_what_is_known_is_read() -> None:
    some = replace(measured(0.9), realized={"accuracy": band(0.7)})
    assert read("estimated.accuracy", some) == 0.9
    assert isnan(read("realized.accuracy", some)), "its labels are not mature"
    assert isnan(read("estimated.brier", some))
    mature = measured(0.9, 0.8)
    assert read("realized.accuracy", mature) == 0.8
    assert read("drop(realized.accuracy)", mature) == pytest.approx(0.14)
    assert read("drop(estimated.accuracy)", mature) == pytest.approx(0.04)


def test_an_error_that_grows_is_a_drop() -> None:
    some = Performance(estimated={"mae": Measure(5.0)}, reference={"mae": Measure(4.0)})
    assert read("drop(estimated.mae)", some) == 1.0


def test_a_gap_counts_beyond_its_null_and_with_mature_labels() -> None:
    name = "gap(sex, recall)"
    assert read(name, measured(0.9, 0.9, gaps=(GAP,))) == 0.12
    assert read(name, measured(0.9, 0.9, gaps=(replace(GAP, null=0.2),))) == 0.0
    assert isnan(read(name, measured(0.9, gaps=(GAP,))))
    assert isnan(read("gap(age, recall)", measured(0.9, 0.9, gaps=(GAP,))))
    parity = replace(GAP, metric="demographic_parity")
    assert read("gap(sex, demographic_parity)", measured(0.9, gaps=(parity,))) == 0.12, "it needs no label"


def test_in_words() -> None:
    some = measured(0.9, 0.8, gaps=(GAP,))
    assert tell("realized.accuracy", some, 0.8) == (
        "realized accuracy is 80 % (79 % to 81 %), the reference's was 94 %"
    )
    assert tell("drop(estimated.auroc)", some, 0.04).startswith("estimated AUROC is 0.86 (0.85 to 0.87)")
    assert tell("gap(sex, recall)", some, 0.12) == (
        "recall differs by 12 points between groups of sex (f fares worst, m best)"
    )


@pytest.mark.parametrize(
    ("performance", "said"),
    [
        (measured(0.93), False), (measured(0.9), True), (measured(0.9, 0.935), False), (measured(0.94, 0.9), True),
        (replace(measured(), estimated={"accuracy": Measure(0.91, 0.85, 0.97)}), False), (Performance(), None),
        (replace(measured(0.9), reference={}), None),
    ],
)  # fmt: skip
def test_whether_performance_is_affected(performance: Performance, said: bool | None) -> None:
    assert affected(performance) is said
