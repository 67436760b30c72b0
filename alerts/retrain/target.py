"""Carries a trigger out: looks for an earlier run, checks, starts, follows. Raises nothing that a network does."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec

from alerts.http import judged, retry_after, unreached
from alerts.retrain import template
from alerts.retrain.authorize import Authorizer
from alerts.retrain.paths import every, first, text
from alerts.retrain.trigger import Lookup, Pick, Request, Stage, Trigger
from alerts.retrain.values import values
from alerts.routes.contract import Egress, Fate, Outcome
from drift.core.alert import Run, RunState
from drift.core.clock import Clock
from drift.core.errors import ConfigError

TOTAL_SECONDS: Final = 20.0
MOST_BYTES: Final = 1 << 20
"""Read of an answer: lists of runs are large."""
MOST_CHARS: Final = 500
UNKNOWN: Final = "the target knows no run of this key"


@dataclass(frozen=True, slots=True)
class Found:
    """A run at the target."""

    external_id: str
    """`stage/id` where there are several stages; empty: started, its id is not known yet."""
    url: str = ""
    earlier: bool = False
    """Whether it was there before we asked."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands."""

    state: RunState
    found: Found
    word: str = ""
    """As the target says it."""
    error: str = ""


class _Stop(Exception):  # noqa: N818  not an error of ours
    """The attempt is over."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    data: Any


class Target:
    """One trigger's target. Used by one thread."""

    def __init__(self, trigger: Trigger, egress: Egress, clock: Clock) -> None:
        self.trigger, self._clock = trigger, clock
        self._client = egress.client(timeout=TOTAL_SECONDS, most=MOST_BYTES)
        self._authorizer = Authorizer(trigger.auth, self._client, clock)

    def close(self) -> None:
        """Give connections back."""
        self._client.close()

    def start(self, run: Run) -> Found | Outcome:
        """Start a run unless its key was started before.

        Returns:
            The run, or why there is none: `AGAIN` if it may have started or may start later, `REFUSED` if never.
        """
        try:
            return self._find(run) or self._start(run)
        except _Stop as stop:
            return stop.outcome
        except ConfigError as error:
            return Outcome(Fate.AGAIN, str(error))

    def follow(self, run: Run) -> Progress | Outcome:
        """Ask how a run that was started is doing."""
        try:
            if not run.external_id:
                found = self._find(run)
                return Outcome(Fate.AGAIN, UNKNOWN) if found is None else Progress(RunState.RUNNING, found)
            return self._follow(run)
        except _Stop as stop:
            return stop.outcome
        except ConfigError as error:
            return Outcome(Fate.AGAIN, str(error))

    # Starting

    def _start(self, run: Run) -> Found:
        filled = values(run)
        self._check(run, filled)
        answer = self._send(run, self.trigger.start, filled)
        if answer.status in self.trigger.accepted:
            return self._started(answer, run)
        if answer.status in self.trigger.there:
            found = self._find(run)
            if found is None:
                raise _Stop(Outcome(Fate.REFUSED, f"{answer.status}: it is said to be there already, and is not found"))
            return found
        raise _Stop(self._judged(answer, "starting the run"))

    def _check(self, run: Run, filled: Mapping[str, Any]) -> None:
        for check in self.trigger.checks:
            answer = self._send(run, check.request, filled)
            if answer.status != 200:
                raise _Stop(self._judged(answer, "looking whether it can be started"))
            if text(first(answer.data, check.path)) in check.refuse:
                raise _Stop(Outcome(Fate.AGAIN, template.text(check.why, filled)))

    def _started(self, answer: _Answer, run: Run) -> Found:
        trigger = self.trigger
        found = run.key if trigger.id is None else _picked(trigger.id, answer.data, answer.headers)
        page = _page(first(answer.data, trigger.page)) if trigger.page else ""
        return self._found(trigger.first, found, page, run)

    def _find(self, run: Run) -> Found | None:
        """The earlier run of the same key."""
        for lookup in self.trigger.lookups:
            answer = self._send(run, lookup.request, values(run))
            if answer.status == 404:
                continue
            if answer.status != 200:
                raise _Stop(self._judged(answer, "looking for an earlier run"))
            for candidate in every(answer.data, lookup.items):
                if _is_it(lookup, candidate, run.key):
                    found = run.key if lookup.id is None else _picked(lookup.id, candidate, {})
                    page = _page(first(candidate, lookup.page)) if lookup.page else ""
                    return self._found(lookup.stage or self.trigger.first, found, page, run, earlier=True)
        return None

    def _found(self, stage: str, found: str, page: str, run: Run, *, earlier: bool = False) -> Found:
        external = f"{stage}/{found}" if found and len(self.trigger.stages) > 1 else found
        if not page and self.trigger.page_url and found:
            page = _page(template.url(self.trigger.page_url, values(run, found)))
        return Found(external, page, earlier)

    # Following

    def _follow(self, run: Run) -> Progress | Outcome:
        name, found = self._placed(run)
        stage = self.trigger.stages[name]
        answer = self._send(run, stage.request, values(run, found))
        if answer.status == 404:
            return self._lost(run)
        if answer.status != 200:
            return self._judged(answer, "asking for its state")
        state, word = _state(stage, answer.data)
        page = _page(first(answer.data, stage.page)) if stage.page else ""
        here = Found(run.external_id, page or run.url)
        if state is not RunState.FAILED and stage.next is not None:
            further = _picked(stage.next, answer.data, answer.headers)
            if further:
                return Progress(RunState.RUNNING, self._found(stage.then, further, page, run), word)
        error = text(first(answer.data, stage.error))[:MOST_CHARS] if stage.error else ""
        return Progress(state, here, word, _printable(error))

    def _lost(self, run: Run) -> Progress | Outcome:
        """It is not where it was: queue items are forgotten, and its key may find it elsewhere."""
        found = self._find(run)
        if found is None or found.external_id == run.external_id:
            return Outcome(Fate.AGAIN, UNKNOWN)
        return Progress(RunState.RUNNING, found)

    def _placed(self, run: Run) -> tuple[str, str]:
        if len(self.trigger.stages) < 2:
            return self.trigger.first, run.external_id
        name, _, found = run.external_id.partition("/")
        return (name, found) if name in self.trigger.stages else (self.trigger.first, run.external_id)

    # Requests

    def _send(self, run: Run, request: Request, filled: Mapping[str, Any]) -> _Answer:
        """The answer; once more with new credentials if these are refused and can be renewed."""
        answer = self._once(run, request, filled)
        if answer.status == 401 and self._authorizer.refused():
            answer = self._once(run, request, filled)
        return answer

    def _once(self, run: Run, request: Request, filled: Mapping[str, Any]) -> _Answer:
        import httpx2

        try:
            body, kind = _body(request, filled)
            headers = {"accept": "application/json", **kind}
            headers |= {name.lower(): template.header(value, filled) for name, value in request.headers.items()}
            headers |= self._authorizer.headers(run.key, body)
            answer = self._client.request(request.method, _url(request, filled), content=body, headers=headers)
        except httpx2.TransportError as error:
            raise _Stop(unreached(error)) from None
        except (httpx2.InvalidURL, UnicodeError):
            wrong = Outcome(Fate.REFUSED, "this is no URL that can be called; check it in drift.yaml")
            raise _Stop(wrong) from None
        try:
            data = answer.json() if answer.content else None
        except ValueError:
            data = None
        return _Answer(answer.status_code, answer.headers, data)

    def _judged(self, answer: _Answer, what: str) -> Outcome:
        outcome = judged(answer.status, answer.headers, self._clock)
        said = f"{what}: {outcome.detail}"
        if outcome.fate is Fate.SENT:
            return Outcome(Fate.REFUSED, f"{said}, which is not what this target answers; check the URL")
        if answer.status == 403 and (wait := retry_after(answer.headers.get("retry-after", ""), self._clock)):
            return Outcome(Fate.AGAIN, said, wait)  # GitHub says 403 where others say 429
        return Outcome(outcome.fate, said, outcome.retry_after)


def _body(request: Request, filled: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    if request.form is not None:
        fields = {name: template.text(value, filled) for name, value in request.form.items()}
        return urlencode(fields).encode(), {"content-type": "application/x-www-form-urlencoded"}
    if request.body is None:
        return b"", {}
    return msgspec.json.encode(template.fill(request.body, filled)), {"content-type": "application/json"}


def _url(request: Request, filled: Mapping[str, Any]) -> str:
    url = template.url(request.url, filled)
    if not request.query:
        return url
    query = {name: template.spell(template.fill(value, filled)) for name, value in request.query.items()}
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def _is_it(lookup: Lookup, candidate: Any, key: str) -> bool:
    if not lookup.match:
        return True
    spelled = [text(one) for one in every(candidate, lookup.match)]
    return any(key in one.split() for one in spelled) if lookup.within else key in spelled


def _state(stage: Stage, data: Any) -> tuple[RunState, str]:
    if stage.busy and first(data, stage.busy) is True:
        return RunState.RUNNING, ""
    word = next((text(one) for path in stage.state if (one := first(data, path)) is not None), "")
    if word in stage.succeeded:
        return RunState.SUCCEEDED, word
    return (RunState.FAILED if word in stage.failed else RunState.RUNNING), _printable(word[:100])


def _picked(pick: Pick, data: Any, headers: Mapping[str, str]) -> str:
    """What stands there; empty: nothing that can be an id."""
    found = headers.get(pick.header, "") if pick.header else text(first(data, pick.path))
    if pick.pattern:
        match = re.search(pick.pattern, found)
        found = match[1] if match else ""
    return found if found.isprintable() and len(found) <= MOST_CHARS else ""


def _page(value: Any) -> str:
    """A page that a person may open; empty where what stands there is none."""
    found = text(value)
    if not found.isprintable() or len(found) > 2_000:
        return ""
    return found if urlsplit(found).scheme in ("http", "https") else ""


def _printable(said: str) -> str:
    return "".join(char if char.isprintable() else " " for char in said)
