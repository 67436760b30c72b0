"""The detector's evidence on one column over time: its watch is made anew for that column and stepped again.

Nothing of this is stored. A watch judges each column by itself, so a watch of one column says what the model's watch
said of it; with answers as they are now.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dashboards.web.formats import count, number
from dashboards.web.views.figure import Figure, Moment, Table
from detectors.sequential.contract import Context, Evidence
from detectors.sequential.default.series import disjoint
from drift.core.baseline import Baseline, Origin
from drift.core.catalogue import Model
from drift.core.errors import ConfigError
from drift.core.window import Window, WindowSpec
from drift.evaluation.baselines import Standards
from drift.evaluation.watching import Chosen, Detectors
from drift.service.explaining import DEFAULT
from drift.service.judging import Watchers
from drift.service.pages.single import Single

BEFORE: Final = 240
"""Windows before those shown that are stepped first."""
LOWEST: Final = -5.0
"""Less evidence is drawn there …"""
HIGHEST: Final = 5.0
"""… and more at so many times the limit."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one window left behind."""

    window: Window
    level: float
    limit: float
    standing: bool
    what: str


def evidence(of: Single, model: Model, spec: WindowSpec, segment: int, shown: Sequence[Window]) -> Figure:
    """Evidence in each of the final windows shown, against what is enough for an alarm."""
    detectors = Watchers()(model)
    chosen = _chosen(detectors)
    if chosen is None or not shown:
        return _nothing("No sequential detector watches this model.")
    answers = of.answers(model.id)
    standard = Standards(of).standard(model, of.reference, spec, answers, shown[-1].end, segment)
    if standard.baseline is None:
        return _nothing("Production's first windows are still being learnt; there is no evidence before that is done.")
    try:
        steps = _steps(of, chosen, standard.baseline, detectors.alarm_windows(spec), spec, segment, shown)
    except ConfigError as error:
        return _nothing(f"{chosen.detector.name} cannot watch it: {error}")
    return _figure(chosen.detector.name, [step for step in steps if step.window.start >= shown[0].start])


def _chosen(detectors: Detectors) -> Chosen | None:
    """The default detector, or the first that watches."""
    named = {one.detector.name: one for one in detectors.chosen}
    return named.get(DEFAULT) or next(iter(detectors.chosen), None)


def _steps(
    of: Single, chosen: Chosen, baseline: Baseline, alarm_windows: float, spec: WindowSpec, segment: int,
    shown: Sequence[Window],
) -> list[Step]:  # fmt: skip
    whole = of.whole.grid
    streams = len(whole.columns) * len(whole.segments)
    watch = chosen.detector.watch(Context(baseline, spec, segment, alarm_windows, streams, chosen.options))
    state, steps = watch.start(), []
    windows = _windows(of, baseline, spec, shown)
    for window, block in zip(windows, of.store.column_profiles(of.whole, of.at, windows), strict=True):
        if block is None:
            continue
        state, found = watch.step(state, window, of.cut(block))
        steps.append(_step(window, found))
    return steps


def _windows(of: Single, baseline: Baseline, spec: WindowSpec, shown: Sequence[Window]) -> list[Window]:
    """The final windows that are stepped, and some before them; none that production's baseline was learnt from."""
    first = shown[0].start - BEFORE * spec.length
    if baseline.origin is Origin.PRODUCTION and baseline.stretches:
        first = max(first, baseline.stretches[-1].window.end)
    found = of.store.final_windows(of.whole.id, spec.name, first, shown[-1].end)
    return [one for one in found if one == disjoint(spec, one.start)]


def _step(window: Window, found: Evidence) -> Step:
    what = found.what[0] if found.what else ""
    return Step(window, float(found.level[0]), float(found.limit[0]), bool(found.standing[0]), what)


def _figure(name: str, steps: Sequence[Step]) -> Figure:
    if not steps:
        return _nothing("None of these windows was stepped.")
    limit = steps[-1].limit
    most = max(steps, key=lambda step: step.level)
    data = {
        "x": [[step.window.start, step.window.end] for step in steps],
        "series": [{"name": "evidence", "type": "line", "values": [_drawn(step) for step in steps]}],
        "levels": [{"name": "enough for an alarm", "value": limit, "limit": True}],
        "shaded": _shaded(steps),
        "unit": "",
    }
    says = (
        f"What the detector {name} has gathered against the column being as it was, window by window (a logarithm). At "
        f"{number(limit)} it alarms, if the shift is also beyond what is tolerated; shaded: the alarm stood, and the "
        f"evidence is that which raised it. Largest: {number(most.level)}{f', {most.what}' if most.what else ''}. Made "
        f"anew from {count(BEFORE, 'window')} before on, with the answers of today."
    )
    rows = [
        (
            Moment(step.window.start), Moment(step.window.end), step.level, step.limit, step.what or None,
            "yes" if step.standing else "no",
        )
        for step in reversed(steps)
    ]  # fmt: skip
    table = Table(("Window from", "To", "Evidence", "Enough", "What leads it", "Alarm stands"), rows)
    return Figure("evidence", "lines", "The detector's evidence", says, table, data)


def _drawn(step: Step) -> float:
    """The level where it can be drawn beside the limit."""
    return min(max(step.level, LOWEST), HIGHEST * step.limit)


def _shaded(steps: Sequence[Step]) -> list[dict[str, object]]:
    """Stretches in which an alarm stood."""
    found: list[dict[str, object]] = []
    for before, step in zip([None, *steps], steps, strict=False):
        if step.standing and before is not None and before.standing and found:
            found[-1]["end"] = step.window.end
        elif step.standing:
            found.append({"start": step.window.start, "end": step.window.end, "text": ""})
    return found


def _nothing(says: str) -> Figure:
    return Figure("evidence", "lines", "The detector's evidence", says, Table(("Window from", "To", "Evidence"), ()))
