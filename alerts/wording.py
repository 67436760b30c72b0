"""What incidents are called."""

from collections.abc import Sequence
from typing import Final

from drift.core.alert import Alert, Incident

TITLE: Final = 160
"""Characters: what fits a telephone's lock screen and every receiver's limit."""
_NAMED: Final = 3


def title(model: str, incident: Incident, members: Sequence[Alert]) -> str:
    """One line that says which model is in trouble and because of what; worst first."""
    if incident.family != "drift":
        worst = members[0].sentence if members else ""
        return _short(f"{model}: {worst}" if model else worst)
    columns = list(dict.fromkeys(one.key.column for one in members if not one.snoozed and one.key.column))
    itself = next((one.sentence for one in members if not one.key.column and not one.snoozed), "")
    if len(columns) < 2 and not (itself and columns):
        return _short(f"{model}: {members[0].sentence}")
    named, more = ", ".join(columns[:_NAMED]), len(columns) - _NAMED
    rest = f" and {more} more" if more > 0 else ""
    if not itself:
        return _short(f"{model}: {len(columns)} columns drifted: {named}{rest}")
    # performance comes first: what drifted beside it is at most why
    drifted = _short(f" ({len(columns)} drifted: {named}{rest})", TITLE // 2)
    return f"{_short(f'{model}: {itself}', TITLE - len(drifted) - 1)} {drifted}"


def _short(text: str, most: int = TITLE) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
