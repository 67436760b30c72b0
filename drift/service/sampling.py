"""Tests over the row samples of a window and of its reference, asked for by name."""

from collections.abc import Sequence
from typing import Protocol

from detectors.sampled.contract import LEVEL, Finding
from detectors.sampled.names import check, measure
from drift.core.catalogue import Reference
from drift.core.errors import NotFound
from drift.core.sample import RowSample
from drift.core.window import Window


class Samples(Protocol):
    """What is read."""

    def sample(self, reference_id: int, window: Window) -> RowSample | None:
        """The row sample of a stretch of event time."""

    def reference_sample(self, reference_id: int) -> RowSample | None:
        """The reference's own."""


def findings(
    store: Samples, reference: Reference, window: Window, names: Sequence[str], level: float = LEVEL
) -> tuple[Finding, ...]:
    """What tests say of a window's row sample.

    Args:
        store: where the samples are.
        reference: whose.
        window: any stretch of event time that is made of whole panes (hours or days, once those are compacted).
        names: `classifier`, `evidently:ks`, …; see `detectors.sampled.names`.
        level: false-alarm rate of the classifier test.

    Raises:
        ConfigError: there is no such test.
        NotFound: the model keeps no rows, or the window holds none.
    """
    asked = [check(name) for name in names]
    before = store.reference_sample(reference.id)
    if before is None:
        raise NotFound(
            f"reference {reference.id} keeps no rows; say `row_sample: 1000` for the model and register it again"
        )
    found = store.sample(reference.id, window)
    if found is None:
        raise NotFound(f"{window} holds no sampled rows of reference {reference.id}")
    return tuple(one for name in asked for one in measure(name, found, before, level))
