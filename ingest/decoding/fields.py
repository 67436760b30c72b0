"""The columns to decode for a model: those of all its references."""

from collections.abc import Iterable

from drift.core.rows import Fields
from drift.core.schema import Column, Schema


def union(schemas: Iterable[Schema]) -> Fields:
    """The columns of all references of one model, in order of their first appearance from the newest back.

    Args:
        schemas: the references' schemas, oldest first. Where two disagree about a column, the newer one is followed;
            what two have learnt of their own data (vocabularies, centroids) is kept apart.
    """
    numbers: list[Column] = []
    keys: list[Column] = []
    known: set[tuple[str, int, bytes]] = set()
    for schema in reversed(list(schemas)):
        fields = Fields.of(schema)
        numbers += [column for column in fields.numbers if column.identity not in known]
        keys += [column for column in fields.keys if column.identity not in known]
        # only now: within one schema a numeric segment is both a number and a key
        known |= {column.identity for column in (*fields.numbers, *fields.keys)}
    return Fields(tuple(numbers), tuple(keys))
