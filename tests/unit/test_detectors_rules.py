"""The grammar of rules, and what a plan makes of settings."""

import re

import numpy as np
import pytest

from detectors.names import measures
from detectors.plan import BESIDE, ONCE, QUALITY, Plan
from detectors.rules import Condition, Rule
from drift.core.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("psi > 0.2", [Condition("psi", ">", 0.2)]),
        ("ks>=1e-1", [Condition("ks", ">=", 0.1)]),
        ("  chi2_p<0.001 ", [Condition("chi2_p", "<", 0.001)]),
        ("row_volume <= .5", [Condition("row_volume", "<=", 0.5)]),
        ("mean_shift < -0.5", [Condition("mean_shift", "<", -0.5)]),
        ("|mean_shift| > 0.5", [Condition("mean_shift", ">", 0.5, absolute=True)]),
        ("psi > 0.1 and chi2_q < 1e-3", [Condition("psi", ">", 0.1), Condition("chi2_q", "<", 0.001)]),
    ],
)
def test_sentences_are_read(text: str, expected: list[Condition]) -> None:
    rule = Rule.parse(text)
    assert list(rule.conditions) == expected
    assert rule.text == text.strip()


@pytest.mark.parametrize("name", measures())
def test_every_name_can_be_asked_for(name: str) -> None:
    assert Rule.parse(f"{name} > 0").conditions[0].measure is measures()[name]


def test_a_mapping_is_read() -> None:
    rule = Rule.parse(
        {
            "when": "psi > 0.2", "columns": ["a", "b*"], "min_rows": 200, "severity": "critical",
            "direction": "increase", "segments": False,
        }
    )  # fmt: skip
    assert rule == Rule(
        "psi > 0.2", (Condition("psi", ">", 0.2),), ("a", "b*"), 200, "critical", "increase", segments=False
    )
    assert [name for name in ("a", "b", "big", "c", "ab") if rule.covers(name)] == ["a", "b", "big"]
    assert Rule.parse({"when": "psi > 1", "columns": "x[1]"}).covers("x[1]"), "a name with brackets is a name"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("pis > 0.2", r"'pis' is no statistic; did you mean psi\? there are ad, chi2, .*, and name_p or name_q"),
        ("row_volume_p < 0.1", "row_volume has no p-value"),
        ("psi", "'psi' is no condition; write one like psi > 0.2"),
        ("psi = 0.2", "is no condition"),
        ("|psi > 0.2", "is no condition"),
        ("", "'' is no condition"),
        ("psi > 0.2 and", "is no condition"),
        ("psi > 0.2 or ks > 1", "is no condition"),
        ("psi > high", "'high' is no number"),
        ("psi > nan", "'nan' is no number"),
        ("psi > 1.2.3", "'1.2.3' is no number"),
        (7, "rule 7 has no condition"),
        ({"if": "psi > 0.2"}, "has no condition"),
        ({"when": "psi > 0.2", "column": "a"}, "no option 'column'; there are when, columns, min_rows"),
        ({"when": "psi > 0.2", "columns": []}, r"columns \[\] are no names"),
        ({"when": "psi > 0.2", "min_rows": 0}, "min_rows 0 is no number of rows"),
        ({"when": "psi > 0.2", "min_rows": True}, "min_rows True"),
        ({"when": "psi > 0.2", "severity": "bad"}, "severity 'bad' is none of critical, warning, info"),
        ({"when": "psi > 0.2", "severity": []}, r"severity \[\] is none of"),
        ({"when": "psi > 0.2", "direction": "up"}, "direction 'up' is none of increase, decrease"),
        ({"when": "psi > 0.2", "segments": "no"}, "segments 'no' is neither true nor false"),
    ],
)
def test_what_cannot_be_read_is_said(rule: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Rule.parse(rule)


def test_conditions_compare() -> None:
    values = np.array([-1.0, 0.2, 0.5, np.nan])
    met = {
        text: Rule.parse(f"{text} 0.5").conditions[0].met(values).tolist() for text in ("psi >", "psi >=", "|psi| >")
    }
    assert met == {
        "psi >": [False, False, False, False],
        "psi >=": [False, False, True, False],
        "|psi| >": [True, False, False, False],
    }
    assert Rule.parse("psi < 0.5").conditions[0].met(values).tolist() == [True, True, False, False]


def test_settings_become_a_plan() -> None:
    assert Plan.from_settings({}) == Plan()
    assert Plan().rules == ONCE
    assert Plan.from_settings({"detectors": ["default"]}).rules == BESIDE
    assert [rule.text for rule in QUALITY if rule not in BESIDE] == ["constant > 0 and constant_q < 0.001"]
    assert Plan.from_settings({"detectors": []}).rules == ONCE
    plan = Plan.from_settings(
        {"rules": ["quality", "psi > 0.2"], "min_rows": 50, "statistics": ["ks"], "expected_rows": 1e4, "owner": "us"}
    )
    assert plan.rules == (*QUALITY, Rule.parse("psi > 0.2"))
    assert (plan.min_rows, plan.expected_rows) == (50, 1e4)
    assert plan.names[0] == "ks"
    assert {"psi", "missing_change", "missing_change_q"} <= set(plan.names)
    assert len(set(plan.names)) == len(plan.names)
    assert Plan.from_settings({"rules": ["default", "ks > 0.3"]}).rules == (
        *ONCE,
        Rule.parse("ks > 0.3"),
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rules": "psi > 0.2"}, "rules 'psi > 0.2' is no list"),
        ({"rules": [None]}, "has no condition"),
        ({"statistics": ["nope"]}, "statistics: 'nope' is no statistic"),
        ({"min_rows": 0}, "min_rows 0"),
        ({"min_rows": "many"}, "min_rows 'many'"),
        ({"expected_rows": -1}, "expected_rows -1"),
        ({"expected_rows": float("nan")}, "expected_rows nan"),
    ],
)
def test_wrong_settings_are_said(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Plan.from_settings(settings)


def test_patterns_that_fit_no_column_are_found() -> None:
    plan = Plan.from_settings({"rules": [{"when": "psi > 0.2", "columns": ["incme", "age*", "x"]}, "ks > 1"]})
    assert plan.idle(["income", "age_1", "x"]) == ("incme",)


def test_the_errors_are_one_sentence() -> None:
    with pytest.raises(ConfigError) as error:
        Rule.parse("pis > 0.2")
    assert not re.search(r"\n|Traceback", str(error.value))
