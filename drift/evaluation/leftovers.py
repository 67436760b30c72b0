"""Alerts that nothing will ever look at again: why they are over. Pure.

What drift.yaml says may change while an alert fires. Without this it would stand, and be repeated, for ever.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from alerts.rules import AlertRule
from drift.core.alert import Alert, AlertKey
from drift.core.catalogue import Model
from drift.evaluation.cases import Names
from drift.evaluation.closing import Status
from drift.evaluation.performance_looks import ESTIMATED, LABELLED

MOMENTS: Final = ("no_data", "lag")
"""Kinds of rules that look at what partitions say now, and at no window."""


def left(
    alert: Alert, names: Names, rules: Callable[[Model], Sequence[AlertRule]], receivers: Iterable[str],
    statuses: Sequence[Status],
) -> str:  # fmt: skip
    """Why nothing looks at an alert any more; empty: something does.

    Args:
        alert: pending or firing.
        names: the catalogue.
        rules: a model's.
        receivers: every configured one.
        statuses: every partition.
    """
    key = alert.key
    if key.model_id == 0:
        return "" if key.detail in receivers else f"drift.yaml has no route {key.detail!r} any more"
    model = names.models.get(key.model_id)
    if model is None or not model.windows:
        return "the model is not watched any more"
    rule = next((one for one in rules(model) if one.name == key.rule), None)
    if rule is None:
        return f"drift.yaml has no alert {key.rule!r} any more"
    if key.spec and key.spec not in {spec.name for spec in model.windows}:
        return f"windows of {key.spec} are not judged any more"
    if rule.kind not in _kinds(key) or not _looks(rule, alert):
        return f"the alert {key.rule!r} of drift.yaml does not look there any more"
    if not key.column and _unread(key, rule, statuses):
        return "nothing that is still read carries the model: its sources have ended or were retired"
    return ""


def _kinds(key: AlertKey) -> tuple[str, ...]:
    """Kinds of rules that make alerts of this form."""
    if not key.spec:
        return MOMENTS
    if key.detail in (ESTIMATED, LABELLED):
        return ("performance",)
    if key.detail:
        return ("drift",)
    return ("statistic",) if key.column else ("incomplete",)


def _looks(rule: AlertRule, alert: Alert) -> bool:
    """Whether a rule, of the right kind, looks where the alert is, and that way."""
    key = alert.key
    if rule.kind not in ("drift", "statistic", "performance"):
        return rule.spec in ("", key.spec)
    directed = not rule.direction or not alert.direction or rule.direction == alert.direction
    return directed and rule.covers(key.column, key.segment, key.spec)


def _unread(key: AlertKey, rule: AlertRule, statuses: Sequence[Status]) -> bool:
    """Whether no data of the model can come: no later moment or window ends what is about its data."""
    carried = [one for one in statuses if key.model_id in one.watermarks]
    if rule.kind in MOMENTS:
        return all(one.finished for one in carried)
    return rule.kind == "incomplete" and bool(carried) and all(one.finished for one in carried)
