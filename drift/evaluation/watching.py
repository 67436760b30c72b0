"""Watches: made once from a baseline, kept while they are used, told of to the store once."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec
import structlog
import zstandard

from detectors.sequential.contract import Context, SequentialDetector, Watch
from drift.core.baseline import Baseline, Stretch
from drift.core.catalogue import Model, Reference
from drift.core.errors import ConfigError
from drift.core.window import WindowSpec

log = structlog.get_logger(__name__)

COLUMNS: Final = 24_000
"""Columns of all watches kept in memory, about 50 KB each; at least one watch is kept."""

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A detector with the user's options."""

    detector: SequentialDetector
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Detectors:
    """What a model is watched by, and how often that may err."""

    chosen: tuple[Chosen, ...]
    alarm_windows: Callable[[WindowSpec], float]
    """Windows in which one false alarm is allowed."""


@dataclass(frozen=True, slots=True)
class Place:
    """What one watch looks at."""

    model: Model
    reference: Reference
    spec: WindowSpec
    segment: int


class Watches:
    """The watches of all models."""

    def __init__(self) -> None:
        self._made: OrderedDict[Key, Watch] = OrderedDict()
        self._wrong: dict[Key, str] = {}
        self._told: set[Key] = set()
        self._telling: set[Key] = set()

    def begin(self) -> None:
        """What was told in a transaction that failed has to be told again."""
        self._telling.clear()

    def committed(self) -> None:
        """What was told is stored."""
        self._told |= self._telling
        self._telling.clear()

    def get(
        self, place: Place, chosen: Chosen, baseline: Baseline, answers: Sequence[int], alarm_windows: float,
        beat: Callable[[], None] = lambda: None,
    ) -> tuple[Watch | None, str, bytes | None]:  # fmt: skip
        """The watch, or None and what is wrong with it; with what it knows of each column, where nobody was told yet.

        Seconds for 1,000 columns where it has to be made; `beat` is called while its baseline is read.
        """
        key = _key(place, chosen, baseline, answers, alarm_windows)
        if key in self._wrong:
            return None, self._wrong[key], None
        if key in self._made:
            self._made.move_to_end(key)
        else:
            read = replace(baseline, stretches=Beating(baseline.stretches, beat))
            wrong = self._make(key, place, chosen, read, alarm_windows)
            if wrong:
                return None, wrong, None
        watch = self._made[key]
        if key in self._told or key in self._telling:
            return watch, "", None
        self._telling.add(key)
        return watch, "", _about(watch, place.reference)

    def _make(self, key: Key, place: Place, chosen: Chosen, baseline: Baseline, alarm_windows: float) -> str:
        grid = place.reference.grid
        streams = len(grid.columns) * len(grid.segments)
        context = Context(baseline, place.spec, place.segment, alarm_windows, streams, chosen.options)
        try:
            self._made[key] = chosen.detector.watch(context)
        except ConfigError as error:
            wrong = f"detector {chosen.detector.name} does not watch: {error}"
            self._wrong[key] = wrong
            if place.segment == 0:
                log.warning("a detector cannot watch", model=place.model.name, window=place.spec.name, error=wrong)
            return wrong
        self._make_room()
        return ""

    def _make_room(self) -> None:
        held = sum(key[1] for key in self._made)
        while held > COLUMNS and len(self._made) > 1:
            gone, _ = self._made.popitem(last=False)
            held -= gone[1]


class Beating(Sequence[Stretch]):
    """Stretches that tell when one of them is read."""

    def __init__(self, stretches: Sequence[Stretch], beat: Callable[[], None]) -> None:
        self._stretches, self._beat = stretches, beat

    def __len__(self) -> int:
        return len(self._stretches)

    def __getitem__(self, at: int) -> Stretch:  # type: ignore[override]
        self._beat()
        return self._stretches[at]

    def __iter__(self) -> Iterator[Stretch]:
        for one in self._stretches:
            self._beat()
            yield one


def _key(place: Place, chosen: Chosen, baseline: Baseline, answers: Sequence[int], alarm_windows: float) -> Key:
    options = msgspec.json.encode(chosen.options, order="deterministic")
    return (
        place.reference.id, len(place.reference.grid.columns), place.spec, place.segment, chosen.detector.name,
        options, alarm_windows, baseline.origin, tuple(answers),
    )  # fmt: skip


def _about(watch: Watch, reference: Reference) -> bytes:
    plain = {name: dict(watch.about(at)) for at, name in enumerate(reference.grid.names)}
    return zstandard.ZstdCompressor().compress(msgspec.json.encode(plain))
