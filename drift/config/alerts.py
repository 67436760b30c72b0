"""`alerts:` of a model, and what drift.yaml says about telling at large."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from alerts.rules import AlertRule, Comparison, Kind
from alerts.silences import MATCHED, Maintenance, impossible
from drift.config.scalars import Duration, MisfitError, Settings, Word, Zone, said
from drift.core.alert import Urgency
from drift.core.clock import DAY, HOUR
from drift.core.window import parse_duration

_WORDS: Final = ("drift", "no_data", "incomplete", "lag")
_AFTER: Final = re.compile(r"(no_data|lag)\s*>=?\s*(\S+)")
DIGEST: Final = re.compile(r"(mon|tue|wed|thu|fri|sat|sun)\s+([01]\d|2[0-3]):([0-5]\d)")


def alert_of(value: Any) -> Any:
    """A sentence alone is a rule without options."""
    return value if isinstance(value, Mapping) else {"when": value}


class AlertSettings(Settings):
    """When a result becomes an alert: `drift`, `no_data`, `{when: psi > 0.3, for: 2h, severity: page}`."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)

    when: Annotated[str, Field(min_length=1, max_length=500)]
    """`drift`: what detectors and `rules` hold to have drifted. `no_data`, `no_data > 2h`: no event comes, for twice
    the shortest window (30 minutes at least) unless said. `lag > 10m`: counting is behind. `incomplete`: a window lacks
    rows. Conditions on a column's statistics, as in `psi > 0.3 and chi2_p < 0.001`. Conditions on performance:
    `realized.accuracy < 0.8` (once labels are mature), `estimated.auroc < 0.7`, `drop(estimated.accuracy) > 0.03`
    (three points worse than the reference), `gap(sex, recall) > 0.1` (between groups of a sensitive attribute)."""
    name: Word | None = None
    """What it is called; the words of `when`, unless given."""
    lasts: Annotated[Duration | None, Field(alias="for")] = None
    """Event time that it has to be broken for, window after window, before it fires."""
    clear: float | None = None
    """Bound of the first condition at which a firing alert is over; that of the condition, unless given."""
    clear_for: Duration | None = None
    """Event time that it has to be kept for before a firing alert is over."""
    severity: Literal["page", "warning", "info"] | None = None
    """How loud; the alarm's or the rule's own, unless given."""
    direction: Literal["increase", "decrease"] | None = None
    """Only where a column moves this way."""
    columns: Annotated[tuple[Word, ...], Field(min_length=1)] = ("*",)
    """Names, or patterns with `*` and `?`."""
    segments: bool = True
    """Whether segments are looked at beside the whole traffic."""
    window: Word | None = None
    """Only windows of this length, as in `1h`; all, unless given."""
    harm: bool = False
    """It fires only while the model's performance, by its labels or else as estimated, is affected."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        rule = said(self._rule)
        if rule.kind == "performance" and (self.columns != ("*",) or self.direction is not None):
            at = "columns" if self.columns != ("*",) else "direction"
            raise MisfitError({(at,): "performance is the model's, not a column's; leave it out"})
        if self.harm and rule.kind not in ("drift", "statistic", "performance"):
            raise MisfitError(
                {("harm",): f"{self.when!r} is about data that is not there, whatever it does; leave it out"}
            )
        if self.clear is not None:
            if rule.kind not in ("statistic", "performance"):
                raise MisfitError({("clear",): "only a rule with a condition can be cleared; leave it out"})
            first = rule.conditions[0]
            if first.met(self.clear) and abs(self.clear) != abs(first.bound):
                raise MisfitError(
                    {("clear",): f"{self.clear:g} breaks the rule {self.when!r} itself; turn the two round"}
                )
        return self

    def _rule(self) -> AlertRule:
        kind, conditions, after = _read(self.when)
        return AlertRule(
            self.name or self.when, kind, conditions, self.clear, self.lasts or 0, self.clear_for or 0,
            Urgency(self.severity) if self.severity else None, self.direction or "", self.columns, self.segments,
            self.window or "", after, self.harm,
        )  # fmt: skip

    @property
    def attributes(self) -> tuple[str, ...]:
        """Sensitive attributes between whose groups it compares."""
        from detectors.performance.conditions import attribute_of

        rule = self._rule()
        return (
            tuple(filter(None, map(attribute_of, (one.name for one in rule.conditions))))
            if rule.kind == "performance"
            else ()
        )

    @property
    def rule(self) -> AlertRule:
        """As alerting reads it."""
        return self._rule()


def _read(when: str) -> tuple[Kind, tuple[Comparison, ...], int]:
    from detectors.performance import conditions as performance
    from detectors.rules import Rule

    text = when.strip()
    match = _AFTER.fullmatch(text)
    if match is not None:
        return ("no_data" if match[1] == "no_data" else "lag"), (), parse_duration(match[2])
    for word in _WORDS:
        if text == word:
            return word, (), 0
    if performance.mentions(text):
        return "performance", tuple(Comparison(c.name, c.operator, c.bound) for c in performance.parse(text)), 0
    conditions = Rule.parse(text).conditions
    return "statistic", tuple(Comparison(c.name, c.operator, c.bound, c.absolute) for c in conditions), 0


def _cron(value: str) -> str:
    from apscheduler.triggers.cron import CronTrigger

    fields = value.split()
    if len(fields) != 5:
        raise ValueError("write minute, hour, day, month and weekday, as in 0 2 * * sun")
    if any(c.isdigit() for c in fields[4]):
        raise ValueError("write the weekday as a name (sun, mon-fri): some count from Sunday and some from Monday")
    try:
        CronTrigger.from_crontab(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is no cron expression ({error}); write one like 0 2 * * sun") from error
    return value


def matchers_of(value: Mapping[str, str]) -> Mapping[str, str]:
    """Labels and patterns; unknown labels are refused, and what no incident could ever fit."""
    for name in value:
        if name not in MATCHED:
            raise ValueError(f"there is no label {name!r}; there are {', '.join(MATCHED)}")
    if why := impossible(value):
        raise ValueError(why)
    return value


Matchers = Annotated[dict[str, str], AfterValidator(matchers_of)]
"""Label → a name, or a pattern with `*` and `?`."""


class MaintenanceSettings(Settings):
    """A stretch that comes again and again and in which nobody is told."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)

    cron: Annotated[str, AfterValidator(_cron)]
    """When it begins, as in `0 2 * * sun`."""
    lasts: Annotated[Duration, Field(alias="for", gt=0)] = HOUR
    """How long it lasts."""
    timezone: Zone = "UTC"
    """IANA zone of `cron`."""
    match: Matchers = Field(default_factory=dict)
    """Which incidents: labels and patterns, as in `{model: "credit*"}`; all, unless given."""
    why: str = ""
    """Shown where an incident was not told because of it."""

    @property
    def value(self) -> Maintenance:
        """As alerting reads it."""
        return Maintenance(self.cron, self.lasts, self.timezone, dict(self.match), self.why)


def _digest(value: str) -> str:
    if value and DIGEST.fullmatch(value) is None:
        raise ValueError("write a weekday and a time, as in mon 08:00; empty for none")
    return value


class AlertingSettings(Settings):
    """How alerts are told at large."""

    horizon: Duration = DAY
    """Windows that ended longer ago than this, by the clock, are kept and told to nobody: a backfill."""
    url: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    """Where people reach this service, as in `https://drift.example.com`: messages link to it."""
    digest: Annotated[str, AfterValidator(_digest)] = "mon 08:00"
    """When routes with `digest: true` get the week's summary: a weekday and a time."""
    timezone: Zone = "UTC"
    """IANA zone of `digest`."""


Alerts = tuple[Annotated[AlertSettings, BeforeValidator(alert_of)], ...]
"""The type of a model's `alerts`."""
STANDARD: Final[tuple[AlertSettings, ...]] = tuple(
    AlertSettings(when=word) for word in ("drift", "no_data", "incomplete")
)
"""What a model alerts on, unless it says."""
