"""'Why did you page me?': the whole text of the situations that people meet, and words for numbers and times."""

import math
import textwrap
from dataclasses import replace
from typing import Any

import pytest

from detectors import wording
from detectors.explain import Case, explain, overview
from drift.core.alarm import Moved, Severity
from drift.core.answer import Action, Answer
from drift.core.clock import DAY, HOUR, MINUTE, SECOND
from drift.core.window import Window
from tests.rig.alarming import about, alarm, hour
from tests.rig.storing import T0

NOW = hour(6).start
MEND = "What helps: longer windows, more weeks of reference, `segments` that differ, or another `seasonal`."


def case(**changes: Any) -> Case:
    return replace(Case(model="credit", column="n0", spec="1h", now=NOW), **changes)


def answer(**changes: Any) -> Answer:
    base = Answer(1, 1, 1, "", "n0", None, Action.ACCEPT, "ada", "new price list", NOW, T0, NOW, NOW)
    return replace(base, **changes)


def said(text: tuple[str, ...]) -> str:
    """Paragraphs as a golden text stands below."""
    return "\n\n".join(textwrap.fill(paragraph, 100) for paragraph in text)


def golden(text: str) -> str:
    return textwrap.dedent(text).strip()


def test_a_page() -> None:
    assert said(explain(case(alarm=alarm(), about=about(), budget="1 per 30d"))) == golden("""
        PAGE: n0 has drifted (model credit, windows of 1h, all traffic).

        The typical value of n0 rose by 0.41 standard deviations where 0.12 is tolerated, 3.42 times the
        tolerance, on 4,321 rows from Mon 23 Nov 2026 02:00 to 04:00 (UTC).

        It has differed since Mon 23 Nov 2026 02:00, 4 hours ago. The window Mon 23 Nov 2026 03:00 to 04:00
        (UTC) raised the alarm: the evidence reached 9.7, 9.2 is enough (default).

        Bins that moved most, share of rows before → after: ≥ 2: 8 % → 21 %; [0, 1): 42 % → 31 %.

        Over that stretch: ks 0.18, mean_shift 0.41, psi 0.31.

        It is a page because the shift is beyond twice the tolerance (0.24 standard deviations).

        It is compared with the reference (250,000 rows), with the same hour of the day, working days and
        weekends apart.

        Replayed over 672 windows of baseline that it had not learnt from, it never alarmed. The budget of 1
        per 30d allows the whole model 0.02 in that time; up to 1 may be chance.

        If this is the new normal: `drift accept credit n0 --why REASON`

        If it was normal all along: `drift dismiss credit n0 --why REASON`

        For silence meanwhile: `drift snooze credit n0 --for 3d --why REASON`
    """)


def test_a_warning_on_a_short_baseline() -> None:
    given = alarm(
        severity=Severity.WARNING, what="share missing", effect=0.034, tolerance=0.011, statistics={},
        moved=(Moved("missing", 0.012, 0.046),),
    )  # fmt: skip
    known = about(
        judged="inflated", windows=90, inflation=20.5, season="none", widened=4, origin="production",
        self_check={"windows": 90, "alarms": 3, "expected": 0.1, "bound": 1},
    )  # fmt: skip
    assert said(explain(case(alarm=given, about=known, segment="channel=web", zone="Europe/Berlin"))) == golden("""
        WARNING: n0 has drifted (model credit, windows of 1h, channel=web).

        The share of missing values of n0 rose by 3.4 points (from 1.2 % to 4.6 %) where 1.1 points is
        tolerated, 3.09 times the tolerance, on 4,321 rows from Mon 23 Nov 2026 03:00 to 05:00
        (Europe/Berlin).

        It has differed since Mon 23 Nov 2026 03:00, 4 hours ago. The window Mon 23 Nov 2026 04:00 to 05:00
        (Europe/Berlin) raised the alarm: the evidence reached 9.7, 9.2 is enough (default).

        Bins that moved most, share of rows before → after: missing: 1.2 % → 4.6 %.

        It is a warning, not a page, because the baseline is too short to be relied upon: its 90 windows are
        so alike one after the other that they are worth 4 independent ones, of 30.

        It is compared with production's own first windows (250,000 rows). Replaying that was too loud at
        first, so the tolerance has room for 4 standard deviations of the column's own wander instead of 2.

        Replayed over 90 windows of baseline that it had not learnt from, it alarmed 3 times. The budget
        allows the whole model 0.1 in that time; up to 1 may be chance.

        What helps: longer windows, more weeks of reference, `segments` that differ, or another `seasonal`.

        If this is the new normal: `drift accept credit n0 --why REASON`

        If it was normal all along: `drift dismiss credit n0 --why REASON`

        For silence meanwhile: `drift snooze credit n0 --for 3d --why REASON`
    """)


def test_a_small_shift_that_is_snoozed() -> None:
    given = alarm(severity=Severity.WARNING, effect=-0.15, snoozed=True, statistics={}, moved=())
    snooze = answer(action=Action.SNOOZE, until=NOW + 3 * DAY, why="holiday", who="bob")
    text = explain(case(alarm=given, answers=(answer(withdrawn_at=NOW + HOUR, withdrawn_by="eve"), snooze)))
    assert said(text) == golden("""
        WARNING: n0 has drifted (model credit, windows of 1h, all traffic).

        The typical value of n0 fell by 0.15 standard deviations where 0.12 is tolerated, 1.25 times the
        tolerance, on 4,321 rows from Mon 23 Nov 2026 02:00 to 04:00 (UTC).

        It has differed since Mon 23 Nov 2026 02:00, 4 hours ago. The window Mon 23 Nov 2026 03:00 to 04:00
        (UTC) raised the alarm: the evidence reached 9.7, 9.2 is enough (default).

        It is a warning, not a page: the shift is proven, but it is not beyond twice the tolerance (0.24
        standard deviations). It is snoozed: it stands, and nobody is told.

        Mon 23 Nov 2026 06:00: ada accepted it as baseline (taken back Mon 23 Nov 2026 07:00 by eve): “new
        price list”.

        Mon 23 Nov 2026 06:00: bob snoozed it until Thu 26 Nov 2026 06:00: “holiday”.

        If this is the new normal: `drift accept credit n0 --why REASON`

        If it was normal all along: `drift dismiss credit n0 --why REASON`

        For silence meanwhile: `drift snooze credit n0 --for 3d --why REASON`
    """)


def test_silence_within_the_tolerance_and_what_is_blind() -> None:
    scores = [
        {"what": "location", "tolerance": 0.68, "blind": True}, {"what": "spread", "tolerance": 0.2, "blind": False},
    ]  # fmt: skip
    known = about(scores=scores, season="none", self_check={"windows": 0})
    seen = {"mean_shift": -0.2, "missing_ratio": 0.013, "psi": 0.01}
    text = explain(case(about=known, latest=hour(5), rows=1_234, observed=seen, only="increase"))
    assert said(text) == golden("""
        No alarm stands on n0 (model credit, windows of 1h, all traffic).

        In the last final window, Mon 23 Nov 2026 05:00 to 06:00 (UTC) with 1,234 rows, its mean was 0.2
        standard deviations from the reference's, where 0.68 is tolerated. A shift inside the tolerance
        never pages, however many rows prove it. Only an increase alarms here.

        It is compared with the reference (250,000 rows).

        The baseline was too short to replay: how often this would alarm on normal data is not known.

        Blind: with windows of 1h a shift of its typical value below 0.68 standard deviations cannot be told
        from the column's own wander. What helps: longer windows, more weeks of reference, `segments` that
        differ, or another `seasonal`.
    """)


def test_silence_after_an_alarm_ended_and_before_another_is_proven() -> None:
    seen = {"mean_shift": 0.1, "missing_ratio": 0.02}
    known = about(self_check={"windows": 672, "alarms": 1}, season="none")
    text = explain(
        case(
            alarm=alarm(), ended_at=hour(5).end, ended_why="back within the tolerance", about=known, latest=hour(5),
            rows=1, observed=seen | {"missing_ratio": 0.05},
        )
    )  # fmt: skip
    assert said(text) == golden("""
        No alarm stands on n0 (model credit, windows of 1h, all traffic).

        The last one, raised Mon 23 Nov 2026 04:00, ended Mon 23 Nov 2026 06:00: back within the tolerance.

        In the last final window, Mon 23 Nov 2026 05:00 to 06:00 (UTC) with 1 row, 5 % of its values were
        missing, where up to 2.3 % is tolerated. That is beyond it, but not proven yet: evidence adds up
        window by window.

        It is compared with the reference (250,000 rows).

        Replayed over 672 windows of baseline that it had not learnt from, it alarmed once.
    """)


def test_one_window_says_little_where_alarms_compare_with_something_else() -> None:
    seen = {"mean_shift": 0.59, "missing_ratio": 0.01}
    for known in (about(), about(season="none", origin="accepted", shares=[])):
        text = explain(case(about=known, latest=hour(5), rows=60, observed=seen))[1]
        assert text.endswith(
            "its mean was 0.59 standard deviations from the reference's. Alarms compare with something else, said "
            "below, and against that nothing was proven."
        )
    text = explain(case(about=about(), latest=hour(5), rows=60, only="decrease"))[1]
    assert text.endswith("or not long enough beyond it. Only a decrease alarms here.")


def test_what_cannot_be_judged() -> None:
    known = {"judged": "not judged", "why": "its 6 windows are fewer than 20", "windows": 6, "inflation": None}
    assert said(explain(case(about=known, latest=hour(5)))) == golden("""
        No alarm stands on n0 (model credit, windows of 1h, all traffic).

        It cannot be judged with windows of 1h: its 6 windows are fewer than 20. What helps: longer windows,
        more weeks of reference, `segments` that differ, or another `seasonal`.
    """)


def test_what_another_detector_says_of_itself() -> None:
    known = {
        "k": 0.5,
        "run_length": 21_600,
        "false_alarms": "0.001 per window",
        "of": "",
        "odd": None,
        "deep": {"a": 1},
    }
    text = explain(case(about=known, latest=hour(5), rows=10))
    assert text[2:] == ("Its detector: k 0.5, run length 21,600, false alarms 0.001 per window.",)


def test_another_detector_and_nothing_known() -> None:
    given = alarm(column="", detector="cusum", what="psi", effect=0.3, tolerance=math.nan, statistics={}, moved=())
    text = explain(case(column="", alarm=given))
    assert text[0] == "PAGE: model credit has drifted (model credit, windows of 1h, all traffic)."
    assert text[1] == "psi of model credit is 0.3 on 4,321 rows from Mon 23 Nov 2026 02:00 to 04:00 (UTC)."
    assert text[3:5] == ("It is a page.", "If this is the new normal: `drift accept credit --why REASON`")
    spaced = explain(case(model="my model", alarm=given))
    unmeasured = alarm(effect=math.nan, severity=Severity.WARNING, detector="adwin", statistics={}, moved=())
    text = explain(case(alarm=unmeasured, about=about()))
    seen = "on 4,321 rows from Mon 23 Nov 2026 02:00 to 04:00 (UTC)."
    assert text[1] == f"The condition of its detector adwin was met (location) {seen}"
    assert text[3] == "It is a warning, not a page."
    assert spaced[-1] == "For silence meanwhile: `drift snooze 'my model' n0 --for 3d --why REASON`"
    assert explain(case())[1] == "No sequential detector watches it yet; it starts with the next final window."
    assert explain(case(about=about()))[1] == "No window is final yet, so nothing was judged."


@pytest.mark.parametrize("key", sorted(about()))
def test_a_missing_or_empty_key_is_left_out(key: str) -> None:
    whole = about()
    without = {name: value for name, value in whole.items() if name != key}
    for known in (without, whole | {key: None}):
        for given in (None, alarm()):
            text = explain(case(alarm=given, about=known, latest=hour(5), rows=5, observed={"mean_shift": 0.1}))
            assert text[0].startswith("PAGE" if given else "No alarm")
            assert "None" not in " ".join(text)
            assert "nan" not in " ".join(text)


def test_a_model_at_a_glance() -> None:
    small = alarm(column="n1", severity=Severity.WARNING, effect=0.13, snoozed=True)
    worst = alarm(column="k", effect=0.9)
    cases = [
        case(alarm=alarm()), case(column="n1", alarm=small), case(column="k", alarm=worst),
        case(column="n2", about=about(judged="not judged")), case(column="n3", about=about(judged="inflated")),
        case(column="n4", alarm=alarm(column="n4"), ended_at=hour(5).end),
    ]  # fmt: skip
    text = overview("credit", cases, most=2)
    assert text[0] == "2 pages and 1 warning on model credit, of 6 columns watched; worst first."
    assert [line.split(" rose")[0].split(": ")[1] for line in text[1:3]] == [
        "The typical value of k", "The typical value of n0",
    ]  # fmt: skip
    assert text[3] == "… and 1 more; `drift alarms credit` lists them all."
    assert text[4:] == (
        "Cannot be judged: n2 (1h). `drift explain credit COLUMN` says why, and what helps.",
        "Can warn, but not page: n3 (1h). `drift explain credit COLUMN` says why, and what helps.",
    )
    assert overview("credit", cases[3:4])[0] == "No alarm stands on model credit; 1 column watched."
    assert overview("credit", cases[1:2])[1].endswith("Snoozed.")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"), (0.41, "0.41"), (3.4166, "3.42"), (12_345.6, "12,346"), (0.00123, "0.00123"), (1e-9, "1.00e-09"),
        (100.0, "100"), (-0.15, "-0.15"), (math.nan, "unknown"), (math.inf, "unknown"), (2e6, "2.00e+06"),
    ],
)  # fmt: skip
def test_numbers(value: float, shown: str) -> None:
    assert wording.number(value) == shown


@pytest.mark.parametrize(
    ("micros", "shown"),
    [
        (3 * DAY + 4 * HOUR + MINUTE, "3 days 4 hours"), (HOUR, "1 hour"), (DAY + SECOND, "1 day 1 second"),
        (5, "less than a second"), (-5, "less than a second"),
    ],
)  # fmt: skip
def test_durations(micros: int, shown: str) -> None:
    assert wording.duration(micros) == shown


def test_times_and_lists() -> None:
    assert wording.stretch(Window(T0, T0 + DAY), "UTC") == "Mon 23 Nov 2026 00:00 to Tue 24 Nov 2026 00:00 (UTC)"
    assert wording.moment(T0 + 5 * SECOND, "America/New_York") == "Sun 22 Nov 2026 19:00:05"
    assert [wording.listed(list("abcd")[:n], most=3) for n in (1, 2, 3, 4)] == [
        "a",
        "a and b",
        "a, b and c",
        "a, b, c and 1 more",
    ]
    assert (wording.points(0.01), wording.points(-0.02), wording.percent(0.00012)) == ("1 point", "2 points", "0.012 %")
