"""Which pane, which reference, and whether late: each follows from the log, however it is cut into batches."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.core.catalogue import Catalogue, Model, Reference
from drift.core.clock import MINUTE
from drift.core.rows import Fields, Rows
from drift.pipeline.assign import assign, lateness_of
from tests.unit.grids import grid, numeric, schema

PANE = 5 * MINUTE
MODEL = Model(1, "credit", pane=PANE)


def reference(number: int, version: str, active_from: int = 0) -> Reference:
    on = grid(numeric("x", np.random.default_rng(number).normal(size=1_000)))
    return Reference(number, 1, version, f"hash{number}", schema(on), on, 1_000, active_from, 0)


def rows(times: list[int], versions: list[str | None] | None = None) -> Rows:
    n = len(times)
    fields = Fields.of(reference(1, "1").schema)
    return Rows(
        np.array(times, np.int64), np.zeros((1, n)), {}, record=np.arange(n), version=versions or (), fields=fields
    )


def shares(batch: Rows, *references: Reference) -> dict[tuple[int, int], list[int]]:
    """(reference, pane start) → places of the rows."""
    found: dict[tuple[int, int], list[int]] = {}
    for share in assign(batch, MODEL, Catalogue(1, {"credit": MODEL}, references)):
        for place, pane in zip(share.at.tolist(), share.pane.tolist(), strict=True):
            found.setdefault((share.reference.id, int(share.starts[pane])), []).append(place)
    return {key: sorted(places) for key, places in found.items()}


def test_rows_go_to_the_pane_of_their_event_time() -> None:
    batch = rows([PANE - 1, PANE, 2 * PANE - 1, 0])
    assert shares(batch, reference(1, "1")) == {(1, 0): [0, 3], (1, PANE): [1, 2]}


def test_versions_have_their_own_reference_and_unknown_ones_the_active_one() -> None:
    batch = rows([0, 0, 0, 0], ["1", "2", "9", None])
    assert shares(batch, reference(1, "1"), reference(2, "2", active_from=PANE)) == {(1, 0): [0, 2, 3], (2, 0): [1]}
    [foreign] = list(assign(rows([0], ["9"]), MODEL, Catalogue(1, {}, (reference(1, "1"),))))
    assert foreign.foreign


def test_a_new_reference_takes_over_at_its_pane_boundary() -> None:
    batch = rows([PANE - 1, PANE, 3 * PANE, 0], ["1"] * 4)
    assert shares(batch, reference(1, "1"), reference(2, "1", active_from=PANE)) == {
        (1, 0): [0, 3], (2, PANE): [1], (2, 3 * PANE): [2],
    }  # fmt: skip


def test_no_row_is_lost_between_references() -> None:
    rng = np.random.default_rng(0)
    batch = rows(rng.integers(0, 20 * PANE, 500).tolist(), [["1", "2", "x", None][k] for k in rng.integers(0, 4, 500)])
    references = [
        reference(1, "1"),
        reference(2, "1", 4 * PANE),
        reference(3, "2", 2 * PANE),
        reference(4, "2", 9 * PANE),
    ]
    places = [place for found in shares(batch, *references).values() for place in found]
    assert sorted(places) == list(range(500))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 60 * MINUTE), min_size=1, max_size=60), st.data())
def test_late_does_not_depend_on_the_batches(times: list[int], data: st.DataObject) -> None:
    def overdue(cuts: list[int]) -> list[bool]:
        found: list[bool] = []
        watermark: int | None = None
        for first, last in zip([0, *cuts], [*cuts, len(times)], strict=True):
            if first == last:
                continue
            part = rows(times[first:last])
            late, [watermark] = lateness_of(part, np.zeros(last - first, np.int64), [watermark], PANE, 2 * MINUTE)
            found += late.tolist()
        return found

    cuts = sorted(data.draw(st.lists(st.integers(0, len(times)), max_size=5)))
    reached, expected = times[0], []
    for time in times:
        expected.append(time - time % PANE + PANE + 2 * MINUTE <= reached)
        reached = max(reached, time)
    assert overdue(cuts) == overdue([]) == expected


def test_each_partition_has_its_own_watermark() -> None:
    batch = rows([60 * MINUTE, 0, 1])
    late, after = lateness_of(batch, np.array([0, 1, 1]), [None, None], PANE, 0)
    assert late.tolist() == [False, False, False]
    assert after == [60 * MINUTE, 1]
