"""What the first reading notes of each column, in bounded memory: enough to tell its kind and to cut its bins."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from drift.core.columnar import coded, lengths_of, moments_of, numbers_into, plain
from drift.core.derive import MOMENTS, NO_TIME, derive_moments
from drift.core.grid import key_hash
from drift.core.schema import canonical_key

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MAX_NUMBERS: Final = 4_096
"""Distinct numbers counted exactly per column."""
MAX_TEXTS: Final = 100_000
"""Distinct texts counted exactly per column …"""
MAX_CHARACTERS: Final = 8 << 20
"""… as long as they are no longer than this together; 1,000 columns share 32 times as much."""
LONGEST_KEY: Final = 256
SAMPLED_TEXT: Final = "text"
EXACT_INTEGERS: Final = 2.0**53
_DATE: Final = r"^\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d|$)"


@dataclass(slots=True)
class Numbers:
    """Numbers seen. `counts` is None once there were too many distinct ones."""

    n: int = 0
    """Finite ones."""
    minus: int = 0
    plus: int = 0
    """Infinite ones."""
    low: float = np.inf
    high: float = -np.inf
    huge: dict[int, int] | None = field(default_factory=dict)
    """Integers beyond 2**53, which doubles cannot tell apart; None: too many distinct ones."""
    counts: dict[float, int] | None = field(default_factory=dict)

    @property
    def infinite(self) -> int:
        """Infinite numbers of both signs."""
        return self.minus + self.plus

    def see_huge(self, values: list[int]) -> None:
        """Integers beyond 2**53, which `see` is given as well."""
        if self.huge is not None:
            for value in values:
                self.huge[value] = self.huge.get(value, 0) + 1
            if len(self.huge) > MAX_NUMBERS:
                self.huge = None

    def see(self, values: Floats) -> None:
        """Values in any order; NaN is none."""
        finite = values[np.isfinite(values)]
        self.minus += int((values == -np.inf).sum())
        self.plus += int((values == np.inf).sum())
        if not finite.size:
            return
        self.n += finite.size
        self.low, self.high = min(self.low, float(finite.min())), max(self.high, float(finite.max()))
        if self.counts is None:
            return
        distinct, counts = _counted(finite)
        if distinct.size <= MAX_NUMBERS:
            for value, count in zip(distinct.tolist(), counts.tolist(), strict=True):
                self.counts[value] = self.counts.get(value, 0) + count
        if max(distinct.size, len(self.counts)) > MAX_NUMBERS:
            self.counts = None


@dataclass(slots=True)
class Texts:
    """Texts seen. `counts` is None once there were too many distinct ones."""

    n: int = 0
    characters: int = 0
    spaces: int = 0
    dates: int = 0
    """Texts that start as an ISO date does."""
    counts: dict[str, int] | None = field(default_factory=dict)
    held: int = 0

    def see(self, values: Any, counts: Ints, room: int) -> None:
        """Distinct texts of a batch (Arrow) and how often each is there."""
        import pyarrow.compute as pc

        def total(per_value: Any) -> int:
            return int((per_value.to_numpy(zero_copy_only=False).astype(np.int64) * counts).sum())

        self.n += int(counts.sum())
        self.characters += total(pc.utf8_length(values))
        self.spaces += total(pc.count_substring(values, " "))
        self.dates += total(pc.match_substring_regex(values, _DATE))
        if self.counts is None:
            return
        for value, count in zip(values.to_pylist(), counts.tolist(), strict=True):
            if value in self.counts:
                self.counts[value] += count
            else:
                self.counts[value] = count
                self.held += len(value)
        if len(self.counts) > MAX_TEXTS or self.held > room:
            self.counts = None


@dataclass(slots=True)
class Tally:
    """One column. Values of several types are noted apart; `infer` makes up its mind at the end."""

    name: str
    room: int = MAX_CHARACTERS
    rows: int = 0
    nested: int = 0
    """Lists, structs, bytes, durations: what can be neither number nor key."""
    moments: int = 0
    """Values of a date or timestamp type."""
    flags: list[int] = field(default_factory=lambda: [0, 0])
    numbers: Numbers = field(default_factory=Numbers)
    texts: Texts = field(default_factory=Texts)
    derived: dict[str, Numbers] = field(default_factory=dict)
    first: int | None = None
    last: int | None = None
    """Earliest and latest moment, microseconds."""
    as_moments: bool = False
    """Numbers are epochs: the user said so, or it is the event time."""
    is_label: bool = False
    """The number sample keeps its texts as well, hashed, so that scores can be told apart by them."""

    @property
    def values(self) -> int:
        """Rows that hold something, of whatever type."""
        return self.numbers.n + self.numbers.infinite + sum(self.flags) + self.texts.n + self.moments + self.nested

    def see(self, raw: Any, time: Ints | None, chosen: "Chosen") -> Iterator[tuple[str, npt.NDArray[Any]]]:
        """Note a batch; yields what the samples keep of it, by what it was made for ('' are the numbers)."""
        n = chosen.rows
        self.rows += n
        for part, where in _by_type(raw):
            present = part.null_count < len(part) if hasattr(part, "null_count") else len(part) > 0
            if present:
                yield from self._see(part, _Spread(chosen, where), time)

    def _see(self, part: Any, spread: "_Spread", time: Ints | None) -> Iterator[tuple[str, Any]]:
        match _family(part):
            case "number":
                values = np.empty(len(part))
                numbers_into(values, part)
                self.numbers.see(values)
                self.numbers.see_huge(_huge(part, values))
                yield "", spread(values)
                if self.as_moments:
                    yield from self._moments(part, spread, time)
            case "flag":
                values = np.empty(len(part))
                numbers_into(values, _as_bytes(part))
                self.flags[0] += int((values == 0).sum())
                self.flags[1] += int((values == 1).sum())
                yield "", spread(values)
            case "text":
                yield from self._text(part, spread, time)
            case "moment":
                self.moments += len(part) - _nulls(part)
                yield from self._moments(part, spread, time)
            case _:
                self.nested += len(part) - _nulls(part)

    def _text(self, part: Any, spread: "_Spread", time: Ints | None) -> Iterator[tuple[str, Any]]:
        import pyarrow as pa

        keys = coded(part)
        counts = np.bincount(keys.codes[keys.codes >= 0], minlength=len(keys.dictionary)).astype(np.int64)
        there = np.flatnonzero(counts)
        values = pa.array([keys.dictionary[code] for code in there], pa.large_string())
        dates = self.texts.dates
        self.texts.see(values, counts[there], self.room)
        lengths, _ = lengths_of(part)
        self._derived("length").see(lengths)
        yield "length", spread(lengths)
        short = [key if isinstance(key, str) and len(key) <= LONGEST_KEY else None for key in keys.dictionary]
        yield SAMPLED_TEXT, np.array([*short, None], object)[spread.texts(keys.codes)]
        if self.is_label:
            hashes = [float(key_hash(str(key)) >> 12) for key in keys.dictionary]
            yield "", np.array([*hashes, np.nan])[spread(keys.codes, -1)]
        if self.texts.dates > dates or self.as_moments:
            yield from self._moments(part, spread, time)

    def _moments(self, part: Any, spread: "_Spread", time: Ints | None) -> Iterator[tuple[str, Any]]:
        micros, wrong = moments_of(part)
        valid = micros[micros != NO_TIME]
        if not valid.size:
            return
        first, last = int(valid.min()), int(valid.max())
        self.first = first if self.first is None else min(first, self.first)
        self.last = last if self.last is None else max(last, self.last)
        for what in MOMENTS:
            if what == "age" and time is None:
                continue
            now = spread.pick(time) if time is not None else micros
            values, _ = derive_moments(what, micros, wrong, now)
            if what == "age":
                values[now == NO_TIME] = np.nan
            self._derived(what).see(values)
            yield what, spread(values)

    def _derived(self, what: str) -> Numbers:
        return self.derived.setdefault(what, Numbers())

    @property
    def key_counts(self) -> dict[str, int] | None:
        """How often each key is there, as it is counted; None: too many."""
        if self.texts.counts is None or self.numbers.counts is None:
            return None
        if self.numbers.huge is None:
            return None
        counts = dict(self.texts.counts)
        exact = dict(self.numbers.counts)
        for whole, count in self.numbers.huge.items():
            if abs(whole) < sys.float_info.max:
                exact[float(whole)] -= count
            counts[str(whole)] = counts.get(str(whole), 0) + count
        for value, count in exact.items():
            if count:
                counts[canonical_key(value)] = counts.get(canonical_key(value), 0) + count
        few = {"false": self.flags[0], "true": self.flags[1], "-inf": self.numbers.minus, "inf": self.numbers.plus}
        for key, count in few.items():
            if count:
                counts[key] = counts.get(key, 0) + count
        return counts


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which rows of a batch the samples want."""

    rows: int
    """Rows of the batch."""
    numbers: Ints
    texts: Ints


class _Spread:
    """Values of some of a batch's rows → the values at the sampled rows."""

    def __init__(self, chosen: Chosen, where: Ints | None) -> None:
        self._chosen, self._where = chosen, where

    def __call__(self, values: Any, missing: object = np.nan) -> Any:
        return self._at(self._chosen.numbers, values, missing)

    def texts(self, codes: Any) -> Any:
        """Codes at the rows that the text sample wants; −1 is missing."""
        return self._at(self._chosen.texts, codes, -1)

    def _at(self, at: Ints, values: Any, missing: object) -> Any:
        if self._where is None:
            return values[at]
        out = np.full(self._chosen.rows, missing, values.dtype)
        out[self._where] = values
        return out[at]

    def pick(self, whole: Ints) -> Ints:
        """Of a value per row those that these rows have."""
        return whole if self._where is None else whole[self._where]


def _by_type(raw: Any) -> Iterator[tuple[Any, Ints | None]]:
    """A typed column as it is (None: all rows); a list or an object array cut by the types of its values."""
    if not isinstance(raw, list) and not (isinstance(raw, np.ndarray) and raw.dtype.kind == "O"):
        yield raw, None
        return
    import pyarrow as pa

    groups: dict[str, list[int]] = {}
    for at, value in enumerate(raw):
        groups.setdefault(_python_family(value), []).append(at)
    for family, places in groups.items():
        values = [raw[at] for at in places]
        if family == "number":
            yield values, np.array(places)
        elif family == "flag":
            yield pa.array(map(bool, values)), np.array(places)
        elif family == "text":
            yield pa.array([v.encode("utf-8", "replace").decode() for v in values]), np.array(places)
        elif family == "moment":
            yield moments_of(values)[0].view("datetime64[us]"), np.array(places)
        elif family == "nested":
            yield pa.array([b""] * len(values)), np.array(places)


def _python_family(value: Any) -> str:
    from datetime import date
    from decimal import Decimal

    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return "none"
    if isinstance(value, bool | np.bool_):
        return "flag"
    if isinstance(value, int | float | Decimal | np.number):
        return "none" if value != value else "number"
    if isinstance(value, str):
        return "text"
    return "moment" if isinstance(value, date | np.datetime64) else "nested"


def _family(part: Any) -> str:
    if isinstance(part, list):
        return "number"
    if isinstance(part, np.ndarray):
        return {"b": "flag", "M": "moment"}.get(part.dtype.kind, "number")
    import pyarrow as pa

    types, kind = pa.types, part.type
    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_boolean(kind):
        return "flag"
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "number"
    if types.is_timestamp(kind) or types.is_date(kind):
        return "moment"
    text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    return "text" if text else "nested"


def _nulls(part: Any) -> int:
    if isinstance(part, np.ndarray):
        return int(np.isnat(part).sum())
    return int(part.null_count)


def _as_bytes(part: Any) -> Any:
    if isinstance(part, np.ndarray):
        return part.astype(np.int8)
    import pyarrow as pa

    return plain(part).cast(pa.int8())


def _huge(part: Any, values: Floats) -> list[int]:
    """The integers of an integer column that doubles cannot tell apart."""
    at = np.flatnonzero(np.abs(values) >= EXACT_INTEGERS)
    if not at.size:
        return []
    if isinstance(part, list):
        return [part[i] for i in at if isinstance(part[i], int)]
    if isinstance(part, np.ndarray):
        return part[at].tolist() if part.dtype.kind in "iu" else []
    import pyarrow as pa

    found: list[int] = plain(part).take(pa.array(at)).to_pylist() if pa.types.is_integer(part.type) else []
    return found


def _counted(values: Floats) -> tuple[Floats, Ints]:
    import pyarrow as pa
    import pyarrow.compute as pc

    counted = pc.value_counts(pa.array(values))
    return counted.field("values").to_numpy(), counted.field("counts").to_numpy()
