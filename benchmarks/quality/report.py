"""What was observed → docs/detector-quality.md."""

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from math import isinf, isnan

from benchmarks.quality.cells import Cell, cells
from benchmarks.quality.evidently_default import ROWS as EVIDENTLY_ROWS
from benchmarks.quality.online import WARM_ROWS, WARM_WINDOWS
from benchmarks.quality.ours import ALARM_WINDOWS
from benchmarks.quality.registry import METHODS, OURS, PEERS
from benchmarks.quality.running import Observed
from benchmarks.quality.scenarios import BY_THE_HOUR, SIZES, Scenario
from benchmarks.quality.streams import COLUMNS
from benchmarks.quality.summary import (
    SLOWER,
    Budget,
    Count,
    Verdict,
    once,
)
from benchmarks.report import machine, table

BUDGETS = {Budget.KEPT: "kept", Budget.UNDECIDED: "above, within the interval", Budget.BROKEN: "**broken**"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a reader should know of the run."""

    date: str
    minutes: float
    seed: int
    checks: Mapping[str, str]


def render(observed: Sequence[Observed], facts: Facts) -> str:
    """The document."""
    every = cells(observed)
    parts = (_short_of(every), _losses(every), _false_alarms(every), _delays(every), _offsets(every), _sizes(every))
    return "\n".join([_head(facts), *parts])


def _short_of(every: Sequence[Cell]) -> str:
    """The outcome in numbers."""
    judged = [cell for cell in every if cell.quiet(OURS).windows and not cell.unreliable]
    budgets = Counter(cell.quiet(OURS).budget(ALARM_WINDOWS) for cell in judged)
    verdicts = Counter(
        cell.compare(scenario).verdict
        for cell in every
        for scenario in cell.family.scenarios
        if not scenario.offset and OURS in cell.seen
    )
    keeping = [
        f"  - {m.title}: {sum(cell.keeps(m.name) for cell in every)} of {sum(m.name in cell.seen for cell in every)}"
        for m in METHODS
        if any(m.name in cell.seen for cell in every)
    ]
    told = "\n".join(keeping)
    return f"""## In short

- Of {len(every)} kinds of stream ours says of {len(judged)} that it can judge every column; there its budget is
  {"; ".join(f"{BUDGETS[kind]} in {budgets[kind]}" for kind in Budget)}.
- Kinds of stream in which false alarms are not above the budget, as far as can be told:
{told}
- {sum(verdicts.values())} changes beside the best peer that keeps the budget:
  {"; ".join(f"{kind.value} {verdicts[kind]}" for kind in Verdict)}.
"""


def _head(facts: Facts) -> str:
    packages = ("numpy", "scipy", "pandas", "evidently", "river")
    found = "\n".join(f"- {name}: {what}." for name, what in facts.checks.items())
    return f"""# Detector quality

Written by `make bench-quality`, which also is the one command to measure it again. Every stream comes from a seed.
{COLUMNS} columns, hourly windows; the reference is held out, in the order of time, and lies before production.

- Driftsum's default is told one thing: at most one false alarm of the whole model per 30 days ({ALARM_WINDOWS}
  windows).
- A *false alarm* is a fresh one: a column that fires and did not in the window before. Ours latches, so that each of
  its alarms is one; of the others a column that fires ten windows in a row counts once, which is in their favour.
  Beside it stands the share of column-windows in which they fire at all.
- *Delay* is counted in windows: 1 is the window that the change began in. All {COLUMNS} columns change, each of them is
  a replication, since every method here judges a column by itself (checked below).
- Peers run at their defaults. PSI: ten quantile bins, missing is one more. NannyML: Jensen–Shannon distance, thresholds
  mean ± 3 sd of the reference's windows, by its formula. Evidently: the test its preset picks, without its report,
  against {EVIDENTLY_ROWS:,} rows of the reference. ADWIN and KSWIN warm up on the reference's last windows (up to
  {WARM_ROWS:,} rows, or {WARM_WINDOWS} means; KSWIN on rows on 200) and know nothing else of it; categories reach them
  as codes, and what is missing does not reach them.
- Slow peers see fewer windows and one replication; their intervals are wider for it, and they are given the benefit of
  the doubt: a peer *keeps the budget* unless its interval excludes it.

Date {facts.date}; seed {facts.seed}; {facts.minutes:.0f} minutes on two processes of one thread; {machine()};
Python {platform.python_version()}; {", ".join(f"{name} {version(name)}" for name in packages)}.

Checked in this run:

{found}
"""


def _sizes(every: Sequence[Cell]) -> str:
    sizes = dict.fromkeys(cell.n for cell in every)
    lines = []
    for n in sizes:
        size, cell = SIZES[n], next(cell for cell in every if cell.n == n)
        windows = [f"{m.title} {cell.quiet(m.name).windows:,}" for m in METHODS if cell.quiet(m.name).windows]
        lines.append((_rows(n), f"{size.reference}", f"{size.production}", f"{size.horizon}", "; ".join(windows)))
    heads = ("rows a window", "reference", "quiet production", "horizon", "quiet windows seen, all replications")
    return f"## How much was looked at\n\nWindows of one replication, by the rows of a window:\n\n{table(heads, lines)}"


def _false_alarms(every: Sequence[Cell]) -> str:
    lines = []
    for cell in every:
        count = cell.quiet(OURS)
        expected = count.windows / ALARM_WINDOWS
        told = f"{count.alarms} in {count.column_windows:,}" if count.windows else ""
        lines.append(
            (
                f"{cell.family.title}, n = {_rows(cell.n)}", f"{expected:.1f}", told, _rate(count), _judged(cell),
                *(_peer(cell.quiet(m.name)) for m in PEERS),
            )
        )  # fmt: skip
    heads = (
        "nothing is wrong", "budget allows", "ours, alarms in column-windows", "ours, per 30 days", "budget",
        *(m.title for m in PEERS),
    )  # fmt: skip
    return f"""## False alarms

Per model and 30 days, with the exact 95 % interval (Clopper–Pearson, each column-window a trial); of peers also the
share of column-windows in which they fire. † ours says of itself that the reference holds too few independent windows
(C/IF < 30): its rate *cannot be judged reliably*, and such an alarm wakes nobody. Of how many columns it says so stands
beside it. Where few windows could be afforded (n = 50,000) the interval is wide: *kept* then says little.

{table(heads, lines)}"""


def _judged(cell: Cell) -> str:
    count = cell.quiet(OURS)
    if not count.windows:
        return ""
    told = BUDGETS[count.budget(ALARM_WINDOWS)]
    return f"{told} † {cell.unreliable} of {cell.columns}" if cell.unreliable else told


def _peer(count: Count) -> str:
    return f"{_rate(count)}; {_percent(count.firing / count.column_windows)}" if count.windows else "not run"


def _rate(count: Count) -> str:
    if not count.windows:
        return ""
    low, high = count.interval_per(ALARM_WINDOWS)
    return f"{_short(count.per(ALARM_WINDOWS))} ({_short(low)}–{_short(high)})"


def _delays(every: Sequence[Cell]) -> str:
    lines = []
    for cell in every:
        for scenario in (scenario for scenario in cell.family.scenarios if not scenario.offset):
            shown = [_delay(cell, m.name, scenario) for m in PEERS]
            where = f"{cell.family.title}: {scenario.title}, n = {_rows(cell.n)}"
            lines.append((where, _delay(cell, OURS, scenario), *shown, _verdict(cell, scenario)))
    heads = ("change", "ours", *(m.title for m in PEERS), "verdict")
    return f"""## Delays

Median windows to the alarm, and the share of columns that raised one within the horizon; `> 480` says that half of them
or more did not within so many windows. (In brackets) stands a peer that breaks the budget where nothing is wrong: it
fires early because it fires anyway, and is not compared with. The verdict: our delay ÷ that of the best peer that keeps
the budget, good up to {SLOWER:g}; of a single window the shares are compared. † as above.

{table(heads, lines)}"""


def _delay(cell: Cell, method: str, scenario: Scenario) -> str:
    delays = cell.delays(method, scenario)
    if not delays.seen:
        return f"firing before ({delays.standing})" if delays.standing else "–"
    middle = f"> {delays.horizon}" if isinf(delays.median) else f"{delays.median:g}"
    text = f"{_percent(delays.detected)}" if scenario.single else f"{middle}; {_percent(delays.detected)}"
    if method == OURS:
        return f"{text} †" if cell.unreliable else text
    return text if cell.keeps(method) else f"({text})"


def _verdict(cell: Cell, scenario: Scenario) -> str:
    found = cell.compare(scenario)
    if isnan(found.ratio):
        return found.verdict.value
    by = next(m.title for m in METHODS if m.name == found.best)
    ratio = "∞" if isinf(found.ratio) else f"{found.ratio:.2g}"
    name = f"**{found.verdict}**" if found.verdict is Verdict.LOST else found.verdict.value
    return f"{name}: {ratio} × {by}"


def _offsets(every: Sequence[Cell]) -> str:
    lines = []
    for cell in every:
        for scenario in (scenario for scenario in cell.family.scenarios if scenario.offset):
            ours = cell.changed(OURS, scenario)
            alarms = f"{ours.alarms / cell.columns:.2f}" if cell.columns else ""
            verdict = "said once" if cell.columns and once(ours.alarms, cell.columns) else "**not said once**"
            peers = [_fresh(cell, m.name, scenario) for m in PEERS]
            lines.append((f"{scenario.title}, n = {_rows(cell.n)}", alarms, verdict, *peers))
    heads = ("constant offset", "ours, alarms a column", "", *(m.title for m in PEERS))
    return f"""## A constant offset between reference and production

Nothing else is wrong: it should be said once, and then be silent. Of peers: fresh alarms a column, and the share of
column-windows in which they fire.

{table(heads, lines)}"""


def _fresh(cell: Cell, method: str, scenario: Scenario) -> str:
    count = cell.changed(method, scenario)
    if not count.windows:
        return "–"
    columns = COLUMNS * len(cell.seen[method])
    return f"{_short(count.alarms / columns)}; {_percent(count.firing / count.column_windows)}"


def _losses(every: Sequence[Cell]) -> str:
    lost = [
        f"- {cell.family.title}: {scenario.title}, n = {_rows(cell.n)}: {_verdict(cell, scenario)}"
        for cell in every
        for scenario in cell.family.scenarios
        if not scenario.offset and cell.compare(scenario).verdict is Verdict.LOST
    ]
    broken = [
        f"- the budget: {cell.family.title}, n = {_rows(cell.n)}: {_rate(cell.quiet(OURS))} per 30 days"
        for cell in every
        if cell.quiet(OURS).windows and not cell.keeps(OURS)
    ]
    unsaid = [
        f"- {scenario.title}, n = {_rows(cell.n)}: not said once"
        for cell in every
        for scenario in cell.family.scenarios
        if scenario.offset and cell.columns and not once(cell.changed(OURS, scenario).alarms, cell.columns)
    ]
    told = "\n".join([*broken, *lost, *unsaid]) or "Nowhere in these tables."
    return f"## Where we lose\n\n{told}\n"


def _rows(n: int) -> str:
    return "50–5,000 by the hour" if n == BY_THE_HOUR else f"{n:,}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.0f} %"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"
