"""What judges a model: rules for each window by itself, detectors for all of them in order; compiled once."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import TypeAdapter

from alerts.rules import AlertRule
from detectors.budget import AlarmBudget
from detectors.chosen import read
from detectors.judge import judge
from detectors.plan import Plan
from drift.config import ModelSettings
from drift.config.alerts import STANDARD, Alerts
from drift.config.models import DETECTION
from drift.core.catalogue import Model
from drift.core.profile import Profile
from drift.core.result import Judgement
from drift.core.window import WindowSpec
from drift.evaluation.watching import Chosen, Detectors

DEFAULT: Final = "default"


class Judges:
    """Judges profiles by the rules in their model's settings."""

    def __init__(self) -> None:
        self._plans: dict[int, tuple[Mapping[str, object], Plan]] = {}

    def __call__(self, window: Profile, reference: Profile, model: Model, segment: int) -> Judgement:
        """One segment of a window against the reference."""
        known = self._plans.get(model.id)
        if known is None or known[0] != model.settings:
            plain = {key: model.settings[key] for key in DETECTION if key in model.settings}
            looked_at = {"looked_at": _looked_at(alert_rules(model))}
            plan = Plan.from_settings({"detectors": [DEFAULT]} | plain | looked_at)
            known = self._plans[model.id] = (model.settings, plan)
        return judge(window, reference, known[1], segment)


def alert_rules(model: Model) -> tuple[AlertRule, ...]:
    """What a model's settings make an alert of."""
    said = model.settings.get("alerts")
    if said is None:
        return tuple(one.rule for one in STANDARD)
    return tuple(one.rule for one in TypeAdapter(Alerts).validate_python(said))


def _looked_at(rules: Sequence[AlertRule]) -> list[str]:
    """The measures of columns that alert rules have conditions on; a direction is that of the mean."""
    statistic = [rule for rule in rules if rule.kind == "statistic"]
    needed = [condition.name for rule in statistic for condition in rule.conditions]
    directed = any(rule.direction for rule in statistic)
    return list(dict.fromkeys([*needed, *(["mean_shift"] if directed else [])]))


class AlertRules:
    """Tells what a model makes an alert of; read once for each change of its settings."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Mapping[str, object], tuple[AlertRule, ...]]] = {}

    def __call__(self, model: Model) -> tuple[AlertRule, ...]:
        """Its rules."""
        known = self._known.get(model.id)
        if known is None or known[0] != model.settings:
            known = self._known[model.id] = (model.settings, alert_rules(model))
        return known[1]


class Watchers:
    """Tells which sequential detectors watch a model."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Mapping[str, object], Detectors]] = {}

    def __call__(self, model: Model) -> Detectors:
        """Those in the model's settings, with the budget that they share."""
        known = self._known.get(model.id)
        if known is None or known[0] != model.settings:
            settings = ModelSettings.model_validate(dict(model.settings))
            known = self._known[model.id] = (model.settings, watchers(settings, model.windows))
        return known[1]


def watchers(settings: ModelSettings, windows: Sequence[WindowSpec]) -> Detectors:
    """The detectors of a model's settings. All window lengths and detectors with a budget share the one budget."""
    budget, many = AlarmBudget.parse(settings.alarm_budget), max(len(windows) * len(settings.detectors), 1)
    chosen = []
    for said in settings.detectors:
        detector, options = read(said)
        given: dict[str, Any] = settings.watching if detector.name == DEFAULT else {}
        chosen.append(Chosen(detector, given | options))
    return Detectors(tuple(chosen), lambda spec: budget.windows(spec, many))
