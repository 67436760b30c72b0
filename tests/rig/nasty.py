"""A model whose names are all attacks: of itself, its columns, categories, segments, alarms, incidents and marks."""

from dataclasses import replace
from typing import Final

import numpy as np

from drift.core.alarm import Moved
from drift.core.alert import Mark, Urgency
from drift.core.catalogue import Model, Reference
from drift.core.clock import HOUR, MINUTE
from drift.core.commit import AlarmChange, Detection, EvaluationCommit, PaneDelta, WindowResult
from drift.core.grid import ColumnGrid, Grid, SegmentGrid
from drift.core.profile import Profile, Sums
from drift.core.result import Judgement, Outcome, WindowState
from drift.core.schema import Column, Kind, Role, Schema, Storage
from drift.core.window import WindowSpec
from drift.store import Store
from tests.rig import storing
from tests.rig.alarming import alarm, hour
from tests.rig.alerted import incident, put
from tests.rig.storing import T0, Feed

TEXTS: Final = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    '"><img src=x onerror=alert(3)>',
    "' onmouseover='alert(4)",
    "{{ 7 * 7 }}{% raw %}${7*7}",
    "javascript:alert(5)",
    "two\nlines\r\nand\ta tab",
    "\u202eright to left\u202c عربي עברית",
    '=HYPERLINK("http://example.com")',
    "a/b/../c?d=e&f#g%2F%00+h",
    "]]><!--<svg/onload=alert(6)>",
    "quiet: `${alert(7)}` \\u003cscript\\u003e \u2028\u2029",
    "{style|rich} {a|b}",
    "x" * 10_000,
    "<b>" * 3_000,
)
NAME: Final = "</title><script>alert(0)</script> \"'/column"
"""Of the model."""


def columns() -> list[str]:
    """Columns' names, as long as they may be."""
    return [text[:500] + f" {n}" for n, text in enumerate(TEXTS)]


def grid() -> Grid:
    """Half numeric, half of keys that are as nasty."""
    made = []
    for n, name in enumerate(columns()):
        if n % 2:
            column = Column(name, Kind.CATEGORICAL, Role.FEATURE, Storage.STRING)
            made.append(ColumnGrid(column, keys=TEXTS))
        else:
            column = Column(name, Kind.NUMERIC, Role.SCORE if n == 0 else Role.FEATURE, Storage.NUMBER)
            made.append(ColumnGrid(column, edges=(0.0, 1.0, 2.0, 3.0)))
    return Grid(tuple(made), (SegmentGrid(columns()[0], TEXTS),))


def fill(store: Store) -> tuple[Model, Reference]:
    """The model with two judged windows, sums, alarms, an incident and a mark."""
    model = store.put_model(
        NAME, pane=5 * MINUTE, lateness=MINUTE, windows=(WindowSpec.parse("1h"),), settings={"owner": TEXTS[2]}
    )
    on = grid()
    schema = Schema(tuple(one.column for one in on.columns), (columns()[0],))
    reference = store.add_reference(
        model.id, version=TEXTS[3], schema=schema, grid=on, profile=profile(on, 1), content_hash="n", rows=100,
        active_from=T0,
    )  # fmt: skip
    claim = store.acquire(replace(storing.PARTITION, number=66), "w")
    fed = Feed(store, model, reference, claim, claim.next)
    panes = [PaneDelta(model.id, reference.id, hour(n).start, 100, tuple(profile(on, n).dump())) for n in (2, 3)]
    fed.commit(*panes)
    lease = store.lease("evaluation", "tester", 60)
    assert lease is not None
    store.commit_evaluation(EvaluationCommit(lease, (), tuple(_result(model, reference, n) for n in (2, 3))))
    store.release_lease(lease)
    put(
        store,
        incidents=[
            incident(
                66, model_id=model.id, reference_id=reference.id, title=f"{NAME}: {TEXTS[1]}", columns=tuple(columns()),
                urgency=Urgency.PAGE, opened_on=hour(4).end,
            )
        ],
    )  # fmt: skip
    for n, text in enumerate(TEXTS):
        store.put_mark(Mark(model.id, hour(3).start + n * MINUTE, text[:50], text, text[:100], T0))
    return model, reference


def profile(on: Grid, seed: int) -> Profile:
    """Sums of a hundred rows of nothing in particular."""
    rng = np.random.default_rng(seed)
    empty = Profile.empty(on).sums
    ints = rng.integers(1, 50, empty.ints.shape)
    ints[:, 0] = 100
    return Profile(on, Sums(ints, np.full(empty.low.shape, -1.0), np.full(empty.high.shape, 4.0)))


def _result(model: Model, reference: Reference, n: int) -> WindowResult:
    names = reference.grid.names
    values = np.full((len(names), 2), 0.5)
    outcomes = np.full(len(names), Outcome.DRIFT, np.int8)
    judgement = Judgement(100, Outcome.DRIFT, names, ("psi", "ks"), values, outcomes, values / 2, (), TEXTS[0])
    changes = [
        AlarmChange(
            "raised", alarm(column=name, sentence=f"{name} is {text}", what=text[:40], moved=(Moved(text, 0.1, 0.2),)),
            "", hour(n).end,
        )
        for name, text in zip(names, TEXTS, strict=True)
    ]  # fmt: skip
    found = Detection(b"s", snapshot=True, changes=tuple(changes) if n == 3 else ())
    segments = dict.fromkeys(range(len(reference.grid.segments)), judgement)
    return WindowResult(
        model.id, reference.id, "1h", hour(n), 1, WindowState.FINAL, 100, T0 + n * HOUR, segments, detection=found,
        reason=TEXTS[0],
    )  # fmt: skip
