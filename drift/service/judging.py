"""Which rules judge a model: its settings, compiled once."""

from collections.abc import Mapping

from detectors.judge import judge
from detectors.plan import Plan
from drift.config.models import DETECTION
from drift.core.catalogue import Model
from drift.core.profile import Profile
from drift.core.result import Judgement


class Judges:
    """Judges profiles by the rules in their model's settings."""

    def __init__(self) -> None:
        self._plans: dict[int, tuple[Mapping[str, object], Plan]] = {}

    def __call__(self, window: Profile, reference: Profile, model: Model, segment: int) -> Judgement:
        """One segment of a window against the reference."""
        known = self._plans.get(model.id)
        if known is None or known[0] != model.settings:
            plan = Plan.from_settings({key: model.settings[key] for key in DETECTION if key in model.settings})
            known = self._plans[model.id] = (model.settings, plan)
        return judge(window, reference, known[1], segment)
