"""Alarms on performance, explained: the model itself is spoken of, and no column."""

from detectors.explain import Case, explain, overview
from drift.core.alarm import Severity
from tests.rig.alarming import alarm

WORSE = alarm(
    column="", detector="estimated_performance", severity=Severity.PAGE, what="estimated accuracy", effect=-0.04,
    tolerance=0.02, sentence="estimated accuracy is 90 % since noon, the reference's was 94 %", moved=(),
)  # fmt: skip
CASE = Case(model="credit", column="", spec="1h", alarm=WORSE, now=WORSE.until)


def test_what_has_changed_is_said_in_its_own_unit() -> None:
    first, second, *rest = explain(CASE)
    assert first == "PAGE: the performance of model credit has changed (model credit, windows of 1h, all traffic)."
    assert second == "Estimated accuracy is 90 % since noon, the reference's was 94 %."
    assert "`drift accept credit --why REASON`" in " ".join(rest)
    assert "tolerated" not in " ".join((first, second, *rest))
    assert "column" not in " ".join((first, second, *rest)).lower()


def test_at_a_glance() -> None:
    [line] = [one for one in overview("credit", [CASE]) if one.startswith("PAGE")]
    assert "estimated accuracy is 90 % since noon" in line
