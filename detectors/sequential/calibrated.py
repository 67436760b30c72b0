"""Any statistic with a limit that keeps a stated false-alarm rate per column and window.

`from: null` asks the statistic's own null distribution (p < rate): exact where rows are independent and the process
stands still. `from: baseline` asks the baseline's stretches: each is compared with the rest of the baseline, and the
limit is the value that the k-th largest of C stretches had, k = ⌊rate·(C+1)⌋. Were stretches and windows exchangeable,
a window would exceed it with probability k/(C+1) (Vovk, Gammerman, Shafer: Algorithmic Learning in a Random World,
2005), whatever the process does by itself. No limit is extrapolated: where k < 1 the largest is taken, the rate is
1/(C+1), and the column is marked as not reliable at the rate asked for.

Stretch against rest has the variance 1/n_s + 1/(m−n_s), a window against all of it 1/n + 1/m; thresholds from chunks
against the whole that contains them have 1/n − 1/m, and alarm too often. Evidence is therefore compared as a p-value,
which knows its own n and m; a statistic without one is compared as |x − x₀|/√(1/n + 1/m), x₀ that of the
baseline itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from detectors.contract import Bools, Floats
from detectors.plan import MIN_ROWS
from detectors.sequential.beyond import Beyond, Level, surprise
from detectors.sequential.contract import Context, SequentialDetector, Watch
from detectors.sequential.latch import Latched
from detectors.sequential.measuring import Measuring, Reading, per_column, with_p
from detectors.sequential.settings import Settings
from drift.core.baseline import Baseline
from drift.core.profile import Profile, Sums

OPTIONS: Final = MappingProxyType(
    {
        "of": "the statistic; chi2",
        "rate": "false alarms per column and window; the budget's share",
        "from": "`null` (the statistic's own distribution) or `baseline` (its stretches); null, where there is one",
        "for": "so many windows in a row raise the alarm; 1",
        "min_rows": f"values that window and baseline must hold; {MIN_ROWS}",
    }
)


def watch(context: Context) -> Watch:
    """A calibrated limit on every column; from a baseline of C stretches at C times the statistic's cost.

    Raises:
        ConfigError: an option is unknown or cannot be read, or there is no such statistic.
    """
    settings = Settings.of("calibrated", context.options, OPTIONS)
    name, where = settings.word("of", "chi2"), "detector calibrated"
    measure = per_column(name, where)
    if measure.suffix:
        raise settings.wrong("of", f"a p-value; write of: {measure.statistic.name}, and the rate")
    scored = measure.statistic.p_value is not None
    source = settings.word("from", "null" if scored else "baseline", ("null", "baseline"))
    if source == "null":
        measure = with_p(name, where)
    rate = settings.rate("rate", min(1 / (max(context.alarm_windows, 2.0) * max(context.streams, 1)), 0.5))
    minimum = settings.count("min_rows", MIN_ROWS)
    measuring = Measuring(
        with_p(name, where) if scored else measure, context.baseline.profile, context.segment, minimum
    )
    limits = (
        _Limits.null(measuring.columns, rate) if source == "null" else _Limits.of(measuring, context.baseline, rate)
    )
    centre = _centre(measuring)

    def evidence(profile: Profile) -> Level:
        found = measuring.read(profile)
        level = _evidence(found, centre)
        return Level(level, limits.limit, found.judged & limits.known, limits.kept, found.direction)

    def told(column: int) -> Mapping[str, Any]:
        return {"of": name, "from": source, "rate": rate, **limits.about(column)}

    beyond = Beyond(measuring.columns, measuring.what, settings.count("for", 1), evidence, told)
    return Latched(beyond, context.segment)


def _centre(measuring: Measuring) -> Floats | None:
    """(C,) the baseline's own value; None where evidence is a p-value."""
    return None if measuring.measure.suffix else measuring.read(measuring.reference).values


def _evidence(found: Reading, centre: Floats | None) -> Floats:
    return surprise(found.values) if centre is None else np.abs(found.values - centre) / np.sqrt(found.v)


@dataclass(frozen=True, slots=True)
class _Limits:
    """(C,) each."""

    limit: Floats
    rate: Floats
    """False-alarm rate that the limit keeps."""
    stretches: Floats
    """How many it was taken from; ∞: none were needed."""
    asked: float

    @property
    def known(self) -> Bools:
        """Whether there is a limit at all."""
        return np.isfinite(self.limit)

    @property
    def kept(self) -> Bools:
        """Whether it keeps the rate asked for."""
        return self.known & (self.rate <= self.asked)

    @staticmethod
    def null(columns: int, rate: float) -> "_Limits":
        """p < rate."""
        return _Limits(np.full(columns, -np.log(rate)), np.full(columns, rate), np.full(columns, np.inf), rate)

    @staticmethod
    def of(measuring: Measuring, baseline: Baseline, rate: float) -> "_Limits":
        """From each stretch against the rest."""
        parts = [_left_out(measuring, baseline.profile, stretch.sums) for stretch in baseline.stretches]
        table = np.array(parts).reshape(len(parts), measuring.columns)
        size = np.isfinite(table).sum(axis=0)
        rank = np.maximum(np.array([floor(rate * (count + 1) + 1e-9) for count in size.tolist()], np.int64), 1)
        ranked = -np.sort(-np.nan_to_num(table, nan=-np.inf), axis=0)
        limit = np.full(measuring.columns, np.nan)
        some = size > 0
        limit[some] = ranked[rank[some] - 1, np.flatnonzero(some)]
        return _Limits(limit, np.where(some, rank / (size + 1), np.nan), size.astype(np.float64), rate)

    def about(self, column: int) -> dict[str, Any]:
        """What the limit of one column is worth."""
        size, rate = float(self.stretches[column]), float(self.rate[column])
        if np.isinf(size):
            return {"false_alarms": f"{self.asked:.3g} per window, while rows are independent and nothing wanders"}
        if not size:
            return {"false_alarms": "unknown: no stretch of the baseline holds enough of its values"}
        needed = ceil(1 / self.asked - 1e-9) - 1
        short = f"; {self.asked:.3g} needs {needed:,} stretches" if rate > self.asked else ""
        return {"stretches": int(size), "false_alarms": f"{rate:.3g} per window, from {size:.0f} stretches{short}"}


def _left_out(measuring: Measuring, whole: Profile, part: Sums) -> Floats:
    """(C,) a stretch's evidence against the rest of the baseline; NaN where it holds too few values."""
    # bounds cannot be taken back; they stay the whole's
    cross = whole.sums.cross - part.cross if part.cross.size == whole.sums.cross.size else part.cross[:0]
    rest = Sums(np.maximum(whole.sums.ints - part.ints, 0), whole.sums.low, whole.sums.high, cross)
    others = measuring.against(Profile(whole.grid, rest))
    found = others.read(Profile(whole.grid, part))
    return np.where(found.judged, _evidence(found, _centre(others)), np.nan)


DETECTOR = SequentialDetector(
    name="calibrated",
    title="A statistic with a limit for a stated false-alarm rate; measured in docs/detectors.md",
    watch=watch,
    options=OPTIONS,
)
