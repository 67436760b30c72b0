"""All replications of one family at one size, put together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.quality.ours import ALARM_WINDOWS
from benchmarks.quality.registry import OURS, PEERS
from benchmarks.quality.running import Observed, Seen
from benchmarks.quality.scenarios import FAMILIES, Family, Scenario
from benchmarks.quality.streams import COLUMNS
from benchmarks.quality.summary import Budget, Comparison, Count, Delays, by_delay, by_share, joined, total


@dataclass(frozen=True, slots=True)
class Cell:
    """All replications of one family at one size."""

    family: Family
    n: int
    seen: Mapping[str, Sequence[Seen]]

    def quiet(self, method: str) -> Count:
        return total(one.quiet for one in self.seen.get(method, ()))

    def delays(self, method: str, scenario: Scenario) -> Delays:
        return joined([one.delays[scenario.name] for one in self.seen.get(method, ()) if scenario.name in one.delays])

    def changed(self, method: str, scenario: Scenario) -> Count:
        return total(one.changed[scenario.name] for one in self.seen.get(method, ()) if scenario.name in one.changed)

    @property
    def columns(self) -> int:
        """Columns of all replications of ours."""
        return COLUMNS * len(self.seen.get(OURS, ()))

    @property
    def unreliable(self) -> int:
        """Columns that ours says it cannot judge reliably."""
        return sum(one.unreliable for one in self.seen.get(OURS, ()))

    def keeps(self, method: str) -> bool:
        """Whether its false alarms stay within the budget, as far as can be told."""
        count = self.quiet(method)
        return count.windows > 0 and count.budget(ALARM_WINDOWS) is not Budget.BROKEN

    def compare(self, scenario: Scenario) -> Comparison:
        """Ours beside the peers that keep the budget."""
        peers = {m.name: self.delays(m.name, scenario) for m in PEERS if m.name in self.seen and self.keeps(m.name)}
        return (by_share if scenario.single else by_delay)(self.delays(OURS, scenario), peers)


def cells(observed: Iterable[Observed]) -> list[Cell]:
    """Replications put together, in the order of the families."""
    found: dict[tuple[str, int], dict[str, list[Seen]]] = {}
    for one in sorted(observed, key=lambda one: one.replication):
        for name, seen in one.methods.items():
            found.setdefault((one.family, one.n), {}).setdefault(name, []).append(seen)
    order = [(family, n) for family in FAMILIES for n in family.rows]
    return [Cell(family, n, found[family.name, n]) for family, n in order if (family.name, n) in found]
