"""A window's performance put together: what is estimated, from whose labels, and when nothing is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

from drift.config import ModelSettings
from drift.core.catalogue import Model, Reference
from drift.core.clock import DAY, HOUR
from drift.core.outcome.labelled import LabelledRows
from drift.core.outcome.sums import Outcomes
from drift.core.profile import Profile
from drift.core.rows import Rows
from drift.core.window import Window, WindowSpec
from drift.reference import build_reference, profile_frame
from drift.service.performing import Performing
from tests.rig.timeline import T0

N = 20_000
SPEC = WindowSpec.parse("1d")


def frame(n: int, seed: int, offset: float = 0.0) -> pd.DataFrame:
    """Positives are likelier than scores say, by `offset` on the logit scale."""
    rng = np.random.default_rng(seed)
    x = rng.normal(-1, 1, n)
    truth = rng.random(n) < 1 / (1 + np.exp(-x - offset))
    return pd.DataFrame({"x": x, "score": 1 / (1 + np.exp(-x)), "label": truth.astype(int)})


@dataclass
class Kept:
    """A store of one reference, and of what production said lately."""

    built: Any
    recent: Outcomes | None = None
    asked: list[tuple[int, int]] = field(default_factory=list)
    outcomes: Outcomes | None = None

    def reference_outcomes(self, reference_id: int) -> Outcomes | None:
        return Outcomes(self.built.grid, self.built.outcomes)

    def outcome_chunks(self, reference_id: int) -> Sequence[tuple[Window, Outcomes]]:
        return []

    def reference_profile(self, reference_id: int) -> Profile:
        profile: Profile = self.built.profile
        return profile

    def reference_learnt(self, reference_id: int) -> bytes | None:
        learnt: bytes | None = self.built.learnt
        return learnt

    def profile(self, reference: Reference, start: int, end: int) -> "Kept":
        self.asked.append((start, end))
        return Kept(self.built, outcomes=self.recent)


class Fixed:
    """A clock that stands."""

    def now(self) -> int:
        return T0 + 100 * DAY

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody sleeps here")


def counted(built: Any, rows: pd.DataFrame) -> Outcomes:
    """Its predictions and labels."""
    numbers = np.stack([rows[column.name].to_numpy(float) for column in built.grid.columns])
    made = Rows(np.zeros(len(rows), np.int64), numbers, {"label": rows["label"].tolist()})
    return Outcomes(built.grid, LabelledRows(built.grid).count(made, np.zeros(len(rows), np.int64), 1)[0])


def performed(store: Kept, settings: dict[str, Any], rows: pd.DataFrame, checked: int | None) -> Any:
    model = Model(
        1, "m", settings=ModelSettings.model_validate(settings).model_dump(mode="json", exclude_defaults=True)
    )
    reference = Reference(1, 1, "1", "", store.built.schema, store.built.grid, N, 0, 0)
    profile = profile_frame(rows, store.built.grid)
    profile = Profile(profile.grid, profile.sums, counted(store.built, rows))
    window = Window(T0 + 30 * DAY, T0 + 31 * DAY)
    return Performing(store, Fixed())(model, reference, SPEC, window, profile, checked=checked)[0]


@pytest.fixture(scope="module")
def built() -> Any:
    return build_reference(frame(N, 1))


def test_recent_labels_calibrate_anew_where_that_is_asked_for(built: Any) -> None:
    """The world changed: the reference's estimate is off, that of the last four weeks' labels is right."""
    now = frame(5_000, 3, offset=1.0)
    store = Kept(built, counted(built, frame(N, 2, offset=1.0)))
    settings = {"label": {"recalibrate": "28d"}}
    old = performed(store, {}, now, T0 + 29 * DAY + HOUR)
    new = performed(store, settings, now, T0 + 29 * DAY + HOUR)
    measured = new.realized["precision"]
    realized = measured.value
    assert abs(old.estimated["precision"].value - realized) > 0.1
    assert abs(new.estimated["precision"].value - realized) < 0.03
    assert new.estimated["precision"].high > measured.low
    assert store.asked == [(T0 + DAY, T0 + 29 * DAY)]
    assert "has not changed since Tue 1 Apr 2025" in new.assumption


def test_without_a_mature_label_the_references_stand(built: Any) -> None:
    store = Kept(built)
    settings = {"label": {"recalibrate": "28d"}}
    now = frame(5_000, 3)
    assert performed(store, settings, now, None).estimated == performed(store, {}, now, None).estimated
    assert store.asked == []
    assert performed(store, settings, now, T0).estimated == performed(store, {}, now, None).estimated


def test_a_reference_of_training_rows_estimates_nothing(built: Any) -> None:
    found = performed(Kept(built), {"held_out": False}, frame(5_000, 3), None)
    assert (found.estimated, found.reference) == ({}, {})
    assert "was trained on" in found.assumption
    assert found.realized["accuracy"].known


def test_harmless_drift_is_called_so(built: Any) -> None:
    """Fewer cases near the threshold: inputs have changed, and nothing is worse."""
    rows = frame(20_000, 4)
    found = performed(Kept(built), {}, rows[(rows["score"] - 0.5).abs() > 0.2].head(5_000), None)
    assert found.realized["accuracy"].value > found.reference["accuracy"].value
    assert "worse" not in found.summary.split(".")[0]


def test_selected_labels_speak_of_those_that_have_them(built: Any) -> None:
    rows = frame(5_000, 3)
    found = performed(Kept(built), {"label": {"selective": True}}, rows, None)
    assert "labelled population" not in found.assumption
    store, half = Kept(built), counted(built, rows)
    sums = half.sums.copy()
    place = half.layout.places["joined"]
    sums.ints[:, place] //= 2
    model = ModelSettings.model_validate({"label": {"selective": True}}).model_dump(mode="json", exclude_defaults=True)
    profile = Profile(built.grid, profile_frame(rows, built.grid).sums, Outcomes(built.grid, sums))
    reference = Reference(1, 1, "1", "", built.schema, built.grid, N, 0, 0)
    window = Window(T0 + 30 * DAY, T0 + 31 * DAY)
    fewer = Performing(store, Fixed())(Model(1, "m", settings=model), reference, SPEC, window, profile)[0]
    assert "is of the labelled population only" in fewer.assumption
