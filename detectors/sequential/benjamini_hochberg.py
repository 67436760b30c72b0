"""p-values of one statistic, corrected across the columns of each window (Benjamini, Hochberg 1995).

A column is found where its corrected p-value is at most `level`, by default one window in the budget: where nothing
drifts anywhere, that is the share of windows in which any column is found. Right for rows that are independent; where
the process wanders by itself it fires on nearly every window. Measured: docs/detectors.md.
"""

from collections.abc import Mapping
from math import log
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from detectors.plan import MIN_ROWS
from detectors.sequential.beyond import Beyond, Level, surprise
from detectors.sequential.contract import Context, SequentialDetector, Watch
from detectors.sequential.latch import Latched
from detectors.sequential.measuring import Measuring, with_p
from detectors.sequential.settings import Settings
from drift.core.profile import Profile

OPTIONS: Final = MappingProxyType(
    {
        "of": "a statistic with a p-value; chi2",
        "level": "false discovery rate within a window; as many windows as the budget allows false alarms",
        "for": "so many windows in a row raise the alarm; 1",
        "min_rows": f"values that window and baseline must hold; {MIN_ROWS}",
    }
)


def watch(context: Context) -> Watch:
    """Corrected p-values of every column.

    Raises:
        ConfigError: an option is unknown or cannot be read, or the statistic has no p-value.
    """
    settings = Settings.of("benjamini_hochberg", context.options, OPTIONS)
    name = settings.word("of", "chi2")
    columns = len(context.baseline.grid.columns)
    # segments correct each by itself, and share the budget
    level = settings.rate("level", columns / (max(context.streams, columns) * max(context.alarm_windows, 2.0)))
    measuring = Measuring(
        with_p(name, "detector benjamini_hochberg", "q"),
        context.baseline.profile,
        context.segment,
        settings.count("min_rows", MIN_ROWS),
    )

    def evidence(profile: Profile) -> Level:
        found = measuring.read(profile)
        limit = np.full(columns, -log(level))
        return Level(surprise(found.values), limit, found.judged, found.judged, found.direction)

    def told(_: int) -> Mapping[str, Any]:
        return {"of": name, "level": level, "false_alarms": "as the level says, while windows do not wander"}

    beyond = Beyond(columns, measuring.what, settings.count("for", 1), evidence, told)
    return Latched(beyond, context.segment)


DETECTOR = SequentialDetector(
    name="benjamini_hochberg",
    title="p-values corrected across columns; false alarms as measured in docs/detectors.md",
    watch=watch,
    options=OPTIONS,
)
