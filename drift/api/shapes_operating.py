"""Silences, runs, marks, tokens, the audit and the digest, as JSON."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints

from drift.api.shapes import Shape
from drift.api.shapes_incidents import RunAnswer, Text
from drift.api.strict import Time
from drift.core.alert import RunState, Scope

Who = Annotated[str, Field(max_length=200, examples=["ada"])]
Link = Annotated[str, StringConstraints(max_length=2_000, pattern=r"^(https?://\S+)?$")]
"""Nothing but http and https: it is shown as a link."""


class SilenceAnswer(Shape):
    """Incidents that match tell nobody for a while."""

    id: int
    matchers: dict[str, str]
    starts_at: Time
    ends_at: Time
    active: bool
    who: str
    why: str
    created_at: Time


class SilenceRequest(Shape):
    """What is to be silent, until when, and why."""

    matchers: dict[str, Annotated[str, Field(min_length=1, max_length=512)]] = Field(
        min_length=1, max_length=6, examples=[{"model": "credit", "column": "income*"}]
    )
    """`model`, `owner`, `family`, `severity`, `column` or `rule` → a name, or a pattern with `*` and `?`; all have to
    fit. `{"model": "*"}` silences everything."""
    ends: AwareDatetime = Field(examples=["2026-11-24T08:00:00Z"])
    """Within a year."""
    starts: AwareDatetime | None = None
    """Null: now."""
    why: Text = Field(examples=["planned move of the price feed"])
    who: Who = ""

    model_config = ConfigDict(extra="forbid")


class EndRequest(Shape):
    """Who ends a silence."""

    who: Who = ""

    model_config = ConfigDict(extra="forbid")


class RunDetail(RunAnswer):
    """A run with what its pipeline is given."""

    conf: dict[str, Any]


class RunRequest(Shape):
    """A retraining that a person asks for."""

    model: str = Field(min_length=1, max_length=200, examples=["credit"])
    trigger: str = Field(min_length=1, max_length=200, examples=["airflow"])
    """As drift.yaml calls it."""
    why: Text = Field(examples=["new price list"])
    who: Who = ""

    model_config = ConfigDict(extra="forbid")


class EndedRequest(Shape):
    """How a pipeline says that its run is over."""

    state: Literal[RunState.SUCCEEDED, RunState.FAILED]
    url: Link = ""
    """Where a person can look at it."""
    error: str = Field("", max_length=2_000)
    """What went wrong."""

    model_config = ConfigDict(extra="forbid")


class MarkRequest(Shape):
    """Something that happened elsewhere, to be seen beside drift."""

    kind: str = Field(min_length=1, max_length=64, pattern=r"^[\w-]+$", examples=["deploy"])
    """`deploy`, `incident`, or a word of your own."""
    text: Text = Field(examples=["credit-scorer 4.2 rolled out"])
    model: str | None = Field(None, min_length=1, max_length=200, examples=["credit"])
    """Null: it concerns all."""
    at: AwareDatetime | None = None
    """Null: now."""
    url: Link = ""
    who: Who = ""

    model_config = ConfigDict(extra="forbid")


class TokenAnswer(Shape):
    """An access token; its secret is known to its holder only."""

    id: int
    name: str
    scopes: list[str]
    models: list[str]
    """Names or patterns; none: all models."""
    created_at: Time
    created_by: str
    expires_at: Time | None
    revoked_at: Time | None
    valid: bool


class TokenMade(TokenAnswer):
    """A new access token with its secret, which is never shown again."""

    secret: str


class TokenRequest(Shape):
    """A token to be made."""

    name: str = Field(min_length=1, max_length=100, pattern=r"^[\w.@-]+( [\w.@-]+)*$", examples=["scoring-service"])
    """Who holds it; it stands in the audit."""
    scopes: list[Scope] = Field(min_length=1, max_length=4, examples=[["ingest"]])
    models: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(default=[], max_length=100)
    """Names, or patterns with `*` and `?`; none: all models."""
    expires: str = Field("90d", max_length=32, examples=["90d", "never"])
    """After how long: `90d`, or `never`."""
    who: Who = ""

    model_config = ConfigDict(extra="forbid")


class RevokeRequest(Shape):
    """Who revokes a token."""

    who: Who = ""

    model_config = ConfigDict(extra="forbid")


class AuditAnswer(Shape):
    """Who did what."""

    id: int
    at: Time
    who: str
    action: str
    target: str
    detail: str


class DigestAnswer(Shape):
    """What happened in some days."""

    start: Time
    end: Time
    title: str
    text: list[str]
    """Lines; those of a list begin with `- `."""
