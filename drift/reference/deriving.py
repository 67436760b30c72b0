"""Which columns are counted beside a column, or in its place."""

from collections.abc import Iterator
from typing import Final

from drift.core.derive import MOMENTS
from drift.core.schema import Column, Kind, Role, Storage
from drift.core.sketch import BUCKET, DISTINCT
from drift.core.vectors import measures
from drift.core.words import EMPTY, LENGTH, OOV
from drift.reference.cut import MOST_KEYS
from drift.reference.noted import Numbers
from drift.reference.tally import Tally

ORDINAL_MOST: Final = 64


def is_ordinal(numbers: Numbers) -> bool:
    """At most 64 distinct numbers, each there several times: few distinct ones of few rows say nothing."""
    if numbers.counts is None or len(numbers.counts) > ORDINAL_MOST:
        return False
    return len(numbers.counts) == 1 or numbers.n >= 5 * len(numbers.counts)


def derived_columns(tally: Tally, kind: Kind, role: Role, storage: Storage, distinct: int | None) -> Iterator[Column]:
    """What is counted beside a column, or in its place."""

    def column(what: str, of: Kind, size: int = 0) -> Column:
        return Column(f"{tally.name}.{what}", of, role, storage, tally.name, what, size)

    def number(what: str) -> Column:
        return column(what, Kind.ORDINAL if is_ordinal(tally.derived[what]) else Kind.NUMERIC)

    if kind is Kind.TEXT and LENGTH in tally.derived:
        # a length that the reference never had is nothing unseen
        yield column(LENGTH, Kind.NUMERIC)
        yield column(OOV, Kind.NUMERIC)
        yield column(EMPTY, Kind.ORDINAL)
    elif kind is Kind.DATETIME:
        yield from (number(what) for what in MOMENTS if what in tally.derived)
    elif kind is Kind.EMBEDDING:
        yield from (column(what, Kind.NUMERIC, tally.lists.size) for what in measures(tally.lists.size))
    elif kind is Kind.CATEGORICAL and tally.values and (distinct is None or distinct > MOST_KEYS):
        yield column(BUCKET, Kind.CATEGORICAL)
        yield column(DISTINCT, Kind.CATEGORICAL)
