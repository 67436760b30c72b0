"""What a database error means to a caller: try again later, or something is wrong for good."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from drift.core.errors import StoreError, StoreUnavailable

_BUSY = {5, 6}  # SQLITE_BUSY, SQLITE_LOCKED
_AWAY_SQLITE = {5, 6, 7, 8, 10, 13, 14, 15}  # and NOMEM, READONLY, IOERR, FULL, CANTOPEN, PROTOCOL
_COLLIDED = {"40001", "40P01"}  # serialisation failure, deadlock
# connection, transaction cut off, resources (disk full, too many connections), intervention, system error
_AWAY_POSTGRES = {"08", "25", "40", "53", "55", "57", "58"}


def sqlstate(error: BaseException | None) -> str:
    """PostgreSQL's five-letter code, or empty."""
    return str(getattr(error, "sqlstate", "") or "")


def sqlite_code(error: BaseException | None) -> int:
    """SQLite's primary result code, or 0."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def repeatable(error: Exception) -> bool:
    """Whether running the whole transaction once more at once may help, and surely nothing was written.

    Deadlock, serialisation failure, busy; and a key that another transaction inserted meanwhile, which the next attempt
    sees. A lost connection is not: COMMIT may have arrived.
    """
    cause = error.__cause__
    if not isinstance(cause, DBAPIError):
        return False
    collided = sqlstate(cause.orig) in _COLLIDED or sqlite_code(cause.orig) in _BUSY
    return collided or isinstance(cause, IntegrityError)


def _away(error: SQLAlchemyError) -> bool:
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    code = sqlite_code(error.orig)
    if code:
        return code in _AWAY_SQLITE
    state = sqlstate(error.orig)
    return state[:2] in _AWAY_POSTGRES or (not state and isinstance(error, OperationalError))


@contextmanager
def translated(where: str, *, committing: bool = False) -> Iterator[None]:
    """Turn database errors into `StoreUnavailable` (pause and try again) or `StoreError` (a person is needed).

    `where` names the database without its password.
    """
    try:
        yield
    except SQLAlchemyError as error:
        said = " ".join(str(getattr(error, "orig", None) or error).split())[:300]
        if not _away(error):
            raise StoreError(
                f"the store {where} refused a statement: {said}; this is a defect, please report it"
            ) from error
        if committing:
            raise StoreUnavailable(
                f"the store {where} did not confirm a commit ({said}); acquire again and go on from the stored position"
            ) from error
        raise StoreUnavailable(
            f"the store {where} is away, locked or full ({said}); nothing was written, try again"
        ) from error
