"""What every part of the store does its work with: one transaction, and one under a lease."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from drift.core.commit import Lease
from drift.store import leases
from drift.store.engine import Database

T = TypeVar("T")


class Transactions:
    """Runs functions of a connection, each in one transaction."""

    _database: Database

    def _read(self, work: Callable[[Connection], T]) -> T:
        return self._database.read(work)

    def _write(self, work: Callable[[Connection], T]) -> T:
        return self._database.write(work)

    def _under(self, lease: Lease, work: Callable[[Connection], T]) -> T:
        def fenced(c: Connection) -> T:
            leases.require(c, lease)
            return work(c)

        return self._write(fenced)
