"""What detection remembers of one reference and window spec: between windows in memory, between slices as bytes.

The bytes hold everything that the next window's verdict depends on, so that a restart, a replay and a second machine go
on exactly where they were taken, and a snapshot can be gone back to when late rows come.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from detectors.sequential.contract import State
from detectors.sequential.state import dump, load
from drift.core.alarm import Alarm, Severity
from drift.core.errors import ProfileMismatch
from drift.core.window import Window

Key = tuple[str, int, str, int]
"""`Alarm.key`"""

_WINDOWS: Final = "windows"
_ANSWERS: Final = "answers"
_STEPPED: Final = "stepped"
_LEARNING: Final = "learning"
_ALARMS: Final = "alarms"
_JUDGED: Final = "judged/"


@dataclass(frozen=True, slots=True)
class Ended:
    """An alarm that is over."""

    alarm: Alarm
    at: int
    """End of the window that ended it."""
    why: str


@dataclass
class Memory:
    """Of one reference and window spec."""

    first: int | None = None
    """Start of the first window stepped; None: none was."""
    last: Window | None = None
    """The latest window stepped or learnt from."""
    states: dict[str, State] = field(default_factory=dict)
    """`segment/detector` → its watch's state."""
    answers: tuple[int, ...] = ()
    """Ids of the answers that the states were stepped under."""
    alarms: dict[Key, Alarm] = field(default_factory=dict)
    """Those that stand."""
    ended: dict[Key, Ended] = field(default_factory=dict)
    """Those that ended not long ago."""
    stepped: dict[int, int] = field(default_factory=dict)
    """Start of a recent window → the rows that it was stepped with."""
    judged: dict[int, npt.NDArray[np.bool_]] = field(default_factory=dict)
    """Segment → (C,) whether any detector judges the column."""
    learning: list[Window] = field(default_factory=list)
    """Windows that a baseline is to be learnt from, ascending."""

    def forget(self, before: int) -> None:
        """Forget what lies so far back that no late row can change it."""
        self.stepped = {start: rows for start, rows in self.stepped.items() if start >= before}
        self.ended = {key: one for key, one in self.ended.items() if one.at >= before}

    def take(self, other: "Memory") -> None:
        """Become the other one."""
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(other, name))

    def pack(self) -> bytes:
        """Bytes; the same memory gives the same ones."""
        first = [] if self.first is None else [self.first]
        arrays: dict[str, npt.NDArray[Any]] = {
            _ANSWERS: np.array(self.answers, np.int64),
            _WINDOWS: np.array([*(() if self.last is None else (self.last.start, self.last.end)), *first], np.int64),
            _STEPPED: np.array(sorted(self.stepped.items()), np.int64).reshape(-1, 2),
            _LEARNING: np.array([(one.start, one.end) for one in self.learning], np.int64).reshape(-1, 2),
            _ALARMS: _bytes(self.alarms, self.ended),
        }
        arrays |= {f"{_JUDGED}{segment}": mask for segment, mask in self.judged.items()}
        for place, state in self.states.items():
            arrays |= {f"{place}/{name}": array for name, array in state.items()}
        return dump(arrays)

    @staticmethod
    def unpack(blob: bytes) -> "Memory":
        """What `pack` wrote.

        Raises:
            ProfileMismatch: the bytes are no such memory.
        """
        arrays = dict(load(blob))
        if not arrays.keys() >= {_ALARMS, _ANSWERS, _WINDOWS, _STEPPED, _LEARNING}:
            raise ProfileMismatch("these bytes are no stored memory of detectors; another release wrote them")
        alarms, ended = msgspec.msgpack.decode(arrays.pop(_ALARMS).tobytes(), type=_Alarms)
        answers, windows, stepped, learning = (
            arrays.pop(name).tolist() for name in (_ANSWERS, _WINDOWS, _STEPPED, _LEARNING)
        )
        masks = [name for name in arrays if name.startswith(_JUDGED)]
        judged = {int(name.removeprefix(_JUDGED)): arrays.pop(name) for name in masks}
        states: dict[str, dict[str, npt.NDArray[Any]]] = {}
        for name, array in arrays.items():
            segment, detector, part = name.split("/", 2)
            states.setdefault(f"{segment}/{detector}", {})[part] = array
        return Memory(
            first=windows[2] if len(windows) > 2 else None,
            last=Window(*windows[:2]) if windows else None,
            states=dict(states),
            answers=tuple(answers),
            alarms={one.key: one for one in alarms},
            ended={one.alarm.key: one for one in ended},
            stepped=dict(stepped),
            judged=judged,
            learning=[Window(*one) for one in learning],
        )


_Alarms = tuple[list[Alarm], list[Ended]]


def plain(value: Any) -> Any:
    """NumPy's numbers as Python's, for msgspec.

    Raises:
        NotImplementedError: it is none.
    """
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"an alarm cannot hold a {type(value).__name__}")


def same(one: Alarm, other: Alarm) -> bool:
    """Whether both say the same, numbers that do not exist included."""
    encoded = (msgspec.msgpack.encode(alarm, enc_hook=plain) for alarm in (one, other))
    return next(encoded) == next(encoded)


def _bytes(alarms: Mapping[Key, Alarm], ended: Mapping[Key, Ended]) -> npt.NDArray[np.int8]:
    both = [alarms[key] for key in sorted(alarms)], [ended[key] for key in sorted(ended)]
    return np.frombuffer(msgspec.msgpack.encode(both, enc_hook=plain), np.int8)


def adopted(stored: State | None, fresh: State) -> State:
    """The stored state in the shape that the watch needs now: another baseline may have more or fewer parts."""
    if stored is None:
        return fresh
    return {name: _reshaped(stored.get(name), start) for name, start in fresh.items()}


def _reshaped(had: npt.NDArray[Any] | None, start: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if had is None or had.ndim != start.ndim or had.dtype != start.dtype:
        return start
    if had.shape == start.shape:
        return had
    both = tuple(slice(0, min(a, b)) for a, b in zip(had.shape, start.shape, strict=True))
    grown = start.copy()
    grown[both] = had[both]
    return grown


def worst_first(alarms: Iterable[Alarm]) -> tuple[Alarm, ...]:
    """Pages before warnings, the oldest first."""

    def order(one: Alarm) -> tuple[bool, int, int, str, str]:
        return one.severity is not Severity.PAGE, one.raised.start, one.segment, one.column, one.detector

    return tuple(sorted(alarms, key=order))
