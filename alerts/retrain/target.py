"""Carries a trigger out: looks for an earlier run, checks, starts, follows. Raises nothing that a network does."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from alerts.retrain import template
from alerts.retrain.asking import Answer, Asking, Stop
from alerts.retrain.paths import every, first, text
from alerts.retrain.trigger import Lookup, Pick, Stage, Trigger
from alerts.retrain.values import values
from alerts.routes.contract import Egress, Fate, Outcome
from drift.core.alert import Run, RunState
from drift.core.clock import Clock
from drift.core.errors import ConfigError

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


class Target:
    """One trigger's target. Used by one thread."""

    def __init__(self, trigger: Trigger, egress: Egress, clock: Clock) -> None:
        self.trigger = trigger
        self._asking = Asking(trigger.auth, egress, clock)

    def close(self) -> None:
        """Give connections back."""
        self._asking.close()

    def start(self, run: Run) -> Found | Outcome:
        """Start a run unless its key was started before.

        Returns:
            The run, or why there is none: `AGAIN` if it may have started or may start later, `REFUSED` if never.
        """
        try:
            return self._find(run) or self._start(run)
        except Stop as stop:
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
        except Stop as stop:
            return stop.outcome
        except ConfigError as error:
            return Outcome(Fate.AGAIN, str(error))

    # Starting

    def _start(self, run: Run) -> Found:
        filled = values(run)
        self._check(run, filled)
        answer = self._asking.send(run.key, self.trigger.start, filled)
        if answer.status in self.trigger.accepted:
            return self._started(answer, run)
        if answer.status in self.trigger.there:
            found = self._find(run)
            if found is None:
                raise Stop(Outcome(Fate.REFUSED, f"{answer.status}: it is said to be there already, and is not found"))
            return found
        raise Stop(self._asking.judged(answer, "starting the run"))

    def _check(self, run: Run, filled: Mapping[str, Any]) -> None:
        for check in self.trigger.checks:
            answer = self._asking.send(run.key, check.request, filled)
            if answer.status != 200:
                raise Stop(self._asking.judged(answer, "looking whether it can be started"))
            if text(first(answer.data, check.path)) in check.refuse:
                raise Stop(Outcome(Fate.AGAIN, template.text(check.why, filled)))

    def _started(self, answer: Answer, run: Run) -> Found:
        trigger = self.trigger
        found = run.key if trigger.id is None else _picked(trigger.id, answer.data, answer.headers)
        page = _page(first(answer.data, trigger.page)) if trigger.page else ""
        return self._found(trigger.first, found, page, run)

    def _find(self, run: Run) -> Found | None:
        """The earlier run of the same key."""
        for lookup in self.trigger.lookups:
            answer = self._asking.send(run.key, lookup.request, values(run))
            if answer.status == 404:
                continue
            if answer.status != 200:
                raise Stop(self._asking.judged(answer, "looking for an earlier run"))
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
        answer = self._asking.send(run.key, stage.request, values(run, found))
        if answer.status == 404:
            return self._lost(run)
        if answer.status != 200:
            return self._asking.judged(answer, "asking for its state")
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
