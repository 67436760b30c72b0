"""What a person should know of one column under the default detector, as plain data."""

from typing import Any, Final

import numpy as np

from detectors.sequential.contract import Context
from detectors.sequential.default import betting
from detectors.sequential.default.learned import Learned
from detectors.sequential.default.selfcheck import SelfCheck
from detectors.sequential.default.streams import SCORES, Streams

BLIND: Final = 0.5
"""Standard deviations of tolerance above which a column is called blind."""


def tolerance(streams: Streams, learned: Learned | None, column: int, what: str) -> float:
    """What is borne of a stream on average over the season; NaN where there is none."""
    if learned is None or what not in streams.labels[column]:
        return float("nan")
    stream = streams.labels[column].index(what)
    mean, delta = _typical(learned, column)
    if stream < SCORES:
        return float(delta[stream])
    upper, _ = betting.bounds(mean[None, stream : stream + 1], delta[None, stream : stream + 1], np.zeros(1, np.bool_))
    return float(upper[0, 0] - mean[stream])


def _typical(learned: Learned, column: int) -> tuple[Any, Any]:
    """(S,) expected means and tolerances of a column, averaged over the cells that the baseline filled."""
    place = next(i for i, season in enumerate(learned.seasons) if column in season.columns)
    season = learned.seasons[place]
    filled = np.flatnonzero(season.windows > 0)
    found = [
        learned.at_cells(tuple(int(cell) if i == place else 0 for i in range(len(learned.seasons)))) for cell in filled
    ]
    return (
        np.mean([means[column] for means, _ in found], axis=0),
        np.mean([delta[column] for _, delta in found], axis=0),
    )


def about(
    streams: Streams, learned: Learned | None, check: SelfCheck | None, context: Context, column: int, judged: bool
) -> dict[str, Any]:
    """What was learnt, what the self-check found, what cannot be seen."""
    if learned is None or check is None:
        return {
            "judged": "not judged",
            "why": "the baseline has no rows in the order of time",
            "origin": _origin(context),
        }
    mean, delta = _typical(learned, column)
    reliable = bool(learned.reliable[column])
    season = next(season for season in learned.seasons if column in season.columns)
    scores = [
        {
            "what": streams.labels[column][j],
            "tolerance": round(float(delta[j]), 4),
            "phi": round(float(learned.wander.phi[column, j]), 3),
            "omega": round(float(learned.omega[column, j]), 4),
            "blind": bool(delta[j] > BLIND),
        }
        for j in range(SCORES)
        if streams.used[column, j]
    ]
    upper, lower = betting.bounds(mean[None, SCORES:], delta[None, SCORES:], np.zeros(1, np.bool_))
    shares = [
        {
            "what": streams.labels[column][SCORES + i],
            "baseline": round(float(mean[SCORES + i]), 5),
            "tolerance_low": round(max(float(lower[0, i]), 0.0), 5),
            "tolerance_high": round(min(float(upper[0, i]), 1.0), 5),
        }
        for i in range(mean.size - SCORES)
        if streams.used[column, SCORES + i]
    ]
    return {
        "judged": "not judged" if not judged else "reliable" if reliable else "inflated",
        "why": _why(learned, check, column, judged, reliable),
        "origin": _origin(context),
        "rows": int(context.baseline.profile.rows(context.segment)),
        "windows": int(learned.count[column]),
        "inflation": round(float(learned.inflation[column]), 2),
        "season": season.kind,
        "scores": scores,
        "shares": shares,
        "widened": float(learned.width[column]),
        "self_check": {
            "windows": check.windows,
            "alarms": int(check.alarms[column]),
            "alarms_at_first": int(check.first[column]),
            "expected": round(check.expected, 3),
            "bound": check.bound,
        },
    }


def _why(learned: Learned, check: SelfCheck, column: int, judged: bool, reliable: bool) -> str:
    windows = learned.count[column] / learned.inflation[column]
    if check.loud[column]:
        return (
            f"on the baseline itself it raised {int(check.alarms[column])} alarms in {check.windows} windows, "
            "however much wander was borne: windows of this length cannot be judged; use longer ones"
        )
    if not judged:
        return f"the baseline has {windows:.0f} windows of this length; a verdict needs 8"
    if not reliable:
        return (
            f"the baseline is worth {windows:.0f} independent windows, 30 are needed to page: "
            "variances are taken larger, and alarms are warnings only"
        )
    return f"the baseline is worth {windows:.0f} independent windows"


def _origin(context: Context) -> str:
    return context.baseline.origin.value
