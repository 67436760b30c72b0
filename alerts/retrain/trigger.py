"""A retrain trigger as a value: what is sent, where the run's id stands, what is looked for, and what is followed.

    look (was it started before?) ── there ──> follow
      └── not there ──> checks ──> start ── 2xx, or "is there already" ──> follow ──> succeeded, failed

Texts with placeholders are templates (`alerts.retrain.template`); paths lead into JSON (`alerts.retrain.paths`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from alerts.retrain.template import check
from alerts.secrets import Secret

OK = frozenset({200, 201, 202})


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    url: str
    method: str = "GET"
    query: Mapping[str, Any] = field(default_factory=dict)
    """Parameters; what is no text is filled as JSON and sent as its text."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    """JSON template; None: without a body."""
    form: Mapping[str, str] | None = None
    """Fields of a form; None: without one."""

    def __post_init__(self) -> None:
        for template in (self.url, self.query, self.headers, self.body, self.form):
            check(template)


@dataclass(frozen=True, slots=True)
class Bearer:
    """`Authorization: Bearer …`."""

    token: Secret


@dataclass(frozen=True, slots=True)
class Basic:
    """User and password, or user and API token."""

    username: str
    password: Secret


@dataclass(frozen=True, slots=True)
class Exchange:
    """Credentials are exchanged for a bearer token, which is kept until it is refused or runs out."""

    url: str
    fields: Mapping[str, str | Secret]
    form: bool = False
    """Sent as a form instead of JSON."""
    token: str = "access_token"  # noqa: S105  a path, no secret
    expires: str = "expires_in"
    """Where the seconds stand for which it holds, if they are said."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Standard Webhooks; `webhook-id` is the key."""

    secret: Secret
    old_secret: Secret | None = None


Auth = Bearer | Basic | Exchange | Signed | None


@dataclass(frozen=True, slots=True)
class Pick:
    """Where a text stands in an answer."""

    path: str = ""
    header: str = ""
    """Taken instead of `path`."""
    pattern: str = ""
    """Of what is found, the first group of this; empty: all of it."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """How an earlier run of the same key is found."""

    request: Request
    items: str = ""
    """Path to the candidates; empty: the answer is the only one."""
    match: str = ""
    """Path in a candidate to what has to be the key; empty: that it is there is enough."""
    within: bool = False
    """The key is a part of that text."""
    id: Pick | None = None
    """Where its id stands in the candidate; None: the key is the id."""
    page: str = ""
    stage: str = ""
    """The stage that it is followed from."""


@dataclass(frozen=True, slots=True)
class Check:
    """What has to hold before a run is started."""

    request: Request
    path: str
    refuse: frozenset[str]
    """Not started while one of these stands there."""
    why: str
    """What is wrong then, and what to do."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What is asked, every now and then, of a run that was started."""

    request: Request
    state: tuple[str, ...] = ()
    """Paths; the first of them that is not null says the state."""
    succeeded: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    """Everything else means that it runs."""
    busy: str = ""
    """Path; while true stands there it runs, whatever its state."""
    next: Pick | None = None
    """Once an id stands there, it is followed in the stage `then`."""
    then: str = ""
    error: str = ""
    """Path to what went wrong."""
    page: str = ""
    """Path to the run's page."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """How one pipeline is started and followed."""

    start: Request
    auth: Auth = None
    accepted: frozenset[int] = OK
    there: frozenset[int] = frozenset()
    """Statuses which say that a run of this key is there already."""
    id: Pick | None = None
    """Where the run's id stands in the answer; None: the key is the id."""
    page: str = ""
    """Path in the answer to the run's page …"""
    page_url: str = ""
    """… or a template of its URL."""
    lookups: tuple[Lookup, ...] = ()
    """Asked before each start; without any, a start whose outcome is unknown is sent again with the same key."""
    checks: tuple[Check, ...] = ()
    stages: Mapping[str, Stage] = field(default_factory=dict)
    """By name, the first stage first; empty: this target cannot be asked how a run ended."""
    waits: bool = False
    """Whether the pipeline itself says when its run is over, where the target cannot be asked."""

    def __post_init__(self) -> None:
        check(self.page_url)

    @property
    def first(self) -> str:
        """The stage that a run begins in."""
        return next(iter(self.stages), "")


@dataclass(frozen=True, slots=True)
class Preset:
    """One system's trigger; a file in `alerts/retrain/presets` has it as `PRESET`, named like its key in drift.yaml."""

    name: str
    options: type[BaseModel]
    """What stands under that key."""
    make: Callable[[Any], Trigger]
    keyed: bool = True
    """Whether at most one run starts of one key, also where an answer was lost."""
