"""Anything else that is started by one HTTP request, said in drift.yaml."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from alerts.options import Options
from alerts.retrain import trigger
from alerts.retrain.settings import Path, Template, Texts, plain
from alerts.retrain.trigger import Auth, Check, Lookup, Preset, Request, Stage, Trigger
from alerts.secrets import Location, Secret


class BasicAuth(Options):
    """User and password."""

    username: str
    """Who is asking."""
    password: Secret
    """As `env:NAME` or `file:/path`."""


class ExchangeAuth(Options):
    """Credentials are posted, and a bearer token comes back."""

    url: Location
    """Where tokens are made."""
    fields: dict[str, str] = Field(default_factory=dict)
    """What is posted beside the secrets."""
    secrets: dict[str, Secret]
    """Secret fields, each as `env:NAME` or `file:/path`."""
    form: bool = False
    """Post a form instead of JSON."""
    token: Path = "access_token"  # noqa: S105  a path, no secret
    """Where the token stands in the answer."""


class SignedAuth(Options):
    """Standard Webhooks; `webhook-id` is the key."""

    secret: Secret
    """`whsec_…`, as `env:NAME` or `file:/path`."""
    old_secret: Secret | None = None
    """Signs as well, while the receiver changes from it to `secret`."""


class AuthOptions(Options):
    """Exactly one of these."""

    bearer: Secret | None = None
    """A token."""
    basic: BasicAuth | None = None
    """User and password."""
    exchange: ExchangeAuth | None = None
    """Credentials that are exchanged for a token."""
    signed: SignedAuth | None = None
    """A signature."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(one is not None for one in (self.bearer, self.basic, self.exchange, self.signed)) != 1:
            raise ValueError("`auth` has exactly one of bearer, basic, exchange, signed")
        return self

    @property
    def value(self) -> Auth:
        """As the trigger knows it."""
        if self.bearer is not None:
            return trigger.Bearer(self.bearer)
        if self.basic is not None:
            return trigger.Basic(self.basic.username, self.basic.password)
        if self.signed is not None:
            return trigger.Signed(self.signed.secret, self.signed.old_secret)
        assert self.exchange is not None  # noqa: S101  one of them is there
        one = self.exchange
        return trigger.Exchange(one.url.get(), {**one.fields, **one.secrets}, one.form, one.token)


class PickOptions(Options):
    """Where the run's id stands in an answer."""

    path: Path = ""
    """In its JSON: `run.id`."""
    header: str = ""
    """Or in this header: `location`."""
    pattern: str = ""
    """A regular expression whose first group is taken of what stands there."""

    @property
    def value(self) -> trigger.Pick:
        """As the trigger knows it."""
        return trigger.Pick(self.path, self.header, self.pattern)


class LookupOptions(Options):
    """How an earlier run of the same key is found, before a run is started."""

    url: Location
    """Asked with GET; `{key}` is the key. 404 means that there is none."""
    items: Path = ""
    """Where the candidates stand: `runs[*]`; default: the answer is the only one."""
    match: Path = ""
    """What in a candidate has to be the key; default: that it is there is enough."""
    id: PickOptions | None = None
    """Where its id stands in the candidate; default: the key is the id."""


class CheckOptions(Options):
    """What is asked before a run is started."""

    url: Location
    """Asked with GET."""
    path: Path
    """Where the answer stands."""
    refuse: Annotated[tuple[str, ...], Field(min_length=1)]
    """The run waits while one of these stands there."""
    why: str
    """What is wrong then."""


class FollowOptions(Options):
    """How a run that was started is followed."""

    url: Location
    """Asked with GET; `{id}` is the run's id."""
    state: Path
    """Where its state stands."""
    succeeded: Annotated[tuple[str, ...], Field(min_length=1)]
    """Words for a good end."""
    failed: Annotated[tuple[str, ...], Field(min_length=1)]
    """Words for a bad one; all others mean that it runs."""
    error: Path = ""
    """Where it says what went wrong."""
    page: Path = ""
    """Where the URL of its page stands."""


class HttpTriggerOptions(Options):
    """One HTTP request that starts a pipeline."""

    url: Location
    """Where to send it; `{model}` and the like are filled in."""
    method: Annotated[str, Field(pattern="^(POST|PUT|PATCH)$")] = "POST"
    """`POST`, `PUT` or `PATCH`."""
    headers: Texts = Field(default_factory=dict)
    """Headers without secrets."""
    auth: AuthOptions | None = None
    """Who is asking."""
    body: Template | None = None
    """JSON with placeholders; default: all that is known."""
    form: Texts | None = None
    """Fields of a form, instead of `body`."""
    accepted: tuple[int, ...] = (200, 201, 202)
    """Statuses which say that the run was started."""
    there: tuple[int, ...] = ()
    """Statuses which say that a run of this key is there already; needs `lookup`."""
    id: PickOptions | None = None
    """Where the run's id stands in the answer; default: the key is the id."""
    page: Path = ""
    """Where the URL of its page stands in the answer."""
    lookup: LookupOptions | None = None
    """How an earlier run of the same key is found. Without it a start whose answer was lost is sent again."""
    check: CheckOptions | None = None
    """What has to hold before."""
    follow: FollowOptions | None = None
    """How to ask how it is doing; without it the run is over when it is handed over."""
    callback: bool = False
    """Without `follow`: wait until the pipeline says that it is over, with `POST /v1/runs/{id}/ended`."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.there and self.lookup is None:
            raise ValueError("`there` needs a `lookup`, which finds the run that is there already")
        if self.form is not None and self.body is not None:
            raise ValueError("a request has a `body` or a `form`, not both")
        return self


def _make(options: HttpTriggerOptions) -> Trigger:
    body: Any = None if options.form is not None else (options.body or "{conf}")
    return Trigger(
        Request(options.url.get(), options.method, headers=options.headers, body=body, form=options.form),
        options.auth.value if options.auth is not None else None,
        frozenset(options.accepted),
        frozenset(options.there),
        options.id.value if options.id is not None else None,
        options.page,
        lookups=() if options.lookup is None else (_lookup(options.lookup),),
        checks=() if options.check is None else (_check(options.check),),
        stages={} if options.follow is None else {"": _stage(options.follow)},
        waits=options.callback,
    )


def _lookup(one: LookupOptions) -> Lookup:
    return Lookup(Request(one.url.get()), one.items, one.match, id=one.id.value if one.id is not None else None)


def _check(one: CheckOptions) -> Check:
    return Check(Request(one.url.get()), one.path, frozenset(one.refuse), plain(one.why))


def _stage(one: FollowOptions) -> Stage:
    states = frozenset(one.succeeded), frozenset(one.failed)
    return Stage(Request(one.url.get()), (one.state,), *states, error=one.error, page=one.page)


PRESET = Preset("http", HttpTriggerOptions, _make, keyed=False)
