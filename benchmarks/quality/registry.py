"""Who takes part, and how much of each can be afforded in half an hour."""

from collections.abc import Callable
from typing import Final

from benchmarks.quality.binned import nannyml, psi
from benchmarks.quality.evidently_default import evidently
from benchmarks.quality.methods import Method
from benchmarks.quality.online import adwin, kswin_means, kswin_rows
from benchmarks.quality.ours import ours

OURS: Final = "ours"
ENDLESS: Final = 1_000_000
FEWEST: Final = 12


def _all(_n: int) -> int:
    return ENDLESS


def _values(most: int) -> Callable[[int], int]:
    """As many windows as hold so many rows, but no fewer than twelve."""
    return lambda n: max(FEWEST, most // n)


METHODS: Final = (
    Method(OURS, "Driftsum's default", ours, _all),
    Method("psi", "PSI > 0.2", psi, _all),
    Method("nannyml", "NannyML's default", nannyml, _all),
    Method("evidently", "Evidently's default", evidently, lambda n: 60 if n <= 5_000 else FEWEST, once=True),
    Method("adwin", "ADWIN on rows", adwin, _values(480_000)),
    Method("kswin", "KSWIN on window means", kswin_means, lambda _n: 300, once=True),
    Method("kswin-rows", "KSWIN on rows", kswin_rows, lambda n: 20 if n <= 50 else 0, once=True, changes=False),
)
PEERS: Final = METHODS[1:]
