"""What a watch knows of a column, in words: what it compares with, what replaying that found, what it cannot see.

`About` is the plain mapping of `Watch.about`, as it comes back from the store: whatever is missing or null is left out.

    judged        reliable, inflated or not judged; `why` says why not
    windows       C, the baseline's windows; `inflation` IF: how many of them are worth one independent one
    season        none, hour, weekday, hour+weekend or hour-of-week
    scores        [{what, tolerance, phi, omega, blind}] in standard deviations
    shares        [{what, baseline, tolerance_low, tolerance_high}] as shares
    widened       2, 3, 4 or 6 standard deviations of its own wander that are tolerated
    self_check    {windows, alarms, expected, bound}
    origin, rows  where the baseline comes from, and how many rows it has

Anything else that is plain is said as it is.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import zstandard

from detectors.wording import amount, count, listed, named, number
from drift.core.errors import StoreError

About = Mapping[str, Any]
Abouts = Mapping[str, About]
"""Column → what its watch says of it."""

BLIND: Final = 0.5
"""Tolerances above so many standard deviations are called blind."""
ENOUGH: Final = 30
"""Independent windows from which a baseline's false-alarm rate is known well enough to page."""
_SEASONS: Final = {
    "hour": "with the same hour of the day",
    "weekday": "with the same day of the week",
    "hour+weekend": "with the same hour of the day, working days and weekends apart",
    "hour-of-week": "with the same hour of the week",
}
_ORIGINS: Final = {
    "reference": "the reference",
    "production": "production's own first windows",
    "accepted": "a stretch of production that somebody accepted",
}
_EXPECTED: Final = frozenset(
    ("judged", "why", "windows", "inflation", "season", "scores", "shares", "widened", "self_check", "origin", "rows")
)
_LARGEST: Final = 64 << 20
MEND: Final = "What helps: longer windows, more weeks of reference, `segments` that differ, or another `seasonal`."


def known_of(about: About, spec: str, budget: str, *, told: bool = False) -> Iterator[str]:
    """Paragraphs; `spec` is the windows' name, `budget` as the user wrote it, `told`: it was said why it only warns."""
    if not about:
        return
    judged = about.get("judged")
    if judged == "not judged":
        yield f"It cannot be judged with windows of {spec}: {about.get('why') or 'too little is known of it'}. {MEND}"
    yield " ".join(_compared_with(about))
    yield " ".join(_self_check(about, budget))
    yield _others(about)
    blind = [one for one in about.get("scores") or () if one.get("blind") or (value(one, "tolerance") or 0) > BLIND]
    if blind:
        shifts = listed([_below(one) for one in blind])
        yield f"Blind: with windows of {spec} a shift of {shifts} cannot be told from the column's own wander. {MEND}"
    elif judged == "inflated":
        yield MEND if told else f"With windows of {spec} it can warn, but not page: {independent(about)}. {MEND}"


def _others(about: About) -> str:
    """What another detector says of itself: plain numbers and words under names of its own."""
    known = ((name, found) for name, found in about.items() if name not in _EXPECTED)
    told = [
        f"{name.replace('_', ' ')} {found if isinstance(found, str) else number(float(found))}"
        for name, found in known
        if isinstance(found, str | int | float) and found != ""
    ]
    return f"Its detector: {', '.join(told)}." if told else ""


def _below(score: About) -> str:
    what, tolerance = str(score.get("what", "")), value(score, "tolerance")
    return f"its {named(what)}" + (f" below {amount(what, tolerance)}" if tolerance is not None else "")


def independent(about: About) -> str:
    """Why a baseline is too short."""
    windows, inflation = value(about, "windows"), value(about, "inflation")
    if not windows or not inflation:
        return str(about.get("why") or "too few independent windows")
    worth = f"{windows / inflation:,.0f} independent ones"
    return (
        f"its {count(int(windows), 'window')} are so alike one after the other that they are worth {worth}, of {ENOUGH}"
    )


def _compared_with(about: About) -> Iterator[str]:
    origin, rows = about.get("origin"), value(about, "rows")
    if origin:
        size = f" ({count(int(rows), 'row')})" if rows else ""
        season = _SEASONS.get(str(about.get("season")), "")
        yield f"It is compared with {_ORIGINS.get(str(origin), origin)}{size}{f', {season}' if season else ''}."
    wide = value(about, "widened") or 2
    if wide > 2:
        yield (
            "Replaying that was too loud at first, so the tolerance has room for "
            f"{number(wide)} standard deviations of the column's own wander instead of 2."
        )


def _self_check(about: About, budget: str) -> Iterator[str]:
    found = about.get("self_check") or {}
    windows, alarms = value(found, "windows"), value(found, "alarms")
    if not windows or alarms is None:
        if about.get("judged") in ("reliable", "inflated"):
            yield "The baseline was too short to replay: how often this would alarm on normal data is not known."
        return
    raised = "never alarmed" if not alarms else "alarmed once" if alarms == 1 else f"alarmed {alarms:,.0f} times"
    yield f"Replayed over {count(int(windows), 'window')} of baseline that it had not learnt from, it {raised}."
    expected, bound = value(found, "expected"), value(found, "bound")
    if expected is not None and bound is not None:
        of = f"budget of {budget}" if budget else "budget"
        yield f"The {of} allows the whole model {number(expected)} in that time; up to {bound:,.0f} may be chance."


def entry(about: About, part: str, what: str) -> About:
    """The one of `scores` or `shares` that is about `what`; empty: there is none."""
    entries = about.get(part)
    found = entries if isinstance(entries, Sequence) else ()
    return next((one for one in found if isinstance(one, Mapping) and one.get("what") == what), {})


def value(of: About, key: str) -> float | None:
    """A number, if there is one."""
    found = of.get(key)
    return float(found) if isinstance(found, int | float) and math.isfinite(found) else None


def pack(abouts: Abouts) -> bytes:
    """Column → about as the store keeps it: JSON under zstd, in which a number that is none is null."""
    return zstandard.ZstdCompressor().compress(msgspec.json.encode(abouts))


def unpack(blob: bytes) -> Abouts:
    """What `pack` was given.

    Raises:
        StoreError: the bytes are no such thing.
    """
    try:
        body = zstandard.ZstdDecompressor().decompress(blob, max_output_size=_LARGEST)
        return msgspec.json.decode(body, type=dict[str, dict[str, Any]])
    except (zstandard.ZstdError, msgspec.DecodeError) as error:
        raise StoreError(f"what a watch knows cannot be read: {error}; it is written anew with the next one") from error
