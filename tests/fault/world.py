"""What the fault tests watch: two models, three versions with references of their own, segments, derived columns."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from drift.core.catalogue import Reference
from drift.core.clock import MINUTE, SECOND
from drift.core.counting import Counter
from drift.core.grid import ColumnGrid, Grid, SegmentGrid
from drift.core.profile import Profile
from drift.core.rows import Fields, Rows
from drift.core.schema import Column, Kind, Role, Schema, Storage
from drift.core.window import WindowSpec
from drift.store import Store
from tests.unit.grids import categorical, numeric, ordinal

T0 = 1_740_960_000_000_000
"""Midnight UTC, 2025-03-03, where the events begin."""

REGIONS = ("north", "south", "east", "Zürich", "7")
RARE = ("atlantis", "lemuria")
CHANNELS = ("web", "shop")


@dataclass(frozen=True)
class Watched:
    """A model, and a grid and schema for each of its versions."""

    name: str
    pane: int
    lateness: int
    versions: Mapping[str, tuple[Grid, Schema]]

    @property
    def yaml(self) -> str:
        """Its part of drift.yaml."""
        pane, lateness = self.pane // SECOND, self.lateness // SECOND
        return f"{self.name}: {{pane: {pane}s, lateness: {lateness}s, windows: [1h]}}"


def _with(column: ColumnGrid, **changes: object) -> ColumnGrid:
    """The same bins for another column: a role, or a derived one."""
    fields = {name: getattr(column.column, name) for name in Column.__slots__} | changes
    return ColumnGrid(
        Column(**fields), column.edges, column.values, column.keys, column.rare, column.shift, column.unit
    )


@functools.cache
def models() -> tuple[Watched, ...]:
    """`credit` with versions 1 and 2 on different grids and two segment columns; `churn` with derived columns."""
    rng = np.random.default_rng(7)
    income = numeric("income", np.exp(rng.normal(8, 1, 4000)))
    age = numeric("age", rng.integers(18, 90, 4000).astype(float))
    debt = numeric("debt", rng.gamma(2, 500, 4000))
    dependents = ordinal("dependents", (0.0, 1.0, 2.0, 3.0, 4.0))
    region = categorical("region", REGIONS, RARE)
    employed = ColumnGrid(Column("employed", Kind.BOOLEAN, Role.FEATURE, Storage.BOOLEAN), keys=("false", "true"))
    prediction = _with(categorical("prediction", ("0", "1")), role=Role.PREDICTION, storage=Storage.NUMBER)
    score = numeric("score", rng.random(4000), Role.SCORE)
    channel = Column("channel", Kind.CATEGORICAL, Role.SEGMENT, Storage.STRING)
    one = (income, age, dependents, region, employed, prediction, score)
    two = (income, debt, region, prediction, score)
    usage = numeric("usage", rng.normal(0, 1, 4000))
    plan = categorical("plan", ("basic", "pro"))
    tenure = _with(numeric("tenure", rng.gamma(2, 200, 4000)), source="joined", derive="age")
    hour = _with(ordinal("joined_hour", tuple(float(h) for h in range(24))), source="joined", derive="hour")
    note = _with(numeric("note_length", rng.gamma(2, 10, 4000)), source="note", derive="length")
    return (
        Watched("credit", 5 * MINUTE, 10 * MINUTE, {
            "1": _version(one, (channel,), {"channel": CHANNELS, "region": REGIONS[:2]}),
            "2": _version(two, (channel,), {"channel": CHANNELS}),
        }),
        Watched("churn", MINUTE, SECOND, {"a": _version((usage, plan, tenure, hour, note), (), {})}),
    )  # fmt: skip


def _version(
    columns: tuple[ColumnGrid, ...], more: tuple[Column, ...], segments: Mapping[str, tuple[str, ...]]
) -> tuple[Grid, Schema]:
    grid = Grid(columns, tuple(SegmentGrid(name, values) for name, values in segments.items()))
    return grid, Schema((*(column.column for column in columns), *more), tuple(segments))


def install(store: Store) -> tuple[Reference, ...]:
    """Register all models and versions; their references in order."""
    return tuple(add(store, watched, version) for watched in models() for version in watched.versions)


def add(store: Store, watched: Watched, version: str, active_from: int = 0) -> Reference:
    """Register one version's reference."""
    model = store.put_model(
        watched.name, pane=watched.pane, lateness=watched.lateness, windows=(WindowSpec.parse("1h", pane=watched.pane),)
    )
    grid, schema = watched.versions[version]
    return store.add_reference(
        model.id, version=version, schema=schema, grid=grid, profile=_sample(grid, schema),
        content_hash=f"{grid.id}{active_from}", rows=500, active_from=active_from,
    )  # fmt: skip


def _sample(grid: Grid, schema: Schema) -> Profile:
    """The sums of some rows, so that windows have something to be judged by."""
    n, rng = 500, np.random.default_rng(3)
    fields = Fields.of(schema)
    numbers = np.stack([rng.choice(grid.columns[grid.index[c.name]].edges or (0.0, 1.0), n) for c in fields.numbers])
    [sums] = Counter(grid).count(
        Rows(np.full(n, T0), numbers, {c.name: [None] * n for c in fields.keys}), np.zeros(n, np.int64), 1
    )
    return Profile(grid, sums)
