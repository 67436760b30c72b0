"""Any statistic beyond a fixed limit: `of: psi`, `limit: 0.2`, `for: 1` window running.

`|mean_shift|` takes the absolute value. A p-value (`chi2_p`, `chi2_q`) is beyond where it is *below* the limit. A fixed
limit knows neither how many rows a window holds nor how far the process wanders: its false alarms follow from both, and
docs/detectors.md has them as measured (`python -m benchmarks.named_rates`).
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
from detectors.sequential.measuring import Measuring, per_column
from detectors.sequential.settings import Settings
from drift.core.profile import Profile

OPTIONS: Final = MappingProxyType(
    {
        "of": "the statistic, its p-value (`chi2_p`) or its corrected p-value (`chi2_q`); bars take the absolute "
        "value: `|mean_shift|`; psi",
        "limit": "beyond it a window counts (below it, for p-values); 0.2",
        "for": "so many windows in a row raise the alarm; 1",
        "min_rows": f"values that window and baseline must hold; {MIN_ROWS}",
    }
)


def watch(context: Context) -> Watch:
    """A threshold on every column.

    Raises:
        ConfigError: an option is unknown or cannot be read, or there is no such statistic.
    """
    settings = Settings.of("threshold", context.options, OPTIONS)
    text = settings.word("of", "psi")
    name = text.strip("| ")
    limit, windows = settings.number("limit", 0.2), settings.count("for", 1)
    measuring = Measuring(
        per_column(name, "detector threshold"),
        context.baseline.profile,
        context.segment,
        settings.count("min_rows", MIN_ROWS),
    )
    probability = bool(measuring.measure.suffix)
    if probability and not 0 < limit < 1:
        raise settings.wrong("limit", f"no probability between 0 and 1, as {name} needs; write 0.001")

    def evidence(profile: Profile) -> Level:
        found = measuring.read(profile)
        values = abs(found.values) if text.startswith("|") else found.values
        level = surprise(values) if probability else values
        bound = np.full(level.size, -log(limit) if probability else limit)
        return Level(level, bound, found.judged, found.judged, found.direction)

    def told(_: int) -> Mapping[str, Any]:
        return {"of": text, "limit": limit, "false_alarms": "a fixed limit has no rate of its own"}

    return Latched(Beyond(measuring.columns, measuring.what, windows, evidence, told), context.segment)


DETECTOR = SequentialDetector(
    name="threshold",
    title="A statistic beyond a fixed limit; false alarms as measured in docs/detectors.md",
    watch=watch,
    options=OPTIONS,
)
