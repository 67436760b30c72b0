"""Two data sets compared once, without a service: reference against current, for pipelines and notebooks.

The very same grids, statistics and rules as in the service; only the stream is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from detectors.judge import judge
from detectors.plan import Plan
from drift.config import ModelSettings
from drift.core.result import Judgement, Outcome
from drift.core.schema import Role
from drift.reference import Limits, ReferenceOptions, build_reference, profile_frame
from drift.reference.read import open_data


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a check says."""

    reference_rows: int
    current_rows: int
    judgements: Mapping[str, Judgement]
    """Segment label → its judgement; `all` first."""
    unwatched: tuple[str, ...] = ()
    """Columns that only the current data have; nobody watches them."""

    @property
    def outcome(self) -> Outcome:
        """Of the whole; drift where any segment drifted."""
        if any(judged.outcome is Outcome.DRIFT for judged in self.judgements.values()):
            return Outcome.DRIFT
        return self.judgements["all"].outcome

    def as_plain(self) -> dict[str, Any]:
        """For JSON. Numbers that do not exist are None."""
        return {
            "outcome": self.outcome.word,
            "reason": self.judgements["all"].reason,
            "reference_rows": self.reference_rows,
            "current_rows": self.current_rows,
            "unwatched": list(self.unwatched),
            "segments": {label: _plain(judged) for label, judged in self.judgements.items()},
        }


def check(reference: Any, current: Any, settings: ModelSettings | None = None) -> Comparison:
    """Compare two data sets: pandas DataFrames, or paths of Parquet or CSV files.

    Args:
        reference: what is normal.
        current: what is judged. Columns that it lacks are missing values.
        settings: column roles and kinds, segments and rules; inferred and built-in ones unless given.

    Raises:
        ReferenceRefused: one of them cannot be read.
    """
    settings = settings or ModelSettings()
    built = build_reference(reference, ReferenceOptions.from_settings(settings.model_dump(mode="json")))
    time = next((column.name for column in built.schema.with_role(Role.TIME)), None)
    profile = profile_frame(current, built.grid, time=time)
    # there are no windows before: each column is judged by this one comparison
    plan = Plan.from_settings(settings.detection | {"detectors": []})
    judgements = {
        segment.label: judge(profile, built.profile, plan, segment.index)
        for segment in built.grid.segments
        # nothing can be said of what neither side has
        if segment.index == 0 or built.profile.rows(segment.index) or profile.rows(segment.index)
    }
    known = {name for column in built.schema.columns for name in (column.name, column.field)}
    unwatched = tuple(name for name in open_data(current, Limits()).names if name not in known)
    return Comparison(built.rows, profile.rows(), judgements, unwatched)


def _plain(judged: Judgement) -> dict[str, Any]:
    columns = {
        column: {
            "outcome": Outcome(int(judged.outcomes[i])).word,
            "statistics": dict(zip(judged.statistics, map(_number, judged.values[i].tolist()), strict=True)),
        }
        for i, column in enumerate(judged.columns)
    }
    breaches = [
        {
            "column": breach.column,
            "statistic": breach.statistic,
            "value": _number(breach.value),
            "threshold": breach.threshold,
            "rule": breach.rule,
            "direction": breach.direction,
        }
        for breach in judged.breaches
    ]
    return {
        "outcome": judged.outcome.word, "reason": judged.reason, "rows": judged.rows, "breaches": breaches,
        "columns": columns,
    }  # fmt: skip


def _number(value: float) -> float | None:
    return value if abs(value) < float("inf") else None
