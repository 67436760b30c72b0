"""What the first reading notes of each column: enough to tell its kind and to cut its bins."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from drift.core.arrow import coded
from drift.core.columnar import numbers_into
from drift.core.derive import MOMENTS, NO_TIME, derive_moments
from drift.core.derived import moments_of
from drift.core.grid import key_hash
from drift.core.schema import canonical_key
from drift.core.vectors import vector
from drift.reference.families import as_bytes, by_type, family, huge_of, nulls_of
from drift.reference.noted import MAX_CHARACTERS, Lists, Numbers, Texts

Ints = npt.NDArray[np.int64]

LONGEST_KEY: Final = 256
SAMPLED_TEXT: Final = "text"
SAMPLED_LONG: Final = "long"
"""The beginning of sampled texts that are longer than a key."""
LONG_TEXT: Final = 1_024


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
    lists: Lists = field(default_factory=Lists)
    """Lists of numbers, also those written as text; they are `nested`, or texts, as well."""
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
        for part, where in by_type(raw):
            present = part.null_count < len(part) if hasattr(part, "null_count") else len(part) > 0
            if present:
                yield from self._see(part, _Spread(chosen, where), time)

    def _see(self, part: Any, spread: "_Spread", time: Ints | None) -> Iterator[tuple[str, Any]]:
        match family(part):
            case "number":
                values = np.empty(len(part))
                numbers_into(values, part)
                self.numbers.see(values)
                self.numbers.see_huge(huge_of(part, values))
                yield "", spread(values)
                if self.as_moments:
                    yield from self._moments(part, spread, time)
            case "flag":
                values = np.empty(len(part))
                numbers_into(values, as_bytes(part))
                self.flags[0] += int((values == 0).sum())
                self.flags[1] += int((values == 1).sum())
                yield "", spread(values)
            case "text":
                yield from self._text(part, spread, time)
            case "moment":
                self.moments += len(part) - nulls_of(part)
                yield from self._moments(part, spread, time)
            case other:
                self.nested += len(part) - nulls_of(part)
                if other == "vector":
                    self._lists(part)

    def _lists(self, part: Any) -> None:
        import pyarrow.compute as pc

        lengths = pc.list_value_length(part).fill_null(-1).to_numpy(zero_copy_only=False)
        self.lists.see(part, lengths)

    def _text(self, part: Any, spread: "_Spread", time: Ints | None) -> Iterator[tuple[str, Any]]:
        import pyarrow as pa

        keys = coded(part)
        counts = np.bincount(keys.codes[keys.codes >= 0], minlength=len(keys.dictionary)).astype(np.int64)
        there = np.flatnonzero(counts)
        values = pa.array([keys.dictionary[code] for code in there], pa.large_string())
        dates = self.texts.dates
        self.texts.see(values, counts[there], self.room)
        per_text = [float(len(key)) if isinstance(key, str) else np.nan for key in keys.dictionary]
        lengths = np.array([*per_text, np.nan])[keys.codes]
        self._derived("length").see(lengths)
        yield "length", spread(lengths)
        written = np.array([isinstance(key, str) and key[:1] == "[" for key in keys.dictionary], bool)
        if written.any():
            self._written(keys.dictionary, there[written[there]], counts)
        short = [key if isinstance(key, str) and len(key) <= LONGEST_KEY else None for key in keys.dictionary]
        yield SAMPLED_TEXT, np.array([*short, None], object)[spread.texts(keys.codes)]
        if any(isinstance(key, str) and len(key) > LONGEST_KEY for key in keys.dictionary):
            long = [
                str(key)[:LONG_TEXT] if one is None else None for key, one in zip(keys.dictionary, short, strict=True)
            ]
            yield SAMPLED_LONG, np.array([*long, None], object)[spread.texts(keys.codes)]
        if self.is_label:
            hashes = [float(key_hash(str(key)) >> 12) for key in keys.dictionary]
            yield "", np.array([*hashes, np.nan])[spread(keys.codes, -1)]
        if self.texts.dates > dates or self.as_moments:
            yield from self._moments(part, spread, time)

    def _written(self, texts: list[Any], at: Ints, counts: Ints) -> None:
        """Texts that may be JSON lists."""
        found = [vector(texts[i]) for i in at.tolist()]
        lengths = np.array([len(numbers) if numbers else -1 for numbers in found], np.int64)
        self.lists.see([texts[i] for i in at.tolist()], lengths, counts[at])

    def _moments(self, part: Any, spread: "_Spread", time: Ints | None) -> Iterator[tuple[str, Any]]:
        micros, _ = moments_of(part)
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
            values = derive_moments(what, micros, now)
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
