"""What a person is told: the numbers that matter, and nothing that is not known."""

from dataclasses import replace
from math import nan
from typing import Final

import pytest

from detectors.performance.summary import Standing, change, summary
from drift.core.performance import Cause, Gap, Measure, Performance, Slice

BEFORE: Final = {"accuracy": Measure(0.94, 0.935, 0.945), "value": Measure(1.5, 1.4, 1.6)}
WORSE: Final = Performance(
    estimated={"accuracy": Measure(0.9, 0.89, 0.91)},
    reference=BEFORE,
    assumption="It assumes that the score means what it meant.",
    predicted=5_000,
    causes=(
        Cause("repaid", 0.0097, 0.019, 16.9), Cause("length", 0.0031, 0.026, 5.0), Cause("value", -0.0137, 0.04, -13.3),
        Cause("idle", 0.0002, 0.03, 0.8),
    ),
)  # fmt: skip


def test_what_since_when_why_and_what_it_costs() -> None:
    assert summary(WORSE, since=1_795_438_800_000_000, zone="Europe/Berlin") == (
        "Accuracy is estimated at 90 % (89 % to 91 %), 4 points worse than the reference's 94 %. "
        "It has been so since Mon 23 Nov 2026 14:00 (Europe/Berlin). "
        "Other values came in columns that raise the error, each by itself: "
        "repaid (0.97 points) and length (0.31 points). "
        "That is about 200 more wrong predictions of 5,000. "
        "It assumes that the score means what it meant."
    )


def test_realised_values_speak_once_labels_are_mature() -> None:
    realised = {"accuracy": Measure(0.91, 0.9, 0.92), "value": Measure(1.2, 1.1, 1.3)}
    some = replace(WORSE, realized=realised, joined=4_800)
    assert change(some, "accuracy").estimated
    mature = replace(some, mature=True)
    text = summary(mature)
    assert text.startswith(
        "Accuracy is 91 % (90 % to 92 %) on 4,800 labels of 5,000 predictions, "
        "3 points worse than the reference's 94 %."
    )
    assert "Each prediction brings 0.3 less than in the reference, 1,500 in all." in text
    assert "assumes" not in text


def test_for_whom() -> None:
    unlike = Gap("sex", "recall", 0.12, 0.8, 0.08, 0.16, 0.05, "f", "m")
    parity = Gap("sex", "demographic_parity", 0.06, 0.8, 0.02, 0.1, 0.05, "f", "m")
    alike = Gap("age", "accuracy", 0.03, 0.9, 0.0, 0.06, 0.04, "old", "young")
    worst = Slice((("channel", "phone"),), 1_234, 0.24, 0.1, 1e-9)
    text = summary(replace(WORSE, slices=(worst,), gaps=(parity, alike, unlike)))
    assert (
        "Worst off is channel phone: an error rate of 24 % on 1,234 rows, where all others have 10 %. "
        "Between groups of sex, recall differs by 12 points where up to 5 points would be chance: f fares worst, "
        "m best."
    ) in text
    assert "age" not in text
    assert "groups" not in summary(replace(WORSE, gaps=(alike,)))


def test_drift_that_does_no_harm_is_said_to_do_none() -> None:
    fine = replace(WORSE, estimated={"accuracy": Measure(0.935, 0.925, 0.945)})
    text = summary(fine, drifted=["age", "income"])
    assert text.startswith("Accuracy is estimated at 93.5 % (92.5 % to 94.5 %), as before: the reference's is 94 %.")
    assert "Values of age and income have changed, which does no harm so far." in text
    assert "repaid" not in text
    assert "harm" not in summary(WORSE, drifted=["age"])


def test_what_no_column_explains_is_said() -> None:
    text = summary(replace(WORSE, causes=(Cause("idle", 0.0001, 0.04, 0.3),)))
    assert "No column's values explain it: the same values now do worse." in text


@pytest.mark.parametrize(
    ("now", "standing"),
    [
        (Measure(0.9, 0.89, 0.91), Standing.WORSE),
        (Measure(0.9, 0.85, 0.95), Standing.UNPROVEN),
        (Measure(0.925, 0.92, 0.93), Standing.AS_BEFORE),
        (Measure(0.97, 0.96, 0.98), Standing.BETTER),
        (Measure(0.97, 0.93, 0.99), Standing.AS_BEFORE),
        (Measure(0.945, 0.943, 0.947), Standing.AS_BEFORE),
        (Measure(nan, why="no prediction has a label yet"), Standing.UNKNOWN),
    ],
)
def test_how_it_stands(now: Measure, standing: Standing) -> None:
    assert change(replace(WORSE, estimated={"accuracy": now}), "accuracy").standing is standing


def test_errors_grow_by_their_share_and_are_numbers() -> None:
    errors = Performance(
        estimated={"mae": Measure(848, 830, 866)}, reference={"mae": Measure(800, 790, 810)}, predicted=1_000,
        causes=(Cause("age", 30.0, nan, 9.0),), slices=(Slice((("fuel", "gas"),), 400, 900.0, 700.0, 0.001),),
    )  # fmt: skip
    assert summary(errors) == (
        "Mean absolute error is estimated at 848 (830 to 866), 48 worse than the reference's 800. "
        "Worst off is fuel gas: a mean error of 900 on 400 rows, where all others have 700. "
        "Other values came in columns that raise the error, each by itself: age (30)."
    )
    assert change(replace(errors, estimated={"mae": Measure(810, 805, 815)}), "mae").standing is Standing.AS_BEFORE


def test_what_is_not_known_is_not_said() -> None:
    assert summary(Performance()) == "Accuracy is not known."
    why = {"accuracy": Measure(nan, why="no prediction has a label yet")}
    assert summary(Performance(realized=why)) == "Accuracy is not known: no prediction has a label yet."
    alone = Performance(realized={"accuracy": Measure(0.9, 0.88, 0.92)}, joined=1, predicted=3, mature=True)
    assert summary(alone) == "Accuracy is 90 % (88 % to 92 %) on 1 label of 3 predictions."


def test_another_metric_can_be_spoken_of() -> None:
    both = replace(WORSE, estimated={"auroc": Measure(0.8, 0.79, 0.81)}, reference={"auroc": Measure(0.9, 0.89, 0.91)})
    assert summary(both, metric="auroc").startswith(
        "AUROC is estimated at 0.8 (0.79 to 0.81), 0.1 worse than the reference's 0.9."
    )
    assert "wrong predictions" not in summary(both, metric="auroc")
    assert summary(both).startswith("AUROC")
