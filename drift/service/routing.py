"""What drift.yaml says about telling, as the values that alerting works with."""

from drift.config import Config
from drift.evaluation.alerting import Routing


def routing(config: Config) -> Routing:
    """Receivers, maintenance windows, horizon and address of a configuration."""
    return Routing(
        receivers=tuple(one.receiver for one in config.routes),
        maintenance=tuple(one.value for one in config.maintenance),
        horizon=config.alerting.horizon,
        url=config.alerting.url,
    )
