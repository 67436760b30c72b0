"""`models:` what is watched, and how its traffic is cut into windows."""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from drift.config.alerts import STANDARD, Alerts
from drift.config.scalars import BesidePath, Duration, DurationText, MisfitError, Settings, Whole, Word, Zone, said
from drift.config.spelled import (
    DetectorSchema,
    HolidaySchema,
    PriorSchema,
    RuleSchema,
    budget_of,
    classes_of,
    detector_of,
    holiday_of,
    rule_of,
    segment_of,
    statistic_of,
    window_of,
)  # fmt: skip
from drift.core.clock import MINUTE
from drift.core.errors import ConfigError
from drift.core.outcome.grid import Task
from drift.core.schema import Kind, Role, canonical_key
from drift.core.window import DEFAULT_PANE, WindowSpec, check_pane

DETECTION: Final = ("rules", "min_rows", "statistics", "expected_rows", "detectors", "alerts")
"""The settings that detectors read."""
_NAMED_ROLES: Final = (Role.PREDICTION, Role.SCORE, Role.LABEL, Role.TIME, Role.ID, Role.WEIGHT)


def _label_of(said: object) -> object:
    """A column's name stands for a mapping."""
    return {"column": said} if isinstance(said, str) else said


def _by_class(said: object) -> object:
    """Classes are names, however YAML reads them."""
    return {canonical_key(key): column for key, column in said.items()} if isinstance(said, dict) else said


class ColumnSettings(Settings):
    """One column, where inference from the reference is wrong."""

    kind: Kind | None = None
    """How its values are compared; docs/columns.md says what each kind counts."""
    role: Role | None = None
    """What it is to the model."""
    tolerance: Annotated[float, Field(gt=0, le=3)] | None = None
    """Shift of this column that is borne, in its standard deviations; the model's, unless given."""
    only: Literal["increase", "decrease"] | None = None
    """Alarms only where it moves this way."""
    strict: bool = False
    """Shares (of missing values, of a category) have no smallest tolerance: half a point otherwise."""


class WindowSettings(Settings):
    """A stretch of event time that is judged as one. Days and weeks follow the calendar of the model's time zone."""

    length: DurationText
    """A multiple of the pane: `15m`, `1h`, `24h`; or whole calendar days: `1d`, `7d`."""
    hop: DurationText | None = None
    """A new window starts this often; the length, unless windows shall overlap."""


class SegmentSettings(Settings):
    """A column by whose values the traffic is also judged apart."""

    name: Word
    """The column."""
    values: Annotated[tuple[Word, ...], Field(max_length=50)] | None = None
    """The values judged apart, all others together as `other`; the reference's most frequent ones, unless given."""


class LabelSettings(Settings):
    """The truth that comes later."""

    column: Word | None = None
    """The column of the reference that holds it, where its name (`label`, `target`) does not say so."""
    positive: str | int | float | bool | None = None
    """The class that a binary score is the probability of: `1`, `true`, `yes` or the later name, unless given."""
    absent_means: str | int | float | bool | None = None
    """The class of a prediction that has no label when labels are mature: `0` for fraud that nobody reports."""
    after: Duration | None = None
    """When labels are mature, counted from the prediction: windows are judged by their labels from then on."""
    recalibrate: Duration | None = None
    """Binary: what scores mean is learnt anew, once a day, from the labels of so long (`28d`), instead of from the
    reference alone. Estimates then follow a changed world; whether it has changed is told all the same."""
    selective: bool = False
    """Only chosen predictions are ever labelled (approved loans): realised performance is that of the labelled ones."""

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if self.absent_means is not None and self.after is None:
            raise MisfitError({("after",): "say when a missing label means that: `after: 30d`"})
        return self


class ValueSettings(Settings):
    """What each outcome of a binary decision is worth, in a unit of your own; costs are negative."""

    tp: float = 0.0
    """Of a positive that was predicted."""
    fp: float = 0.0
    """Of a negative that was predicted as positive."""
    fn: float = 0.0
    """Of a positive that was predicted as negative."""
    tn: float = 0.0
    """Of a negative that was predicted."""


class ModelSettings(Settings):
    """One watched model."""

    reference: BesidePath | None = None
    """Training or validation data (Parquet or CSV), registered at the start unless it is there already."""
    version: Word = "1"
    """The model version that `reference` belongs to, as events spell it."""
    prediction: Word | None = None
    """Column with the model's output, where its name does not say so."""
    score: Word | None = None
    """Column with the predicted probability or score."""
    label: Annotated[LabelSettings | None, BeforeValidator(_label_of)] = None
    """Column with the truth that comes later, or a mapping: `{column: paid, absent_means: 0, after: 30d}`."""
    task: Task | None = None
    """What is predicted: `binary`, `multiclass` or `regression`; as label and prediction tell, unless given."""
    scores: Annotated[dict[str, Word], BeforeValidator(_by_class)] = Field(default_factory=dict)
    """Multiclass: class → the column with its probability."""
    weight: Word | None = None
    """Column with the weight of a row in realised performance, sent among the features; not with `absent_means`."""
    value: ValueSettings | None = None
    """Worth of right and wrong decisions, as in `{tp: 5, fp: -1}`; performance then has a `value` a prediction."""
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    """Regression: levels of pinball losses, of the prediction itself."""
    max_drop: Annotated[float, Field(gt=0, le=1)] = 0.02
    """Loss of performance that is borne: by so much may the share of wrong predictions grow before somebody is told;
    for a regression the error, in standard deviations of the label."""
    sensitive: tuple[Word, ...] = ()
    """Columns of attributes by which performance must not differ (sex, age group); they are counted as segments."""
    importances: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """Column → how much the model relies on it, in any unit: weighs causes, and shares out the false-alarm budget."""
    time: Word | None = None
    """Column with the event time."""
    id: Word | None = None
    """Column that identifies an event."""
    columns: dict[str, ColumnSettings] = Field(default_factory=dict)
    """Columns whose kind or role was inferred wrongly, by name."""
    ignore: tuple[Word, ...] = ()
    """Columns that are not watched."""
    segments: tuple[Annotated[SegmentSettings, BeforeValidator(segment_of)], ...] = ()
    """Columns by whose values the traffic is also judged apart: `[channel]`, or `[{channel: [web, shop]}]`."""
    pane: Duration = DEFAULT_PANE
    """Shortest stretch of event time that is counted apart; it divides 15 minutes."""
    windows: Annotated[tuple[Annotated[WindowSettings, BeforeValidator(window_of)], ...], Field(min_length=1)] = (
        WindowSettings(length="1h"),
        WindowSettings(length="1d"),
    )
    """What is judged: `[1h, 1d]`, or `[{length: 6h, hop: 1h}]` where windows overlap."""
    lateness: Duration = 10 * MINUTE
    """How long after its end a window waits for late rows before it is final."""
    timezone: Zone = "UTC"
    """IANA zone whose midnight starts a calendar day."""
    rules: tuple[Annotated[Any, BeforeValidator(rule_of), RuleSchema], ...] = ("default",)
    """When a column counts as drifted: sentences as in `psi > 0.2`, or mappings with `when`, `columns`, `min_rows`,
    `severity`, `direction` and `segments`. `default` stands for the built-in rules, `quality` for those on missing,
    invalid and unseen values."""
    min_rows: Annotated[Whole, Field(ge=1)] = 100
    """Rows below which nothing is judged."""
    statistics: tuple[Annotated[str, BeforeValidator(statistic_of)], ...] = ()
    """Statistics to compute beside those that rules need; all of them, unless named."""
    expected_rows: Annotated[Whole, Field(ge=1)] | None = None
    """Rows that a window usually has; rules on `row_volume` need it."""
    multivariate: bool = True
    """Whether products of columns are summed as well, so that a changed correlation is seen. Fixed with the reference:
    a change takes effect with the next one. Of more than 200 numeric columns, the first 200."""
    alarm_budget: Annotated[str, BeforeValidator(budget_of)] = "1 per 30d"
    """False alarms of the whole model that are allowed: one in thirty days, as in `1 per 30d`."""
    detectors: tuple[Annotated[Any, BeforeValidator(detector_of), DetectorSchema], ...] = ("default", "correlation")
    """What watches the windows one after the other: names, or mappings with `name` and the detector's options. None of
    them (`[]`): each window is judged by itself, by `rules`."""
    tolerance: Annotated[float, Field(gt=0, le=3)] = 0.05
    """Shift of a column that pages nobody, in its standard deviations, however many rows prove it."""
    seasonal: Literal["auto", "none", "hour", "weekday", "hour+weekend", "hour-of-week"] = "auto"
    """Which hours and days are expected to differ; `auto` takes what predicts left-out weeks of the baseline best."""
    holidays: tuple[Annotated[str, BeforeValidator(holiday_of), HolidaySchema], ...] = ()
    """Days that are expected to look like Sundays: dates, and codes of countries or their parts for all their public
    holidays, as in `[DE-BY, 2026-12-24]`. Codes need the extra `holidays`."""
    baseline: Literal["auto", "reference", "production"] = "auto"
    """What alarms compare with. `auto`: the reference, if it is held out and in the order of time, else production's
    first 14 days (30 windows at least)."""
    held_out: bool | None = None
    """Whether the reference's rows were kept from training. What a model says of rows that it has learnt is no
    baseline: with `false`, production's first days are. Unless given, they are taken for held out, and the summary
    asks."""
    label_prior: Annotated[dict[str, Annotated[float, Field(ge=0, le=1)]], BeforeValidator(classes_of), PriorSchema] = (
        Field(default_factory=dict)
    )
    """Class of the label → its share in production, as in `{0: 0.98, 1: 0.02}`, where the reference's classes were
    sampled at other rates: so many rows of each are counted. Fixed with the reference, like `multivariate`."""
    row_sample: Annotated[Whole, Field(ge=0, le=100_000)] = 0
    """Rows of each pane, and of the reference, that are kept for tests that need rows: chosen by a hash of the event's
    id, with what is counted of them (numbers and categories; no raw text, vector or id). 0 keeps none. It holds rows:
    leave it off where nothing about single events may be stored. Fixed with the reference, like `multivariate`."""
    thresholds: tuple[float, ...] = (0.5,)
    """Decision thresholds on the score; each becomes an edge of its grid."""
    alerts: Alerts = STANDARD
    """What becomes an alert, is told and may start a retraining: `drift`, `no_data`, `incomplete`, or mappings as in
    `{when: psi > 0.3, for: 2h, severity: page}`. None of them (`[]`): nothing is told."""
    owner: str | None = None
    """Who is asked when it drifts; routes can be matched by it."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        found: dict[tuple[str | int, ...], str] = {("pane",): _wrong(check_pane, self.pane)}
        if self.label_prior and abs(sum(self.label_prior.values()) - 1) > 1e-6:
            total = sum(self.label_prior.values())
            found[("label_prior",)] = f"the shares sum to {total:.6g}; give every class's share, which sum to 1"
        if self.baseline == "reference" and self.held_out is False:
            found[("baseline",)] = (
                "the reference holds training rows (held_out: false), and what a model says of rows it has learnt is "
                "no measure of what it says of new ones; give held-out rows, or write baseline: production"
            )
        for i, window in enumerate(self.windows):
            at = ("windows", i)
            found[at] = _wrong(WindowSpec.parse, window.length, window.hop, self.timezone, self.pane)
            if window in self.windows[:i]:
                found[at] = f"window {window.length} stands there twice; keep one of the two"
        if self.weight and self.label is not None and self.label.absent_means is not None:
            found["weight",] = (
                "the weight of a prediction without a label is not kept; leave out absent_means or weight"
            )
        found |= self._columns_twice()
        found |= self._alerts_unfit()
        wrong = {at: message for at, message in found.items() if message}
        if wrong:
            raise MisfitError(wrong)
        return self

    def _alerts_unfit(self) -> dict[tuple[str | int, ...], str]:
        found: dict[tuple[str | int, ...], str] = {}
        names = [one.rule.name for one in self.alerts]
        for i, one in enumerate(self.alerts):
            if names[i] in names[:i]:
                found["alerts", i, "name"] = f"two alerts are called {names[i]!r}; give this one a `name`"
            if missing := [name for name in one.attributes if name not in self.sensitive]:
                found["alerts", i, "when"] = f"{missing[0]!r} is none of the `sensitive` columns; name it there"
            if one.window and one.window not in {spec.name for spec in self._specs_or_none()}:
                found["alerts", i, "window"] = f"there are no windows {one.window!r}; it looks at one of `windows`"
        return found

    def _columns_twice(self) -> dict[tuple[str | int, ...], str]:
        found: dict[tuple[str | int, ...], str] = {}
        taken: dict[str, str] = dict.fromkeys(self.ignore, "one to ignore")
        for role in _NAMED_ROLES:
            name = self._named(role)
            if name in taken:
                found[role.value,] = f"column {name!r} is {taken[name]} already; name another column"
            elif name:
                taken[name] = f"the {role.value}"
        return found

    def _named(self, role: Role) -> str | None:
        """The column that was said to play a part."""
        if role is Role.LABEL:
            return self.label.column if self.label else None
        found: str | None = getattr(self, role.value)
        return found

    def _specs_or_none(self) -> tuple[WindowSpec, ...]:
        """The windows; none where they cannot be cut, which is said elsewhere."""
        try:
            return self.window_specs
        except ConfigError:
            return ()

    @property
    def window_specs(self) -> tuple[WindowSpec, ...]:
        """The windows as they are cut."""
        return tuple(WindowSpec.parse(w.length, w.hop, self.timezone, self.pane) for w in self.windows)

    @property
    def watching(self) -> dict[str, Any]:
        """What the default detector is told, as plain data."""
        columns = {
            name: said
            for name, column in self.columns.items()
            if (said := column.model_dump(mode="json", include={"tolerance", "only", "strict"}, exclude_defaults=True))
        }
        return {
            "tolerance": self.tolerance, "seasonal": self.seasonal,
            "holidays": list(self.holidays), "columns": columns,
            **({"importances": dict(self.importances)} if self.importances else {}),
        }  # fmt: skip

    @property
    def detection(self) -> dict[str, Any]:
        """The part that detectors read, as plain data."""
        return self.model_dump(mode="json", include=set(DETECTION))

    @property
    def roles(self) -> dict[str, Role]:
        """Column → role, of the columns that were named one by one."""
        named = {name: role for role in _NAMED_ROLES if (name := self._named(role))}
        named |= dict.fromkeys(self.scores.values(), Role.SCORE)
        listed = {name: column.role for name, column in self.columns.items() if column.role is not None}
        return {**named, **listed, **dict.fromkeys(self.ignore, Role.IGNORE)}

    @property
    def kinds(self) -> dict[str, Kind]:
        """Column → kind, where it was given."""
        return {name: column.kind for name, column in self.columns.items() if column.kind is not None}


def _wrong(parse: Callable[..., object], *args: object) -> str:
    try:
        said(parse, *args)
    except ValueError as wrong:
        return str(wrong)
    return ""
