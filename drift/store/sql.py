"""The three places where SQLite and PostgreSQL spell the same thing differently."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

MOST_PARAMETERS = 500
"""Values in one IN list: below every database's limit."""


class now(FunctionElement[int]):  # noqa: N801  SQL functions are spelt small
    """The database's time in microseconds since the epoch UTC, at this moment rather than at BEGIN."""

    type = BigInteger()
    inherit_cache = True


@compiles(now, "sqlite")
def _now_sqlite(element: now, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ARG001
    return "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"


@compiles(now, "postgresql")
def _now_postgresql(element: now, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ARG001
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"


class largest(FunctionElement[int]):  # noqa: N801
    """The largest of its arguments within a row."""

    type = BigInteger()
    inherit_cache = True


@compiles(largest, "sqlite")
def _largest_sqlite(element: largest, compiler: SQLCompiler, **kw: Any) -> str:
    return f"max({compiler.process(element.clauses, **kw)})"


@compiles(largest, "postgresql")
def _largest_postgresql(element: largest, compiler: SQLCompiler, **kw: Any) -> str:
    return f"greatest({compiler.process(element.clauses, **kw)})"


class smallest(FunctionElement[int]):  # noqa: N801
    """The smallest of its arguments within a row."""

    type = BigInteger()
    inherit_cache = True


@compiles(smallest, "sqlite")
def _smallest_sqlite(element: smallest, compiler: SQLCompiler, **kw: Any) -> str:
    return f"min({compiler.process(element.clauses, **kw)})"


@compiles(smallest, "postgresql")
def _smallest_postgresql(element: smallest, compiler: SQLCompiler, **kw: Any) -> str:
    return f"least({compiler.process(element.clauses, **kw)})"


def upsert(c: Connection, table: Table) -> postgresql.Insert:
    """An INSERT that knows ON CONFLICT. Both dialects' classes have the same methods."""
    return sqlite.insert(table) if c.dialect.name == "sqlite" else postgresql.insert(table)  # type: ignore[return-value]


def slices(values: Iterable[int]) -> Iterable[Sequence[int]]:
    """The values in sorted runs that fit into one IN list."""
    ordered = sorted(values)
    for start in range(0, len(ordered), MOST_PARAMETERS):
        yield ordered[start : start + MOST_PARAMETERS]
