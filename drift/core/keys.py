"""From categories to slots: one dictionary look-up a value."""

import math
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt

from drift.core.grid import MISSING, WRONG, ColumnGrid, key_hash
from drift.core.rows import WRONG_TYPE, Coded, Key, Keys
from drift.core.schema import Column, Kind, Role, Storage, canonical_key
from drift.core.sketch import BUCKET, DISTINCT, bucket_of, cell_of

REMEMBERED_KEYS: Final = 100_000
LONGEST_REMEMBERED: Final = 256
"""Characters; longer keys are looked up anew."""
_BOOLEAN_SPELLINGS: Final = {"1": "true", "0": "false", "True": "true", "False": "false"}


class KeySlots(dict[Key, int]):
    """Key → slot of one column; looks up unknown keys once and remembers a bounded number of them."""

    def __init__(self, grid: ColumnGrid) -> None:
        super().__init__()
        self._unseen, self._other = grid.bins - 1, grid.bins - 2
        self._rare = frozenset(grid.rare)
        self._boolean = grid.column.kind is Kind.BOOLEAN
        self._hashed = {BUCKET: bucket_of, DISTINCT: cell_of}.get(grid.column.derive)
        self._missing = grid.bins + MISSING
        self._known = {key: slot for slot, key in enumerate(grid.keys)} if self._hashed is None else {}
        self.update(self._known)
        self[None] = self._missing
        self[WRONG_TYPE] = grid.bins + WRONG

    def __missing__(self, key: Key) -> int:
        slot = self._find(key)
        if len(self) < REMEMBERED_KEYS and (self._boolean or _spelled_alike(key)):
            self[key] = slot
        return slot

    def _find(self, key: Key) -> int:
        if isinstance(key, float) and math.isnan(key):
            return self._missing
        spelled = canonical_key(key)  # type: ignore[arg-type]  # None and WRONG_TYPE are in the dictionary already
        if self._hashed is not None:
            return self._hashed(key_hash(spelled))
        if self._boolean:
            spelled = _BOOLEAN_SPELLINGS.get(spelled, spelled)
        known = self._known.get(spelled)
        if known is not None:
            return known
        return self._other if key_hash(spelled) in self._rare else self._unseen


def _spelled_alike(key: Key) -> bool:
    """Whether a key is worth remembering: every key equal to it is spelled as it is, and it is short.

    True equals 1, and 2**60 a float with another spelling.

    To a dictionary they are one key, so that the first to come would decide for the others.
    """
    if isinstance(key, str):
        return len(key) <= LONGEST_REMEMBERED
    return isinstance(key, int | float) and key not in (0, 1) and abs(key) < 2**53


def segment_slots(values: tuple[str, ...]) -> KeySlots:
    """Slots of a segment column: its values in order, then `other` for anything else."""
    column = Column("segment", Kind.CATEGORICAL, Role.SEGMENT, Storage.STRING)
    return _OtherSlots(ColumnGrid(column, keys=values))


class _OtherSlots(KeySlots):
    """Slots of a segment column: whatever is not one of its values is `other`, the last."""

    def __init__(self, grid: ColumnGrid) -> None:
        super().__init__(grid)
        self[None] = self[WRONG_TYPE] = len(grid.keys)
        self._missing = self._unseen = self._other = len(grid.keys)


def id_keys(ids: Sequence[str]) -> npt.NDArray[np.int64]:
    """(n, 2) 128 bits of a hash (BLAKE2b) of each id, as two integers; about 1 µs an id."""
    digests = b"".join([blake2b(one.encode("utf-8", "replace"), digest_size=16).digest() for one in ids])
    return np.frombuffer(digests, "<i8").reshape(-1, 2).astype(np.int64)


def key_slots(keys: Keys, slots: KeySlots, n: int) -> npt.NDArray[np.int64]:
    """(n,) slot of each key. About 50 ns a plain key, 2 ns a coded one."""
    if isinstance(keys, Coded):
        table = np.fromiter(map(slots.__getitem__, (*keys.dictionary, None)), np.int64, len(keys.dictionary) + 1)
        return table[keys.codes]
    return np.fromiter(map(slots.__getitem__, keys), np.int64, n)
