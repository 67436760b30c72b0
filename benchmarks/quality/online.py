"""river's ADWIN and KSWIN at their defaults. They have no reference: they warm up on its last windows."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final

import numpy as np

from benchmarks.quality.methods import Bools, Fitted, Reference
from benchmarks.quality.streams import Block, Floats

WARM_ROWS: Final = 50_000
WARM_WINDOWS: Final = 300


def adwin(reference: Reference) -> Fitted:
    """ADWIN fed with every row."""
    return _fitted(reference, _adwin, rows=True)


def kswin_rows(reference: Reference) -> Fitted:
    """KSWIN fed with every row."""
    return _fitted(reference, _kswin, rows=True)


def kswin_means(reference: Reference) -> Fitted:
    """KSWIN fed with one mean a window."""
    return _fitted(reference, _kswin, rows=False)


def _adwin(_column: int) -> Any:
    from river import drift

    made: Any = drift.ADWIN
    return made()


def _kswin(column: int) -> Any:
    from river.drift import KSWIN

    return KSWIN(seed=column)


def _fitted(reference: Reference, make: Callable[[int], Any], *, rows: bool) -> Fitted:
    warm = _Online([make(column) for column in range(len(reference.kinds))], rows)
    per_hour = max(1, reference.stream.rows(reference.hours[-1]))
    windows = min(WARM_WINDOWS, max(1, WARM_ROWS // per_hour)) if rows else WARM_WINDOWS
    if rows and isinstance(warm.detectors[0], _slow()):
        windows = min(windows, max(1, 200 // per_hour))
    for block in reference.stream.blocks(reference.hours[-windows:]):
        warm.alarm(block)
    return Fitted(lambda: deepcopy(warm))


def _slow() -> type:
    from river.drift import KSWIN

    return KSWIN


class _Online:
    """A detector for each column, fed from window to window."""

    def __init__(self, detectors: list[Any], rows: bool) -> None:
        self.detectors, self._rows = detectors, rows

    def alarm(self, block: Block) -> Bools:
        return np.array([self._feed(one, values) for one, values in zip(self.detectors, block.values, strict=True)])

    def _feed(self, detector: Any, values: Floats) -> bool:
        there = values[np.isfinite(values)]
        if not there.size:
            return False
        fired = False
        for value in there.tolist() if self._rows else [float(there.mean())]:
            detector.update(value)
            fired |= detector.drift_detected
        return fired
