"""What a model takes on disk: bytes of stored sums per pane, hour and day. `python -m benchmarks.disk` prints a table.

Stored sums depend on columns, segments and panes; on rows only as far as counters that were empty fill up. So one busy
pane, the sum of twelve and that of 288 say what a day costs before and after compaction.
"""

import sys
from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks.data import frame, wide
from drift.core.profile import Profile, split
from drift.reference import ReferenceOptions, build_reference, profile_frame

PANES = 288
"""Of five minutes, a day."""
HOUR = 12
REFERENCE = 50_000
LARGEST = 500
CASES = ((20, 1, 10_000), (20, 1, 1_000_000), (20, 1, 10_000_000), (20, 11, 1_000_000), (200, 1, 1_000_000))
"""Columns, segments, rows a day."""


def data(rows: int, columns: int, segments: int, seed: int) -> pd.DataFrame:
    made = frame(rows, seed) if columns == 20 else wide(rows, columns, seed)
    if segments > 1:
        made["channel"] = np.random.default_rng(seed).choice([f"s{i}" for i in range(segments - 2)], rows)
    return made


def size(profile: Profile) -> int:
    """Bytes in the store, without the row's own."""
    return sum(len(block.dump()) for block in split(profile.grid, profile.sums))


def sizes(columns: int, segments: int, rows: int) -> tuple[float, float, float]:
    """kB of a day in panes, in hours and as one day."""
    options = ReferenceOptions(segments={"channel": ()}) if segments > 1 else ReferenceOptions()
    grid = build_reference(data(REFERENCE, columns, segments, 0), options).grid
    if len(grid.segments) != segments:
        raise RuntimeError(f"{len(grid.segments)} segments, not {segments}")
    panes = [profile_frame(data(max(rows // PANES, 1), columns, segments, n), grid) for n in range(1, HOUR + 1)]
    hour = panes[0]
    for pane in panes[1:]:
        hour = hour.merge(pane)
    day = hour
    for _ in range(PANES // HOUR - 1):
        day = day.merge(hour)
    return PANES * sum(map(size, panes)) / HOUR / 1e3, PANES / HOUR * size(hour) / 1e3, size(day) / 1e3


def lines() -> Iterator[str]:
    yield "| columns | segments | rows a day | 5-minute panes, MB a day | hours, MB a day | days, MB a day |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: |"
    for columns, segments, rows in CASES:
        panes, hours, day = (kilobytes / 1e3 for kilobytes in sizes(columns, segments, rows))
        yield f"| {columns} | {segments} | {rows:,} | {panes:.2f} | {hours:.2f} | {day:.3f} |"


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
