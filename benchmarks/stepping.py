"""(f) Sequential detection on a wide model. As a child: `python -m benchmarks.stepping 1000 11 336`."""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from benchmarks.data import wide
from benchmarks.measuring import resident_mb, say

ROWS = 2_000
"""Of a window."""
DIFFERENT = 16
"""Windows that are counted; the baseline repeats them."""
STEPS = 24
HOUR = 3_600_000_000


class Nothing:
    """The windows before are not kept: what an alarm tells of a longer stretch is measured on its last window."""

    profile = None


@dataclass
class Kept:
    """A store of one reference whose stretches are unpacked when they are read, as the real one's are."""

    whole: Any
    blobs: Sequence[bytes]
    chunks: int

    def reference_profile(self, reference_id: int) -> Any:
        return self.whole

    def reference_stretches(self, reference: Any) -> Sequence[Any]:
        return Stretches(self.blobs, self.chunks)

    def answers(self, model_id: int) -> list[Any]:
        return []

    def profile(self, reference: Any, start: int, end: int, *, outcomes: bool = True) -> "Nothing":
        return Nothing()

    def detector_state(self, reference_id: int, spec: str, before: int | None = None) -> None:
        return None


class Stretches(Sequence[Any]):
    """Hours, the same few again and again."""

    def __init__(self, blobs: Sequence[bytes], chunks: int) -> None:
        self._blobs, self._chunks = blobs, chunks

    def __len__(self) -> int:
        return self._chunks

    def __getitem__(self, at: int) -> Any:  # type: ignore[override]
        from drift.core.baseline import Stretch
        from drift.core.profile import Sums
        from drift.core.window import Window

        number = range(self._chunks)[at]
        return Stretch(Window(number * HOUR, (number + 1) * HOUR), Sums.load(self._blobs[number % len(self._blobs)]))


def main(columns: int, segments: int, chunks: int) -> None:
    from detectors.sequential import names
    from drift.core.catalogue import Model, Reference
    from drift.core.window import WindowSpec
    from drift.evaluation.detecting import Detecting
    from drift.evaluation.watching import Chosen, Detectors, Place
    from drift.reference import ReferenceOptions, build_reference, profile_frame

    values = tuple(f"s{n}" for n in range(segments - 2))
    options = ReferenceOptions(segments={"part": values} if segments > 1 else {}, multivariate=False)

    def frame(seed: int) -> Any:
        made = wide(ROWS, columns, seed=0 if seed < DIFFERENT + STEPS // 2 else seed)
        rng = np.random.default_rng(seed)
        made = made.iloc[rng.integers(0, ROWS, ROWS)].reset_index(drop=True)
        parts: npt.NDArray[np.str_] = rng.choice([*values, "rest"], ROWS)
        return made.assign(part=parts) if segments > 1 else made

    built = build_reference(frame(0), options)
    profiles = [profile_frame(frame(seed), built.grid) for seed in range(DIFFERENT + STEPS)]
    store = Kept(built.profile, [one.sums.dump() for one in profiles[:DIFFERENT]], chunks)
    spec = WindowSpec.parse("1h")
    model = Model(1, "wide", windows=(spec,))
    reference = Reference(1, 1, "1", "", built.schema, built.grid, built.rows, 0, 0)
    detectors = Detectors((Chosen(names.detectors()["default"]),), _thirty_days)
    detecting = Detecting(cast(Any, store), lambda _: detectors)
    detecting.begin()
    found = _measured(detecting, Place(model, reference, spec, 0), profiles[DIFFERENT:], chunks)
    say({**found, "chunks": chunks})


def _thirty_days(spec: Any) -> float:
    """Hours in which one false alarm is allowed."""
    return float(30 * 24 * HOUR / spec.length)


def _measured(detecting: Any, place: Any, profiles: Sequence[Any], chunks: int) -> dict[str, Any]:
    from detectors.sequential.state import load
    from drift.core.commit import WindowResult
    from drift.core.result import WindowState
    from drift.core.window import Window

    took, packing, raised = [], [], []
    blob = b""
    for n, profile in enumerate(profiles):
        window = Window((chunks + n) * HOUR, (chunks + n + 1) * HOUR)
        began = time.process_time()
        _, detection = detecting.step(place.model, place.reference, place.spec, window, profile)
        took.append(time.process_time() - began)
        raised.append(sum(change.kind == "raised" for change in detection.changes))
        result = WindowResult(
            1, 1, place.spec.name, window, 1, WindowState.FINAL, ROWS, 0, detection=replace(detection, state=b"")
        )
        began = time.process_time()
        [sealed] = detecting.sealed([result])
        packing.append(time.process_time() - began)
        blob = sealed.detection.state
    return {
        "make": took[0], "steps": [t for t, n in zip(took[1:], raised[1:], strict=True) if not n],
        "raising": [t for t, n in zip(took[1:], raised[1:], strict=True) if n], "raised": sum(raised),
        "pack": packing, "raw": sum(array.nbytes for array in load(blob).values()), "packed": len(blob),
        "held": resident_mb(os.getpid()),
    }  # fmt: skip


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
