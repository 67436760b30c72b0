"""Why did you page me, or why did you not: a stored alarm, and what its watch knows, as short paragraphs. Pure.

`about` is the plain mapping that `Watch.about` gives. Whatever is missing from it is left out, never guessed.
"""

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType
from typing import Final

from detectors.known import About, entry, independent, known_of, value
from detectors.performance.harm import DETECTORS as PERFORMANCE
from detectors.wording import (
    SCORES,
    amount,
    count,
    duration,
    is_share,
    listed,
    moment,
    moved,
    named,
    number,
    percent,
    points,
)
from detectors.wording import stretch as spell
from drift.core.alarm import Alarm, Severity
from drift.core.answer import Action, Answer
from drift.core.window import Window

_ONLY: Final = {"increase": " Only an increase alarms here.", "decrease": " Only a decrease alarms here."}
_SNOOZED: Final = " It is snoozed: it stands, and nobody is told."
_ACTIONS: Final = {
    Action.ACCEPT: "accepted it as baseline",
    Action.DISMISS: "dismissed it as normal",
    Action.SNOOZE: "snoozed it",
    Action.REREFERENCE: "registered another reference",
    Action.LEARN: "learnt the baseline",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One column of one segment and window spec. Times in microseconds."""

    model: str
    column: str
    """Empty: the model itself."""
    spec: str
    """The window spec's name: `1h`."""
    segment: str = "all"
    zone: str = "UTC"
    now: int = 0
    alarm: Alarm | None = None
    """The one that stands, or else the last that did."""
    ended_at: int | None = None
    """Event time at which it ended; None: it stands."""
    ended_why: str = ""
    about: About = field(default_factory=lambda: MappingProxyType({}))
    latest: Window | None = None
    """The last final window."""
    rows: int = 0
    """Rows in it."""
    observed: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """The column's statistics in it, by name."""
    answers: Sequence[Answer] = ()
    """Those that cover it, oldest first."""
    budget: str = ""
    """As the user wrote it: `1 per 30d`."""
    only: str = ""
    """`increase` or `decrease`, where nothing else alarms."""

    @property
    def standing(self) -> Alarm | None:
        """The alarm, if it stands."""
        return self.alarm if self.ended_at is None else None

    @property
    def subject(self) -> str:
        """What is spoken of."""
        return self.column or f"model {self.model}"


def explain(case: Case) -> tuple[str, ...]:
    """What a person should know, the most urgent first: one paragraph each, without line breaks."""
    alarm = case.standing
    first = _of_alarm(case, alarm) if alarm is not None else _of_silence(case)
    known = known_of(case.about, case.spec, case.budget, told=alarm is not None)
    return tuple(paragraph for paragraph in chain(first, known, _of_answers(case), _next(case)) if paragraph)


def _where(case: Case) -> str:
    part = "all traffic" if case.segment == "all" else case.segment
    return f"model {case.model}, windows of {case.spec}, {part}"


def _of_alarm(case: Case, alarm: Alarm) -> Iterator[str]:
    loud = "PAGE" if alarm.severity is Severity.PAGE else "WARNING"
    if alarm.detector in PERFORMANCE:
        yield f"{loud}: the performance of {case.subject} has changed ({_where(case)})."
        yield f"{alarm.sentence[:1].upper()}{alarm.sentence[1:]}."
        yield _since(case, alarm)
        yield f"It is a {'page' if loud == 'PAGE' else 'warning'}.{_SNOOZED if alarm.snoozed else ''}"
        return
    yield f"{loud}: {case.subject} has drifted ({_where(case)})."
    yield " ".join(_observed(case, alarm))
    yield _since(case, alarm)
    if alarm.moved:
        bins = "; ".join(f"{one.label}: {percent(one.before)} → {percent(one.after)}" for one in alarm.moved)
        yield f"Bins that moved most, share of rows before → after: {bins}."
    if alarm.statistics:
        values = ", ".join(f"{name} {number(value)}" for name, value in sorted(alarm.statistics.items()))
        yield f"Over that stretch: {values}."
    yield _severity(case, alarm)


def _observed(case: Case, alarm: Alarm) -> Iterator[str]:
    what, effect = alarm.what, alarm.effect
    if not math.isfinite(effect):
        yield f"The condition of its detector {alarm.detector} was met{f' ({what})' if what else ''}"
    elif what in SCORES or is_share(what):
        yield f"The {named(what)} of {case.subject} {moved(what, effect)} by {amount(what, effect)}"
        label = what.removeprefix("share ").removeprefix("of ")
        bins = next((one for one in alarm.moved if is_share(what) and one.label == label), None)
        if bins is not None:
            yield f"(from {percent(bins.before)} to {percent(bins.after)})"
    else:
        yield f"{named(what) or alarm.detector} of {case.subject} is {number(effect)}"
    if math.isfinite(effect) and alarm.tolerance > 0:
        share = points(alarm.tolerance) if is_share(what) else number(alarm.tolerance)
        yield f"where {share} is tolerated, {number(abs(effect) / alarm.tolerance)} times the tolerance,"
    seen = spell(Window(alarm.onset, alarm.until), case.zone)
    yield f"on {count(alarm.rows, 'row')} from {seen}."


def _since(case: Case, alarm: Alarm) -> str:
    raised = spell(alarm.raised, case.zone)
    lasted = f", {duration(case.now - alarm.onset)} ago" if case.now > alarm.onset else ""
    return (
        f"It has differed since {moment(alarm.onset, case.zone)}{lasted}. The window {raised} raised the alarm: the "
        f"evidence reached {number(alarm.level)}, {number(alarm.limit)} is enough ({alarm.detector})."
    )


def _severity(case: Case, alarm: Alarm) -> str:
    known = math.isfinite(alarm.effect) and alarm.tolerance > 0
    beyond = known and abs(alarm.effect) > 2 * alarm.tolerance
    twice = f"twice the tolerance ({amount(alarm.what, 2 * alarm.tolerance)})"
    if alarm.severity is Severity.PAGE:
        text = f"It is a page{f' because the shift is beyond {twice}' if beyond else ''}."
    elif case.about.get("judged") == "inflated":
        short = independent(case.about)
        text = f"It is a warning, not a page, because the baseline is too short to be relied upon: {short}."
    elif known and not beyond:
        text = f"It is a warning, not a page: the shift is proven, but it is not beyond {twice}."
    else:
        text = "It is a warning, not a page."
    return text + (_SNOOZED if alarm.snoozed else "")


def _of_silence(case: Case) -> Iterator[str]:
    yield f"No alarm stands on {case.subject} ({_where(case)})."
    if case.alarm is not None and case.ended_at is not None:
        raised, ended = moment(case.alarm.raised.end, case.zone), moment(case.ended_at, case.zone)
        yield f"The last one, raised {raised}, ended {ended}{f': {case.ended_why}' if case.ended_why else ''}."
    if not case.column:
        return
    if not case.about:
        yield "No sequential detector watches it yet; it starts with the next final window."
    elif case.about.get("judged") != "not judged":
        yield _closest(case)


def _closest(case: Case) -> str:
    """The largest of what was observed, against its tolerance, in the last final window."""
    if case.latest is None:
        return "No window is final yet, so nothing was judged."
    where = f"In the last final window, {spell(case.latest, case.zone)} with {count(case.rows, 'row')},"
    ratio, text = max(_compared(case), default=(0.0, ""))
    if not text:
        text = _from_reference(case)
    elif ratio <= 1:
        text += ". A shift inside the tolerance never pages, however many rows prove it"
    else:
        text += ". That is beyond it, but not proven yet: evidence adds up window by window"
    return f"{where} {text}.{_ONLY.get(case.only, '')}"


def _compared(case: Case) -> Iterator[tuple[float, str]]:
    """How many times its tolerance something is, and how that is said; only what one window tells by itself."""
    if case.about.get("season") not in (None, "", "none"):
        return
    shift, missing_now = (_finite(case.observed.get(name)) for name in ("mean_shift", "missing_ratio"))
    borne = value(entry(case.about, "scores", "location"), "tolerance")
    if shift is not None and borne and case.about.get("origin") in (None, "reference"):
        text = f"its mean was {amount('location', shift)} from the reference's, where {number(borne)} is tolerated"
        yield abs(shift) / borne, text
    missing = entry(case.about, "shares", "share missing")
    before, high = value(missing, "baseline"), value(missing, "tolerance_high")
    if missing_now is not None and before is not None and high is not None and high > before:
        text = f"{percent(missing_now)} of its values were missing, where up to {percent(high)} is tolerated"
        yield (missing_now - before) / (high - before), text


def _from_reference(case: Case) -> str:
    """Where alarms compare with something else than the whole reference."""
    shift = _finite(case.observed.get("mean_shift"))
    if shift is None:
        return "it stayed within what is tolerated, or not long enough beyond it"
    return (
        f"its mean was {amount('location', shift)} from the reference's. Alarms compare with something else, said "
        "below, and against that nothing was proven"
    )


def _finite(found: float | None) -> float | None:
    return found if found is not None and math.isfinite(found) else None


def _of_answers(case: Case) -> Iterator[str]:
    for answer in case.answers:
        text = f"{moment(answer.at, case.zone)}: {answer.who} {_ACTIONS[answer.action]}"
        if answer.action is Action.SNOOZE:
            text += f" until {moment(answer.until, case.zone)}"
        if answer.withdrawn_at is not None:
            text += f" (taken back {moment(answer.withdrawn_at, case.zone)} by {answer.withdrawn_by})"
        yield f"{text}: “{answer.why}”."


def _next(case: Case) -> Iterator[str]:
    if case.standing is None:
        return
    name = " ".join(shlex.quote(word) for word in (case.model, case.column) if word)
    yield f"If this is the new normal: `drift accept {name} --why REASON`"
    yield f"If it was normal all along: `drift dismiss {name} --why REASON`"
    yield f"For silence meanwhile: `drift snooze {name} --for 3d --why REASON`"


def overview(model: str, cases: Sequence[Case], most: int = 10) -> tuple[str, ...]:
    """A model at a glance: its alarms, worst first, then what cannot be judged or seen."""
    return tuple(paragraph for paragraph in _overview(model, cases, most) if paragraph)


def _overview(model: str, cases: Sequence[Case], most: int) -> Iterator[str]:
    alarming = sorted((case for case in cases if case.standing is not None), key=_worst_first)
    pages = sum(case.standing is not None and case.standing.severity is Severity.PAGE for case in alarming)
    watched = len({case.column for case in cases if case.column})
    if not alarming:
        yield f"No alarm stands on model {model}; {count(watched, 'column')} watched."
    else:
        split = f"{count(pages, 'page')} and {count(len(alarming) - pages, 'warning')}"
        yield f"{split} on model {model}, of {count(watched, 'column')} watched; worst first."
    for case in alarming[:most]:
        yield _line(case)
    if len(alarming) > most:
        yield f"… and {len(alarming) - most:,} more; `drift alarms {model}` lists them all."
    for judged, words in (("not judged", "Cannot be judged"), ("inflated", "Can warn, but not page")):
        names = sorted({f"{case.column} ({case.spec})" for case in cases if case.about.get("judged") == judged})
        if names:
            yield f"{words}: {listed(names, most)}. `drift explain {model} COLUMN` says why, and what helps."


def _worst_first(case: Case) -> tuple[bool, float, str]:
    alarm = case.standing
    if alarm is None:
        return True, 0.0, case.column
    ratio = abs(alarm.effect) / alarm.tolerance if alarm.tolerance > 0 else 0.0
    return alarm.severity is not Severity.PAGE, -ratio, case.column


def _line(case: Case) -> str:
    alarm = case.standing
    if alarm is None:
        return ""
    since = f"since {moment(alarm.onset, case.zone)} ({case.zone})"
    snoozed = " Snoozed." if alarm.snoozed else ""
    told = f"{alarm.sentence}." if alarm.detector in PERFORMANCE else " ".join(_observed(case, alarm))
    return f"{alarm.severity.value.upper()} ({_where(case)}): {told} It has differed {since}.{snoozed}"
