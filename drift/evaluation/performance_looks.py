"""What one result says about rules on performance, and whether rules with `harm` may fire. Pure.

Labels come weeks after their window. Such a look is about a window long past and news all the same: it counts as of
today, may raise an alert while no later window has mature labels, and ends one when a later window's labels are good.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from alerts.rules import AlertRule
from alerts.state import Latch, Look
from detectors.performance.conditions import labelled, read, tell
from detectors.performance.harm import DETECTORS, affected
from detectors.performance.options import MAX_DROP
from drift.core.alert import Alert, AlertState, Urgency
from drift.core.catalogue import Model
from drift.core.commit import WindowResult
from drift.core.performance import Performance

ESTIMATED: Final = "performance without labels"
LABELLED: Final = "performance by labels"
"""`AlertKey.detail` of alerts by rules on performance; no detector is called so."""
HARMLESS: Final = "performance is not affected"


def detail(rule: AlertRule) -> str:
    """Whether a rule waits for labels."""
    return LABELLED if any(labelled(one.name) for one in rule.conditions) else ESTIMATED


def look_at(
    rule: AlertRule,
    performance: Performance,
    known: Alert | None,
    base: Look,
    where: str,
    overtaken: Callable[[], bool],
) -> Look | None:
    """What one segment's performance says to a rule; None: nothing, and nothing is open.

    Args:
        rule: on performance.
        performance: of the segment.
        known: the alert, if it is pending or fires.
        base: the look of its window, without a verdict.
        where: the segment, for people.
        overtaken: whether a later window's labels are mature.
    """
    values = {one.name: read(one.name, performance) for one in rule.conditions}
    broken, first = rule.broken(values), rule.conditions[0]
    if broken is None and known is None:
        return None
    open_ = known is not None and known.state in (AlertState.PENDING, AlertState.FIRING)
    late = detail(rule) == LABELLED
    older = not open_ and bool(broken) and overtaken() if late else base.older
    value = values[first.name]
    told = f"{tell(first.name, performance, value)}{where}; the rule is {rule.name}" if broken else ""
    return replace(
        base, broken=broken, over=broken is False and rule.over(values), older=older,
        urgency=rule.urgency or Urgency.WARNING, value=None if value != value else value, threshold=first.bound,
        sentence=told or (known.sentence if known is not None else ""),
        why="performance is back within the rule" if broken is False else "",
    )  # fmt: skip


def harmed(model: Model, result: WindowResult) -> bool | None:
    """Whether the model's performance is affected: by the window's numbers, or because an alarm on it stands."""
    judged = result.judgements.get(0)
    if judged is not None and any(one.latched and one.statistic in DETECTORS for one in judged.breaches):
        return True
    found = result.performances.get(0)
    drop = model.settings.get("max_drop")
    return None if found is None else affected(found, float(drop) if isinstance(drop, int | float) else MAX_DROP)


def gated(look: Look, harm: bool | None) -> Look:
    """A look of a rule with `harm`, by what one window alone says: without harm the rule counts as kept."""
    if harm or not look.broken:
        return look
    return replace(look, broken=None if harm is None else False, over=harm is False, why=HARMLESS)


def calmed(alerts: Iterator[Alert], base: Look) -> Iterator[tuple[Alert, Look]]:
    """Alerts that detectors keep, which end because nothing is harmed any more."""
    for alert in alerts:
        if alert.latched and alert.state is AlertState.FIRING:
            yield alert, replace(base, broken=False, over=True, latch=Latch.ENDED, why=HARMLESS)
