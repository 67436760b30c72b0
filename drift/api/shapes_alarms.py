"""Alarms and answers as JSON."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from drift.api.shapes import Shape
from drift.api.strict import Number, Time
from drift.core.answer import Action


class MovedAnswer(Shape):
    """A bin whose share changed."""

    label: str
    before: Number
    after: Number


class AlarmAnswer(Shape):
    """A column that is held to have drifted, with the evidence over the stretch from `onset` to `until`."""

    id: int
    model: str
    version: str
    window: str
    """How its windows are cut: `1h`."""
    segment: str
    column: str
    """Empty: the model itself."""
    detector: str
    severity: str
    """`warning` or `page`."""
    standing: bool
    snoozed: bool
    sentence: str
    raised_start: Time
    """Start of the window that raised it."""
    raised_end: Time
    onset: Time
    """Since when it differs."""
    until: Time
    """Up to where the evidence was measured."""
    direction: str
    what: str
    """What moved: `location`, `share missing`, …"""
    effect: Number
    """By how much, in the unit of `tolerance`."""
    tolerance: Number
    """How much is tolerated: standard deviations, or a share where `what` is one."""
    rows: int
    level: Number
    """Evidence when it was raised."""
    limit: Number
    """The evidence that was needed."""
    statistics: dict[str, Number]
    moved: list[MovedAnswer]
    """Bins that moved most, worst first."""
    ended_at: Time | None
    """End of the window that ended it; null: none did."""
    ended_why: str
    retracted_by: int | None
    """Revision of the window whose late rows took its cause back."""
    answers: list[int]
    """Ids of the answers given to it since it was raised."""


class AnswerRequest(Shape):
    """What somebody answers to an alarm, or to all alarms of a column or a model."""

    action: Literal[Action.ACCEPT, Action.DISMISS, Action.SNOOZE]
    """`accept`: the stretch is the new baseline. `dismiss`: it was normal. `snooze`: tell nobody until a moment."""
    why: str = Field(min_length=1, max_length=2_000, examples=["new price list since Monday"])
    who: str = Field("", max_length=200, examples=["ada"])
    """Who answers; not needed where a proxy says it in `X-Forwarded-User`."""
    alarm: Annotated[int, Field(strict=True, ge=1, lt=2**63)] | None = None
    """The alarm's id; else every alarm of `column` is meant."""
    column: str = Field("", max_length=512)
    """Empty: all columns."""
    segment: str | None = Field(None, max_length=1024)
    """As in `channel=web`; null: the alarm's, or all."""
    window: str = Field("", max_length=64)
    """Only windows cut this way; empty: all of the model."""
    version: str = Field("", max_length=200)
    """The model version; needed where several have alarms."""
    start: AwareDatetime | None = None
    """Start of the stretch; null: since when the alarm differs."""
    until: AwareDatetime | None = None
    """End of the stretch, or of a snooze; null: the last final window."""

    model_config = ConfigDict(extra="forbid")


class WithdrawRequest(Shape):
    """Who takes an answer back."""

    who: str = Field("", max_length=200, examples=["ada"])

    model_config = ConfigDict(extra="forbid")


class AnswerAnswer(Shape):
    """What somebody answered."""

    id: int
    model: str
    version: str
    action: str
    column: str
    """Empty: all columns."""
    segment: str | None
    """Null: all."""
    window: str
    """Empty: all of the model."""
    who: str
    why: str
    at: Time
    start: Time
    until: Time
    applies_from: Time
    """Windows that end after it are judged with this answer."""
    windows: dict[str, int]
    """Window spec → windows whose sums are kept."""
    withdrawn_at: Time | None
    withdrawn_from: Time | None
    withdrawn_by: str


class CaseAnswer(Shape):
    """One alarm in words, or why there is none."""

    version: str
    window: str
    segment: str
    alarm: int | None
    """Id of the alarm that stands."""
    severity: str | None
    text: list[str]
    """Paragraphs."""


class ExplainAnswer(Shape):
    """Why you were paged, or why not."""

    model: str
    column: str | None
    text: list[str]
    """Paragraphs, the most urgent first."""
    cases: list[CaseAnswer]
    """The same, one for each alarm or window spec of the column."""
