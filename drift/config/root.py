"""The whole of drift.yaml."""

from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, model_validator

from drift.config.alerts import AlertingSettings, MaintenanceSettings
from drift.config.models import ModelSettings
from drift.config.routes import EgressSettings, RouteSettings
from drift.config.scalars import Duration, MisfitError, Settings, Whole
from drift.config.server import ServerSettings
from drift.config.sources import HttpSettings, SourceSettings
from drift.config.triggers import TriggerSettings
from drift.core.clock import DAY, MINUTE

_SCHEMES: Final = ("sqlite", "postgresql", "postgresql+psycopg")


def _store(value: SecretStr, info: ValidationInfo) -> SecretStr:
    url = value.get_secret_value()
    scheme = urlsplit(url).scheme
    if scheme not in _SCHEMES:
        raise ValueError("a store is sqlite:///drift.db or postgresql://user:password@host/database")
    if scheme != "sqlite":
        return value
    name = url.removeprefix("sqlite:///")
    if name in ("", ":memory:") or name == url:
        raise ValueError("SQLite needs a file, or a restart forgets everything; write sqlite:///drift.db")
    folder = (info.context or {}).get("folder")
    return value if folder is None else SecretStr(f"sqlite:///{Path(folder, name)}")


class EventTimeSettings(Settings):
    """When a window is complete."""

    idle_timeout: Duration = 2 * MINUTE
    """A partition that is read to its end and silent for so long holds no window open."""
    max_hold: Duration = 15 * MINUTE
    """A partition that nobody reads holds windows open for so long; then they close as incomplete."""
    max_future: Duration = 5 * MINUTE
    """Events further ahead of the clock than this are dead letters."""


class RetentionSettings(Settings):
    """How long things are kept."""

    panes: Duration = 90 * DAY
    """Sums; windows can be cut again from them."""
    results: Duration = 400 * DAY
    """Results of windows."""
    dead_letters: Duration = 30 * DAY
    """Payloads of refused events."""
    labels: Duration = 90 * DAY
    """How long a prediction waits for its label, and a label for its prediction, by event time; a hash of the event's
    id, the bins that its values fell into, score and prediction are kept so long."""


class CompactionSettings(Settings):
    """When old panes are added up."""

    hours_after: Duration = 7 * DAY
    """Panes become hours."""
    days_after: Duration = 60 * DAY
    """Hours become days of the model's time zone."""


class MetricsSettings(Settings):
    """How many series `/metrics` may have."""

    max_series: Annotated[Whole, Field(ge=100)] = 2_000
    """Series with a column's name, per model."""
    worst_columns: Annotated[Whole, Field(ge=1)] = 20
    """Columns exported per window even when nothing is in breach."""


class Config(Settings):
    """drift.yaml: what Driftsum watches, where events come from, where sums are kept."""

    store: Annotated[SecretStr, AfterValidator(_store), Field(validate_default=True)] = SecretStr("sqlite:///drift.db")
    """`sqlite:///drift.db`, or `postgresql://user:password@host/database`."""
    server: ServerSettings = ServerSettings()
    """REST API, metrics and pages."""
    sources: tuple[SourceSettings, ...] = ()
    """Where events come from."""
    models: dict[Annotated[str, Field(min_length=1, max_length=200)], ModelSettings] = Field(default_factory=dict)
    """What is watched, by the name that events carry."""
    alerting: AlertingSettings = AlertingSettings()
    """How alerts are told at large."""
    routes: tuple[RouteSettings, ...] = ()
    """Who is told of incidents, and by what."""
    triggers: tuple[TriggerSettings, ...] = ()
    """Which pipelines retrain a model, and when."""
    egress: EgressSettings = EgressSettings()
    """Where routes and triggers may connect to."""
    maintenance: tuple[MaintenanceSettings, ...] = ()
    """Stretches that come again and again and in which nobody is told."""
    event_time: EventTimeSettings = EventTimeSettings()
    """When a window is complete."""
    retention: RetentionSettings = RetentionSettings()
    """How long things are kept."""
    compaction: CompactionSettings = CompactionSettings()
    """When old panes are added up."""
    metrics: MetricsSettings = MetricsSettings()
    """How many series `/metrics` may have."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        found: dict[tuple[str | int, ...], str] = {}
        for block in ("sources", "routes", "triggers"):
            names = [one.name for one in getattr(self, block)]
            for i, name in enumerate(names):
                if name in names[:i]:
                    found[block, i] = f"two {block} are called {name!r}; give this one a `name`"
        if self.compaction.days_after <= self.compaction.hours_after:
            found["compaction", "days_after"] = "hours become days after panes became hours; raise it"
        for name, model in self.models.items():
            if model.lateness > self.compaction.hours_after:
                found["models", name, "lateness"] = (
                    "late rows find their pane only before it was compacted; lower it, or raise compaction.hours_after"
                )
        if found:
            raise MisfitError(found)
        return self

    @property
    def store_url(self) -> str:
        """The store's URL with its password; never to be shown."""
        return self.store.get_secret_value()

    @property
    def http(self) -> HttpSettings:
        """The HTTP source as configured, or its defaults: it is always on."""
        return next((source.http for source in self.sources if source.http is not None), HttpSettings())
