"""Which column plays which part: what the user said, and the few names that say it themselves."""

import difflib
import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from drift.core.columnar import Columns, numbers_into
from drift.core.derive import NO_TIME
from drift.core.derived import moments_of
from drift.core.errors import ReferenceRefused
from drift.core.schema import Role
from drift.reference.options import ReferenceOptions

TELLING: Final[Mapping[Role, tuple[str, ...]]] = {
    Role.PREDICTION: ("prediction",),
    Role.SCORE: ("score",),
    Role.LABEL: ("label", "target"),
    Role.TIME: ("time", "timestamp", "event_time"),
    Role.ID: ("id",),
}
_OLDEST: Final = 631_152_000_000_000  # 1990: numbers below are seconds since something else


def resolve_roles(
    names: Sequence[str], options: ReferenceOptions, first: Columns
) -> tuple[dict[str, Role], dict[str, str], list[str]]:
    """Column → role for every column that is no plain feature.

    Args:
        names: the data's columns.
        options: what the user said.
        first: the first batch, to see whether a name says the truth.

    Returns:
        Roles; column → why, for those that were ignored or inferred; notes for the reader of the summary.

    Raises:
        ReferenceRefused: a column that was named is not there.
    """
    for name in (*options.roles, *options.kinds, *options.segments):
        _require(name, names)
    roles, why = dict(options.roles), dict.fromkeys((*options.roles, *options.kinds), "as configured")
    for pattern in options.ignore:
        matched = [name for name in names if fnmatch.fnmatchcase(name, pattern)]
        if not matched and not any(sign in pattern for sign in "*?["):
            _require(pattern, names)
        for name in matched:
            roles.setdefault(name, Role.IGNORE)
            why[name] = "ignored as configured"
    notes = []
    for role, telling in TELLING.items():
        found = [name for name in names if name.lower() in telling and name not in roles and name not in options.kinds]
        if role in roles.values() or not found:
            continue
        if len(found) > 1:
            notes.append(f"{' and '.join(found)} could both be the {role}; say which, as in '{role}: {found[0]}'")
        elif _plausible(role, first.get(found[0])):
            roles[found[0]], why[found[0]] = role, f"its name says {role}"
    return roles, why, notes


def _require(name: str, names: Sequence[str]) -> None:
    if name not in names:
        near = difflib.get_close_matches(name, names, 3, 0.5) or list(names[:8])
        raise ReferenceRefused(
            f"there is no column {name!r}; there {'are' if len(near) > 1 else 'is'} {', '.join(near)}"
        )


def _plausible(role: Role, raw: Any) -> bool:
    """Whether the first values are what the name promises."""
    if role is Role.TIME:
        micros, wrong = moments_of(raw)
        there = micros[micros != NO_TIME]
        return bool(there.size and not wrong.size and (there >= _OLDEST).all())
    if role is Role.SCORE:
        values = np.empty(len(raw))
        wrong, _ = numbers_into(values, raw)
        there = values[~np.isnan(values)]
        return bool(there.size and not wrong.size and there.min() >= 0 and there.max() <= 1)
    return True
