"""Alarms of one model grouped into incidents: what broke together is told once. Pure.

Two alarms belong together where the windows that raised them overlap or follow within one window, or where they are of
the same column, in another segment or window length, while both last. A join that breaks is one incident of 300
columns, not 300 pages.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from detectors.changes.contract import SchemaChange
from detectors.wording import count, percent
from drift.core.alarm import Alarm, Severity
from drift.core.clock import DAY, to_datetime
from drift.core.window import Window

Moment = Callable[[int], str]
"""How a moment, microseconds, is said to a person."""

_NAMED: Final = 3
"""Columns named in a sentence."""
_TOGETHER: Final = 3
"""Columns that must have lost their values before a source of all of them is spoken of."""
_MOST: Final = 0.8
"""Share of the columns that must have."""
_ALIKE: Final = 0.02
"""What their missing shares rose by may differ by two points."""
_MISSING: Final = "share missing"


@dataclass(frozen=True, slots=True)
class Member:
    """An alarm, where it belongs, and when it ended."""

    alarm: Alarm
    spec: str = ""
    """Its window spec."""
    reference: int = 0
    """The reference it compares with."""
    ended: int | None = None
    """End of the window that ended it, microseconds; None: it stands."""
    id: int = 0
    """The store's; 0: it is not stored."""

    def lasts_with(self, other: "Member") -> bool:
        """Whether both were there at one time."""
        return _before(self.alarm.onset, other.ended) and _before(other.alarm.onset, self.ended)


@dataclass(frozen=True, slots=True)
class Incident:
    """What broke together."""

    members: tuple[Member, ...]
    """Worst first: pages before warnings, then by how many times the tolerance the effect is."""
    columns: tuple[str, ...]
    """Worst first, each once; empty names stand for the model itself."""
    severity: Severity
    """The worst of them: an incident pages once."""
    since: int
    """The earliest onset, microseconds."""
    raised: Window
    """The window that raised the first of them."""
    standing: bool
    """Whether any of them stands."""
    snoozed: bool
    """Whether all that stand are to be silent."""
    causes: tuple[SchemaChange, ...]
    """Changes of form in its columns; they explain the rest."""
    sentence: str


def incidents(
    members: Iterable[Member], changes: Sequence[SchemaChange] = (), moment: Moment | None = None
) -> tuple[Incident, ...]:
    """Group the alarms of one model; O(n log n), and the square of what one column has.

    Args:
        members: alarms of all segments, window lengths, columns and detectors.
        changes: changes of form that are known of the model now.
        moment: how a moment is said; UTC, unless given.

    Returns:
        Incidents, the worst first: those that stand, pages, more columns, the older.
    """
    ordered = sorted(members, key=lambda one: (one.alarm.raised, one.spec, one.alarm.segment, one.alarm.column))
    groups = _Groups(len(ordered))
    _by_time(ordered, groups)
    _by_column(ordered, groups)
    found = [_incident([ordered[at] for at in group], changes, moment) for group in groups.listed()]
    return tuple(sorted(found, key=_urgency))


def _by_time(ordered: Sequence[Member], groups: "_Groups") -> None:
    """Raised in windows that overlap or follow within one window, of the shorter of the two."""
    last = 0
    for at in range(1, len(ordered)):
        one, before = ordered[at].alarm.raised, ordered[last].alarm.raised
        if one.start <= before.end + min(before.end - before.start, one.end - one.start):
            groups.join(at, last)
        # the one that reaches furthest is what the next is compared with
        if one.end >= before.end:
            last = at


def _by_column(ordered: Sequence[Member], groups: "_Groups") -> None:
    """The same column while both last."""
    latest: dict[str, list[int]] = {}
    for at, one in enumerate(ordered):
        others = latest.setdefault(one.alarm.column, [])
        for other in others:
            if one.lasts_with(ordered[other]):
                groups.join(at, other)
        others.append(at)


def _before(time: int, end: int | None) -> bool:
    return end is None or time < end


class _Groups:
    """Disjoint sets of numbers."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def _root(self, at: int) -> int:
        while self._parent[at] != at:
            self._parent[at] = self._parent[self._parent[at]]
            at = self._parent[at]
        return at

    def join(self, one: int, other: int) -> None:
        """Put two numbers into one set."""
        self._parent[self._root(one)] = self._root(other)

    def listed(self) -> list[list[int]]:
        """All sets, ascending."""
        found: dict[int, list[int]] = {}
        for at in range(len(self._parent)):
            found.setdefault(self._root(at), []).append(at)
        return list(found.values())


def excess(alarm: Alarm) -> float:
    """By how many times what is borne the effect is; 0 where that is not known."""
    if not (math.isfinite(alarm.effect) and math.isfinite(alarm.tolerance) and alarm.tolerance > 0):
        return 0.0
    return abs(alarm.effect) / alarm.tolerance


def _rank(one: Member) -> tuple[bool, bool, float, int, str, str]:
    alarm = one.alarm
    return (
        one.ended is not None, alarm.severity is not Severity.PAGE, -excess(alarm), alarm.segment, alarm.column,
        one.spec,
    )  # fmt: skip


def _urgency(one: Incident) -> tuple[bool, bool, bool, int, int, tuple[str, ...]]:
    page = one.severity is Severity.PAGE
    return not one.standing, one.snoozed, not page, -len(one.columns), one.since, one.columns


def _incident(group: Sequence[Member], changes: Sequence[SchemaChange], moment: Moment | None) -> Incident:
    members = tuple(sorted(group, key=_rank))
    columns = tuple(dict.fromkeys(one.alarm.column for one in members))
    causes = tuple(change for change in changes if change.column in columns)
    since = min(one.alarm.onset for one in members)
    standing = [one for one in members if one.ended is None]
    pages = any(one.alarm.severity is Severity.PAGE for one in members)
    said = moment(since) if moment is not None else _moment(since, members)
    return Incident(
        members=members,
        columns=columns,
        severity=Severity.PAGE if pages else Severity.WARNING,
        since=since,
        raised=min(one.alarm.raised for one in members),
        standing=bool(standing),
        snoozed=bool(standing) and all(one.alarm.snoozed for one in standing),
        causes=causes,
        sentence=_sentence(members, columns, causes, said),
    )


def _sentence(members: Sequence[Member], columns: Sequence[str], causes: Sequence[SchemaChange], since: str) -> str:
    """What changed in form first, as it explains the rest; then what moved."""
    cause = "; ".join(change.sentence for change in causes[:_NAMED])
    more = f"; and {len(causes) - _NAMED} more changes of form" if len(causes) > _NAMED else ""
    itself = next((one.alarm.sentence for one in members if not one.alarm.column), "")
    moved = [name for name in columns if name]
    if len(columns) == 1:
        rest = members[0].alarm.sentence
    else:
        named, others = ", ".join(moved[:_NAMED]), ", …" if len(moved) > _NAMED else ""
        rest = f"{count(len(moved), 'column')} since {since}: {named}{others}"
        rest += _guess(members, columns)
        rest = f"{itself}; {rest}" if itself else rest
    return "; ".join(part for part in (cause + more, rest) if part)


def _moment(time: int, members: Sequence[Member]) -> str:
    """The hour, with its day unless everything happened on that one."""
    moment = to_datetime(time)
    latest = max(one.alarm.raised.end for one in members)
    return f"{moment:%H:%M}" if time // DAY == (latest - 1) // DAY else f"{moment:%Y-%m-%d %H:%M}"


def _guess(members: Sequence[Member], columns: Sequence[str]) -> str:
    """A source that broke, where nearly all columns lost their values in the same share of rows; else nothing."""
    lost: Mapping[str, float] = {
        one.alarm.column: one.alarm.effect
        for one in reversed(members)
        if one.alarm.what == _MISSING and one.alarm.effect > 0 and one.alarm.segment == 0
    }
    if len(lost) < _TOGETHER or len(lost) < _MOST * len(columns):
        return ""
    usual, many = Counter(round(share / _ALIKE) for share in lost.values()).most_common(1)[0]
    if many < _MOST * len(lost):
        return ""
    share = percent(usual * _ALIKE)
    return f"; {share} of the rows lost each of them: what they are joined from may have broken"
