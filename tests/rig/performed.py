"""A model whose performance is known window by window, made up for tests of what shows it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from drift.core.catalogue import Model, Reference
from drift.core.commit import EvaluationCommit, WindowResult
from drift.core.performance import Cause, Measure, Performance
from drift.core.profile import Profile
from drift.core.result import Judgement, Outcome, WindowState
from drift.core.schema import Column, Kind, Role, Schema, Storage
from drift.core.window import WindowSpec
from drift.store import Store
from tests.rig.outcomes import binary_grid
from tests.rig.paging import hour
from tests.rig.storing import PANE, T0

ASSUMED: Final = "It is assumed that scores mean what they did until 2026-11-23."
BEFORE: Final = {"accuracy": Measure(0.94, 0.93, 0.95), "auroc": Measure(0.9, 0.88, 0.92)}
_SEGMENTED: Final = tuple(Column(name, Kind.CATEGORICAL, Role.FEATURE, Storage.STRING) for name in ("sex", "region"))


def measured(estimated: float = 0.94, realized: float | None = None, **changes: Any) -> Performance:
    """Of one window: an estimated accuracy, and one by labels where they are mature; bands are a point to each side."""
    base = Performance(
        estimated={"accuracy": band(estimated), "auroc": band(estimated - 0.04)},
        realized={} if realized is None else {"accuracy": band(realized)},
        reference=BEFORE, assumption=ASSUMED, predicted=1_000, joined=0 if realized is None else 970,
        coverage=0.0 if realized is None else 0.97, mature=realized is not None,
        causes=(Cause("n0", 0.0097, 0.019, 16.9), Cause("k", -0.002, 0.01, -1.0)),
        summary=f"Accuracy is estimated at {estimated:.0%}.",
    )  # fmt: skip
    return replace(base, **changes)


def band(value: float) -> Measure:
    """A value and a point to each side."""
    return Measure(value, value - 0.01, value + 0.01)


def registered(store: Store, name: str = "loans", **settings: Any) -> tuple[Model, Reference]:
    """A binary model with hourly windows, two groups of `sex` and two regions."""
    model = store.put_model(
        name, pane=PANE, lateness=0, windows=(WindowSpec.parse("1h"),), zone="UTC", settings=settings
    )
    grid = binary_grid([0.25, 0.5, 0.75], segments={"sex": ("f", "m"), "region": ("north",)}, features={"n0": (0.0,)})
    profile = Profile.empty(grid)
    return model, store.add_reference(
        model.id, version="1", schema=Schema((*(c.column for c in grid.columns), *_SEGMENTED), ("sex", "region")),
        grid=grid, profile=profile, chunks=[], content_hash=f"{name} {grid.id}", rows=500, active_from=T0, summary={},
    )  # fmt: skip


def result(
    reference: Reference, n: int, performances: Mapping[int, Performance], revision: int = 1, **changes: Any
) -> WindowResult:
    """The n-th hour, final."""
    names = tuple(column.name for column in reference.grid.columns)
    nothing = np.full((len(names), 1), np.nan)
    judged = Judgement(1_000, Outcome.NO_DRIFT, names, ("psi",), nothing, np.zeros(len(names), np.int8), nothing)
    base = WindowResult(
        reference.model_id, reference.id, "1h", hour(n), revision, WindowState.FINAL, 1_000, T0 + revision * 1_000 + n,
        dict.fromkeys({0, *performances}, judged), performances, late=revision > 1,
    )  # fmt: skip
    return replace(base, **changes)


def store_results(store: Store, *results: WindowResult) -> None:
    """Store them as the evaluator does."""
    lease = store.lease("evaluation", "tester", 600)
    assert lease is not None
    store.commit_evaluation(EvaluationCommit(lease, (), results))
