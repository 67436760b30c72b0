"""`alerts:` on performance: what can be written, and what is refused with its place and reason."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from drift.config import ModelSettings
from drift.core.alert import Urgency

DOC = Path(__file__).parents[2] / "docs" / "alerting.md"


def test_the_rules_of_the_page_are_taken_as_they_stand() -> None:
    block = next(part for part in DOC.read_text().split("```yaml\n")[1:] if "realized.accuracy" in part)
    settings = ModelSettings.model_validate(yaml.safe_load(block.split("```")[0])["models"]["credit"])
    rules = [one.rule for one in settings.alerts]
    assert [one.kind for one in rules] == ["performance"] * 4 + ["drift"]
    assert [one.harm for one in rules] == [False] * 4 + [True]
    assert (rules[0].name, rules[0].urgency) == ("realized.accuracy < 0.8", Urgency.PAGE)
    assert rules[2].conditions[0].name == "drop(estimated.accuracy)"
    kept = ModelSettings.model_validate(settings.model_dump(mode="json", exclude_defaults=True))
    assert [one.rule for one in kept.alerts] == rules, "as it is stored, so it is read"


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"when": "realized.accuracy < 0.8", "columns": ["income"]}, "performance is the model's, not a column's"),
        ({"when": "realized.accuracy < 0.8", "direction": "decrease"}, "performance is the model's, not a column's"),
        ({"when": "no_data", "harm": True}, "about data that is not there"),
        ({"when": "gap(age, recall) > 0.1"}, "'age' is none of the `sensitive` columns"),
        ({"when": "realized.acc < 0.8"}, "there is no metric 'acc'"),
        ({"when": "realized.accuracy < 0.8", "clear": 0.7}, "breaks the rule"),
    ],
)
def test_what_does_not_fit_is_refused(rule: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        ModelSettings.model_validate({"sensitive": ["sex"], "alerts": [rule]})
